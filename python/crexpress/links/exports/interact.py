"""Links in UCSC's interact format (a custom track; without its first line, and sorted, what bedToBigBed takes).

https://genome.ucsc.edu/goldenPath/help/interact.html: 18 columns, of which the first three span both ends.
"""

from pathlib import Path

import polars as pl

from crexpress.links.exports.shown import Shown
from crexpress.links.exports.text import write_gzip


def write(path: Path, shown: Shown) -> None:
    """Gzipped interact: from the element (source) to the TSS (target); `value` is the score itself."""
    rows = shown.sorted()
    tss_end = pl.col("tss") + 1
    table = rows.with_columns(shown.shades(rows[shown.score])).select(
        "chrom",
        pl.min_horizontal("start", "tss").alias("from"),
        pl.max_horizontal("end", tss_end).alias("to"),
        pl.format("{}|{}", "element_id", "gene_name").alias("name"),
        "shade",
        pl.col(shown.score).alias("value"),
        pl.lit(shown.cell).alias("exp"),
        pl.lit("0").alias("color"),
        *(pl.col("chrom").alias("sourceChrom"), pl.col("start").alias("sourceStart"), pl.col("end").alias("sourceEnd")),
        *(pl.col("element_id").alias("sourceName"), pl.lit(".").alias("sourceStrand")),
        *(pl.col("chrom").alias("targetChrom"), pl.col("tss").alias("targetStart"), tss_end.alias("targetEnd")),
        *(pl.col("gene_name").alias("targetName"), pl.lit(".").alias("targetStrand")),
    )
    head = (
        f'track type=interact name="{shown.cell} links" description="Element-gene links of {shown.cell}, '
        f'{shown.label}" interactDirectional=true useScore=on visibility=full\n'
    )
    write_gzip(path, table, head)
