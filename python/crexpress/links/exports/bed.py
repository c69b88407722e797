"""The elements of links as BED, in the colours that ENCODE gives classes of cCREs."""

from pathlib import Path

import polars as pl

from crexpress.core import groups
from crexpress.links.exports.shown import Shown
from crexpress.links.exports.text import write_indexed

# of SCREEN's registry, versions 3 and 4; the first word of a class ("dELS,CTCF-bound") is what is looked up
COLOURS = {
    "PLS": "255,0,0",
    "pELS": "255,167,0",
    "dELS": "255,205,0",
    "DNase-H3K4me3": "255,170,170",
    "CA-H3K4me3": "255,170,170",
    "CTCF-only": "0,176,240",
    "CA-CTCF": "0,176,240",
    "CA-TF": "190,40,229",
    "TF": "214,132,237",
    "CA": "6,218,147",
}
OTHER = "138,143,152"


def write(path: Path, shown: Shown) -> None:
    """bgzipped BED9 of the chosen links' elements, shaded by their strongest link, and PATH.tbi."""
    rows = by_element(shown.chosen, shown.score).sort("chrom", "start", "end", "element_id")
    kind = pl.col("class").str.split(",").list.first().replace_strict(COLOURS, default=OTHER)
    table = rows.with_columns(shown.shades(rows["best"])).select(
        *("chrom", "start", "end", "element_id", "shade", pl.lit(".").alias("strand")),
        *(pl.col("start").alias("thickStart"), pl.col("end").alias("thickEnd"), kind.alias("itemRgb")),
    )
    write_indexed(path, table)


def by_element(links: pl.DataFrame, score: str) -> pl.DataFrame:
    """A row for each element of some links: its genes, the strongest first, its best score and their sum."""
    return (
        links.sort(pl.col(score), descending=True, maintain_order=True)
        .group_by("element_id", "chrom", "start", "end", "class", maintain_order=True)
        .agg(
            pl.len().alias("genes"),
            pl.col("gene_name").str.join(",").alias("gene_names"),
            pl.col("gene_id").str.join(",").alias("gene_ids"),
            pl.col(score).max().alias("best"),
            groups.total(pl.col(score)).alias("sum"),
        )
    )
