"""Which of several link models suits a cell, and what the cell lacks or has otherwise."""

from collections.abc import Mapping
from pathlib import Path

from crexpress.links import scale
from crexpress.links.model import LinkModel
from crexpress.links.scene import Scene

_NAMES = {
    "access": "DNase or ATAC",
    "expression": "the cell's expression",
    "known": "expression of other cells",
    "loops": "chromatin loops",
    "activity": "DNase, ATAC or H3K27ac",
}


def choose(models: Mapping[Path, LinkModel], has: frozenset[str]) -> Path:
    """The model that lacks least in a cell that has these things; of several, the one with the best held-out scores."""
    return min(models, key=lambda path: (len(models[path].needs - has), -precision(models[path]), models[path].name))


def precision(model: LinkModel) -> float:
    """Average precision of a model's held-out scores."""
    return float(model.card["average_precision"][0])


def lacking(model: LinkModel, has: frozenset[str]) -> list[str]:
    """What the model would read and the cell lacks, in words."""
    return [_NAMES.get(need, need) for need in sorted(model.needs - has)]


def notes(model: LinkModel, scene: Scene, measured: Mapping[str, scale.Scale]) -> list[str]:
    """Sentences on what a reader of the probabilities must know of this cell."""
    told = []
    missing = lacking(model, scene.has)
    if missing:
        told.append(
            f"{scene.cell} lacks {', '.join(missing)}, which the link model {model.name} would read: this evidence is "
            "taken as average"
        )
    told += [f"{scene.cell}: {sentence}" for sentence in scale.outside(measured, model.scales)]
    if scene.cell in model.folds:
        told.append(
            f"{scene.cell} is a cell that the link model {model.name} was fitted in: links of each chromosome are "
            "scored by the fit that has not seen it"
        )
    return told
