"""Files of tracks: what a name says it is, and how it is opened. One format a file; another package adds its own.

An entry point of the group `crexpress.track_formats` names a `Format`; then samplesheets and extract-signals take it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from crexpress.core.errors import InputError
from crexpress.core.registry import Registry


class Source(Protocol):
    """An opened file; `lengths` of its chromosomes in bp, None where it does not say."""

    lengths: Mapping[str, int | None]

    def read(self, name: str, start: int, end: int, bases: np.ndarray) -> None:
        """Fill `bases` (float64 [end - start]) with the signal of each base of a chromosome, 0 where there is none."""


class Format(NamedTuple):
    """`suffixes` that names end with, in lower case and without ".gz"; `open` a path, reads counted as told.

    `open` takes the path and how reads are counted (`alignments.COUNTS`), and raises InputError for a broken file.
    """

    suffixes: tuple[str, ...]
    open: Callable[[Path, str], Source]


def _bigwig(path: Path, _reads: str) -> Source:
    from crexpress.formats.bigwig import BigWig

    return BigWig(path)


def _reads(path: Path, reads: str) -> Source:
    from crexpress.formats.alignments import Coverage

    return Coverage(path, reads)  # type: ignore[arg-type]


def _peaks(path: Path, _reads: str) -> Source:
    from crexpress.formats.peaks import Peaks

    return Peaks(path)


BIGWIG, READS = Format((".bw", ".bigwig"), _bigwig), Format((".bam", ".tsv"), _reads)
PEAKS = Format((".narrowpeak", ".broadpeak", ".bed"), _peaks)  # ENCODE calls both of its formats of peaks .bed
FORMATS: Registry[Format] = Registry(
    "crexpress.track_formats",
    {"bigWig": f"{__name__}:BIGWIG", "reads": f"{__name__}:READS", "peaks": f"{__name__}:PEAKS"},
)


def suffixes() -> tuple[str, ...]:
    """What names of tracks in a samplesheet end with; a TSV must say that it holds fragments."""
    found = [suffix for form in FORMATS.values() for suffix in form.suffixes]
    return tuple("fragments.tsv" if suffix == ".tsv" else suffix for suffix in found)


def opened(path: Path, reads: str) -> Source:
    """A file of a track by the format that its name says, else as a bigWig. Raises InputError for a broken one."""
    name = path.name.lower().removesuffix(".gz")
    form = next((form for form in FORMATS.values() if name.endswith(form.suffixes)), None)
    try:
        return (form or BIGWIG).open(path, reads)
    except InputError:
        if form:
            raise
        known = ", ".join(suffixes())
        raise InputError(
            f"{path} is not a readable bigWig, and its name tells no other format (names of tracks end with {known}); "
            "of a gappedPeak give the narrowPeak or broadPeak of the same peaks"
        ) from None
