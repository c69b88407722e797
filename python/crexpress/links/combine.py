"""Link scores made of others: attention, perturbation, ABC and learned activity with each other."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import artifacts, methods
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.data import neighbours
from crexpress.data.neighbours import PAD
from crexpress.links.closed_forms import enhancer_activity, linear_signal
from crexpress.links.shares import abc, gene_rows, learned_share


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
    elements: pl.DataFrame,
    genes: pl.DataFrame,
    genes_file: Path,
    like: Header,
    signals: Path,
    cell: str,
    chosen: Collection[str] = (),
) -> World:
    """The cell's `chosen` tracks (none: all) beside the elements and genes of `genes_file`, whose header is `like`.

    Raises InputError for signals of another cell or other elements, or without the tracks that are chosen or ABC's.
    """
    header, tensors = artifacts.open_arrays(signals, "signals")
    artifacts.require_same("elements", signals, header, genes_file, like)
    if header["cell"] != cell:
        raise InputError(f"{signals} is of {header['cell']}, the links are of {cell}; give this cell's signals")
    for name in chosen:
        if name not in tensors:
            raise InputError(f"{signals} has no track {name}; it has {', '.join(tensors)}")
    kept = {name: tensor for name, tensor in tensors.items() if not chosen or name in chosen}
    tracks = linear_signal(kept, header["parameters"]["transform"])
    artifacts.require_finite(signals, tracks)
    artifacts.require_rows(signals, tracks, genes_file, len(elements))
    activity = enhancer_activity(tracks)
    if activity is None:
        raise InputError(f"{signals} has no ABC: that needs h3k27ac and dnase or atac, not only {', '.join(tracks)}")
    return World(elements, genes, tracks, activity)


def combine(links: pl.DataFrame, world: World, window: int) -> Iterator[pl.DataFrame]:
    """The links of one chromosome after another with all combined scores, float32.

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
