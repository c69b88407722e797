"""Make a link model of screens: evidence of their pairs, a fit to all, fits without some chromosomes, a card."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.links import card, costs, evidence, fit, loop_kind, scale
from crexpress.links.closed_forms import closed_forms
from crexpress.links.fit import Rows
from crexpress.links.model import LinkModel
from crexpress.links.read import measure, on_scale
from crexpress.links.scene import ACCESS, H3K27AC, LOOPS, Scene
from crexpress.links.screen import Tested, tested
from crexpress.prepare import screening

FEWEST = 10  # regulated pairs that a fit needs
FOLDS = 12  # groups of whole chromosomes that are held out in turn
Weights = Literal["none", "balanced"]
WEIGHTS: tuple[Weights, ...] = ("none", "balanced")


class FittedModel(NamedTuple):
    """A model, what is said of its training in the file, and its held-out probability of every pair."""

    model: LinkModel
    training: dict[str, Any]
    pairs: pl.DataFrame


def train(
    name: str,
    scenes: Mapping[str, Scene],
    screens: Sequence[tuple[str, str, pl.DataFrame]],
    names: Sequence[str],
    folds: int = FOLDS,
    weights: Weights = "none",
    seed: int = 1,
) -> FittedModel:
    """Fit a link model to `screens`, (screen, cell, its pairs), of the cells in `scenes`, tracks on their own scale.

    `names` of evidence (none: all that every cell has). Whole chromosomes are held out, so that no gene is on both
    sides. Raises InputError when too few regulated pairs have an element, or only those of one chromosome.
    """
    scales = _scales(scenes)
    placed = {cell: on_scale(scene, scales) for cell, scene in scenes.items()}
    has = frozenset.intersection(*(scene.has for scene in placed.values()))
    pieces = list(names) or evidence.available(has)
    found = evidence.find(pieces)
    parts = [tested(placed[cell], screen, pairs, found) for screen, cell, pairs in screens]
    rows = _rows(parts, weights)
    _require(rows, [part.screen for part in parts])
    group = fit.groups(rows.chrom, rows.regulated, folds)
    of_row = np.array([group[str(chrom)] for chrom in rows.chrom])
    for number in range(max(group.values()) + 1):
        _require_inner(rows.where(of_row != number), [part.screen for part in parts])
    whole, precision = fit.fit(rows, seed)
    out = log.progress(range(max(group.values()) + 1), "chromosomes held out")
    held = [fit.fit(rows.where(of_row != number), seed)[0] for number in out]
    asked = costs.Asked(parts, placed, found, group, held)
    scored = pl.concat([_held_out(part, asked.probability(part)) for part in parts], how="diagonal")
    probability = scored["probability"].to_numpy()
    regulated = scored["regulated"].to_numpy()
    gene = scored.select(pl.concat_str("cell", "gene", separator=" ").rank("dense")).to_series().to_numpy() - 1
    told = card.figures(probability, regulated, gene.astype(np.int64), scored["distance"].fill_null(np.inf).to_numpy())
    told["beside"] = _beside(parts, placed)
    kept = {
        track: scales[track]
        for track in scales
        if any(track in piece.needs or _activity(piece.needs, track) for piece in found)
    }
    told |= costs.figures(asked, scenes, kept)
    seen = {cell: {chrom: number + 1 for chrom, number in group.items()} for _, cell, _ in screens}
    reads_loops = any(LOOPS in piece.needs for piece in found)
    loops = [loop_kind.partners(one) for scene in placed.values() for one in scene.contacts] if reads_loops else []
    model = LinkModel(name, pieces, [whole, *held], seen, kept, card.cutoffs(probability, regulated), told, loops)
    training = {
        "screens": [
            {
                "screen": part.screen,
                "cell": part.cell,
                "pairs": len(part.pairs),
                "regulated": int(part.pairs["Regulated"].sum()),
                "with_element": int(part.best.sum()),
                "regulated_with_element": int(part.regulated[part.best].sum()),
                "digest": _digest(part),
            }
            for part in parts
        ],
        "seed": seed,
        "weights": weights,
        "forms": {" + ".join(form): round(value, 4) for form, value in precision.items()},
        "chosen": dict(Counter(" + ".join(one.form) for one in held)),
        "tracks": {
            track: {
                "with_signal": round(s.signal, 4),
                "median": round(s.median, 4),
                "top_percent": round(s.strongest, 4),
            }
            for track, s in kept.items()
        },
        "versions": {package: version(package) for package in ("numpy", "scikit-learn")},
    }
    return FittedModel(model, training, scored)


def _activity(needs: Sequence[str], track: str) -> bool:
    return "activity" in needs and track in (ACCESS, H3K27AC)


def _scales(scenes: Mapping[str, Scene]) -> dict[str, scale.Scale]:
    """Scales of the tracks that every cell has: the mean over cells."""
    measured = [measure(scene) for scene in scenes.values()]
    shared = set.intersection(*(set(one) for one in measured))
    return {track: scale.mean([one[track] for one in measured]) for track in sorted(shared)}


def _rows(parts: Sequence[Tested], weights: Weights) -> Rows:
    table = np.concatenate([part.table[part.best] for part in parts])
    regulated = np.concatenate([part.regulated[part.best] for part in parts])
    chrom = np.concatenate([part.chrom[part.best] for part in parts]).astype(str)
    weight = np.ones(len(regulated))
    if weights == "balanced" and 0 < regulated.sum() < len(regulated):
        weight[regulated] = (~regulated).sum() / regulated.sum()
        weight /= weight.mean()
    return Rows(table, regulated, weight, chrom)


def _require(rows: Rows, names: Sequence[str]) -> None:
    chroms = np.unique(rows.chrom[rows.regulated])
    if rows.regulated.sum() < FEWEST or len(chroms) < 2 or rows.regulated.all():
        where = f"{len(chroms)} chromosome{'s' * (len(chroms) != 1)}"
        raise InputError(
            f"{', '.join(names)}: elements cover {rows.regulated.sum()} regulated pairs of {len(rows.regulated)}, on "
            f"{where}; a fit needs {FEWEST}, on two or more, and others that are not"
        )


def _require_inner(rows: Rows, names: Sequence[str]) -> None:
    """Raise InputError unless pairs of both verdicts are left where a fit holds out chromosomes once more."""
    inner = fit.groups(rows.chrom, rows.regulated, fit.INNER)
    of_row = np.array([inner[str(chrom)] for chrom in rows.chrom])
    for number in range(max(inner.values(), default=0) + 1):
        left = rows.regulated[of_row != number]
        if not left.any() or left.all():
            raise InputError(
                f"{', '.join(names)}: too few chromosomes have regulated pairs, and others, for some to be held out; "
                "give a screen of more chromosomes (three or more), or another --folds"
            )


def _held_out(part: Tested, probability: np.ndarray) -> pl.DataFrame:
    """Every pair of a screen with its held-out probability."""
    names = ("chrom", "chromStart", "chromEnd", "gene", "gene_id", "distance")
    return part.pairs.select(
        pl.lit(part.screen).alias("screen"),
        pl.lit(part.cell).alias("cell"),
        *names,
        pl.col("Regulated").alias("regulated"),
        pl.Series("probability", probability),
    )


def _beside(parts: Sequence[Tested], scenes: Mapping[str, Scene]) -> dict[str, Any]:
    """Average precision of scores that need no fit, of each screen and cell: all pairs, and by distance."""
    found: dict[str, Any] = {}
    for part in parts:
        scene = scenes[part.cell]
        tracks = {"dnase" if name == ACCESS else name: values for name, values in scene.tracks.items()}
        overlap = screening.overlaps(part.pairs, scene.elements, scene.genes)
        forms = closed_forms(part.pairs, overlap, scene.elements, scene.genes, tracks)
        regulated, far = part.pairs["Regulated"].to_numpy(), part.pairs["distance"].fill_null(np.inf).to_numpy()
        found[f"{part.screen}, {part.cell}"] = {
            name: card.short(score, regulated, far) for name, score in sorted(forms.items())
        }
    return found


def _digest(part: Tested) -> str:
    """Of the pairs and verdicts that were trained on, whatever else their file holds."""
    rows = part.pairs.select("chrom", "chromStart", "chromEnd", "gene", "Regulated").rows()
    return hashlib.sha256("\n".join(sorted(map(str, rows))).encode()).hexdigest()[:16]
