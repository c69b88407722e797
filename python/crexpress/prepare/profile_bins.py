"""Where a gene's profile lies: bins along the gene that grow with distance from its TSS, and the gene's body."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.prepare.elements import TSS

# tensors of a profiles file, before the name of a track: what the elements have of its profile, in the order of
# `overlaps`; and the value (float16) that each level of it takes on, after match-quantiles
SHARES, MAP = "elements:", "map:"
# bp from the TSS along the gene: 200-bp bins within 2 kb, 1 kb within 10 kb, then 10, 30 and 50 kb (docs/science.md)
_FAR, _NEAR = (10_000, 20_000, 50_000, 100_000), range(-2_000, 2_001, 200)
EDGES = (
    *(-edge for edge in reversed(_FAR)),
    *range(-9_000, -2_000, 1_000),
    *_NEAR,
    *range(3_000, 10_000, 1_000),
    *_FAR,
)


class Overlaps(NamedTuple):
    """Stretches start:end that an element (row) shares with a column of a gene's profile, gene by gene; int64."""

    gene: np.ndarray
    element: np.ndarray
    column: np.ndarray
    start: np.ndarray
    end: np.ndarray


def columns(edges: Sequence[int]) -> int:
    """Values that a profile has of a track: one a bin, and that of the gene's body."""
    return len(edges)


def spans(genes: pl.DataFrame, edges: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of every column, int64 [genes, columns], 0-based half-open, not yet cut at chromosome ends.

    Bins run along the gene: base x of them is x bp downstream of the TSS base. The last column is the gene's body, from
    the TSS to the gene's end; it is empty (start = end) for a gene of a single base, which a BED of TSSs has.
    """
    tss, start, end = (genes[name].to_numpy()[:, None] for name in ("tss", "start", "end"))
    minus = (genes["strand"] == "-").to_numpy()[:, None]
    low, high = np.array(edges[:-1]), np.array(edges[1:])
    first = np.where(minus, tss + 1 - high, tss + low)
    last = np.where(minus, tss + 1 - low, tss + high)
    body_start, body_end = np.where(minus, start, tss), np.where(minus, tss + 1, end)
    body_end = np.where(has_body(genes)[:, None], np.maximum(body_end, body_start), body_start)
    return np.concatenate([first, body_start], axis=1), np.concatenate([last, body_end], axis=1)


def has_body(genes: pl.DataFrame) -> np.ndarray:
    """Whether the annotation says where each gene ends, bool [genes]."""
    found: np.ndarray = (genes["end"] - genes["start"]).to_numpy() > 1
    return found


def log_length(genes: pl.DataFrame) -> np.ndarray:
    """log10(1 + length in bp) of each gene, float32 [genes]; NaN where it is not known."""
    length = np.log10(1 + (genes["end"] - genes["start"]).to_numpy())
    return np.where(has_body(genes), length, np.nan).astype(np.float32)


def cut(
    genes: pl.DataFrame, start: np.ndarray, end: np.ndarray, lengths: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Columns without what lies beyond their chromosome's ends: a bin there is shorter, or empty."""
    length = genes["chrom"].replace_strict(dict(lengths), return_dtype=pl.Int64).to_numpy()[:, None]
    return np.clip(start, 0, length), np.clip(end, 0, length)


def overlaps(genes: pl.DataFrame, elements: pl.DataFrame, edges: Sequence[int]) -> Overlaps:
    """What each element, TSS windows aside, has of the profiles of the genes around it."""
    starts, ends = spans(genes, edges)
    found = []
    chrom_of_gene, chrom = genes["chrom"].to_numpy(), elements["chrom"].to_numpy()
    is_ccre = (elements["class"] != TSS).to_numpy()
    first, last = elements["start"].to_numpy(), elements["end"].to_numpy()
    for name in genes["chrom"].unique(maintain_order=True):
        rows = np.flatnonzero(is_ccre & (chrom == name))
        rows = rows[np.argsort(first[rows], kind="stable")]
        own = np.flatnonzero(chrom_of_gene == name)
        width = int((last[rows] - first[rows]).max(initial=0))
        low = np.searchsorted(first[rows], starts[own].ravel() - width, "right")
        high = np.maximum(np.searchsorted(first[rows], ends[own].ravel(), "left"), low)
        number = high - low
        place = np.repeat(np.arange(len(number)), number)
        element = rows[np.arange(len(place)) + np.repeat(low - (np.cumsum(number) - number), number)]
        gene, column = own[place // starts.shape[1]], place % starts.shape[1]
        start = np.maximum(starts[gene, column], first[element])
        end = np.minimum(ends[gene, column], last[element])
        found.append([part[end > start] for part in (gene, element, column, start, end)])
    joined = [np.concatenate(parts).astype(np.int64) for parts in zip(*found, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return Overlaps(*(part[order] for part in joined))


def matched(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Values (not negative) with each level, as float16, changed to what the table gives; NaN stays."""
    number = np.nan_to_num(values).astype(np.float16).view(np.uint16)
    return np.where(np.isnan(values), np.float32(np.nan), levels[number].astype(np.float32))
