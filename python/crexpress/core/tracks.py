"""What the values of a track mean: the scales that signals are stored on, and the tracks that make up activity."""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NamedTuple, Self

import numpy as np

ACTIVITY_TRACKS = ("dnase", "atac", "h3k27ac")  # of ABC's activity, sqrt(accessibility x H3K27ac)
FLOOR = 0.1  # linear signal taken for none where logarithms are: an element without a peak is not infinitely inactive
TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "log10p1": lambda signal: np.log10(1 + signal),
    "log1p": np.log1p,
    "arcsinh": np.arcsinh,
    "none": lambda signal: signal,
}
UNLIKE = 2.0  # a share of elements with signal so many times another is of another kind of track
UNLIKE_HEIGHT = 3.0  # likewise the height of a track: among the four built-in cells it differs 2.2 times at most (CTCF)
_CHUNK = 1 << 16  # elements averaged at once: base-level signal of a genome does not fit into memory
_INVERSES: dict[str, Callable[[Any, ModuleType], Any]] = {
    "log10p1": lambda signal, _library: 10**signal - 1,
    "log1p": lambda signal, library: library.expm1(signal),
    "arcsinh": lambda signal, library: library.sinh(signal),
    "none": lambda signal, _library: signal,
    "quantile": lambda signal, _library: 10**signal - 1,  # of match-quantiles, on the scale of log10p1
}


def linear(signal: Any, transform: str, library: ModuleType = np) -> Any:
    """Signal on its linear scale again; `transform` as in the header of a signals file, `library` numpy or torch."""
    return _INVERSES[transform.partition(":")[0]](signal, library)  # "quantile:" goes on with a digest


def stored(signal: np.ndarray, transform: str) -> np.ndarray:
    """Linear signal as it is stored: the other way round than `linear`."""
    name = transform.partition(":")[0]
    return TRANSFORMS["log10p1" if name == "quantile" else name](signal)


def element_means(
    signal: np.ndarray, transform: str | None = None, dtype: Any = np.float64, rows: np.ndarray | None = None
) -> np.ndarray:
    """Mean over the bins of every element, [elements, bins] -> [elements]: as stored, or linear, of a `transform`.

    `rows` are the elements wanted; of a file that lies on disk only these are read.
    """
    means = [np.zeros(0, dtype)]
    for start in range(0, len(signal) if rows is None else len(rows), _CHUNK):
        part = signal[start : start + _CHUNK] if rows is None else signal[rows[start : start + _CHUNK]]
        if transform is None:
            means.append(part.mean(axis=1, dtype=dtype))
        else:
            means.append(linear(part.astype(dtype), transform).mean(axis=1))
    return np.concatenate(means)


class Level(NamedTuple):
    """What a track is like over the cCREs, by their mean linear signal: by this a track of another kind is told.

    `with_signal`, the share of elements that have any; `median` of those; `top_percent`, what 1 % of all exceed.
    """

    with_signal: float
    median: float
    top_percent: float

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Of the values of all cCREs."""
        some = values[values > 0]
        return cls(
            float((values > 0).mean()), float(np.median(some)) if len(some) else 0.0, float(np.quantile(values, 0.99))
        )

    def rounded(self) -> dict[str, float]:
        """As JSON has it."""
        return {name: float(f"{value:.4g}") for name, value in self._asdict().items()}


def unlike(track: str, cell: float, training: Iterable[float]) -> str | None:
    """What to tell of a track by its share of elements with signal, in a cell and in (each cell of) training: None, or
    how they differ: where that of the cell is beyond twice the largest or half the smallest, or it leaves half as many
    elements without signal as any (peaks of DNase are on half of them, and of twice that there is none).
    """
    low, high = min(training), max(training)
    if low / UNLIKE <= cell <= high * UNLIKE and 1 - cell >= (1 - high) / UNLIKE:
        return None
    there = f"{low:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{low:.0%} to {high:.0%}"
    build = ", or of another genome build" if cell < low else ""  # peaks that are shifted miss the elements
    return (
        f"{track} has signal in {cell:.0%} of the elements, in training in {there}: it may be of another kind (called "
        f"peaks in one, coverage or fold change in the other){build}"
    )


def unlike_height(track: str, cell: float, training: Iterable[float]) -> str | None:
    """What to tell of a track by its median signal where it has any, linear, in a cell and in (each cell of) training:
    None, or how they differ: numbers on another scale lie on the same elements.
    """
    low, high = min(training), max(training)
    if low / UNLIKE_HEIGHT <= cell <= high * UNLIKE_HEIGHT:
        return None
    there = f"{low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g}"
    return (
        f"{track} is {cell:.3g} in the median element that has signal, in training {there}: it may be on another scale "
        "(density of reads, a p-value, peaks without a height, another unit)"
    )
