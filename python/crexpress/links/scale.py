"""One scale for tracks of different depth and kind: each is mapped to the distribution that a model was fitted on.

As ABC does, a cell's values are replaced by those of the same rank in training, over the cCREs. What training looked
like is kept, so that a cell whose track is of another kind (peaks in one, coverage in the other) can be told.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from crexpress.core.tracks import unlike

_POINTS = 4001  # of the distribution's inverse


class Scale(NamedTuple):
    """Distribution of a track over the cCREs in training: `grid`, its values at evenly spaced ranks, float32."""

    grid: np.ndarray

    @property
    def signal(self) -> float:
        """Share of elements that have any signal."""
        return float((self.grid > 0).mean())

    @property
    def median(self) -> float:
        """Median signal of those that have any; 0 where none has."""
        return float(np.median(self.grid[self.grid > 0])) if self.signal else 0.0

    @property
    def strongest(self) -> float:
        """Signal that 1 % of all elements exceed."""
        return float(np.quantile(self.grid, 0.99))


def measure(values: np.ndarray) -> Scale:
    """Scale of a track's values over cCREs."""
    ranks = np.linspace(0, 1, _POINTS)
    return Scale(np.quantile(values, ranks).astype(np.float32))


def mean(scales: list[Scale]) -> Scale:
    """Of several cells: the mean value at each rank."""
    return Scale(np.mean([scale.grid for scale in scales], axis=0).astype(np.float32))


def match(values: np.ndarray, ccres: np.ndarray, scale: Scale) -> np.ndarray:
    """`values` [elements] mapped to the scale by their rank among the cCREs (bool [elements]); ties take the lowest."""
    ordered = np.sort(values[ccres])
    rank = np.searchsorted(ordered, values, "left") / max(len(ordered) - 1, 1)
    return np.interp(rank, np.linspace(0, 1, len(scale.grid)), scale.grid.astype(np.float64))


def outside(cell: Mapping[str, Scale], training: Mapping[str, Scale]) -> list[str]:
    """One sentence for every track of a cell that is of another kind than in training."""
    told = [unlike(name, cell[name].signal, [training[name].signal]) for name in sorted(cell.keys() & training.keys())]
    mend = ". Its ranks are used; give the track as in training, or fit a model of these tracks (fit-links)"
    return [text + mend for text in told if text]
