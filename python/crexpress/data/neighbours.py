"""Which elements a gene sees: the m nearest, or all within a window; computed in memory for any size."""

from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.core.intervals import CHROM_STEP, end_to_end
from crexpress.models.config import AtTss
from crexpress.prepare.elements import TSS

PAD = -1
NEAREST = 1000  # bp: scores divided by distance treat nearer elements alike, as no tested pair resolves them
MOST_IN_WINDOW = 400  # cCREs of a gene unless more are asked for; CREaTor's number, and attention grows with its square


class _Flanks(NamedTuple):
    """cCRE rows in genome order, and the two stretches of them that each gene may see: first:left and right:last."""

    rows: np.ndarray
    first: np.ndarray
    left: np.ndarray
    right: np.ndarray
    last: np.ndarray


def seen(genes: pl.DataFrame, elements: pl.DataFrame, m: int, window: int = 0, at_tss: AtTss = "right") -> np.ndarray:
    """Element rows that a model sees of every gene: the `m` nearest, with a window only those in it."""
    if window:
        return within(genes, elements, window, half_of(m), at_tss)
    return nearest(genes, elements, m, at_tss)


def nearest(genes: pl.DataFrame, elements: pl.DataFrame, m: int, at_tss: AtTss = "right") -> np.ndarray:
    """Element rows of every gene: int32 [genes, m + 1], m/2 cCREs on each side of the TSS.

    Columns run along the genome (not along the gene): m/2 cCREs with midpoints left of the TSS, the gene's
    own TSS window in column m//2, then m/2 cCREs from the TSS on. Where a chromosome has fewer, the outermost
    columns are -1. A cCRE that overlaps the TSS window is kept; one whose midpoint is the TSS base counts to the
    right or, as in ScPGE's released code, is dropped. InputError when m is odd or negative.
    """
    half = half_of(m)
    return _gather(genes, _flanks(genes, elements, None, at_tss), half)


def within(
    genes: pl.DataFrame, elements: pl.DataFrame, window: int, most: int | None = None, at_tss: AtTss = "right"
) -> np.ndarray:
    """All cCREs in a window of `window` bp centred on each gene's TSS: int32 [genes, 2 k + 1].

    Laid out as in `nearest`, with k the largest number on one side of any gene, at most `most`: then the nearest
    stay, and the user is told of how many genes cCREs are left out. A cCRE is inside when its midpoint is at most
    window/2 bp from the TSS.
    """
    if window < 0:
        raise InputError(f"a window cannot be {window} bp wide; give 0 or more")
    flanks = _flanks(genes, elements, window // 2, at_tss)
    side = np.maximum(flanks.left - flanks.first, flanks.last - flanks.right)
    k = int(side.max(initial=0))
    if most is not None and k > most:
        log.say(
            f"{(side > most).sum():,} of {len(genes):,} genes have more than {most} cCREs on a side within "
            f"{window // 2:,} bp; the {most} nearest are seen ({2 * k} neighbours would show all)"
        )
        k = most
    return _gather(genes, flanks, k)


def distances(genes: pl.DataFrame, elements: pl.DataFrame, index: np.ndarray) -> np.ndarray:
    """Signed bp from each gene's TSS to its elements' midpoints, genome orientation: int64 like `index`.

    0 where `index` is a pad.
    """
    midpoint = _midpoints(elements)
    return np.where(index == PAD, 0, midpoint[index] - genes["tss"].to_numpy()[:, None])


def _midpoints(elements: pl.DataFrame) -> np.ndarray:
    return (elements["start"].to_numpy() + elements["end"].to_numpy()) // 2


def half_of(m: int) -> int:
    """Neighbours on a side, of m on both; InputError for an odd number."""
    if m < 0 or m % 2:
        raise InputError(f"{m} neighbours cannot be shared by both sides of a gene; give an even number")
    return m // 2


def _flanks(genes: pl.DataFrame, elements: pl.DataFrame, reach: int | None, at_tss: AtTss) -> _Flanks:
    """The stretches end at the TSS on one side, and at the chromosome's end or `reach` bp away on the other."""
    rows = np.flatnonzero((elements["class"] != TSS).to_numpy())
    names = pl.concat([elements["chrom"], genes["chrom"]]).unique(maintain_order=True)
    rank = {name: index for index, name in enumerate(names)}
    chrom = end_to_end(elements["chrom"], rank)[rows]
    key = chrom + _midpoints(elements)[rows]
    order = np.argsort(key, kind="stable")
    rows, key = rows[order], key[order]
    chrom = end_to_end(genes["chrom"], rank)
    tss = chrom + genes["tss"].to_numpy()
    half = CHROM_STEP // 2
    start, end = (chrom - half, chrom + half) if reach is None else (tss - reach, tss + reach)
    return _Flanks(
        rows.astype(np.int32),
        np.searchsorted(key, start, "left"),
        np.searchsorted(key, tss, "left"),
        np.searchsorted(key, tss, "left" if at_tss == "right" else "right"),
        np.searchsorted(key, end, "right"),
    )


def _gather(genes: pl.DataFrame, flanks: _Flanks, k: int) -> np.ndarray:
    index = np.full((len(genes), 2 * k + 1), PAD, dtype=np.int32)
    index[:, k] = genes["element"].to_numpy()
    padded = np.append(flanks.rows, PAD).astype(np.int32)
    for columns, wanted, lowest, end in (
        (slice(0, k), flanks.left[:, None] + np.arange(-k, 0), flanks.first, flanks.left),
        (slice(k + 1, None), flanks.right[:, None] + np.arange(k), flanks.right, flanks.last),
    ):
        inside = (wanted >= lowest[:, None]) & (wanted < end[:, None])
        index[:, columns] = padded[np.where(inside, wanted, len(flanks.rows))]
    return index
