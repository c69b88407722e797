"""Products of a network's link scores with ABC and with each other, and ABC with the activity that it learned."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import artifacts, groups, methods
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.data import neighbours
from crexpress.data.neighbours import NEAREST, PAD
from crexpress.links.closed_forms import activity_sums, enhancer_activity, linear_signal


def _score(name: str, label: str, kind: str, model: bool) -> dict[str, Any]:
    return {"name": name, "label": label, "higher_is_better": True, "kind": kind, "model": model}


_PRODUCTS = {
    "attention_perturbation": "attention x perturbation",
    "attention_abc": "attention x ABC",
    "perturbation_abc": "perturbation x ABC",
    "learned_contact": "learned activity x contact",
    "learned_contact_abc": "learned activity x contact x ABC",
}
SCORES = [
    _score("abc", "ABC of the element", methods.CLOSED_FORM, model=False),
    *(_score(name, label, methods.MODEL, model=True) for name, label in _PRODUCTS.items()),
]


class World(NamedTuple):
    """Elements, genes and the cell's tracks: {name: mean linear signal [elements]}, with their ABC activity."""

    elements: pl.DataFrame
    genes: pl.DataFrame
    tracks: Mapping[str, np.ndarray]
    activity: np.ndarray


def read_world(
    elements: pl.DataFrame, genes: pl.DataFrame, genes_file: Path, like: Header, signals: Path, cell: str
) -> World:
    """The cell's tracks beside the elements and genes of `genes_file`, whose header is `like`.

    Raises InputError for signals of another cell or other elements, or without the tracks that ABC needs.
    """
    header, tensors = artifacts.open_arrays(signals, "signals")
    artifacts.require_same("elements", signals, header, genes_file, like)
    if header["cell"] != cell:
        raise InputError(f"{signals} is of {header['cell']}, the links are of {cell}; give this cell's signals")
    tracks = linear_signal(tensors, header["parameters"]["transform"])
    artifacts.require_finite(signals, tracks)
    artifacts.require_rows(signals, tracks, genes_file, len(elements))
    activity = enhancer_activity(tracks)
    if activity is None:
        raise InputError(f"{signals} has no ABC: that needs h3k27ac and dnase or atac, not only {', '.join(tracks)}")
    return World(elements, genes, tracks, activity)


def products(links: pl.DataFrame, world: World, window: int = 0) -> Iterator[pl.DataFrame]:
    """A network's links of one chromosome after another with all of `SCORES`, float32; `window`: see `widen`.

    The products are geometric means; what a model thinks to be repressing has none with activity.
    """
    for chrom in world.genes["chrom"].unique(maintain_order=True):
        genes = world.genes.filter(pl.col("chrom") == chrom)
        seen = links.filter(pl.col("chrom") == chrom)
        own = widen(seen, genes, world.elements, window)
        share, learned = abc(own, world.elements, genes, world.activity), learned_share(own, seen, genes)
        attention, effect = (own[name].cast(pl.Float64).to_numpy() for name in ("attention", "perturbation"))
        effect = np.maximum(effect, 0)
        scores = {
            "abc": share,
            "attention_perturbation": np.sqrt(attention * effect),
            "attention_abc": np.sqrt(attention * share),
            "perturbation_abc": np.sqrt(effect * share),
            "learned_contact": learned,
            "learned_contact_abc": np.sqrt(learned * share),
        }
        yield own.with_columns(pl.Series(name, values.astype(np.float32)) for name, values in scores.items())


def widen(links: pl.DataFrame, genes: pl.DataFrame, elements: pl.DataFrame, window: int) -> pl.DataFrame:
    """`links` of these genes, and all other elements in `window` bp centred on the TSS, whose scores are 0.

    A model neither attends to an element that it does not see nor changes with it. Sorted by gene, then distance.
    """
    if window:
        index = neighbours.within(genes, elements, window)
        index[:, index.shape[1] // 2] = PAD
        gene, column = np.nonzero(index != PAD)
        element = index[gene, column]
        around = pl.concat(
            [
                genes.select("gene_id", "gene_name", "tss")[gene],
                elements.select("element_id", "class", "chrom", start="ccre_start", end="ccre_end")[element],
                pl.DataFrame(
                    {"element": element, "distance": neighbours.distances(genes, elements, index)[gene, column]}
                ),
            ],
            how="horizontal",
        )
        unseen = around.join(links, on=["gene_id", "element"], how="anti")
        links = pl.concat([links, unseen.cast({"tss": pl.Int64, "distance": pl.Int64})], how="diagonal")
        links = links.with_columns(pl.col(pl.Float32).fill_null(0))
    order = pl.Series("gene", gene_rows(links, genes))
    return links.with_columns(order).sort("gene", "distance", "element").drop("gene")


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
    effect = groups.total(pl.col("perturbation").cast(pl.Float64).clip(lower_bound=0))
    contact = groups.total(1 / pl.col("distance").abs().clip(lower_bound=NEAREST))
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
