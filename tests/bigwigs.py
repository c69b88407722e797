"""bigWigs that tests write."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyBigWig

Entries = Mapping[str, Sequence[tuple[int, int, float]]]


def write_bigwig(path: Path, lengths: Mapping[str, int], entries: Entries) -> Path:
    """A bigWig of {chrom: [(start, end, value), ...]}."""
    file = pyBigWig.open(str(path), "w")
    file.addHeader(list(lengths.items()))
    for chrom, intervals in entries.items():
        starts, ends, values = zip(*intervals, strict=True)
        file.addEntries([chrom] * len(starts), list(starts), ends=list(ends), values=[float(v) for v in values])
    file.close()
    return path


def peaks(seed: int, lengths: Mapping[str, int], apart: int, widest: int | None = None) -> Entries:
    """Stretches of random value, apart from each other: about one every `apart` bp."""
    rng = np.random.default_rng(seed)
    found = {}
    for chrom, length in lengths.items():
        edges = np.unique(rng.integers(0, length, 2 * (length // apart)))
        pairs = edges[: len(edges) // 2 * 2].reshape(-1, 2).tolist()
        found[chrom] = [(low, min(high, low + (widest or length)), float(rng.gamma(1, 20))) for low, high in pairs]
    return found
