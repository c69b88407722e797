"""Activity by contact as its authors compute it (broadinstitute/ABC-Enhancer-Gene-Prediction), on the element store.

score = A C / sum of A C over all elements, promoters too, within 5 Mb of the gene's TSS; an element on the gene's own
promoter is 1. A = sqrt(accessibility x H3K27ac), quantile-normalised where a reference is given; C is a power law of
distance, or measured contact scaled to the reference's power law, with a pseudocount. The constants are those of its
config.yaml.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.intervals import overlapping
from crexpress.prepare.elements import TSS

REACH = 5_000_000  # bp: candidates of a gene lie nearer
GAMMA, SCALE = 1.024238616787792, 5.9594510043736655  # of K562's Hi-C
REFERENCE_GAMMA = 0.87  # of the average Hi-C
REFERENCE_SCALE = -4.80 + 11.63 * REFERENCE_GAMMA
NEAREST = 5_000  # bp: contact grows no more below
PROMOTER = 250  # bp on each side of a TSS: an element that overlaps it is a self-promoter
Measured = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (gene rows, element rows) -> contact, 0 where none


class Scores(NamedTuple):
    """Pairs of `gene` and `element` (rows) within reach, bp between them, contact, and their ABC scores."""

    gene: np.ndarray
    element: np.ndarray
    distance: np.ndarray
    contact: np.ndarray
    score: np.ndarray


def power_law(distance: np.ndarray, gamma: float = GAMMA, scale: float = SCALE) -> np.ndarray:
    """Contact expected at a distance, bp: exp(scale - gamma ln(max(distance, 5 kb) + 1))."""
    law: np.ndarray = np.exp(scale - gamma * np.log(np.maximum(distance, NEAREST) + 1))
    return law


def adjusted(contact: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Measured contact, scaled to the reference's power law, plus the pseudocount that a distance has."""
    scaled = contact * power_law(distance, REFERENCE_GAMMA, REFERENCE_SCALE) / power_law(distance)
    total: np.ndarray = scaled + np.minimum(power_law(distance), power_law(np.array(NEAREST)))
    return total


def quantile_normalised(values: np.ndarray, promoter: np.ndarray, reference: np.ndarray | None) -> np.ndarray:
    """`values` [elements] given the distribution of a reference cell's, promoters [bool] and others apart.

    `reference`: that cell's values of the same elements, same order. Ranks are interpolated, ties keep their order's mean.
    """
    if reference is None:
        return values
    from scipy.stats import rankdata

    result = np.zeros(len(values))
    for part in (promoter, ~promoter):
        if part.any():
            rank = (rankdata(values[part]) - 0.5) / part.sum()
            wanted = np.sort(reference[part])
            result[part] = np.interp(rank, (np.arange(len(wanted)) + 0.5) / len(wanted), wanted)
    return result


def scores(
    elements: pl.DataFrame, genes: pl.DataFrame, activity: np.ndarray, measured: Measured | None = None
) -> Scores:
    """ABC of every element (cCREs; TSS windows are none) within 5 Mb of each gene in `genes`; activity [elements].

    `measured` gives contacts of pairs (normalised Hi-C or loops); without it contact is the power law. Distance is from
    the cCRE's middle to the TSS. A gene without any activity within reach has scores of 0.
    """
    rows = np.flatnonzero((elements["class"] != TSS).to_numpy())
    middle = ((elements["ccre_start"] + elements["ccre_end"]) // 2).to_numpy()[rows]
    chroms, gene_chroms, tss = elements["chrom"].to_numpy()[rows], genes["chrom"].to_numpy(), genes["tss"].to_numpy()
    found_gene, found_element, apart = [], [], []
    for chrom in dict.fromkeys(gene_chroms.tolist()):
        here = np.flatnonzero(chroms == chrom)
        here = here[np.argsort(middle[here], kind="stable")]
        places = middle[here]
        of_chrom = np.flatnonzero(gene_chroms == chrom)
        first = np.searchsorted(places, tss[of_chrom] - REACH, "right")
        last = np.searchsorted(places, tss[of_chrom] + REACH, "left")
        number = np.maximum(last - first, 0)
        gene = np.repeat(of_chrom, number)
        at = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number) + np.repeat(first, number)
        found_gene.append(gene)
        found_element.append(rows[here[at]])
        apart.append(np.abs(places[at] - tss[gene]))
    gene, element, distance = (
        np.concatenate(part) if part else np.empty(0, np.int64) for part in (found_gene, found_element, apart)
    )
    contact = power_law(distance) if measured is None else adjusted(measured(gene, element), distance)
    share = activity[element] * contact
    total = np.bincount(gene, share, len(genes))[gene]
    score = np.divide(share, total, out=np.zeros(len(share)), where=total > 0)
    score[self_promoters(elements, genes, gene, element)] = 1
    return Scores(gene, element, distance, contact, score)


def self_promoters(elements: pl.DataFrame, genes: pl.DataFrame, gene: np.ndarray, element: np.ndarray) -> np.ndarray:
    """Which of these pairs are an element on its own gene's promoter (250 bp on each side of the TSS): bool [pairs]."""
    promoters = genes.select("chrom", start=pl.col("tss") - PROMOTER, end=pl.col("tss") + PROMOTER)
    extents = elements.select("chrom", start="ccre_start", end="ccre_end")
    of_gene, on = overlapping(promoters, extents)
    known = np.sort(of_gene.astype(np.int64) * len(elements) + on)
    wanted = gene.astype(np.int64) * len(elements) + element
    at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    return known[at] == wanted if len(known) else np.zeros(len(wanted), bool)
