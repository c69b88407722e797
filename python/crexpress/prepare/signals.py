"""Read tracks over the element windows: replicates combined, bins meaned, stored as float16.

A base for which a bigWig holds no value counts as 0 (peak-level files hold nothing between peaks), and so
does a base beyond the end of the chromosome. Windows are read in genome order, near ones in one call.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import chromosome_names, files, log
from crexpress.core.errors import InputError
from crexpress.core.names import NAME
from crexpress.core.native import quiet
from crexpress.core.tracks import TRANSFORMS
from crexpress.formats import alignments, tracks
from crexpress.formats.bigwig import BigWig, refuse
from crexpress.formats.peaks import Peaks
from crexpress.prepare.peak_places import doubt

Combination = Literal["mean", "max", "sum"]
COMBINATIONS: tuple[Combination, ...] = ("mean", "max", "sum")
_GAP = 1_000  # windows nearer than this are read in one call: cheaper than a second seek
_RUN = 1_000_000  # longest stretch read in one call, bp
_CHUNK = 2_000_000  # bases held in memory at once
_SAMPLE = 20_000  # elements over which replicates are compared
_FLOAT16_MAX = float(np.finfo(np.float16).max)


class Chunk(NamedTuple):
    """Windows of one chromosome whose bases are held in memory together, packed run after run.

    `rows` are rows of the element table, `at` the place of each window in the packed bases; a run is the
    stretch `starts[i]` to `ends[i]` of the chromosome, packed from `offsets[i]` on.
    """

    chrom: str
    rows: np.ndarray
    at: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray

    @property
    def bases(self) -> int:
        """Number of packed bases."""
        return int(self.offsets[-1] + self.ends[-1] - self.starts[-1])


def parse_tracks(values: Sequence[str]) -> dict[str, list[Path]]:
    """NAME=FILE options as {name: files}; a name given again adds a replicate. InputError, also for copies of one."""
    tracks: dict[str, list[Path]] = {}
    for value in values:
        name, equals, file = value.partition("=")
        if not (name and equals and file):
            raise InputError(f"--track {value}: expected NAME=FILE, for example dnase=K562.DNase.bw")
        if not NAME.fullmatch(name):
            raise InputError(f"--track {value}: '{name}' cannot name a track; use letters, digits, '.', '_', '-'")
        if not Path(file).is_file():
            raise InputError(f"--track {value}: there is no file {file}")
        replicates = tracks.setdefault(name, [])
        if Path(file) in replicates:
            raise InputError(f"--track {value}: this file is given twice; give each replicate once")
        replicates.append(Path(file))
    files.require_no_copies(path for replicates in tracks.values() for path in replicates)
    return tracks


def count_bins(width: int, bin_size: int) -> int:
    """Number of bins of a window; InputError unless the bins fill it exactly."""
    if bin_size < 1 or width % bin_size:
        raise InputError(f"a bin size of {bin_size} bp does not divide the element width of {width} bp")
    return width // bin_size


def extract(
    elements: pl.DataFrame,
    lengths: Mapping[str, int | None],
    tracks: Mapping[str, Sequence[Path]],
    bin_size: int,
    transform: str,
    out: Mapping[str, np.ndarray],
    reads: alignments.Count = "fragments",
    replicates: Combination = "mean",
    also: Callable[[str, Sequence["Replicate"]], None] | None = None,
) -> None:
    """Fill `out[track]` (float16 [elements, bins]) with the transformed mean signal of each bin.

    lengths: chromosomes of the element set with their lengths in bp (None where not known). reads: how BAM
    and fragment files are counted (`alignments.Coverage`). replicates: how the files of one track are combined
    base by base; "max" is what the released ScPGE code has of bigWigMerge (docs/science.md). also: called with each
    track and its opened files, for what else is read from them.

    Raises InputError for a damaged file, one of another genome build, a NaN, infinite or negative value,
    and for a result beyond float16.
    """
    chunks = list(plan(elements, list(lengths)))
    used = dict.fromkeys(chunk.chrom for chunk in chunks)
    for name, paths in tracks.items():
        sources = [Replicate(path, {chrom: lengths[chrom] for chrom in used}, reads) for path in paths]
        target, largest, smallest = out[name], 0.0, np.inf
        for chunk in log.progress(chunks, name):
            values = TRANSFORMS[transform](_bin_means(chunk, sources, replicates, bin_size, target.shape[1]))
            largest = max(largest, float(values.max(initial=0.0)))
            smallest = min(smallest, float(values.min(initial=np.inf)))
            if largest > _FLOAT16_MAX:
                raise InputError(
                    f"track {name} reaches {largest:g} with --transform {transform}, more than float16 "
                    f"holds ({_FLOAT16_MAX:g}); use --transform log10p1, log1p or arcsinh"
                )
            target[chunk.rows] = values
        if largest == 0.0 or smallest == largest:
            log.say(f"Note: track {name} is {largest:g} in every element; was the right file given?")
        for source in sources:
            if isinstance(source.source, Peaks) and (why := doubt(name, source.source, source.names, elements)):
                log.say(f"Warning: track {name}, {why}")
        if also:
            also(name, sources)


def plan(elements: pl.DataFrame, chroms: Sequence[str]) -> Iterator[Chunk]:
    """Cut the windows, in genome order, into chunks that fit in memory."""
    code_of = {chrom: code for code, chrom in enumerate(chroms)}
    codes = elements["chrom"].replace_strict(code_of, return_dtype=pl.Int32).to_numpy()
    starts, ends = elements["start"].to_numpy(), elements["end"].to_numpy()
    order = np.lexsort((starts, codes))
    for rows in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        if not len(rows):
            continue
        start, end = starts[rows], ends[rows]
        new_run = (start[1:] - end[:-1] > _GAP) | (start[1:] // _RUN != start[:-1] // _RUN)
        first = np.concatenate([[0], np.flatnonzero(new_run) + 1])
        last = np.append(first[1:], len(rows))
        length = end[last - 1] - start[first]
        before = np.cumsum(length) - length
        cuts = np.flatnonzero(np.diff(before // _CHUNK)) + 1
        for low, high in zip(np.append(0, cuts), np.append(cuts, len(first)), strict=True):
            offsets = before[low:high] - before[low]
            inside = slice(first[low], last[high - 1])
            shift = np.repeat(offsets - start[first[low:high]], last[low:high] - first[low:high])
            run_starts = start[first[low:high]]
            yield Chunk(
                chroms[codes[rows[0]]],
                rows[inside],
                start[inside] + shift,
                run_starts,
                run_starts + length[low:high],
                offsets,
            )


def open_track(
    path: Path, lengths: Mapping[str, int | None], reads: alignments.Count = "fragments"
) -> tuple[tracks.Source, dict[str, str]]:
    """A file of a track, and {chromosome: its name in the file} for those of `lengths` (bp) that it has.

    Raises InputError for a broken file, one that shares no chromosome, and one of another genome build.
    """
    source = tracks.opened(path, reads)
    partners = chromosome_names.reconcile(source.lengths, lengths, path)
    sizes = {partners[name]: size for name, size in source.lengths.items() if name in partners and size}
    chromosome_names.require_same_build(sizes, lengths, path)
    if isinstance(source, Peaks):
        source.require_within({name: lengths[chrom] for name, chrom in partners.items() if chrom in lengths})
    return source, {chrom: name for name, chrom in partners.items()}


class Replicate:
    """One file of a track, its chromosomes matched to those of the elements."""

    def __init__(self, path: Path, lengths: Mapping[str, int | None], reads: alignments.Count) -> None:
        self.path = path
        self.source, self.names = open_track(path, lengths, reads)
        missing = [chrom for chrom in lengths if chrom not in self.names]
        if missing:
            log.say(f"Note: {path.name} holds nothing on {', '.join(missing)}; read as 0 there")

    def read(self, chunk: Chunk, bases: np.ndarray) -> None:
        """Fill `bases` (float64 [chunk.bases]) with the signal; InputError for a value that cannot be one."""
        bases[:] = 0
        name = self.names.get(chunk.chrom)
        if name is None:
            return
        length = self.source.lengths[name] or int(chunk.ends[-1])
        if chunk.starts[-1] >= length:
            raise InputError(
                f"{self.path} ends {name} at {length} bp, but the element set has a window at "
                f"{chunk.starts[-1]}; give a track of the same genome build"
            )
        lows, highs = np.maximum(chunk.starts, 0), np.minimum(chunk.ends, length)
        places = chunk.offsets + lows - chunk.starts
        with quiet():
            for low, high, place in zip(lows.tolist(), highs.tolist(), places.tolist(), strict=True):
                self.source.read(name, low, high, bases[place : place + high - low])
        if bases.min() < 0 or bases.max() == np.inf:
            worst = int(np.flatnonzero((bases < 0) | (bases == np.inf))[0])
            run = int(np.searchsorted(chunk.offsets, worst, side="right")) - 1
            refuse(self.path, name, int(chunk.starts[run] + worst - chunk.offsets[run]), bases[worst])

    def records(self, chrom: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All stretches of a chromosome with their values, as `BigWig.records`; InputError as `read`."""
        assert isinstance(self.source, BigWig | Peaks)
        name = self.names.get(chrom)
        if name is None:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        start, end, value = self.source.records(name)
        for record in np.flatnonzero((value < 0) | (value == np.inf))[:1]:
            refuse(self.path, name, int(start[record]), value[record])
        return start, end, value


