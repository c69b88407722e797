"""Which elements a gene sees: the m nearest, or all within a window; computed in memory for any size."""

import numpy as np
import polars as pl

from crexpress import genome
from crexpress.elements import TSS
from crexpress.errors import InputError

PAD = -1


def nearest(genes: pl.DataFrame, elements: pl.DataFrame, m: int) -> np.ndarray:
    """Element rows of every gene: int32 [genes, m + 1], m/2 cCREs on each side of the TSS.

    Columns run along the genome (not along the gene): m/2 cCREs with midpoints left of the TSS, the gene's
    own TSS window in column m//2, then m/2 cCREs from the TSS on. Where a chromosome has fewer, the outermost
    columns are -1. A cCRE that overlaps the TSS window is kept. InputError when m is odd or negative.
    """
    if m < 0 or m % 2:
        raise InputError(f"{m} neighbours cannot be shared by both sides of a gene; give an even number")
    rows, first, middle, last = _flanks(genes, elements)
    return _gather(genes, rows, first, middle, last, m // 2)


def within(genes: pl.DataFrame, elements: pl.DataFrame, window: int, most: int | None = None) -> np.ndarray:
    """All cCREs in a window of `window` bp centred on each gene's TSS: int32 [genes, 2 k + 1].

    Laid out as in `nearest`, with k the largest number on one side of any gene, at most `most` (the nearest
    stay). A cCRE is inside when its midpoint is at most window/2 bp from the TSS.
    """
    if window < 0:
        raise InputError(f"a window cannot be {window} bp wide; give 0 or more")
    rows, first, middle, last = _flanks(genes, elements, window // 2)
    k = int(max((middle - first).max(initial=0), (last - middle).max(initial=0)))
    return _gather(genes, rows, first, middle, last, k if most is None else min(k, most))


def distances(genes: pl.DataFrame, elements: pl.DataFrame, index: np.ndarray) -> np.ndarray:
    """Signed bp from each gene's TSS to its elements' midpoints, genome orientation: int64 like `index`.

    0 where `index` is a pad.
    """
    midpoint = _midpoints(elements)
    return np.where(index == PAD, 0, midpoint[index] - genes["tss"].to_numpy()[:, None])


def _midpoints(elements: pl.DataFrame) -> np.ndarray:
    return (elements["start"].to_numpy() + elements["end"].to_numpy()) // 2


def _flanks(
    genes: pl.DataFrame, elements: pl.DataFrame, reach: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """cCRE rows in genome order and the stretch of them that each gene may see (first, middle, last).

    `middle` is the first cCRE not left of the TSS; the stretch is the whole chromosome, or `reach` bp a side.
    """
    rows = np.flatnonzero((elements["class"] != TSS).to_numpy())
    names = pl.concat([elements["chrom"], genes["chrom"]]).unique(maintain_order=True)
    rank = {name: index for index, name in enumerate(names)}
    chrom = elements["chrom"].replace_strict(rank, return_dtype=pl.Int64).to_numpy()[rows] * genome.CHROM_STEP
    key = chrom + _midpoints(elements)[rows]
    order = np.argsort(key, kind="stable")
    rows, key = rows[order], key[order]
    chrom = genes["chrom"].replace_strict(rank, return_dtype=pl.Int64).to_numpy() * genome.CHROM_STEP
    tss = chrom + genes["tss"].to_numpy()
    half = genome.CHROM_STEP // 2
    left, right = (chrom - half, chrom + half) if reach is None else (tss - reach, tss + reach)
    return (
        rows.astype(np.int32),
        np.searchsorted(key, left, "left"),
        np.searchsorted(key, tss, "left"),
        np.searchsorted(key, right, "right"),
    )


def _gather(
    genes: pl.DataFrame, rows: np.ndarray, first: np.ndarray, middle: np.ndarray, last: np.ndarray, k: int
) -> np.ndarray:
    index = np.full((len(genes), 2 * k + 1), PAD, dtype=np.int32)
    index[:, k] = genes["element"].to_numpy()
    padded = np.append(rows, PAD).astype(np.int32)
    for columns, steps in ((slice(0, k), np.arange(-k, 0)), (slice(k + 1, None), np.arange(k))):
        wanted = middle[:, None] + steps
        inside = (wanted >= first[:, None]) & (wanted < last[:, None])
        index[:, columns] = padded[np.where(inside, wanted, len(rows))]
    return index
