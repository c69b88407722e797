"""Links as BEDPE, which IGV, bedtools and most browsers read."""

from pathlib import Path

import polars as pl

from crexpress.links.exports.shown import Shown
from crexpress.links.exports.text import write_gzip

_HEAD = "#chrom1\tstart1\tend1\tchrom2\tstart2\tend2\tname\tscore\n"


def write(path: Path, shown: Shown) -> None:
    """Gzipped BEDPE: the element, the TSS, "element|gene", the score."""
    _write(path, shown.chosen, shown.score)


def write_bedpe(path: Path, links: pl.DataFrame, score: str, top: int) -> None:
    """The `top` links of every gene by a score."""
    _write(path, links.filter(pl.col(score).rank("ordinal", descending=True).over("gene_id") <= top), score)


def _write(path: Path, links: pl.DataFrame, score: str) -> None:
    rows = links.select(
        *("chrom", "start", "end", pl.col("chrom").alias("chrom2"), pl.col("tss").alias("start2")),
        *((pl.col("tss") + 1).alias("end2"), pl.format("{}|{}", "element_id", "gene_name").alias("name"), score),
    )
    write_gzip(path, rows, _HEAD)
