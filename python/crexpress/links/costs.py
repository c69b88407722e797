"""What it costs held-out scores that a cell lacks a thing, or has a track of another kind: figures of a model's card.

Nothing is fitted again: each is hidden from, or changed in, the cells that a model was fitted in, and every chromosome
is scored again by the fit that has not seen it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.links import fit, read, scale
from crexpress.links.evidence.piece import Piece
from crexpress.links.fit import Fit
from crexpress.links.scale import HALF, LEVEL, NOISE, Scale
from crexpress.links.scene import ACCESS, EXPRESSION, KNOWN, Scene
from crexpress.links.screen import Tested, tested

_NOISE = 1.0  # sd of ln


class Asked(NamedTuple):
    """The pairs of screens, the cells with tracks on the model's scale, its evidence and fits, and which of these fits
    has not seen a chromosome: {chromosome: number}.
    """

    parts: Sequence[Tested]
    scenes: Mapping[str, Scene]
    pieces: list[Piece]
    group: Mapping[str, int]
    held: Sequence[Fit]

    def probability(self, part: Tested) -> np.ndarray:
        """Of every pair of a screen by the fit that has not seen its chromosome; 0 without an element [pairs]."""
        odds = np.full(len(part.pair), -np.inf)
        for chrom in np.unique(part.chrom):
            here = part.chrom == chrom
            odds[here] = self.held[self.group[str(chrom)]].log_odds(part.table[here])
        result: np.ndarray = 1 / (1 + np.exp(-part.of_pairs(odds)))
        return result

    def precision(self, scenes: Mapping[str, Scene]) -> float:
        """Average precision over all pairs, were the cells like this."""
        again = [tested(scenes[part.cell], part.screen, part.pairs, self.pieces) for part in self.parts]
        regulated = pl.concat([part.pairs["Regulated"] for part in self.parts]).to_numpy()
        return round(fit.average_precision(np.concatenate([self.probability(part) for part in again]), regulated), 4)

    @property
    def needs(self) -> list[str]:
        """What the evidence needs and every cell has."""
        has = frozenset.intersection(*(scene.has for scene in self.scenes.values()))
        return sorted({need for piece in self.pieces for need in piece.needs} & has)


def figures(asked: Asked, scenes: Mapping[str, Scene], scales: Mapping[str, Scale]) -> dict[str, Any]:
    """What a card says of other cells: `without`, `otherwise`, and by which `assays` accessibility was measured."""
    return {
        "without": without(asked),
        "otherwise": otherwise(asked, scenes, scales),
        "assays": sorted({scene.assays[0] for scene in scenes.values() if ACCESS in scales and scene.assays}),
    }


def without(asked: Asked) -> dict[str, float]:
    """Average precision where cells lack a thing that evidence needs, {it: over all pairs}, or all that is known of
    expression ("expression+known"): what is missing is taken as a model takes it in a cell that lacks it.
    """
    found = {}
    for needs in [*([need] for need in asked.needs), [EXPRESSION, KNOWN]]:
        poorer = {cell: reduce(Scene.without, needs, scene) for cell, scene in asked.scenes.items()}
        left = {need for scene in poorer.values() for need in scene.has}
        if {*needs} <= {*asked.needs} - left:  # activity stays, which is made of tracks
            found["+".join(needs)] = asked.precision(poorer)
    return found


def otherwise(asked: Asked, scenes: Mapping[str, Scene], scales: Mapping[str, Scale]) -> dict[str, dict[str, float]]:
    """Average precision where a track is of another kind (see `_shapes`), {track: {shape: over all pairs}}.

    `scenes` are the cells with tracks on their own scale.
    """
    found: dict[str, dict[str, float]] = {}
    for name in sorted(scales):
        found[name] = {}
        shaped = {cell: _shapes(scene.tracks[name]) for cell, scene in scenes.items()}
        for shape in (NOISE, HALF, LEVEL):
            changed = {}
            for cell, scene in asked.scenes.items():
                values = scale.match(shaped[cell][shape], read.ccre_rows(scene), scales[name])
                changed[cell] = replace(scene, tracks={**scene.tracks, name: values})
            found[name][shape] = asked.precision(changed)
    return found


def _shapes(values: np.ndarray) -> dict[str, np.ndarray]:
    """A track [elements] with another order of its elements (log-normal noise), with its weaker half called no signal,
    and as called elements without a height.
    """
    peaks = values[values > 0]
    noise = np.exp(np.random.default_rng(1).normal(0, _NOISE, len(values)))
    median = np.median(peaks) if len(peaks) else 0.0
    return {NOISE: values * noise, HALF: np.where(values > median, values, 0), LEVEL: (values > 0).astype(np.float64)}
