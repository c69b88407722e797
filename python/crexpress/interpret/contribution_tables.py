"""Contributions summed by channel, with the factors' expression beside them, and as tracks along the genome."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.errors import InputError
from crexpress.data.factors import levels
from crexpress.data.neighbours import distances
from crexpress.data.store import Store
from crexpress.interpret.contributions import Contributions
from crexpress.models.config import ModelConfig

SITE = "site"  # beside the kinds of input: bases under a motif's matches


class Sites(NamedTuple):
    """motif_hits.parquet as it is used here: the place of each match in its element, and the motifs' factors."""

    table: pl.DataFrame  # element, start, end (in the window), motif; sorted by element
    factors: Mapping[str, str]


def read_sites(hits: pl.DataFrame, about: Mapping[str, list[str]], elements: pl.DataFrame) -> Sites:
    """Matches placed in their windows; InputError for matches in other elements."""
    if len(hits) and (hits["element"].max() or 0) >= len(elements):  # type: ignore[operator]
        raise InputError("the motif hits are of other elements; run score-motifs --p-value on these")
    start = elements["start"][hits["element"]]
    table = hits.select("element", "motif", start=pl.col("start") - start, end=pl.col("end") - start)
    return Sites(table.sort("element", maintain_order=True), dict(zip(about["motifs"], about["factors"], strict=True)))


def link_columns(store: Store, found: Contributions) -> pl.DataFrame:
    """What each link is: gene, element, place and distance, as in a links table."""
    genes, elements = store.genes[found.pairs.gene], store.elements[found.element]
    index = found.element[:, None].astype(np.int32)
    return pl.concat(
        [
            genes.select("gene_id", "gene_name"),
            pl.DataFrame({"element": found.element.astype(np.int32)}),
            elements.select("element_id", "class", "chrom", start="ccre_start", end="ccre_end"),
            genes.select("tss"),
            pl.DataFrame({"distance": distances(genes, store.elements, index)[:, 0]}),
        ],
        how="horizontal",
    )


def link_rows(store: Store, found: Contributions) -> pl.DataFrame:
    """A row a link: the gene's prediction, the effect that contributions sum to, and how exactly they do."""
    return link_columns(store, found).with_columns(
        window=store.elements["start"][found.element],  # where its bases and bins begin
        predicted=found.predicted,
        effect=found.effect,
        error=found.error.astype(np.float32),
        steps=found.steps,
    )


def channel_rows(
    store: Store, config: ModelConfig, cell: int, found: Contributions, sites: Sites | None = None
) -> pl.DataFrame:
    """A row a link and channel: `kind` of input, its `name`, `contribution`, and among those of its kind `rank` (1 is
    the highest). Of a motif also its factor, and the `expression` of that in the cell where it is known.
    """
    channels: list[tuple[str, str, str | None]] = []
    values = []
    if found.bases.shape[2]:
        channels.append(("sequence", "sequence", None))
        values.append((found.bases * found.hypothetical).sum((1, 2))[:, None])
    channels += [("track", name, None) for name in config.tracks]
    values.append(found.signals.sum(2))
    channels += [("motif", name, factor) for name, factor in zip(config.motifs, config.factors, strict=True)]
    values.append(found.motifs)
    if found.profile.shape[1]:
        channels += [("profile", name, None) for name in config.tracks]
        values.append(found.profile.sum(2))
    every = np.concatenate(values, 1)
    links, width = every.shape
    named = pl.DataFrame(channels, schema={"kind": pl.String, "name": pl.String, "factor": pl.String}, orient="row")
    keys = link_columns(store, found).select("gene_id", "gene_name", "element", "element_id", "class", "distance")
    table = pl.concat(
        [
            keys[np.repeat(np.arange(links), width)],
            pl.concat([named] * links) if links else named.clear(),
            pl.DataFrame({"sites": np.full(links * width, None), "contribution": every.reshape(-1).astype(np.float32)},
                         schema_overrides={"sites": pl.Int32}),
        ],
        how="horizontal",
    )  # fmt: skip
    if sites is not None and found.bases.shape[2]:
        table = pl.concat([table, _site_rows(found, keys, sites)])
    rank = pl.col("contribution").rank("ordinal", descending=True).over("gene_id", "element", "kind").cast(pl.Int32)
    table = table.with_columns(rank=rank, expression=_expression(store, cell, table["factor"]))
    return table.sort("gene_id", "element", "kind", "rank", maintain_order=True)


def _site_rows(found: Contributions, keys: pl.DataFrame, sites: Sites) -> pl.DataFrame:
    """Bases under the matches of a motif, summed over its matches; where these overlap a base counts once."""
    table, factors = sites
    element = table["element"].to_numpy()
    bases = (found.bases * found.hypothetical).sum(1)
    parts = []
    for link, own in enumerate(found.element):
        here = table[slice(*np.searchsorted(element, [own, own + 1]))]
        for (motif,), places in here.group_by("motif", maintain_order=True):
            under = np.zeros(bases.shape[1], bool)
            for start, end in places["start", "end"].iter_rows():
                under[max(start, 0) : end] = True
            parts.append((link, motif, factors[str(motif)], len(places), float(bases[link, under].sum())))
    schema = {"link": pl.Int64, "name": pl.String, "factor": pl.String, "sites": pl.Int32, "contribution": pl.Float32}
    rows = pl.DataFrame(parts, schema=schema, orient="row")
    return pl.concat(
        [keys[rows["link"]], rows.select(pl.lit(SITE).alias("kind"), "name", "factor", "sites", "contribution")],
        how="horizontal",
    )


def _expression(store: Store, cell: int, factor: pl.Series) -> pl.Series:
    """Expression of each factor in the cell; null where it is not known."""
    expression = store.cells[cell].expression
    if expression is None:
        return pl.Series("expression", [None] * len(factor), dtype=pl.Float32)
    known = factor.unique().drop_nulls().to_list()
    level = levels(known, store.genes["gene_name"].to_list(), expression)
    return factor.replace_strict(known, level, default=None, return_dtype=pl.Float32).fill_nan(None)


def intervals(
    store: Store, element: np.ndarray, values: np.ndarray, effect: np.ndarray, bin_size: int
) -> Iterator[tuple[str, int, int, float]]:
    """Values [links, bins] of windows along the genome, without zeros, ordered as a bigWig needs them.

    Where several links show a base, that with the largest effect is taken: the gene that it matters to most.
    """
    start = store.elements["start"].to_numpy()[element]
    chrom = store.elements["chrom"].to_numpy()[element]
    for name, length in store.chromosomes:
        here = np.flatnonzero(chrom == name)
        order = here[np.argsort(-np.abs(effect[here]), kind="stable")]
        if not len(order):
            continue
        at = (start[order, None] + np.arange(0, values.shape[1] * bin_size)).ravel()
        value = np.repeat(values[order], bin_size, axis=1).ravel()
        at, first = np.unique(at, return_index=True)  # of equal places the first, which is the strongest link's
        value = value[first]
        inside = (at >= 0) & (value != 0) & ((at < length) if length else True)
        at, value = at[inside], value[inside]
        begins = np.flatnonzero(np.r_[True, (np.diff(at) != 1) | (np.diff(value) != 0)]) if len(at) else at
        ends = np.r_[begins[1:], len(at)] - 1 if len(at) else at
        for low, high in zip(begins, ends, strict=True):
            yield name, int(at[low]), int(at[high]) + 1, float(value[low])
