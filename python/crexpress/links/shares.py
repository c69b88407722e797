"""What is made of a link beside a network's scores: ABC, and ABC with the activity that the network learned."""

import numpy as np
import polars as pl

from crexpress.data.neighbours import NEAREST
from crexpress.links.closed_forms import activity_sums


def abc(links: pl.DataFrame, elements: pl.DataFrame, genes: pl.DataFrame, activity: np.ndarray) -> np.ndarray:
    """Share that activity/distance of each link has of its gene's, float64 [links] (see `closed_forms`)."""
    sums = activity_sums(genes, elements, activity)[gene_rows(links, genes)]
    near = np.maximum(links["distance"].abs().to_numpy(), NEAREST)
    share: np.ndarray = activity[links["element"].to_numpy()] / near / np.where(sums > 0, sums, np.inf)
    return share


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


def gene_rows(links: pl.DataFrame, genes: pl.DataFrame) -> np.ndarray:
    """Row of each link's gene in `genes`: [links]."""
    order = genes.select("gene_id").with_row_index("gene")
    return links.select("gene_id").join(order, on="gene_id", how="left", maintain_order="left")["gene"].to_numpy()
