"""Intervals from one genome build to another by a UCSC chain file (liftOver's), read as it is or gzipped."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crexpress.core.errors import InputError
from crexpress.formats import text_files

_CHANGE, _SLACK = 0.1, 10  # share, and bp, by which a lifted interval's length may differ


class _Blocks(NamedTuple):
    """Aligned stretches of one chromosome, by start: source start and end, target start, chromosome, strand, score."""

    start: np.ndarray
    end: np.ndarray
    target: np.ndarray
    size: np.ndarray
    name: list[str]
    plus: np.ndarray
    score: np.ndarray


class Chain:
    """Alignments of a source genome to a target's."""

    def __init__(self, blocks: Mapping[str, _Blocks]) -> None:
        self._blocks = blocks

    def lift(
        self, chrom: Sequence[str], start: np.ndarray, end: np.ndarray
    ) -> tuple[list[str | None], np.ndarray, np.ndarray]:
        """Chromosome (None: not lifted), start and end of every 0-based half-open interval.

        First and last base are lifted; kept where both come to one chromosome and the length changes by no more than
        10 % and 10 bp. Of several alignments the chain of the highest score counts.
        """
        names: list[str | None] = []
        lows, highs = np.zeros(len(start), np.int64), np.zeros(len(start), np.int64)
        for at, name in enumerate(chrom):
            first, last = self._base(name, int(start[at])), self._base(name, int(end[at]) - 1)
            low, high = sorted((first[1], last[1])) if first and last else (0, 0)
            length = int(end[at] - start[at])
            good = first and last and first[0] == last[0] and abs(high + 1 - low - length) <= _CHANGE * length + _SLACK
            names.append(first[0] if good and first else None)
            lows[at], highs[at] = low, high + 1
        return names, lows, highs

    def _base(self, chrom: str, base: int) -> tuple[str, int] | None:
        blocks = self._blocks.get(chrom)
        if blocks is None:
            return None
        inside = np.flatnonzero((blocks.start <= base) & (base < blocks.end))
        if not len(inside):
            return None
        best = int(inside[np.argmax(blocks.score[inside])])
        along = int(blocks.target[best]) + base - int(blocks.start[best])
        return blocks.name[best], along if blocks.plus[best] else int(blocks.size[best]) - 1 - along


def read(path: Path) -> Chain:
    """The chains of a file; InputError, with the line, for one that is no chain file."""
    found: dict[str, list[tuple[int, int, int, int, str, bool, int]]] = {}
    header: list[str] = []
    source = target = 0
    with text_files.open_text(path) as file:
        for number, line in enumerate(file, 1):
            fields = line.split()
            if not fields or fields[0].startswith("#"):
                continue
            try:
                if fields[0] == "chain":
                    header = fields
                    source, target = int(fields[5]), int(fields[10])
                    if fields[4] != "+":
                        raise ValueError("source strand")
                    continue
                size = int(fields[0])
                one = (source, source + size, target, int(header[8]), header[7], header[9] == "+", int(header[1]))
                found.setdefault(header[2], []).append(one)
                gaps = [int(field) for field in fields[1:3]]
                source, target = source + size + (gaps[0] if gaps else 0), target + size + (gaps[1] if gaps else 0)
            except (ValueError, IndexError):
                raise InputError(
                    f"{path} line {number}: '{line.strip()[:80]}' is no line of a chain file; fetch it again"
                ) from None
    if not found:
        raise InputError(f"{path} holds no chain; give a file such as hg19ToHg38.over.chain.gz")
    return Chain({name: _blocks(rows) for name, rows in found.items()})


def _blocks(rows: list[tuple[int, int, int, int, str, bool, int]]) -> _Blocks:
    start, end, target, size, name, plus, score = zip(*rows, strict=True)
    return _Blocks(
        *(np.array(column) for column in (start, end, target, size)), list(name), np.array(plus), np.array(score)
    )
