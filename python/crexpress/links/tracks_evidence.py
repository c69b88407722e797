"""What is known of a link beside a model's scores: distance, activity, share of the gene's activity, genes between."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from crexpress.core.tracks import FLOOR
from crexpress.data.neighbours import NEAREST
from crexpress.links.closed_forms import abc_share, activity_sums

OF_MODEL = ("attention", "perturbation")
_SMALL = 1e-6  # share or attention taken for none


def abc(links: pl.DataFrame, elements: pl.DataFrame, genes: pl.DataFrame, activity: np.ndarray) -> np.ndarray:
    """Share that activity/distance of each link has of its gene's, float64 [links] (see `closed_forms`)."""
    sums = activity_sums(genes, elements, activity)[gene_rows(links, genes)]
    return abc_share(activity[links["element"].to_numpy()], links["distance"].to_numpy(), sums)


def learned_share(links: pl.DataFrame, seen: pl.DataFrame, genes: pl.DataFrame) -> np.ndarray:
    """ABC's share with the activity that a model has learned of an element, float64 [links].

    That is what its perturbations take from all genes that see it (`seen`, links of the model alone), for each unit of
    contact (1 / distance) that it has with them; one that represses its genes, or that no gene sees, has none.
    """
    effect = pl.col("perturbation").cast(pl.Float64).clip(lower_bound=0).sum()
    contact = (1 / pl.col("distance").abs().clip(lower_bound=NEAREST)).sum()
    learned = seen.group_by("element").agg(activity=effect / contact)
    of_links = links.select("element").join(learned, on="element", how="left", maintain_order="left")["activity"]
    reached = of_links.fill_null(0).to_numpy() / np.maximum(links["distance"].abs().to_numpy(), NEAREST)
    gene = gene_rows(links, genes)
    sums = np.bincount(gene, reached, len(genes))[gene]
    share: np.ndarray = reached / np.where(sums > 0, sums, np.inf)
    return share


def tracks_evidence(
    links: pl.DataFrame, genes: pl.DataFrame, tracks: Mapping[str, np.ndarray], share: np.ndarray
) -> dict[str, np.ndarray]:
    """What tracks and places say of each link, {name: float64 [links]}, on scales that a linear model can add up.

    Natural logarithms of distance (bp), of ABC's `share`, of 1 + the number of TSSs of other genes between, and of
    every track (mean linear signal [elements]) at the element and at the gene's own TSS window.
    """
    element = links["element"].to_numpy()
    own = genes["element"].to_numpy()[gene_rows(links, genes)]
    levels = {name: np.log(signal + FLOOR) for name, signal in sorted(tracks.items())}
    return {
        "distance": np.log(np.maximum(links["distance"].abs().to_numpy(), NEAREST)),
        "ABC": np.log(share + _SMALL),
        "TSSs between": np.log1p(_between(links, genes)),
        **{name: level[element] for name, level in levels.items()},
        **{f"{name} of the promoter": level[own] for name, level in levels.items()},
    }


def model_evidence(links: pl.DataFrame) -> dict[str, np.ndarray]:
    """What a model says of each link: log attention, and the square root of perturbation with its sign."""
    attention, effect = (links[name].cast(pl.Float64).to_numpy() for name in OF_MODEL)
    return {"attention": np.log(attention + _SMALL), "perturbation": np.sign(effect) * np.sqrt(np.abs(effect))}


def _between(links: pl.DataFrame, genes: pl.DataFrame) -> np.ndarray:
    """Number of TSSs strictly between each element's midpoint and its gene's TSS."""
    found = np.zeros(len(links), np.int64)
    tss, far = links["tss"].to_numpy(), links["distance"].to_numpy()
    low, high = np.minimum(tss, tss + far), np.maximum(tss, tss + far)
    chroms = links["chrom"].to_numpy()
    for chrom in links["chrom"].unique(maintain_order=True):
        rows = np.flatnonzero(chroms == chrom)
        ends = np.sort(genes.filter(pl.col("chrom") == chrom)["tss"].to_numpy())
        found[rows] = np.searchsorted(ends, high[rows], "left") - np.searchsorted(ends, low[rows], "right")
    return np.maximum(found, 0)  # -1 where the element lies on the TSS


def gene_rows(links: pl.DataFrame, genes: pl.DataFrame) -> np.ndarray:
    """Row of each link's gene in `genes`: [links]."""
    order = genes.select("gene_id").with_row_index("gene")
    return links.select("gene_id").join(order, on="gene_id", how="left", maintain_order="left")["gene"].to_numpy()
