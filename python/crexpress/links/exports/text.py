"""Write text for browsers, compressed; the same rows give the same bytes."""

import gzip
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from crexpress.core import files


def write_gzip(path: Path, rows: pl.DataFrame, head: str = "", names: bool = False) -> None:
    """A table of tabs, gzipped; `head` are lines above it, `names` writes those of the columns."""
    text = files.significant(rows).write_csv(separator="\t", include_header=names)
    with files.replacing(path) as temporary:
        temporary.write_bytes(gzip.compress((head + text).encode(), 6, mtime=0))  # no date


def write_indexed(path: Path, rows: pl.DataFrame) -> None:
    """A table whose columns are chrom, start, end, ..., in order, by bgzip, and its index PATH.tbi."""
    import pysam

    with TemporaryDirectory() as folder:
        plain, packed = Path(folder, "rows"), Path(folder, "rows.gz")
        files.significant(rows).write_csv(plain, separator="\t", include_header=False)
        pysam.tabix_compress(str(plain), str(packed), force=True)
        pysam.tabix_index(str(packed), preset="bed", force=True)
        for source, target in ((packed, path), (Path(f"{packed}.tbi"), Path(f"{path}.tbi"))):
            with files.replacing(target) as temporary:
                shutil.copyfile(source, temporary)
