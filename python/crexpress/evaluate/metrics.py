"""One row of metrics.parquet, and the table of all of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from crexpress.core import bootstrap, methods
from crexpress.core.methods import Method

_SCHEMA = {
    "section": pl.String,
    "cell": pl.String,
    "cell_seen": pl.Boolean,
    "method": pl.String,
    **methods.SCHEMA,
    "subset": pl.String,
    "reference": pl.String,
    "baseline": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
}
_DECIMALS = 6  # summation order differs with the number of threads; what is printed must not


@dataclass(frozen=True)
class Metric:
    """A figure, what it is of (`method` names it, `about` says what it is), and its 95 % bootstrap interval (NaN where
    there is none).
    """

    section: str
    cell: str
    cell_seen: bool | None
    method: str
    subset: str
    metric: str
    value: float
    n: int
    low: float = float("nan")
    high: float = float("nan")
    reference: str | None = None
    baseline: str | None = None
    about: Method | None = None


@dataclass(frozen=True)
class Context:
    """What the figures of one group have in common; `methods` by their names."""

    section: str
    cell: str
    cell_seen: bool | None
    subset: str
    reference: str | None = None
    methods: Mapping[str, Method] = field(default_factory=dict)

    def metric(
        self, method: str, metric: str, statistic: float | np.ndarray, n: int, baseline: str | None = None
    ) -> Metric:
        """A figure of this group; `statistic` is a number, or its values for the rows of `bootstrap.draw`."""
        value, low, high = float(np.ravel(statistic)[0]), float("nan"), float("nan")
        if np.ndim(statistic):
            low, high = bootstrap.interval(np.asarray(statistic))
        return Metric(
            self.section,
            self.cell,
            self.cell_seen,
            method,
            self.subset,
            metric,
            value,
            n,
            low,
            high,
            self.reference,
            baseline,
            self.methods.get(method),
        )

    def counts(self, positive: np.ndarray, covered: Mapping[str, np.ndarray], **more: int) -> Iterator[Metric]:
        """How many pairs are positive, `more` of all methods, and the share that each covers, bool [pairs] all."""
        n, positives = len(positive), int(positive.sum())
        if not n:
            return
        yield self.metric(methods.EVERYTHING, "positives", positives, n)
        yield self.metric(methods.EVERYTHING, "prevalence", positives / n, n)
        for name, number in more.items():
            yield self.metric(methods.EVERYTHING, name, number, n)
        for method, there in covered.items():
            yield self.metric(method, "coverage", float(there.mean()), n)
            if positives:
                yield self.metric(method, "coverage_positives", float(there[positive].mean()), positives)


def table(metrics: Iterable[Metric]) -> pl.DataFrame:
    """The table metrics.parquet; a figure that is not defined has no row."""
    nothing = dict.fromkeys(methods.SCHEMA)
    rows = [
        vars(metric) | (metric.about.row() if metric.about else nothing)
        for metric in metrics
        if np.isfinite(metric.value)
    ]
    frame = pl.DataFrame([{name: row[name] for name in _SCHEMA} for row in rows], schema=_SCHEMA)
    return frame.with_columns(pl.col("value", "low", "high").round(_DECIMALS).fill_nan(None))


def summary(table: pl.DataFrame) -> list[str]:
    """The headline figures, one line each: Pearson and auROC on test genes, average precision on all pairs."""
    headline = {
        "expression": ("pearson", "test"),
        "classes": ("auroc", "test"),
        "links": ("average_precision", "all pairs"),
    }
    lines = []
    for section, (metric, subset) in headline.items():
        rows = table.filter(
            (pl.col("section") == section) & (pl.col("metric") == metric) & (pl.col("subset") == subset)
        )
        for row in rows.iter_rows(named=True):
            place = row["cell"] if row["reference"] is None else f"{row['cell']}, {row['reference']}"
            interval = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
            name = metric.replace("_", " ")
            lines.append(f"{place}: {name} {row['value']:.3f}{interval} {row['method']} (n = {row['n']:,})")
    return lines
