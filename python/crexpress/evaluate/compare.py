"""Several evaluated points of a sweep in one table: every figure of every seed, of their means and of the baselines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from crexpress.core import artifacts
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.core.schemas import read_json


class Compared(NamedTuple):
    """`table`: the rows of all metrics tables with `point` and `settings` before them; `settings` of every point, in
    order; headers of the files.
    """

    table: pl.DataFrame
    settings: dict[str, dict[str, str]]
    headers: list[Header]


def compare(runs: Path, metrics: Mapping[str, Path]) -> Compared:
    """Join metrics.parquet of every point {point: file}, in the order of `runs` (the JSON of check-sweep).

    Raises InputError for a point that the runs do not have, or that has no metrics.
    """
    settings = read_settings(runs)
    for point in metrics:
        if point not in settings:
            raise InputError(
                f"--metrics {point}={metrics[point]}: {runs} has no such point; it has {', '.join(settings)}"
            )
    frames, headers = [], []
    for point in settings:
        if point not in metrics:
            raise InputError(f"point {point} of {runs} has no metrics; give --metrics {point}=FILE")
        frame, header = artifacts.read_table(metrics[point], "metrics")
        frames.append(_with_point(frame, point, settings[point]))
        headers.append(header)
    return Compared(pl.concat(frames), settings, headers)


def read_settings(runs: Path) -> dict[str, dict[str, str]]:
    """Settings of every point, {point: {option: value}}; of a model that was there before, only that."""
    try:
        before = {"model": "trained before"}
        return {
            run["point"]: run["settings"] | (before if run["trained"] else {}) for run in read_json(runs.read_text())
        }
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{runs} is not the list of runs that check-sweep wrote; make it again") from None


def _with_point(frame: pl.DataFrame, point: str, settings: Mapping[str, Any]) -> pl.DataFrame:
    told = ", ".join(f"{name} {value}" for name, value in settings.items())
    return frame.select(pl.lit(point).alias("point"), pl.lit(told).alias("settings"), pl.all())


class Spread(NamedTuple):
    """One figure of a point: of each seed, in their order, and of the mean over seeds' predictions (None: one seed)."""

    seeds: list[float]
    together: float | None
    low: float | None
    high: float | None


def spread(rows: pl.DataFrame) -> Spread | None:
    """The figure in rows of one point, metric and score: single seeds, and the mean; None where there are none."""
    if rows.is_empty():
        return None
    single, means = rows.filter(pl.col("mean_of").is_null()).sort("seed"), rows.filter(pl.col("mean_of").is_not_null())
    if len(single) == 1 and means.is_empty():
        row = single.row(0, named=True)
        return Spread([row["value"]], None, row["low"], row["high"])
    if single.is_empty():
        row = means.row(0, named=True)
        return Spread([row["value"]], None, row["low"], row["high"])
    row = means.row(0, named=True) if len(means) else {"value": None, "low": None, "high": None}
    return Spread(single["value"].to_list(), row["value"], row["low"], row["high"])


def header(metrics: Sequence[Path], compared: Compared) -> Header:
    """Header of the joined table."""
    first = compared.headers[0]
    same = len({(header["genes"], header["elements"]) for header in compared.headers}) == 1
    return artifacts.make_header(
        "comparison",
        "compare",
        elements=first["elements"] if same else None,
        genes=first["genes"] if same else None,
        parameters={"settings": compared.settings, "units": first["parameters"]["units"]},
        sources=metrics,
    )
