"""Signal straight from aligned reads: a BAM or a fragment file as counts per base and million (CPM)."""

from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pysam

from crexpress import cli, genome
from crexpress.errors import InputError

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
        parts, lengths = _read_bam(path, count) if path.suffix.lower() == ".bam" else _read_fragments(path, count)
        self.lengths: Mapping[str, int | None] = lengths
        self._starts = {chrom: np.sort(starts) for chrom, (starts, _) in parts.items()}
        self._ends = {chrom: np.sort(ends) for chrom, (_, ends) in parts.items()}
        total = sum(map(len, self._starts.values()))
        if not total:
            raise InputError(
                f"{path} holds no aligned read that can be counted; give a BAM or fragment file with reads"
            )
        self._unit = 1e6 / total
        cli.say(f"{path.name}: {total:,} {count} counted, per million")

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


Parts = dict[str, tuple[np.ndarray, np.ndarray]]


def _read_bam(path: Path, count: Count) -> tuple[Parts, dict[str, int | None]]:
    chroms, starts, ends = array("i"), array("q"), array("q")
    try:
        with pysam.AlignmentFile(str(path), "rb") as file:
            names, lengths = file.references, file.lengths
            for read in file.fetch(until_eof=True):
                if read.flag & _LEFT_OUT or (read.is_paired and read.flag & _PAIRED_RIGHT and count == "fragments"):
                    continue
                low, high = read.reference_start, read.reference_end
                if high is None:  # no alignment in spite of its flag
                    continue
                if count == "ends":
                    low = high - 1 if read.is_reverse else low
                    high = low + 1
                elif read.is_proper_pair:
                    low = min(low, read.next_reference_start)
                    high = low + abs(read.template_length)
                chroms.append(read.reference_id)
                starts.append(low)
                ends.append(high)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable BAM, or is cut off: {error}") from None
    table = pl.DataFrame({"chrom": np.array(chroms), "start": np.array(starts), "end": np.array(ends)})
    table = table.with_columns(pl.col("chrom").replace_strict(dict(enumerate(names)), return_dtype=pl.String))
    return _by_chromosome(table), dict(zip(names, lengths, strict=True))


def _read_fragments(path: Path, count: Count) -> tuple[Parts, dict[str, int | None]]:
    table = genome.read_intervals(path).select("chrom", "start", "end")
    if count == "ends":
        cuts = [table["start"], table["end"] - 1]
        table = pl.concat(pl.DataFrame({"chrom": table["chrom"], "start": cut, "end": cut + 1}) for cut in cuts)
    parts = _by_chromosome(table)
    return parts, dict.fromkeys(parts)


def _by_chromosome(table: pl.DataFrame) -> Parts:
    return {
        str(chrom): (part["start"].to_numpy(), part["end"].to_numpy())
        for (chrom,), part in table.partition_by("chrom", as_dict=True).items()
    }
