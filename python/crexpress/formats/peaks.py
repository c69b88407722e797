"""Signal from called peaks: a narrowPeak or broadPeak file, signalValue on the bases of a peak and 0 elsewhere.

Where peaks overlap (narrowPeak has a line a summit), a base has the largest of their values: how the built-in
peak-level bigWigs were made, so that both forms of a track give the same numbers.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core.errors import InputError
from crexpress.formats import text_files

_COLUMNS = {10: "narrowPeak", 9: "broadPeak"}


class Peaks:
    """The peaks of one file; InputError unless they are narrowPeak (10 columns) or broadPeak (9)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        table = _read(path)
        self._last = table.group_by("chrom").agg(pl.col("line", "end").sort_by("end").last())
        self._stretches = {str(chrom): _flattened(part) for (chrom,), part in table.group_by("chrom")}
        # a file of peaks does not say how long chromosomes are
        self.lengths: Mapping[str, int | None] = dict.fromkeys(self._stretches)

    def require_within(self, lengths: Mapping[str, int | None]) -> None:
        """Raise InputError for a peak beyond the end of its chromosome (those of these names)."""
        for chrom, line, end in self._last.sort("line").iter_rows():
            length = lengths.get(chrom)
            if length is not None and end > length:
                raise InputError(
                    f"{self.path} line {line}: a peak ends at {end:,}, but {chrom} at {length:,}; give peaks of the "
                    "same genome build"
                )

    def read(self, name: str, start: int, end: int, bases: np.ndarray) -> None:
        """Fill `bases` (float64 [end - start])."""
        starts, ends, values = self._stretches[name]
        bases[:] = 0
        first, last = np.searchsorted(ends, start, "right"), np.searchsorted(starts, end, "left")
        for low, high, value in zip(starts[first:last], ends[first:last], values[first:last], strict=True):
            bases[max(low - start, 0) : high - start] = value

    def records(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Start, end and value of all stretches of a chromosome that have one, ascending, as `signals.BigWig`."""
        return self._stretches[name]


def _read(path: Path) -> pl.DataFrame:
    table = text_files.read_intervals(path, 9)
    found = table.width - 1
    extra = [f"column_{number}" for number in range(4, found + 1)]
    if found not in _COLUMNS or table.select(pl.any_horizontal(pl.col(extra).is_null()).any()).item():
        raise InputError(
            f"{path} has {found} columns; as a track give narrowPeak (10 columns) or broadPeak (9), whose column 7 is "
            "signalValue, or a bigWig"
        )
    values = table.with_columns(
        pl.col("column_7", "column_8", "column_9").cast(pl.Float64, strict=False),
        pl.col("column_7").alias("text"),
    )
    bad = values.filter(~(pl.col("column_7").is_finite() & (pl.col("column_7") >= 0)).fill_null(False))
    if len(bad):
        raise InputError(
            f"{path} line {bad['line'][0]}: column 7 (signalValue) is '{bad['text'][0]}', no number from 0 on; give a "
            f"{_COLUMNS[found]} file"
        )
    if values["column_9"].is_null().any() or (values["column_7"] == values["start"]).mean() > 0.5:  # type: ignore[operator]
        raise InputError(
            f"{path} is a BED for display (columns 7 to 9 are places and a colour), not {_COLUMNS[found]}; give a file "
            "whose column 7 is signalValue"
        )
    # what a bigWig holds: 32 bits
    return values.select("line", "chrom", "start", "end", pl.col("column_7").cast(pl.Float32).alias("value"))


def _flattened(peaks: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stretches that do not overlap, ascending: start, end int64, and the largest value of their peaks, float64."""
    start, end, value = (peaks[name].to_numpy() for name in ("start", "end", "value"))
    edges = np.unique(np.concatenate([start, end]))
    first, last = np.searchsorted(edges, start), np.searchsorted(edges, end)
    number = last - first
    piece = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number) + np.repeat(first, number)
    highest = np.zeros(len(edges) - 1)
    np.maximum.at(highest, piece, np.repeat(value.astype(np.float64), number))
    there = np.flatnonzero(highest)
    return edges[there], edges[there + 1], highest[there]
