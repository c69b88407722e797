#!/usr/bin/env python3
"""Which share of a cell's peaks has an element of --genome GRCh38 (docs/cells.md): three of its cells, and NHEK."""

import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyBigWig

ASSETS = Path(__file__).parents[2] / "assets"


def elements() -> dict[str, np.ndarray]:
    """Starts and ends by chromosome, int64 [n, 2], ascending; they overlap nowhere."""
    found = defaultdict(list)
    with gzip.open(ASSETS / "k562/cCRE_like.shared.hg38.bed.gz", "rt") as file:
        for chrom, start, end, *_ in (line.split("\t") for line in file):
            found[chrom].append((int(start), int(end)))
    return {chrom: np.array(sorted(places)) for chrom, places in found.items()}


def reached(signal: Path, known: dict[str, np.ndarray]) -> tuple[int, int]:
    """Peaks (stretches with signal) of a track on the elements' chromosomes, and those that an element overlaps."""
    peaks = hits = 0
    with pyBigWig.open(str(signal)) as file:
        for chrom in file.chroms().keys() & known.keys():
            places = np.array([part[:2] for part in file.intervals(chrom) or []]).reshape(-1, 2)
            first = np.r_[True, places[1:, 0] > places[:-1, 1]][: len(places)]
            starts, ends = places[first, 0], places[np.r_[first[1:], True][: len(places)], 1]
            after = np.searchsorted(known[chrom][:, 1], starts, "right")  # the first element that ends behind the start
            begins = np.r_[known[chrom][:, 0], np.iinfo(np.int64).max][after]
            peaks, hits = peaks + len(starts), hits + int((begins < ends).sum())
    return peaks, hits


if __name__ == "__main__":
    shipped = elements()
    for path in sorted([*ASSETS.glob("k562/*.peaks.hg38.bw"), *ASSETS.glob("cells/*.peaks.hg38.bw")]):
        peaks, hits = reached(path, shipped)
        print(f"{path.name.split('.peaks')[0]}\t{peaks}\t{hits / peaks:.3f}")
