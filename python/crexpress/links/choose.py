"""Which of several link models suits a cell, and what the cell lacks or has otherwise."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from crexpress.links import loop_kind, scale
from crexpress.links.model import LinkModel
from crexpress.links.read import measure
from crexpress.links.scene import (
    ACCESS,
    ACTIVITY,
    CTCF,
    EXPRESSION,
    H3K27AC,
    KNOWN,
    LOOPS,
    MATRIX,
    NO_TRACKS,
    SITES,
    TPM,
    WIDTHS,
    Scene,
)

_NAMES = {
    ACCESS: "DNase or ATAC",
    EXPRESSION: "the cell's expression",
    KNOWN: "expression of other cells",
    LOOPS: "chromatin loops",
    WIDTHS: "widths of loops' anchors",
    MATRIX: "a Hi-C matrix",
    SITES: "matches of CTCF's motif",
    ACTIVITY: "DNase, ATAC or H3K27ac",
    H3K27AC: "H3K27ac",
    "h3k4me3": "H3K4me3",
    CTCF: "CTCF",
}
_ASSAYS = {"dnase": "DNase", "atac": "ATAC"}
_LIKE = {  # of which a card has figures (`costs`)
    scale.NOISE: "with its order blurred by noise",
    scale.HALF: "without its weaker half",
    scale.LEVEL: "with its signal level",
}


def choose(models: Mapping[Path, LinkModel], scene: Scene) -> Path:
    """The model whose held-out scores are expected to be best with what a cell has, of whose loops only those of its
    kind count: of a model that lacks nothing its card's figure, of one lack the card's figure without it.

    What several lacks cost together is on no card, nor sums up (tracks stand in for each other): where no model has a
    figure, the one that lacks least is taken. What all read and the cell lacks, other than tracks, sets none apart.
    """
    shared = frozenset.intersection(*(model.needs for model in models.values())) & NO_TRACKS

    def rank(path: Path) -> tuple[bool, float, int, float, str]:
        model = models[path]
        lacks = _lacks(model, loop_kind.of_kind(scene, model.loops).has) - shared
        expected = _expected(model, lacks)
        return expected is None, -(expected or 0.0), len(lacks), -precision(model), model.name

    return min(models, key=rank)


def _lacks(model: LinkModel, has: frozenset[str]) -> frozenset[str]:
    """What the model would read and the cell lacks; widths of loops' anchors go with the loops, and are one lack."""
    missing = model.needs - has
    return missing - {WIDTHS} if LOOPS in missing else missing


def _expected(model: LinkModel, lacks: frozenset[str]) -> float | None:
    """Average precision of held-out scores without what a cell lacks; None where it was not measured."""
    if lacks & {ACCESS, H3K27AC}:
        lacks = lacks - {ACTIVITY}  # it goes with its last track, and did so where that was hidden
    if not lacks:
        return precision(model)
    without: Mapping[str, float] = model.card.get("without", {})
    return without.get("+".join(sorted(lacks)))


def precision(model: LinkModel) -> float:
    """Average precision of a model's held-out scores."""
    return float(model.card["average_precision"][0])


def lacking(model: LinkModel, has: frozenset[str]) -> list[str]:
    """What the model would read and the cell lacks, in words; without any track of activity, each of them once."""
    missing = _lacks(model, has)
    if ACTIVITY in missing:
        missing = missing - {ACTIVITY} | {ACCESS, H3K27AC}
    return [_NAMES.get(need, need) for need in sorted(missing)]


def unread(model: LinkModel, scene: Scene) -> list[str]:
    """Tracks, loops and other things that a cell has and the model does not read, in words."""
    other = {LOOPS, MATRIX, SITES} & scene.has
    tracks = [_NAMES.get(name, name) for name in sorted((scene.tracks.keys() | other) - model.needs)]
    return [*tracks, *(_ASSAYS[assay] for assay in scene.assays[1:])]


