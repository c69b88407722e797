"""Tables of interpretation: parquet for crexpress and other programs, and the same as text for people."""

from pathlib import Path

import polars as pl

from crexpress.core import artifacts, files


def write(path: Path, table: pl.DataFrame, header: artifacts.Header) -> None:
    """PATH (.parquet), and .tsv beside it with all digits of its numbers."""
    artifacts.write_table(path, table, header)
    files.write_tsv(path.with_suffix(".tsv"), table, None)
