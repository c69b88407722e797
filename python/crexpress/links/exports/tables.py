"""Links as tables that spreadsheets, R and pandas read."""

from pathlib import Path

import polars as pl

from crexpress.core import files
from crexpress.links.exports.bed import by_element
from crexpress.links.exports.shown import Shown
from crexpress.links.exports.text import write_gzip

_FIGURES = 4  # as people read them; the artefact has all


def ranked(shown: Shown) -> pl.DataFrame:
    """The chosen links with the rank of each among its gene's."""
    return shown.chosen.with_columns((pl.int_range(pl.len()).over("gene_id") + 1).alias("rank"))


def write_tsv(path: Path, shown: Shown) -> None:
    """Gzipped text with names of columns."""
    write_table(path, ranked(shown))


def write_table(path: Path, rows: pl.DataFrame) -> None:
    """A table as gzipped text with names of columns."""
    write_gzip(path, files.significant(rows, _FIGURES), names=True)


def write_parquet(path: Path, shown: Shown) -> None:
    """Parquet without our header: a part of a cell's links is no artefact that other tools should find."""
    with files.replacing(path) as temporary:
        ranked(shown).write_parquet(temporary, compression="zstd")


def write_elements(path: Path, shown: Shown) -> None:
    """Gzipped text, one row an element: which genes does it drive?"""
    rows = by_element(shown.chosen, shown.score).sort("chrom", "start", "end", "element_id")
    write_table(path, rows.rename({"best": f"best_{shown.score}", "sum": f"sum_{shown.score}"}))
