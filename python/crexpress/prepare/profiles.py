"""A gene's own profile: its tracks averaged over bins that grow with distance from the TSS, and over its body.

The transform comes before the mean, base by base, so that one strong peak does not stand for a whole long bin. Beside
the profile stands what each element has of it, so that an element can be taken out exactly (docs/science.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.core.tracks import TRANSFORMS
from crexpress.formats import bigwig
from crexpress.formats.peaks import Peaks
from crexpress.prepare import profile_bins, signals
from crexpress.prepare.profile_bins import SHARES
from crexpress.prepare.signals import Chunk, Combination, Replicate

_BLOCK = 2_000_000  # bases held in memory at once
_SMALL = 32_000_000  # bytes of a bigWig whose records are quicker to read than its bases


class Profiles:
    """Reads one cell's profiles from the files of its tracks, one track at a time; `specs` are what it fills."""

    def __init__(
        self,
        genes: pl.DataFrame,
        elements: pl.DataFrame,
        lengths: Mapping[str, int | None],
        edges: Sequence[int],
        transform: str,
        replicates: Combination,
    ) -> None:
        self.genes, self.lengths = genes, lengths
        self.transform, self.replicates = transform, replicates
        self.start, self.end = profile_bins.spans(genes, edges)
        self.overlaps = profile_bins.overlaps(genes, elements, edges)

    @property
    def bodiless(self) -> int:
        """Number of genes of which only the TSS is known."""
        return int((~profile_bins.has_body(self.genes)).sum())

    def specs(self, tracks: Sequence[str]) -> dict[str, tuple[str, tuple[int, ...]]]:
        """dtype and shape of what is written, by name."""
        shapes = {name: self.start.shape for name in tracks}
        shapes |= {SHARES + name: (len(self.overlaps.gene),) for name in tracks}
        return {name: ("float32", shape) for name, shape in shapes.items()}

    def read(self, track: str, sources: Sequence[Replicate], out: Mapping[str, np.ndarray]) -> None:
        """Fill the arrays of a track: mean of the transformed signal in each column, NaN in a column without bases, and
        the part of that mean which lies in each overlapping element.
        """
        shared, values, of_elements = self.overlaps, out[track], out[SHARES + track]
        chrom = self.genes["chrom"].to_numpy()
        for name in dict.fromkeys(chrom.tolist()):
            own = np.flatnonzero(chrom == name)
            pairs = np.flatnonzero(np.isin(shared.gene, own))
            length = self._length(name, sources)
            start, end = np.clip(self.start[own], 0, length), np.clip(self.end[own], 0, length)
            low, high = np.clip(shared.start[pairs], 0, length), np.clip(shared.end[pairs], 0, length)
            places = np.unique(np.concatenate([start.ravel(), end.ravel(), low, high]))
            total = self._running(name, places, start, end, sources)
            size = np.where(end > start, end - start, np.nan)
            values[own] = (total[np.searchsorted(places, end)] - total[np.searchsorted(places, start)]) / size
            within = total[np.searchsorted(places, high)] - total[np.searchsorted(places, low)]
            its_size = np.full(self.start.shape, np.nan)
            its_size[own] = size
            of_elements[pairs] = within / its_size[shared.gene[pairs], shared.column[pairs]]
        if not np.isfinite(values).any(axis=1).all():
            gene = self.genes["gene_id"][int(np.flatnonzero(~np.isfinite(values).any(axis=1))[0])]
            raise InputError(f"{sources[0].path} ends before the gene {gene}; give a track of the same genome build")

    def _length(self, chrom: str, sources: Sequence[Replicate]) -> int:
        known = self.lengths[chrom]
        if known is not None:
            return known
        told = [source.source.lengths[source.names[chrom]] for source in sources if chrom in source.names]
        return max((length for length in told if length), default=int(self.end.max()))

    def _running(
        self, chrom: str, places: np.ndarray, start: np.ndarray, end: np.ndarray, sources: Sequence[Replicate]
    ) -> np.ndarray:
        """Running sum of the transformed signal up to each of `places` (ascending): float64, of use between places of
        one stretch that the columns `start` to `end` cover.
        """
        change = TRANSFORMS[self.transform]
        small = len(sources) == 1 and sources[0].path.stat().st_size < _SMALL
        if small and isinstance(sources[0].source, bigwig.BigWig | Peaks):
            low, high, value = sources[0].records(chrom)
            before = np.append(0.0, np.cumsum((high - low) * change(value)))
            record = np.searchsorted(low, places, "right") - 1  # the last that starts at or before the place
            inside = np.clip(places - low[record], 0, (high - low)[record]) if len(low) else np.zeros(len(places))
            of_record = change(value)[record] if len(low) else inside
            return np.where(record >= 0, before[np.maximum(record, 0)] + inside * of_record, 0.0)
        total = np.zeros(len(places))
        parts = signals.parts(sources, self.replicates)
        carried = 0.0
        for begin, stop in _blocks(start, end):
            nothing = np.empty(0, np.int64)
            chunk = Chunk(chrom, nothing, nothing, np.array([begin]), np.array([stop]), np.array([0]))
            sums = np.zeros(stop - begin + 1)
            signals.combine(chunk, sources, self.replicates, sums[1:])
            there = np.flatnonzero(sums)
            sums[there] = change(sums[there] / parts)
            np.cumsum(sums, out=sums)
            inside = slice(*np.searchsorted(places, [begin, stop + 1]))
            total[inside] = carried + sums[places[inside] - begin]
            carried += sums[-1]
        return total


def _blocks(start: np.ndarray, end: np.ndarray) -> Iterator[tuple[int, int]]:
    """Stretches that the columns cover together, ascending, cut into pieces that fit in memory."""
    start, end = start[end > start], end[end > start]
    order = np.argsort(start, kind="stable")
    low, high = start[order], np.maximum.accumulate(end[order])
    new = np.flatnonzero(np.append(True, low[1:] > high[:-1]))
    for first, last in zip(low[new].tolist(), high[np.append(new[1:], len(low)) - 1].tolist(), strict=True):
        for place in range(first, last, _BLOCK):
            yield place, min(place + _BLOCK, last)


def header(
    signals_header: artifacts.Header, genes: artifacts.Header, edges: Sequence[int], genes_file: Path
) -> artifacts.Header:
    """Header of the profiles made with these signals."""
    own = ("bin_size", "agreement")  # what is said of signals alone
    parameters = {name: value for name, value in signals_header["parameters"].items() if name not in own}
    return signals_header | {
        "kind": "profiles",
        "genes": genes["genes"],
        "parameters": parameters | {"edges": list(edges), "transformed": "base by base, before the mean"},
        "sources": [*signals_header["sources"], artifacts.source(genes_file)],
    }


def parse_edges(text: str) -> tuple[int, ...]:
    """Edges of the bins, bp along the gene, comma-separated; InputError unless they ascend."""
    try:
        edges = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--profile-edges {text}: must be whole numbers with commas between, in bp") from None
    if len(edges) < 2 or any(a >= b for a, b in pairwise(edges)):
        raise InputError(f"--profile-edges {text}: must be two or more numbers, each larger than the one before")
    return edges
