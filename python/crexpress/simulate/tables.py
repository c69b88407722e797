"""Compressed text of simulated cases, the same bytes for the same text."""

import gzip
from pathlib import Path

import polars as pl


def write_compressed(path: Path, text: str) -> None:
    """Gzip without date or name, so that the same text gives the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.encode())


def write_table(path: Path, frame: pl.DataFrame, header: bool = True) -> None:
    """A gzipped table of tabs."""
    write_compressed(path, frame.write_csv(separator="\t", include_header=header))
