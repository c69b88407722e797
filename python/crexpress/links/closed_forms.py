"""Link scores that need no model: distance, and the activity-by-contact family with 1 / distance as contact."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from crexpress.core.tracks import element_means
from crexpress.data import neighbours
from crexpress.data.neighbours import NEAREST

REACH = 5_000_000  # bp: ABC's candidates of a gene
_GENES = 512  # whose elements within that reach are looked up at once


def closed_forms(
    pairs: pl.DataFrame,
    overlap: tuple[np.ndarray, np.ndarray],
    elements: pl.DataFrame,
    genes: pl.DataFrame,
    activity: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Scores of every pair that need no model, float64 [pairs], higher is better, -inf where undefined.

    `overlap` is the result of `crispr.overlaps`, `activity` {track: mean linear signal [elements]}. Activity is
    sqrt(DNase x H3K27ac), the mean of the elements that the tested interval overlaps; CREaTor's two forms of
    "ABC" divide it, or H3K27ac alone, by the distance. The former also from the screen's own read counts.
    "ABC" is the share that activity/distance has of the gene's, over all elements within 5 Mb, as in
    EngreitzLab/ABC-Enhancer-Gene-Prediction (there with measured contacts); 0 for a gene that is not known.
    """
    distance = np.maximum(pairs["distance"].fill_null(np.inf).to_numpy(), 1)
    forms = {"distance": np.where(np.isfinite(distance), -distance, -np.inf)}
    pair, element = overlap
    number = np.maximum(np.bincount(pair, minlength=len(pairs)), 1)

    def of_pairs(values: np.ndarray) -> np.ndarray:
        return np.bincount(pair, values[element], len(pairs)) / number

    if "h3k27ac" in activity:
        both = enhancer_activity(activity)
        if both is not None:
            forms["activity/distance"] = of_pairs(both) / distance
            forms["ABC"] = abc_share(of_pairs(both), distance, _sums(pairs, elements, genes, both))
        forms["H3K27ac/distance"] = of_pairs(activity["h3k27ac"]) / distance
    if {"DHS.RPM", "H3K27ac.RPM.expandedRegion"} <= set(pairs.columns):
        dnase, h3k27ac = (pairs[name].fill_null(0).to_numpy() for name in ("DHS.RPM", "H3K27ac.RPM.expandedRegion"))
        forms["activity/distance (screen's read counts)"] = np.sqrt(dnase * h3k27ac) / distance
    return forms


def abc_share(activity: np.ndarray, distance: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """ABC: the share of activity/distance (bp, of either sign) in its gene's sum; 0 where that is 0 or not known."""
    share: np.ndarray = activity / np.maximum(np.abs(distance), NEAREST) / np.where(sums > 0, sums, np.inf)
    return share


def activity_sums(genes: pl.DataFrame, elements: pl.DataFrame, activity: np.ndarray) -> np.ndarray:
    """Activity/distance of all elements within `REACH` of each gene, summed [genes]: what ABC's shares are of."""
    sums = [np.empty(0)]
    for first in range(0, len(genes), _GENES):
        some = genes[first : first + _GENES]
        index = neighbours.within(some, elements, 2 * REACH)
        own = index.shape[1] // 2
        around = np.delete(index, own, axis=1)
        far = np.abs(np.delete(neighbours.distances(some, elements, index), own, axis=1))
        sums.append(np.where(around == neighbours.PAD, 0, activity[around] / np.maximum(far, NEAREST)).sum(axis=1))
    return np.concatenate(sums)


def _sums(pairs: pl.DataFrame, elements: pl.DataFrame, genes: pl.DataFrame, activity: np.ndarray) -> np.ndarray:
    """`activity_sums` of each pair's gene [pairs]; 0 where there is none."""
    named = genes.filter(pl.col("gene_id").is_in(pairs["gene_id"].drop_nulls().implode()))
    sums = pl.DataFrame({"gene_id": named["gene_id"], "sum": activity_sums(named, elements, activity)})
    of_pairs = pairs.select("gene_id").join(sums, on="gene_id", how="left", maintain_order="left")["sum"]
    return of_pairs.fill_null(0).to_numpy()


def enhancer_activity(tracks: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """sqrt(accessibility x H3K27ac) of mean linear signals [elements]; None without both tracks."""
    access = next((track for track in ("dnase", "atac") if track in tracks), None)
    if access is None or "h3k27ac" not in tracks:
        return None
    both: np.ndarray = np.sqrt(tracks[access] * tracks["h3k27ac"])
    return both


def linear_signal(tensors: Mapping[str, np.ndarray], transform: str) -> dict[str, np.ndarray]:
    """Mean signal of every element on its linear scale: {track: float64 [elements]}."""
    return {track: element_means(signal, transform) for track, signal in tensors.items()}
