"""A score summed over the genes of each element, as a bigWig: how much of regulation lies where."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import groups
from crexpress.formats import bigwig_writer
from crexpress.links.exports.shown import Shown


def write(path: Path, shown: Shown) -> None:
    """Of all links, not of the chosen alone: the sum of probabilities is the expected number of an element's genes."""
    write_sums(path, shown.all, shown.score, shown.lengths)


def write_sums(path: Path, links: pl.DataFrame, score: str, lengths: Mapping[str, int]) -> None:
    """Sums of a score, from 0 on, over the bases of elements; where elements overlap their sums are added."""
    sums = links.group_by("chrom", "start", "end").agg(groups.total(pl.col(score).cast(pl.Float64).clip(0)))
    bigwig_writer.write(path, lengths, _steps(sums.sort("chrom", "start", "end"), score))


def _steps(sums: pl.DataFrame, score: str) -> Iterator[tuple[str, int, int, float]]:
    for (chrom,), part in sums.group_by("chrom", maintain_order=True):
        places = np.concatenate([part["start"].to_numpy(), part["end"].to_numpy()])
        values = part[score].to_numpy()
        edges, where = np.unique(places, return_inverse=True)
        change = np.bincount(where, np.concatenate([values, -values]), len(edges))
        covered = np.bincount(where, np.repeat([1, -1], len(values)), len(edges)).cumsum()
        for start, end, value, there in zip(edges[:-1], edges[1:], change.cumsum(), covered, strict=False):
            if there > 0:
                yield str(chrom), int(start), int(end), max(float(value), 0.0)
