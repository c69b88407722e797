"""Files of a whole genome: FASTA for random access, and chromosome lengths from whatever lists them."""

import gzip
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.core.native import refusing

if TYPE_CHECKING:
    import pysam
from crexpress.formats import fasta_index
from crexpress.formats.bigwig_index import open_bigwig
from crexpress.formats.text_files import compression_of, read_table


def chromosome_sizes(path: str | Path) -> dict[str, int]:
    """Chromosome lengths in bp, in the file's order, of a .fai, chrom.sizes, FASTA or bigWig."""
    path = Path(path)
    name = path.name.lower()
    if name.endswith((".bw", ".bigwig")):
        return _bigwig_sizes(path)
    if re.search(r"\.(fa|fasta|fna)(\.b?gz)?$", name):
        index = path.with_name(path.name + ".fai")
        newer = index.exists() and index.stat().st_mtime_ns >= path.stat().st_mtime_ns
        if not (newer and compression_of(path) == "gzip"):  # which would have to be unpacked for its lengths alone
            with open_fasta(path) as file:
                return dict(zip(file.references, file.lengths, strict=True))
        path = index
    table = read_table(path, 2)
    lengths = table["column_2"].cast(pl.Int64, strict=False)
    bad = table.filter(lengths.is_null() | (lengths <= 0))
    if len(bad):
        raise InputError(f"{path} line {bad['line'][0]}: '{bad['column_2'][0]}' is not a chromosome length")
    if table["column_1"].is_duplicated().any():
        twice = table["column_1"].filter(table["column_1"].is_duplicated())[0]
        raise InputError(f"{path} lists chromosome {twice} twice; keep one line a chromosome")
    return dict(zip(table["column_1"].to_list(), lengths.to_list(), strict=True))


@contextmanager
def open_fasta(path: str | Path) -> Iterator["pysam.FastaFile"]:
    """A FASTA, plain or compressed, opened for random access; an index that it lacks, or that is of another file, is
    made in a temporary place.

    bgzip is read as it stands. UCSC and ENCODE compress by gzip, in which no place can be sought: such a file
    is unpacked in the temporary place first.
    """
    import pysam

    path = given = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        compression = compression_of(path)
        if compression == "gzip":
            path = _unpacked(path, Path(folder, "genome.fa"))
        compressed = compression == "bgzip"
        index, blocks = Path(f"{path}.fai"), Path(f"{path}.gzi")
        there = index.exists() and (not compressed or blocks.exists())
        if there and not fasta_index.fits(path, index, blocks if compressed else None):
            log.say(f"{index} is older than {path}, or of another file: it is not used, the run makes one of its own")
            there = False
        try:
            if not there:
                index, blocks = Path(folder, "index.fai"), Path(folder, "index.gzi")
                pysam.faidx(str(path), "--fai-idx", str(index), *(["--gzi-idx", str(blocks)] if compressed else []))
            file = pysam.FastaFile(
                str(path),
                filepath_index=str(index),
                filepath_index_compressed=str(blocks) if compressed else None,
            )
        except (pysam.SamtoolsError, OSError, ValueError):
            raise InputError(
                f"{given} is not a FASTA that can be indexed (it is cut off or not FASTA); copy or download it again"
            ) from None
        with file:
            yield file


def _unpacked(path: Path, plain: Path) -> Path:
    """A gzipped file, unpacked to `plain`; InputError when it is cut off or the disk is full."""
    log.say(f"{path} is gzipped, not bgzipped: unpacked to {plain.parent} for the time being")
    try:
        with gzip.open(path) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target, 2**20)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path} is cut off or damaged; copy or download it again") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be unpacked to {plain.parent} ({error}); set TMPDIR to a larger disk"
        ) from None
    return plain


def _bigwig_sizes(path: Path) -> dict[str, int]:
    with refusing(f"{path} is not a readable bigWig file", "fetch it again"), open_bigwig(path) as file:
        return dict(file.chroms())
