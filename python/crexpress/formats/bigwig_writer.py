"""Writing a bigWig, by libBigWig; the one place that does.

pybigtools, which reads them here, ends its writing as if all were well where a row is out of order, its iterable
raises, the disk is full or TMPDIR cannot be written. The sums in the zoom levels of both are off: bigwig_zooms fills
them again. The file is read again before it gets its name.
"""

import errno
import struct
import zlib
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from crexpress.core import files
from crexpress.core.errors import InputError
from crexpress.core.native import quiet, refusing
from crexpress.formats import bigwig_zooms
from crexpress.formats.bigwig import BigWig
from crexpress.formats.bigwig_zooms import Columns

Row = tuple[str, int, int, float]  # chromosome, start, end (0-based, half-open), value

_CHUNK = 2**16  # rows
_ZOOMS = 10  # levels at most, each four times as coarse as the one before


def write(path: str | Path, lengths: Mapping[str, int], rows: Iterable[Row]) -> None:
    """Write a bigWig of rows that ascend and lie apart within each chromosome; `lengths` in bp.

    ValueError for rows that a bigWig cannot hold, and for none; OSError where the disk does not take the file whole.
    """
    path, table = Path(path), _columns(rows)
    if not table:
        raise ValueError(f"{path}: a bigWig of no rows")
    for chrom, (start, end, value) in table.items():
        wrong = (start >= end) | (end > lengths[chrom]) | ~np.isfinite(value)
        wrong[1:] |= start[1:] < end[:-1]
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ValueError(
                f"{path}: {chrom}:{start[at]}-{end[at]} ({value[at]}) does not ascend, overlaps the row before, is not "
                f"finite, or ends behind base {lengths[chrom]}"
            )
    with files.replacing(path) as temporary, TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        made = Path(folder, "made.bw")  # the reader wants this ending
        try:
            with quiet():
                _write(made, lengths, table)
            bigwig_zooms.correct(made, sorted(lengths), table)
            whole = _holds(made, table)
        except (RuntimeError, InputError, struct.error, zlib.error):
            whole = False
        if not whole:  # where the disk is full now, `replacing` says so; it may have been full for a while only
            raise OSError(errno.EIO, "it was not written whole; is the disk full?", str(path))
        made.replace(temporary)


def _columns(rows: Iterable[Row]) -> dict[str, Columns]:
    """Rows by chromosome; float32 values, as the format has them."""
    found: dict[str, tuple[array[Any], ...]] = {}
    for chrom, start, end, value in rows:
        if chrom not in found:
            found[chrom] = array("q"), array("q"), array("f")
        for column, entry in zip(found[chrom], (start, end, value), strict=True):
            column.append(entry)
    return {chrom: tuple(map(np.asarray, found[chrom])) for chrom in sorted(found)}  # type: ignore[misc]


def _write(path: Path, lengths: Mapping[str, int], table: Mapping[str, Columns]) -> None:
    """RuntimeError where the library knows that it failed."""
    import pyBigWig

    file = pyBigWig.open(str(path), "w")
    try:
        file.addHeader(sorted(lengths.items()), maxZooms=_ZOOMS)
        for chrom, columns in table.items():
            for low in range(0, len(columns[0]), _CHUNK):
                start, end, value = (column[low : low + _CHUNK].tolist() for column in columns)
                file.addEntries([chrom] * len(start), start, ends=end, values=value)
    finally:
        file.close()


def _holds(path: Path, table: Mapping[str, Columns]) -> bool:
    """Whether the file has these rows and no others; InputError where it cannot be read."""
    with refusing(f"{path} is not whole", "write it again"):
        file = BigWig(path)
        return all(
            all(np.array_equal(was, now) for was, now in zip(columns, file.records(chrom), strict=True))
            for chrom, columns in table.items()
        )
