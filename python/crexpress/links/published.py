"""Scored links as intervals: what an importer reads of another method's table, and what ours become beside it.

Every pair of a benchmark takes the scores of the predicted elements that its interval overlaps or touches, put together
as the method's authors do (sum, mean, max); where there is none, the declared fill.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from crexpress.core import groups
from crexpress.core.intervals import any_overlap, overlapping
from crexpress.core.methods import Method

Aggregate = Literal["max", "sum", "mean"]
AGGREGATES: tuple[Aggregate, ...] = ("max", "sum", "mean")
_TSS_HALF = 250  # bp: half of the TSS interval of CRISPR_comparison
_PLACE = ("chrom", "start", "end", "key")


@dataclass(frozen=True)
class Score:
    """A column of links: its name for readers, what it is, how pairs take it (`fill` on the column's scale), and the
    cells to whose screens it was fitted (None: not known).
    """

    label: str
    method: Method
    higher_is_better: bool = True
    aggregate: Aggregate = "max"
    fill: float = float("-inf")
    fitted_to: tuple[str, ...] | None = None

    @property
    def sign(self) -> int:
        return 1 if self.higher_is_better else -1

    @property
    def worst(self) -> float:
        """The fill where higher is better; a fill that is not finite is the worst value."""
        return self.sign * self.fill if np.isfinite(self.fill) else -np.inf


@dataclass(frozen=True)
class Linkset:
    """Links of one cell (None: of whichever is asked): `table` has chrom, start, end, `key` of the gene, scores, and
    `ensembl` ids where no annotation has told yet which gene is which; `build` is the genome build, where one is said.
    """

    cell: str | None
    table: pl.DataFrame
    scores: Mapping[str, Score]
    elements_on_tss: int = 0  # links left out because their element lies on a TSS interval
    build: str | None = None

    @property
    def labels(self) -> str:
        """The names of its scores, for readers."""
        return ", ".join(score.label for score in self.scores.values())


def gene_keys(frame: pl.DataFrame, genes: pl.DataFrame | None) -> pl.Series:
    """What genes of `frame` (`ensembl`, `symbol`, either may be null) are compared by: String [rows], null if unnamed.

    The gene_id of `genes` by Ensembl id without version, then by a symbol that one gene has; a gene that is not there
    is known by its symbol, else its id.
    """
    bare = frame["ensembl"].str.split(".").list.first()
    if genes is None:
        return pl.select(pl.coalesce(frame["symbol"], bare)).to_series()
    by_id = genes.select(pl.col("gene_id").str.split(".").list.first().alias("bare"), "gene_id").unique(
        "bare", keep="first"
    )
    by_symbol = genes.filter(pl.col("gene_name").is_unique())
    of_id = bare.replace_strict(by_id["bare"], by_id["gene_id"], default=None, return_dtype=pl.String)
    of_symbol = frame["symbol"].replace_strict(
        by_symbol["gene_name"], by_symbol["gene_id"], default=None, return_dtype=pl.String
    )
    return pl.select(pl.coalesce(of_id, of_symbol, frame["symbol"], bare)).to_series()


def named_as(links: Linkset, known: pl.DataFrame) -> Linkset:
    """The links with the `key` that `known` (`ensembl`, `key`) has for their Ensembl ids, symbols of another release or
    not; those whose id is not there keep theirs.
    """
    bare = known["ensembl"].str.split(".").list.first()
    keys = pl.DataFrame({"bare": bare, "key": known["key"]}).drop_nulls().unique("bare", keep="first")
    ids = links.table["ensembl" if "ensembl" in links.table.columns else "key"].str.split(".").list.first()
    of_id = ids.replace_strict(keys["bare"], keys["key"], default=None, return_dtype=pl.String)
    return replace(links, table=links.table.with_columns(pl.coalesce(of_id, "key").alias("key")))


def without_promoters(links: Linkset, genes: pl.DataFrame) -> Linkset:
    """The links less those whose element overlaps any 500-bp TSS interval, which is half-open."""
    windows = genes.drop_nulls("tss").select("chrom", start=pl.col("tss") - _TSS_HALF, end=pl.col("tss") + _TSS_HALF)
    extents = links.table.select("chrom", "start", "end").unique(maintain_order=True)
    on_tss = extents.filter(pl.Series(any_overlap(extents, windows.cast({"start": pl.Int64, "end": pl.Int64}))))
    kept = links.table.join(on_tss, on=["chrom", "start", "end"], how="anti", maintain_order="left")
    return replace(links, table=kept, elements_on_tss=len(links.table) - len(kept))


def of_pairs(pairs: pl.DataFrame, links: Linkset) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every score of every pair (chrom, start, end, key), float64 where higher is better, and which pairs have a link.

    {column: [pairs]}, bool [pairs]. A pair without a link has the score's fill; so has one whose links have no value.
    """
    few = links.table.filter(pl.col("key").is_in(pairs["key"].drop_nulls().unique().implode()))
    found: dict[str, np.ndarray] = {}
    places = few.select("chrom", "start", "end").unique(maintain_order=True).with_row_index("place")
    pair, place = overlapping(pairs.select("chrom", "start", "end"), places, touching=True)
    hits = pl.DataFrame({"pair": pair, "place": place.astype(np.uint32), "key": pairs["key"].gather(pair)})
    own = few.join(places, on=["chrom", "start", "end"]).select("place", "key", *links.scores)
    hits = hits.join(own, on=["place", "key"])
    covered = np.zeros(len(pairs), bool)
    covered[hits["pair"].unique().to_numpy()] = True
    for column, score in links.scores.items():
        signed = (score.sign * pl.col(column).cast(pl.Float64)).fill_nan(None)
        together = {"max": signed.max(), "sum": groups.total(signed), "mean": groups.average(signed)}[score.aggregate]
        best = hits.filter(pl.col(column).is_not_null()).group_by("pair").agg(together.alias("value")).drop_nulls()
        values = np.full(len(pairs), score.worst, np.float64)
        values[best["pair"].to_numpy()] = best["value"].to_numpy()
        found[column] = values
    return found, covered


def of_links(cell: str, table: pl.DataFrame, elements: pl.DataFrame, scores: Mapping[str, Score]) -> Linkset:
    """A links table of the house (gene_id, element, scores) as intervals: the extents of its cCREs."""
    row = table["element"].to_numpy()
    extents = elements.select("chrom", "ccre_start", "ccre_end")[row]
    frame = pl.DataFrame(
        {"chrom": extents["chrom"], "start": extents["ccre_start"], "end": extents["ccre_end"], "key": table["gene_id"]}
    )
    return Linkset(cell, frame.hstack(table.select(*scores)), scores)
