"""One scale for tracks of different depth and kind: each is mapped to the distribution that a model was fitted on.

As ABC does, a cell's values are replaced by those of the same rank in training, over the cCREs. What training looked
like is kept, so that a cell whose track is of another kind (peaks in one, coverage in the other) can be told.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from crexpress.core.tracks import UNLIKE, unlike

_POINTS = 4001  # of the distribution's inverse
_SAME, _CLOSE = 0.98, 2e-3  # share of the ranks whose values are the same, of 16 bits (as in `data.same_cells`)
_TELLING = 10  # values from which on a distribution tells something
_LEVEL = 0.1  # share with one value: .03 at most in ten tracks of K562, .17 for called elements, .22 for counts of five


NOISE, HALF, LEVEL = "noise", "half", "level"  # how a track of another kind may be made of one as in training: `costs`


class Outside(NamedTuple):
    """A track of a cell that is of another kind than in training: what to say, the change that is most like it, and
    what to do.
    """

    track: str
    like: str
    text: str
    remedy: str


class Scale(NamedTuple):
    """Distribution of a track over the cCREs in training: `grid`, its values at evenly spaced ranks, float32."""

    grid: np.ndarray

    @property
    def signal(self) -> float:
        """Share of elements that have any signal."""
        return float((self.grid > 0).mean())

    @property
    def one_value(self) -> float:
        """Share of the elements with signal that have the same value, the one that most have; 0 where none has any."""
        numbers = np.unique(self.grid[self.grid > 0], return_counts=True)[1]
        return float(numbers.max() / numbers.sum()) if len(numbers) else 0.0

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


def same(one: Scale, other: Scale) -> bool:
    """Whether two distributions are of one measurement over the same cCREs: no two cells share theirs."""
    some = (one.grid > 0) | (other.grid > 0)
    if len(np.unique(one.grid[some])) < _TELLING:
        return False
    return bool(np.isclose(one.grid[some], other.grid[some], rtol=_CLOSE, atol=0).mean() >= _SAME)


def mean(scales: list[Scale]) -> Scale:
    """Of several cells: the mean value at each rank."""
    return Scale(np.mean([scale.grid for scale in scales], axis=0).astype(np.float32))


def match(values: np.ndarray, ccres: np.ndarray, scale: Scale) -> np.ndarray:
    """`values` [elements] mapped to the scale by their rank among the cCREs (bool [elements]); ties take the lowest."""
    ordered = np.sort(values[ccres])
    rank = np.searchsorted(ordered, values, "left") / max(len(ordered) - 1, 1)
    return np.interp(rank, np.linspace(0, 1, len(scale.grid)), scale.grid.astype(np.float64))


def outside(
    cell: Mapping[str, Scale], training: Mapping[str, Scale], titles: Mapping[str, str] | None = None
) -> list[Outside]:
    """Every track of a cell that is of another kind than in training, or hardly grades elements: a tenth of those with
    signal, and more than in training, are level. Units are not compared, as ranks are what is read. `titles`: names of
    tracks for people.
    """
    told = []
    for name in sorted(cell.keys() & training.keys()):
        title = (titles or {}).get(name, name)
        if text := unlike(title, cell[name].signal, [training[name].signal]):
            like = HALF if cell[name].signal < training[name].signal else NOISE
            remedy = "give the track as in training, or fit a model of these tracks (fit-links)"
            told.append(Outside(name, like, f"{text}. Its ranks are used", remedy))
        elif cell[name].one_value > max(_LEVEL, UNLIKE * training[name].one_value):
            text = (
                f"{title} has the same value in {cell[name].one_value:.0%} of the elements with signal (in training in "
                f"{training[name].one_value:.0%}), as called elements without a height have, or counts of a few "
                "experiments: it hardly tells which is more active, and probabilities are the worse for it"
            )
            told.append(Outside(name, LEVEL, text, "give coverage or fold change"))
    return told
