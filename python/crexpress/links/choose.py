"""Which of several link models suits a cell, and what the cell lacks or has otherwise."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from crexpress.links import loop_kind, scale
from crexpress.links.model import LinkModel
from crexpress.links.read import measure
from crexpress.links.scene import Scene

_NAMES = {
    "access": "DNase or ATAC",
    "expression": "the cell's expression",
    "known": "expression of other cells",
    "loops": "chromatin loops",
    "ctcf_sites": "matches of CTCF's motif",
    "activity": "DNase, ATAC or H3K27ac",
    "h3k27ac": "H3K27ac",
}


def choose(models: Mapping[Path, LinkModel], scene: Scene) -> Path:
    """The model that lacks least in a cell, of whose loops only those of its kind count; of several, the one with the
    best held-out scores.
    """

    def rank(path: Path) -> tuple[int, float, str]:
        model = models[path]
        return len(model.needs - loop_kind.of_kind(scene, model.loops).has), -precision(model), model.name

    return min(models, key=rank)


def precision(model: LinkModel) -> float:
    """Average precision of a model's held-out scores."""
    return float(model.card["average_precision"][0])


def lacking(model: LinkModel, has: frozenset[str]) -> list[str]:
    """What the model would read and the cell lacks, in words; without any track of activity, each of them once."""
    missing = model.needs - has
    if "activity" in missing:
        missing = missing - {"activity"} | {"access", "h3k27ac"}
    return [_NAMES.get(need, need) for need in sorted(missing)]


def notes(model: LinkModel, scene: Scene, others: Iterable[LinkModel] = ()) -> list[str]:
    """Sentences on what a reader of the probabilities must know of this cell, tracks on their own scale.

    Loops of another kind may be why a model that reads none was chosen of several: `others` say so.
    """
    told = [text for one in ([model] if model.loops else others) for text in loop_kind.outside(scene, one.loops)]
    told = [f"{scene.cell}: {sentence}" for sentence in dict.fromkeys(told)]
    scene = loop_kind.of_kind(scene, model.loops)
    missing = lacking(model, scene.has)
    if missing:
        told.append(
            f"{scene.cell} lacks {', '.join(missing)}, which the link model {model.name} would read: this evidence is "
            f"taken as average{_cost(model, scene.has)}"
        )
    told += [f"{scene.cell}: {sentence}" for sentence in scale.outside(measure(scene), model.scales)]
    if scene.cell in model.folds:
        told.append(
            f"{scene.cell} is a cell that the link model {model.name} was fitted in: links of each chromosome are "
            "scored by the fit that has not seen it"
        )
    return told


def _cost(model: LinkModel, has: frozenset[str]) -> str:
    """What the lack of each thing costs where the model was fitted, in words; nothing for what was not measured."""
    without = model.card.get("without", {})
    costs = [
        f"{without[need]:.3f} without {_NAMES.get(need, need)}" for need in sorted((model.needs - has) & without.keys())
    ]
    return f" (average precision in training, held out: {precision(model):.3f}, {', '.join(costs)})" if costs else ""
