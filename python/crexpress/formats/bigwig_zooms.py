"""The zoom levels of a bigWig, from which browsers draw whole chromosomes: exact ones.

libBigWig lays them out well (its records cover every base once) and counts their bases, but its sums are off by up to
some per cent. Here each record is filled again from the rows, in its place; layout: Kent et al. 2010, Bioinformatics
26:2204, tables 5 to 19 of the supplement.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

Columns = tuple[np.ndarray, np.ndarray, np.ndarray]  # start, end, value of a chromosome's rows, ascending and apart

_RECORD = np.dtype(
    [(name, "<u4") for name in ("chrom", "start", "end", "bases")]
    + [(name, "<f4") for name in ("min", "max", "sum", "squares")]
)
_LEVELS, _FIRST_LEVEL, _TREE_HEADER = 6, 64, 48  # bytes from the start of the file, or of a tree


def correct(path: Path, chroms: Sequence[str], table: Mapping[str, Columns]) -> None:
    """Fill the records of all zoom levels of a little-endian bigWig from its rows.

    `chroms` in the order of their ids. RuntimeError where the records of a level do not cover every base once.
    """
    content = bytearray(path.read_bytes())
    end_mark = content[-4:]
    del content[-4:]
    every = sum(int((end - start).sum()) for start, end, _ in table.values())
    (levels,) = struct.unpack_from("<H", content, _LEVELS)
    for level in range(levels):
        (tree,) = struct.unpack_from("<Q", content, _FIRST_LEVEL + 24 * level + 16)
        bases = 0
        for leaf in list(_leaves(content, tree + _TREE_HEADER)):
            at, size = struct.unpack_from("<QQ", content, leaf)
            records = np.frombuffer(zlib.decompress(content[at : at + size]), _RECORD).copy()
            for chrom in np.unique(records["chrom"]):
                own = records["chrom"] == chrom
                records[own] = _filled(records[own], table[chroms[chrom]])
            bases += int(records["bases"].sum(dtype=np.int64))
            packed = zlib.compress(records.tobytes())
            if len(packed) > size:  # behind all others; the old place stays unused
                at = len(content)
                content += packed
            content[at : at + len(packed)] = packed
            struct.pack_into("<QQ", content, leaf, at, len(packed))
        if bases != every:
            raise RuntimeError(f"{path}: a zoom level covers {bases} bases of {every}")
    path.write_bytes(content + end_mark)


def _leaves(content: bytearray, node: int) -> Iterator[int]:
    """Where the place and size of each block of a level stand in its tree."""
    is_leaf, _, count = struct.unpack_from("<BBH", content, node)
    for child in range(count):
        if is_leaf:
            yield node + 4 + 32 * child + 16
        else:
            yield from _leaves(content, struct.unpack_from("<Q", content, node + 4 + 24 * child + 16)[0])


def _filled(records: np.ndarray, columns: Columns) -> np.ndarray:
    """Records of one chromosome with the figures of the rows that they span."""
    start, end, value = columns
    low, high = records["start"].astype(np.int64), records["end"].astype(np.int64)
    first, last = np.searchsorted(end, low, side="right"), np.searchsorted(start, high, side="left")
    number = last - first
    if (number < 1).any():
        raise RuntimeError("a zoom level has a record without any row")
    of = np.repeat(np.arange(len(records)), number)
    begins = np.cumsum(number) - number
    row = np.arange(len(of)) - np.repeat(begins - first, number)
    size = np.minimum(end[row], high[of]) - np.maximum(start[row], low[of])
    one = value[row].astype(np.float64)
    records["bases"] = np.add.reduceat(size, begins)
    records["min"], records["max"] = np.minimum.reduceat(one, begins), np.maximum.reduceat(one, begins)
    with np.errstate(over="ignore"):  # beyond float32 it is infinite, as by other programs
        records["sum"], records["squares"] = np.add.reduceat(size * one, begins), np.add.reduceat(size * one**2, begins)
    return records