def notes(model: LinkModel, scene: Scene, others: Iterable[LinkModel] = ()) -> list[str]:
    """Sentences on what a reader of the probabilities must know of this cell, tracks on their own scale.

    Loops of another kind may be why a model that reads none was chosen of several: `others` say so.
    """
    told = [text for one in ([model] if model.loops else others) for text in loop_kind.outside(scene, one.loops)]
    left_out = [f"{scene.cell}: {sentence}" for sentence in dict.fromkeys(told)]
    scene = loop_kind.of_kind(scene, model.loops)
    told = left_out[:]
    why = "is held out" if scene.held_out else other_unit(scene)
    secret = (model.needs - scene.has) & {EXPRESSION} if why else frozenset()
    if secret:
        told.append(f"{scene.cell}'s expression {why}, so that {_average(model, secret)}")
    missing = _lacks(model, scene.has) - secret
    if missing:
        what = ", ".join(lacking(model, scene.has | secret))
        told.append(
            f"{scene.cell} lacks {what}, which the link model {model.name} would read: {_average(model, missing)}"
        )
    ignored = [what for what in unread(model, scene) if what != _NAMES[LOOPS] or not left_out]
    if ignored:
        told.append(f"{scene.cell} has {', '.join(ignored)} besides, which the link model {model.name} does not read")
    titles = {**_NAMES, ACCESS: _ASSAYS[scene.assays[0]] if scene.assays else ACCESS}
    told += [f"{scene.cell}: {_worse(model, one)}" for one in scale.outside(measure(scene), model.scales, titles)]
    if other := _other_assay(model, scene):
        told.append(other)
    if more := _more(model, scene, others):
        told.append(more)
    if seen := model.seen(scene.cell, scene.copies):
        by = "measurements" if seen in scene.copies else "name"
        who = "a cell" if seen == scene.cell else f"by its {by} {seen}, a cell"
        told.append(
            f"{scene.cell} is {who} that the link model {model.name} was fitted in: links of each chromosome are "
            "scored by the fit that has not seen it"
        )
    if scene.namesakes:
        told.append(
            f"{scene.cell} is by its name {' and '.join(scene.namesakes)}, whose expression is not counted among that "
            "of other cells; give it another name if it is another cell"
        )
    if scene.copies:
        told.append(
            f"{scene.cell} has measurements of {' and '.join(scene.copies)}, value by value: what is reached on it is "
            "no figure of a new cell"
        )
    return told


def other_unit(scene: Scene) -> str | None:
    """What to say of expression that is not read for its unit; None where there is none."""
    return scene.other_unit and f"is in {scene.other_unit}, and link models read {TPM}: it is left out"


def _average(model: LinkModel, missing: frozenset[str]) -> str:
    """What becomes of missing evidence, in words, and what each lack costs where the model was fitted, if measured."""
    without = model.card.get("without", {})
    costs = [f"{without[need]:.3f} without {_NAMES.get(need, need)}" for need in sorted(missing & without.keys())]
    together = without.get("+".join(sorted(missing)))
    if len(costs) > 1:
        costs.append(f"{together:.3f} without both" if together else "together not measured")
    return (
        f"this evidence is taken as average{_worth(model, costs)}; cutoffs were set with it, so that of 70 % recall "
        "finds another share here"
    )


def _worse(model: LinkModel, one: scale.Outside) -> str:
    """A track of another kind, what a track like it cost where the model was fitted, and what to do."""
    without = model.card.get("without", {})
    like = model.card.get("otherwise", {}).get(one.track, {})
    costs = [f"{like[one.like]:.3f} {_LIKE[one.like]}"] if one.like in like else []
    costs += [f"{without[one.track]:.3f} without this track"] if one.track in without else []
    return f"{one.text}{_worth(model, costs)}; {one.remedy}"


def _other_assay(model: LinkModel, scene: Scene) -> str | None:
    """What to tell of accessibility by another assay than in training, whose cost nobody has measured."""
    assays, card = model.card.get("assays", []), model.card
    if ACCESS not in model.scales or not assays or not scene.assays or scene.assays[0] in assays:
        return None
    like, without = card.get("otherwise", {}).get(ACCESS, {}), card.get("without", {})
    costs = [f"{like[change]:.3f} {_LIKE[change]}" for change in (scale.NOISE, scale.HALF) if change in like]
    costs += [f"{without[ACCESS]:.3f} without any"] if ACCESS in without else []
    there = " and ".join(_ASSAYS.get(assay, assay) for assay in assays)
    here = _ASSAYS[scene.assays[0]]
    return (
        f"{scene.cell} has {here}, and the link model {model.name} was fitted with {there}: {here} is read in its "
        f"place, by its ranks, at a cost that was not measured, for want of {here} in training; what poorer {there} "
        f"cost may tell{_worth(model, costs)}"
    )


def _more(model: LinkModel, scene: Scene, others: Iterable[LinkModel]) -> str | None:
    """What a cell lacks that another model would do better with."""
    told = []
    for one in sorted(others, key=precision):
        has = loop_kind.of_kind(scene, one.loops).has
        if precision(one) > precision(model) and one.needs - NO_TRACKS - has:
            more = ", ".join(lacking(one, has | NO_TRACKS - {LOOPS}))
            told.append(f"{precision(one):.3f} with {more} ({one.name})")
    return f"{scene.cell} lacks what other link models read{_worth(model, told)}" if told else None


def _worth(model: LinkModel, costs: Iterable[str]) -> str:
    """Held-out figures of a model and of the same with something changed, in words; nothing where none is known."""
    told = [f"{precision(model):.3f}", *costs]
    return f" (average precision in training, held out: {', '.join(told)})" if len(told) > 1 else ""
