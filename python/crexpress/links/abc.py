"""Activity by contact as its authors compute it (broadinstitute/ABC-Enhancer-Gene-Prediction), on the element store.

score = A C / sum of A C over all elements, promoters too, within 5 Mb of the gene's TSS; an element on the gene's own
promoter is 1. A = sqrt(accessibility x H3K27ac), quantile-normalised to K562's; C is a power law of
distance, or measured contact scaled to the reference's power law, with a pseudocount. The constants are those of its
config.yaml.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.errors import InputError
from crexpress.core.intervals import any_overlap, overlapping
from crexpress.prepare.elements import TSS

REACH = 5_000_000  # bp: candidates of a gene lie nearer
GAMMA, SCALE = 1.024238616787792, 5.9594510043736655  # of K562's Hi-C
REFERENCE_GAMMA = 0.87  # of the average Hi-C
REFERENCE_SCALE = -4.80 + 11.63 * REFERENCE_GAMMA
NEAREST = 5_000  # bp: contact grows no more below
PROMOTER = 500  # bp: an element that reaches as near to a TSS is the gene's own promoter
CLASSED = 250  # bp: of a TSS, for the quantiles of promoters
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


def quantile_normalised(values: np.ndarray, promoter: np.ndarray, track: str) -> np.ndarray:
    """`values` [elements] with K562's distribution (the authors' table), promoters (bool [elements]) and others apart.

    By rank from the top, as theirs by default: the strongest element has the strongest value there, whatever the number
    of elements, which is why a part of a genome has larger values than all of it. Reads in each element are ranked
    (RPM), not their density. `track` is dnase, atac (which takes DNase's) or h3k27ac.
    """
    from scipy.stats import rankdata

    column = "H3K27ac.RPM" if track == "h3k27ac" else "DHS.RPM"
    table = pl.read_csv(Path(__file__).with_name("abc_k562_quantiles.tsv"), separator="\t")
    result = np.zeros(len(values))
    for kind, part in (("promoter", promoter), ("nonpromoter", ~promoter)):
        known = table.filter(pl.col("enh_class") == kind).sort("rank")
        rank, reference = known["rank"].to_numpy(), known[column].to_numpy()
        slope = (reference[[1, -1]] - reference[[0, -2]]) / (rank[[1, -1]] - rank[[0, -2]])
        own = part.sum() - rankdata(values[part])
        inside = np.interp(own, rank, reference)
        beyond = np.minimum(own - rank[0], 0) * slope[0] + np.maximum(own - rank[-1], 0) * slope[1]
        result[part] = np.maximum(inside + beyond, 0)
    return result


def activity(tracks: Mapping[str, np.ndarray], elements: pl.DataFrame, genes: pl.DataFrame) -> np.ndarray:
    """sqrt(accessibility x H3K27ac), or accessibility alone, each quantile-normalised, float64 [elements].

    `tracks` are mean linear signals of the elements; times their cCRE's width they are its reads. An element within 250
    bp of a TSS is a promoter. Raises InputError without dnase or atac.
    """
    access = next((name for name in ("dnase", "atac") if name in tracks), None)
    if access is None:
        raise InputError(f"ABC needs dnase or atac, not only {', '.join(tracks)}")
    rows = np.flatnonzero((elements["class"] != TSS).to_numpy())
    extents = elements[rows].select("chrom", start="ccre_start", end="ccre_end")
    windows = genes.select("chrom", start=pl.col("tss") - CLASSED, end=pl.col("tss") + CLASSED)
    promoter = any_overlap(extents, windows)
    width = (extents["end"] - extents["start"]).to_numpy()
    used = [access, *(["h3k27ac"] if "h3k27ac" in tracks else [])]
    parts = [quantile_normalised(tracks[name][rows] * width, promoter, name) for name in used]
    result = np.zeros(len(elements))
    result[rows] = np.sqrt(parts[0] * parts[1]) if len(parts) == 2 else parts[0]
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
    """Which of these pairs are an element on its own gene's promoter (within 500 bp of the TSS): bool [pairs]."""
    promoters = genes.select("chrom", start=pl.col("tss") - PROMOTER, end=pl.col("tss") + PROMOTER)
    extents = elements.select("chrom", start="ccre_start", end="ccre_end")
    of_gene, on = overlapping(promoters, extents)
    known = np.sort(of_gene.astype(np.int64) * len(elements) + on)
    wanted = gene.astype(np.int64) * len(elements) + element
    at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    return known[at] == wanted if len(known) else np.zeros(len(wanted), bool)
