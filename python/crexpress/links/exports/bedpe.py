"""Links as BEDPE, which IGV, bedtools and most browsers read; in colours by gene, which IGV shows."""

from pathlib import Path

import polars as pl

from crexpress.links.exports.shown import Shown
from crexpress.links.exports.text import write_gzip

_HEAD = "#chrom1\tstart1\tend1\tchrom2\tstart2\tend2\tname\tscore\tstrand1\tstrand2\tcolor\n"
# of Okabe and Ito, which colour-blind people tell apart; neighbouring genes have different ones. The column stands
# behind the strands, which other programs read by their place
_COLOURS = ("0,114,178", "213,94,0", "0,158,115", "204,121,167", "230,159,0", "86,180,233")


def write(path: Path, shown: Shown) -> None:
    """Gzipped BEDPE: the element, the TSS, "element|gene", the score."""
    _write(path, shown.chosen, shown.score)


def write_bedpe(path: Path, links: pl.DataFrame, score: str, top: int) -> None:
    """The `top` links of every gene by a score."""
    _write(path, links.filter(pl.col(score).rank("ordinal", descending=True).over("gene_id") <= top), score)


def _write(path: Path, links: pl.DataFrame, score: str) -> None:
    genes = links.select("chrom", "tss", "gene_id").unique().sort("chrom", "tss", "gene_id").with_row_index("gene")
    colours = pl.Series("color", _COLOURS).gather(genes["gene"] % len(_COLOURS))
    links = links.join(genes.with_columns(colours), on=["chrom", "tss", "gene_id"], maintain_order="left")
    rows = links.select(
        *("chrom", "start", "end", pl.col("chrom").alias("chrom2"), pl.col("tss").alias("start2")),
        *((pl.col("tss") + 1).alias("end2"), pl.format("{}|{}", "element_id", "gene_name").alias("name"), score),
        *(pl.lit(".").alias("strand1"), pl.lit(".").alias("strand2"), "color"),
    )
    write_gzip(path, rows, _HEAD)
