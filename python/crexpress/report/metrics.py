"""Look-ups in metrics.parquet: one figure with its interval, and which methods and subsets there are."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from crexpress.core import methods
from crexpress.core.methods import Method
from crexpress.report import style


class Figure(NamedTuple):
    """One measured value, its 95 % interval (None: not bootstrapped), the number of genes or pairs it rests on,
    and, for a difference, the baseline it is a difference from.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    baseline: str | None = None


class View(NamedTuple):
    """The figures of one section, cell and reference (a cell to compare with, or a benchmark), by the methods' names;
    `about` says what each method is.
    """

    cell: str
    seen: bool
    reference: str | None
    figures: dict[tuple[str, str, str], Figure]
    about: dict[str, Method]

    def get(self, method: str, subset: str, metric: str) -> Figure | None:
        """The figure, or None when it was not or could not be measured."""
        return self.figures.get((method, subset, metric))

    def value(self, method: str, subset: str, metric: str) -> float | None:
        """The figure's value alone."""
        figure = self.get(method, subset, metric)
        return None if figure is None else figure.value

    def methods(self, metric: str) -> list[str]:
        """Methods that have this metric, in the order of the table."""
        return list(dict.fromkeys(key[0] for key in self.figures if key[2] == metric))

    def subsets(self) -> list[str]:
        """Subsets with any figure, in the order of the table."""
        return list(dict.fromkeys(key[1] for key in self.figures))

    def column(self, methods: Sequence[str], subset: str, metric: str) -> list[Figure | None]:
        """One metric of several methods."""
        return [self.get(method, subset, metric) for method in methods]

    def ranked(self, methods: Sequence[str], subset: str, metric: str) -> list[str]:
        """Methods from the highest value down; those without one stay last, in their order."""
        values = {method: self.value(method, subset, metric) for method in methods}
        return sorted(methods, key=lambda method: math.inf if (value := values[method]) is None else -value)

    def best(self, methods: Sequence[str], subset: str, metric: str) -> str | None:
        """The method of `methods` with the highest value."""
        return next(iter(self.ranked([m for m in methods if self.get(m, subset, metric)], subset, metric)), None)

    def most(self, subset: str, metric: str) -> int:
        """The largest number of genes or pairs that any method's figure rests on."""
        return max((f.n or 0 for key, f in self.figures.items() if key[1:] == (subset, metric)), default=0)


def views(frame: pl.DataFrame | None, section: str) -> list[View]:
    """One view for every cell and reference of a section, in the order of the table."""
    found: dict[tuple[str, str | None], View] = {}
    if frame is not None:
        for row in frame.filter(pl.col("section") == section).iter_rows(named=True):
            view = found.setdefault(
                (row["cell"], row["reference"]),
                View(row["cell"], bool(row["cell_seen"]), row["reference"], {}, {}),
            )
            method = methods.from_row(row)
            if method is not None:
                view.about[row["method"]] = method
            view.figures[row["method"], row["subset"], row["metric"]] = Figure(
                row["value"], row["low"], row["high"], row["n"], row["baseline"]
            )
    return list(found.values())


def compare(first: Figure, second: Figure) -> str:
    """ "above", "below" or "level with": level when either value lies inside the other's 95 % interval."""
    for one, other in ((first, second), (second, first)):
        if one.low is not None and one.high is not None and one.low <= other.value <= one.high:
            return "level with"
    return "above" if first.value > second.value else "below"


def side(difference: Figure) -> str:
    """The same from a difference and its interval: level when the interval holds 0."""
    if difference.low is not None and difference.high is not None and difference.low <= 0 <= difference.high:
        return "level with"
    return "above" if difference.value > 0 else "below"


def with_interval(figure: Figure) -> str:
    """A figure as sentences have it: "0.71 [0.68, 0.74]"."""
    return f"{style.number(figure.value)} {style.interval(figure.low, figure.high)}".strip()
