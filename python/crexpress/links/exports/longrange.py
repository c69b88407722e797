"""Links in the WashU Epigenome Browser's longrange format, with its tabix index.

https://epgg.github.io/docs/longrange.html: each link stands at both of its ends.
"""

from pathlib import Path

import polars as pl

from crexpress.core import files
from crexpress.links.exports.shown import Shown
from crexpress.links.exports.text import write_indexed


def write(path: Path, shown: Shown) -> None:
    """bgzipped rows "chrom, start, end, chrom:start-end,score", and PATH.tbi."""
    tss_end = pl.col("tss") + 1
    score = pl.col(shown.score).round_sig_figs(files.FIGURES)
    there = pl.format("{}:{}-{},{}", "chrom", "tss", tss_end, score).alias("other")
    back = pl.format("{}:{}-{},{}", "chrom", "start", "end", score).alias("other")
    both = pl.concat(
        [
            shown.chosen.select("chrom", "start", "end", there),
            shown.chosen.select("chrom", pl.col("tss").alias("start"), tss_end.alias("end"), back),
        ]
    )
    write_indexed(path, both.sort("chrom", "start", "end", "other"))