def agreement(elements: pl.DataFrame, lengths: Mapping[str, int | None], sources: Sequence[Replicate]) -> float | None:
    """Pearson's correlation of the two replicates that agree least, log10(1 + mean signal) over an even sample of the
    elements; None for one replicate, and where one is the same everywhere.
    """
    if len(sources) < 2:
        return None
    some = elements[np.unique(np.linspace(0, len(elements) - 1, min(len(elements), _SAMPLE)).astype(np.int64))]
    means = np.zeros((len(sources), len(some)))
    for chunk in plan(some, list(lengths)):
        for own, source in zip(means, sources, strict=True):
            width = int(some["end"][int(chunk.rows[0])] - some["start"][int(chunk.rows[0])])
            own[chunk.rows] = np.log10(1 + _bin_means(chunk, [source], "mean", width, 1)[:, 0])
    if (means.std(axis=1) == 0).any():
        return None
    return round(float(np.corrcoef(means).min()), 4)


def _bin_means(
    chunk: Chunk, sources: Sequence[Replicate], replicates: Combination, bin_size: int, bins: int
) -> np.ndarray:
    """Replicates combined at each base, then the mean over the bases of each bin: float64 [windows, bins]."""
    # place i + 1 holds base i, so that the running sum can start from 0
    sums = np.zeros(chunk.bases + 1)
    combine(chunk, sources, replicates, sums[1:])
    np.cumsum(sums, out=sums)
    edges = chunk.at[:, None] + np.arange(bins + 1) * bin_size
    return np.diff(sums[edges], axis=1) / (bin_size * parts(sources, replicates))


def combine(chunk: Chunk, sources: Sequence[Replicate], replicates: Combination, out: np.ndarray) -> None:
    """Fill `out` (float64 [chunk.bases]) with the replicates' sum or maximum at each base; a mean is `parts` of it."""
    sources[0].read(chunk, out)
    if len(sources) > 1:
        bases = np.empty(chunk.bases)
        add = np.maximum if replicates == "max" else np.add
        for source in sources[1:]:
            source.read(chunk, bases)
            add(out, bases, out=out)


def parts(sources: Sequence[Replicate], replicates: Combination) -> int:
    """What `combine` is divided by."""
    return len(sources) if replicates == "mean" else 1
