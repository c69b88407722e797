"""Intervals of a genome, 0-based half-open: which overlap, and chromosomes laid end to end on one axis."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import polars as pl

CHROM_STEP = 2**40  # bp between chromosomes laid end to end: more than any chromosome is long


def end_to_end(chroms: pl.Series, order: Mapping[str, int]) -> np.ndarray:
    """Where each row's chromosome begins on one axis: int64 [rows]; `order` numbers the names."""
    return chroms.replace_strict(dict(order), return_dtype=pl.Int64).to_numpy() * CHROM_STEP


def overlapping(first: pl.DataFrame, second: pl.DataFrame, *, touching: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two tables (chrom, start, end) whose intervals overlap: two int64 arrays of the same length.

    With `touching`, intervals between which no base lies overlap as well, as in CRISPR_comparison.
    """
    of_first, of_second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    chroms = [frame["chrom"].to_numpy() for frame in (first, second)]
    before: Literal["left", "right"] = "left" if touching else "right"
    after: Literal["left", "right"] = "right" if touching else "left"
    for chrom in first["chrom"].unique(maintain_order=True):
        a, b = (np.flatnonzero(names == chrom) for names in chroms)
        b = b[np.argsort(second["start"].to_numpy()[b], kind="stable")]
        start, end = second["start"].to_numpy()[b], second["end"].to_numpy()[b]
        left, right = first["start"].to_numpy()[a], first["end"].to_numpy()[a]
        low = np.searchsorted(np.maximum.accumulate(end), left, before)  # they may nest: ends are not sorted
        length = np.maximum(np.searchsorted(start, right, after) - low, 0)
        pair = np.repeat(np.arange(len(a)), length)
        other = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + low[pair]
        kept = end[other] >= left[pair] if touching else end[other] > left[pair]
        of_first.append(a[pair[kept]])
        of_second.append(b[other[kept]])
    return np.concatenate(of_first), np.concatenate(of_second)


def any_overlap(first: pl.DataFrame, second: pl.DataFrame, *, touching: bool = False) -> np.ndarray:
    """Whether each row of `first` overlaps one of `second`: bool [rows]; see `overlapping`."""
    found = np.zeros(len(first), bool)
    found[overlapping(first, second, touching=touching)[0]] = True
    return found
