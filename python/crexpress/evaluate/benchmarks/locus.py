"""One gene's elements against a list of known ones (CREaTor, Fig. 2f: MYC), and where each score puts them."""

import numpy as np
import polars as pl

from crexpress.core.errors import InputError
from crexpress.core.intervals import any_overlap
from crexpress.evaluate.benchmarks import pairs as measures
from crexpress.evaluate.benchmarks import same_build
from crexpress.evaluate.benchmarks.base import Entry, Found, World
from crexpress.evaluate.benchmarks.predictors import labelled
from crexpress.formats import places
from crexpress.prepare.elements import TSS

REACH = 2_000_000  # bp


def score(entry: Entry, world: World) -> Found:
    """Average precision and top-k rate of a gene's cCREs within 2 Mb, those that overlap a known element positive.

    Options: `gene` (symbol or id; needed), `reach` in bp, `build` and `chain` as of screens. The table locus.NAME has
    every element, score and rank: of those that a score covers, the mean of the places where several tie. Intervals
    are over elements. Raises InputError for a gene that is not there, and where no known element overlaps a cCRE.
    """
    if entry.file is None or world.genes is None or world.elements is None:
        raise InputError(f"{entry.name}: a locus needs a BED of known elements, --elements and --genes; give all three")
    name = entry.options.get("gene", "")
    bare = pl.col("gene_id").str.split(".").list.first()
    found = world.genes.filter((pl.col("gene_name") == name) | (pl.col("gene_id") == name) | (bare == name))
    if len(found) != 1:
        raise InputError(
            f"{entry.name}: {len(found)} genes are called '{name}'; name one in the column gene of benchmarks.csv"
        )
    gene = found.row(0, named=True)
    read = places.read(entry.file, "known element")
    build = same_build.said(entry, world)
    read, notes = same_build.lifted(read, entry, "known elements")
    known = places.respelt(read, world.elements["chrom"].unique(), entry.file)
    same_build.require_within(entry, known, world)
    if build is None:
        notes += same_build.require_on_elements(entry, known, world)
    cell = entry.cell or next(iter(world.cells()), None)
    if cell is None:
        raise InputError(f"{entry.name}: there is no cell to score; fill the column cell of benchmarks.csv")
    table = elements_of(world.elements, gene, int(entry.options.get("reach", REACH)))
    positive = any_overlap(table.select("chrom", "start", "end"), known)
    if not positive.any():
        raise InputError(
            f"{entry.file}: no element of it overlaps a cCRE around {name}; is it of the same genome build?"
        )
    marked, told = labelled(entry.name, cell, table, positive, world, world.genes)
    rows, curves = measures.measure(marked, world.resamples, world.seed)
    said = {
        label: pl.Series(np.where(np.isfinite(values) & marked.covered.get(label, True), values, np.nan)).fill_nan(None)
        for label, values in marked.scores.items()
    }
    ranked = table.select("chrom", "start", "end", "distance").with_columns(
        pl.Series("known", positive),
        *(values.alias(label) for label, values in said.items()),
        *(values.rank("average", descending=True).alias(f"{label}: rank") for label, values in said.items()),
    )
    return Found(rows, curves, [*notes, *told], {f"locus.{entry.name}": ranked})


def elements_of(elements: pl.DataFrame, gene: dict[str, object], reach: int) -> pl.DataFrame:
    """The cCREs within `reach` bp of a gene's TSS, as pairs with it; by place. A column `element` is kept."""
    own = elements.filter(pl.col("class") != TSS, pl.col("chrom") == gene["chrom"])
    table = own.select(
        *("chrom", *(["element"] if "element" in own.columns else [])),
        *(pl.col(f"ccre_{side}").alias(side) for side in ("start", "end")),
        pl.lit(gene["gene_id"]).alias("gene_id"),
        pl.lit(gene["gene_name"]).alias("gene"),
        pl.lit(gene["gene_id"]).alias("key"),
        (((pl.col("ccre_start") + pl.col("ccre_end")) // 2) - pl.lit(gene["tss"])).alias("distance"),
    )
    return table.filter(pl.col("distance").abs() <= reach).sort("start")
