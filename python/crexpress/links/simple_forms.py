"""Scores of pairs that need a gene annotation alone, as EngreitzLab/CRISPR_comparison has them: which gene is nearest.

1 where the pair's gene is the nearest (all that tie are), 0 elsewhere, for a gene that is not known as well.
"""

import numpy as np
import polars as pl

NEAR = 100_000  # bp


def forms(
    pairs: pl.DataFrame, genes: pl.DataFrame | None, expressed: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """{name: float64 [pairs]} for pairs (chrom, start, end, gene_id, distance); `expressed` bool [genes] or not known.

    Nearest by the TSS, and by the gene's body (0 bp inside it), from the interval's middle; among all genes, and among
    expressed ones. Without `genes` no nearest is said: among the genes that a screen measures it is another.
    """
    distance = pairs["distance"].cast(pl.Float64).fill_null(np.inf).abs().to_numpy()
    found = {f"within {NEAR // 1000} kb of the TSS": (distance <= NEAR).astype(np.float64)}
    if genes is None:
        return found
    sets = {"": np.ones(len(genes), bool)} | ({" expressed": expressed} if expressed is not None else {})
    tss = genes["tss"].cast(pl.Float64).to_numpy()
    for word, chosen in sets.items():
        chosen = chosen & np.isfinite(tss)
        found[f"nearest{word} TSS"] = _nearest(pairs, genes, chosen, tss, tss)
        if {"start", "end"} <= set(genes.columns):
            start, end = (genes[name].cast(pl.Float64).to_numpy() for name in ("start", "end"))
            found[f"nearest{word} gene"] = _nearest(pairs, genes, chosen, start, end)
    return found


def _nearest(
    pairs: pl.DataFrame, genes: pl.DataFrame, chosen: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """1 where the pair's gene is among those nearest to its middle, of the chosen genes from `low` to `high`."""
    row = {gene: at for at, gene in enumerate(genes["gene_id"])}
    own = np.array([row.get(gene, -1) for gene in pairs["gene_id"]])
    middle = ((pairs["start"] + pairs["end"]) / 2).to_numpy()
    result = np.zeros(len(pairs))
    chroms, of_pairs = genes["chrom"].to_numpy(), pairs["chrom"].to_numpy()
    for chrom in np.unique(of_pairs[own >= 0]):
        there = np.flatnonzero(chosen & (chroms == chrom))
        asked = np.flatnonzero((of_pairs == chrom) & (own >= 0))
        if not len(there):
            continue
        places, back = np.unique(middle[asked], return_inverse=True)
        least = np.empty(len(places))
        for part in np.array_split(np.arange(len(places)), 1 + len(places) * len(there) // 10_000_000):
            apart = np.maximum(low[there] - places[part, None], places[part, None] - high[there])
            least[part] = np.maximum(apart, 0).min(axis=1)
        mine = np.maximum(np.maximum(low[own[asked]] - middle[asked], middle[asked] - high[own[asked]]), 0)
        result[asked] = (mine == least[back]) & chosen[own[asked]]
    return result
