"""Signal straight from aligned reads: a BAM or a fragment file as counts per base and million (CPM)."""

from array import array
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pysam

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.core.native import refusing
from crexpress.formats import text_files

Count = Literal["fragments", "ends"]
COUNTS: tuple[Count, ...] = ("fragments", "ends")
_LEFT_OUT = 0x4 | 0x100 | 0x200 | 0x400 | 0x800  # unmapped, secondary, failed, duplicate, supplementary
_PAIRED_RIGHT = 0x80


def is_reads(path: Path) -> bool:
    """Whether a file holds reads (a BAM, or fragments as TSV) and not a signal."""
    return path.name.lower().endswith((".bam", ".tsv", ".tsv.gz"))


class Coverage:
    """Fragments of one file, ready to be piled up over stretches of a chromosome.

    count: "fragments" adds 1 to every base between the two ends of a fragment (of a single read, its own
    two ends); "ends" adds 1 at each end where the DNA was cut: both of a fragment, the 5' end of a single
    read. Values are per million fragments, or ends, of the whole file.
    """

    def __init__(self, path: Path, count: Count) -> None:
        starts, ends, lengths = _read_bam(path, count) if _is_bam(path) else _read_fragments(path, count)
        self.lengths: Mapping[str, int | None] = lengths
        self._starts, self._ends = _sorted(starts), _sorted(ends)
        total = sum(map(len, self._starts.values()))
        if not total:
            raise InputError(
                f"{path} holds no aligned read that can be counted; give a BAM or fragment file with reads"
            )
        self._unit = 1e6 / total
        log.say(f"{path.name}: {total:,} {count} counted, per million")

    def read(self, name: str, start: int, end: int, bases: np.ndarray) -> None:
        """Fill `bases` (float64 [end - start]) with the CPM of each base."""
        change = np.zeros(end - start)
        if name not in self._starts:
            bases[:] = change
            return
        # a base lies in as many fragments as have begun, less those that have ended
        for positions, sign in ((self._starts[name], 1), (self._ends[name], -1)):
            low, high = np.searchsorted(positions, [start, end])
            change[0] += sign * low
            change += sign * np.bincount(positions[low:high] - start, minlength=len(change))
        np.multiply(np.cumsum(change), self._unit, out=bases)


def _is_bam(path: Path) -> bool:
    return path.suffix.lower() == ".bam"


# 32 bits a position: 100 million fragments take 0.8 GB
Positions = defaultdict[str, "array[int]"]


def _sorted(positions: Positions) -> dict[str, np.ndarray]:
    found = {chrom: np.frombuffer(values, np.int32) for chrom, values in positions.items()}
    for values in found.values():
        values.sort()
    return found


def _read_bam(path: Path, count: Count) -> tuple[Positions, Positions, dict[str, int | None]]:
    starts, ends = Positions(lambda: array("i")), Positions(lambda: array("i"))
    quiet = pysam.set_verbosity(0)  # a missing index is no fault: the file is read from end to end
    try:
        with (
            refusing(f"{path} is not a readable BAM, or is cut off", "fetch it again"),
            pysam.AlignmentFile(str(path), "rb") as file,
        ):
            names, lengths = file.references, file.lengths
            for read in file.fetch(until_eof=True):
                if read.flag & _LEFT_OUT or (read.is_paired and read.flag & _PAIRED_RIGHT and count == "fragments"):
                    continue
                low, high = read.reference_start, read.reference_end
                if high is None or read.reference_id < 0:  # no alignment in spite of its flag
                    continue
                if count == "ends":
                    low = high - 1 if read.is_reverse else low
                    high = low + 1
                elif read.is_proper_pair:
                    low = min(low, read.next_reference_start)
                    high = low + abs(read.template_length)
                name = names[read.reference_id]
                starts[name].append(low)
                ends[name].append(high)
    finally:
        pysam.set_verbosity(quiet)
    return starts, ends, dict(zip(names, lengths, strict=True))


def _read_fragments(path: Path, count: Count) -> tuple[Positions, Positions, dict[str, int | None]]:
    starts, ends = Positions(lambda: array("i")), Positions(lambda: array("i"))
    for block in text_files.interval_blocks(path):
        beyond = block.filter(pl.col("end") > np.iinfo(np.int32).max)
        if len(beyond):
            raise InputError(f"{path} line {beyond['line'][0]}: no chromosome reaches {beyond['end'][0]:,}")
        for (name,), part in block.partition_by("chrom", as_dict=True).items():
            low, high = part["start"].to_numpy().astype(np.int32), part["end"].to_numpy().astype(np.int32)
            if count == "ends":
                low = np.concatenate([low, high - 1])
                high = low + 1
            starts[str(name)].frombytes(low.tobytes())
            ends[str(name)].frombytes(high.tobytes())
    return starts, ends, dict.fromkeys(starts)
