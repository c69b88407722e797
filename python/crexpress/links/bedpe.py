"""Links as BEDPE, for genome browsers."""

import gzip
from pathlib import Path

import polars as pl

from crexpress.core import files


def write_bedpe(path: Path, links: pl.DataFrame, score: str, top: int) -> None:
    """The `top` links of every gene by a score as gzipped BEDPE (element, TSS), for genome browsers."""
    best = links.filter(pl.col(score).rank("ordinal", descending=True).over("gene_id") <= top)
    name = pl.format("{}|{}", "element_id", "gene_name")
    rows = best.select(
        "chrom",
        "start",
        "end",
        pl.col("chrom").alias("chrom2"),
        pl.col("tss").alias("start2"),
        (pl.col("tss") + 1).alias("end2"),
        name.alias("name"),
        pl.col(score),
    )
    text = rows.write_csv(separator="\t", include_header=False, float_precision=6).encode()
    with files.replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(text, mtime=0))  # no date, so the same links give the same bytes
