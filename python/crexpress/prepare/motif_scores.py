"""Score transcription factor motifs in the element windows: the best match on either strand.

The scan looks three bases up at a time: every trimer of a sequence is one of 125 numbers (bases A, C, G, T
and unknown), and a table holds what each trimer adds to each motif's score, many motifs side by side.
Scores are 16-bit integers, exact for matrices of three decimals. An unknown base adds 0.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np

from crexpress.core import log
from crexpress.core.compiled import compiled
from crexpress.core.errors import InputError
from crexpress.formats.meme import Motif, MotifSet
from crexpress.prepare import sequence
from crexpress.prepare.motif_hits import Finder, Hits

Mode = Literal["log-odds", "pfm-minmax", "scpge-compat"]
MODES: tuple[Mode, ...] = ("log-odds", "pfm-minmax", "scpge-compat")
_LANES = 128  # motifs scored side by side
_BATCH = 512  # elements a thread takes at a time
_INT16_MAX = np.iinfo(np.int16).max


def log_odds(motif: Motif, background: np.ndarray, pseudocount: float = 0.1) -> np.ndarray:
    """log2 of each probability over the background, in bits: [width, 4].

    `pseudocount` sites, spread as the background, are added to the motif's own (as MEME and FIMO do).
    """
    counts = motif.probabilities * motif.sites + pseudocount * background
    return np.log2(counts / (motif.sites + pseudocount) / background)


def score(
    codes: np.ndarray,
    motif_set: MotifSet,
    mode: Mode,
    reference: np.ndarray,
    out: Mapping[str, np.ndarray],
    pseudocount: float = 0.1,
    threads: int = 1,
    finder: Finder | None = None,
    report: Callable[[Hits], object] | None = None,
) -> None:
    """Fill `out["scores"]` (float16 [elements, motifs]) with the best match of each motif on either strand.

    codes: uint8 [elements, width] of `sequence.extract`. Modes: log-odds: bits over the background,
    standardised for each motif to mean 0 and sd 1 over the `reference` elements (bool [elements]; the
    cCREs) that have a known base; `out["mean"]` and `out["sd"]` (float32 [motifs]) get the two in bits. An
    element without any known base gets 0. pfm-minmax: sums of probabilities, scaled to 0-1 within each
    element after the maximum over strands (ScPGE's Methods). scpge-compat: the released ScPGE code: scaled
    to 0-1 and rounded to two decimals on each strand, then the maximum over strands; the bits agree.

    With the `finder` of the motifs (`hit_finder`; log-odds only) `report` gets its matches, in the order of elements.

    Raises InputError for a motif wider than the elements.
    """
    widest = max(motif_set.motifs, key=lambda motif: len(motif.probabilities))
    if len(widest.probabilities) > codes.shape[1]:
        raise InputError(
            f"motif {widest.name} is {len(widest.probabilities)} bp wide, wider than the elements "
            f"({codes.shape[1]} bp); leave it out"
        )
    batches = [slice(start, start + _BATCH) for start in range(0, len(codes), _BATCH)]
    with ThreadPoolExecutor(threads) as pool:
        if mode == "log-odds":
            matrices = [log_odds(motif, motif_set.background, pseudocount) for motif in motif_set.motifs]
            _score_log_odds(codes, matrices, reference, out, batches, pool, finder, report)
            return
        if mode == "pfm-minmax":
            probabilities = [motif.probabilities for motif in motif_set.motifs]
            scanner = Scanner(_quantise(probabilities, np.full(len(probabilities), _common_scale(probabilities))))
        else:
            scanner = Scanner([motif.probabilities for motif in motif_set.motifs])

        def fill(batch: slice) -> None:
            forward, reverse = _both_strands(scanner, codes[batch])
            if mode == "pfm-minmax":
                out["scores"][batch] = _minmax(np.maximum(forward, reverse).astype(np.float64))
            else:
                rounded = [np.round(_minmax(strand), 2) for strand in (forward, reverse)]
                out["scores"][batch] = np.maximum(*rounded)

        for _ in log.progress(pool.map(fill, batches), "motifs", len(batches)):
            pass


def resolution(motif_set: MotifSet, pseudocount: float = 0.1) -> float:
    """Largest rounding step, in bits, of the 16-bit log-odds matrices."""
    return 1 / min(_own_scale(log_odds(motif, motif_set.background, pseudocount)) for motif in motif_set.motifs)


def hit_finder(motif_set: MotifSet, p_value: float, pseudocount: float = 0.1) -> Finder:
    """Finds all places that the motifs match with at most this p-value, by the scores of mode log-odds."""
    matrices = [log_odds(motif, motif_set.background, pseudocount) for motif in motif_set.motifs]
    scale = np.array([_own_scale(matrix) for matrix in matrices])
    return Finder(_quantise(matrices, scale), scale, motif_set.background, p_value)


def _score_log_odds(
    codes: np.ndarray,
    matrices: Sequence[np.ndarray],
    reference: np.ndarray,
    out: Mapping[str, np.ndarray],
    batches: Sequence[slice],
    pool: ThreadPoolExecutor,
    finder: Finder | None,
    report: Callable[[Hits], object] | None,
) -> None:
    scale = np.array([_own_scale(matrix) for matrix in matrices])
    scanner = Scanner(_quantise(matrices, scale))
    scores = out["scores"]
    raw = scores.view(np.int16)  # integer scores wait in the place of the final ones: as wide, and exact

    def scan(batch: slice) -> tuple[tuple[int, np.ndarray, np.ndarray], Hits | None]:
        strands = _both_strands(scanner, codes[batch])
        best = np.maximum(*strands)
        raw[batch] = best
        used = best[reference[batch] & _has_bases(codes[batch])] / scale
        hits = finder.find(codes[batch], *strands, batch.start) if finder else None
        return (len(used), used.sum(axis=0), (used**2).sum(axis=0)), hits

    sums = []
    for part, hits in log.progress(pool.map(scan, batches), "motifs", len(batches)):
        sums.append(part)
        if hits and report:
            report(hits)
    count = max(1, sum(part[0] for part in sums))
    mean = np.sum([part[1] for part in sums], axis=0) / count
    sd = np.sqrt(np.maximum(np.sum([part[2] for part in sums], axis=0) / count - mean**2, 0))
    out["mean"][:], out["sd"][:] = mean, sd
    spread = np.where(sd > 0, sd, 1)
    for batch in batches:
        standard = (raw[batch] / scale - mean) / spread
        scores[batch] = np.where(_has_bases(codes[batch])[:, None], standard, 0)


def _both_strands(scanner: "Scanner", codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return scanner.best(codes), scanner.best(sequence.reverse_complement(codes))


def _has_bases(codes: np.ndarray) -> np.ndarray:
    return (codes != sequence.UNKNOWN).any(axis=1)


def _minmax(scores: np.ndarray) -> np.ndarray:
    """Each row scaled to 0-1; a row of one value stays as it is."""
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    return np.where(high > low, (scores - low) / np.where(high > low, high - low, 1), scores)


def _common_scale(matrices: Sequence[np.ndarray]) -> float:
    """Units in 1 for probabilities: 1000 where that is exact, else as many as 16 bits allow."""
    largest = max(matrix.max(axis=1).sum() for matrix in matrices)
    exact = all(np.allclose(matrix * 1000, np.rint(matrix * 1000), atol=1e-6) for matrix in matrices)
    return 1000 if exact and largest * 1000 < _INT16_MAX else float((_INT16_MAX - 100) // largest)


def _own_scale(matrix: np.ndarray) -> float:
    """Units in a bit such that no score of this motif leaves 16 bits."""
    return (_INT16_MAX - 100) / max(matrix.max(axis=1).sum(), -matrix.min(axis=1).sum())


def _quantise(matrices: Sequence[np.ndarray], scale: np.ndarray) -> list[np.ndarray]:
    return [np.rint(matrix * units).astype(np.int16) for matrix, units in zip(matrices, scale, strict=True)]


class Scanner:
    """Best score of each matrix [width, 4] on the forward strand of a sequence.

    Integer matrices (int16, a best score must fit) are looked up three bases at a time, float64 ones base
    by base from the first column to the last.
    """

    def __init__(self, matrices: Sequence[np.ndarray]) -> None:
        self.dtype = matrices[0].dtype
        self.stride = 3 if self.dtype == np.int16 else 1
        widths = np.array([len(matrix) for matrix in matrices])
        self.order = np.argsort(widths, kind="stable")
        groups = -(-len(matrices) // _LANES)
        lanes = np.full(groups * _LANES, widths.min())
        lanes[: len(matrices)] = widths[self.order]
        self.widths = lanes.reshape(groups, _LANES)
        # looked up in pairs, two at the least
        self.steps = 2 * np.maximum(2, -(-self.widths.max(axis=1) // (2 * self.stride)))
        self.padding = int(self.steps.max()) * self.stride
        columns = np.zeros((groups, self.padding, 5, _LANES), self.dtype)  # base 4, unknown, adds 0
        for lane, index in enumerate(self.order):
            columns[lane // _LANES, : widths[index], :4, lane % _LANES] = matrices[index]
        if self.stride == 3:
            first, second, third = columns[:, 0::3], columns[:, 1::3], columns[:, 2::3]
            trimers = first[:, :, :, None, None] + second[:, :, None, :, None] + third[:, :, None, None, :]
            columns = trimers.reshape(groups, -1, 125, _LANES)
        self.tables = np.ascontiguousarray(columns)

    def best(self, codes: np.ndarray) -> np.ndarray:
        """Best scores [n, motifs] over all places of a motif in `codes` (uint8 [n, length])."""
        padded = np.pad(codes, ((0, 0), (0, self.padding)), constant_values=sequence.UNKNOWN)
        if self.stride == 3:
            padded = padded[:, :-2] * np.uint8(25) + padded[:, 1:-1] * np.uint8(5) + padded[:, 2:]
        lowest = np.iinfo(self.dtype).min if self.stride == 3 else -np.inf
        best = np.full((len(self.tables), len(codes), _LANES), lowest, self.dtype)
        _scan(self.tables, self.steps, self.widths, padded, self.stride, codes.shape[1], best)
        scores = np.empty((len(codes), len(self.order)), self.dtype)
        scores[:, self.order] = best.transpose(1, 0, 2).reshape(len(codes), -1)[:, : len(self.order)]
        return scores


@compiled
def _scan(tables, steps, widths, tokens, stride, length, best):  # type: ignore[no-untyped-def]
    # tables [groups, steps, symbols, lanes], tokens [n, length + padding], best [groups, n, lanes]
    lanes = tables.shape[3]
    total = np.empty(lanes, tables.dtype)
    for group in range(len(tables)):
        table, last = tables[group], steps[group] - 2
        narrowest, widest = widths[group].min(), widths[group].max()
        for element in range(len(tokens)):
            token, top = tokens[element], best[group, element]
            for place in range(length - narrowest + 1):
                one, two = table[0, token[place]], table[1, token[place + stride]]
                for lane in range(lanes):
                    total[lane] = one[lane] + two[lane]
                for step in range(2, last, 2):
                    one = table[step, token[place + step * stride]]
                    two = table[step + 1, token[place + (step + 1) * stride]]
                    for lane in range(lanes):
                        total[lane] = total[lane] + one[lane] + two[lane]
                one = table[last, token[place + last * stride]]
                two = table[last + 1, token[place + (last + 1) * stride]]
                if place + widest <= length:
                    for lane in range(lanes):
                        top[lane] = max(top[lane], total[lane] + one[lane] + two[lane])
                else:  # near the end only the narrower motifs still fit
                    for lane in range(lanes):
                        if place + widths[group, lane] <= length:
                            top[lane] = max(top[lane], total[lane] + one[lane] + two[lane])


class Rescorer:
    """Scores of sequences by motifs that were standardised before: what mode log-odds would give of other bases."""

    def __init__(self, motif_set: MotifSet, mean: np.ndarray, sd: np.ndarray, pseudocount: float) -> None:
        self.matrices = [log_odds(motif, motif_set.background, pseudocount) for motif in motif_set.motifs]
        self.scale = np.array([_own_scale(matrix) for matrix in self.matrices])
        self.scanner = Scanner(_quantise(self.matrices, self.scale))
        self.mean, self.spread = mean.astype(np.float64), np.where(sd > 0, sd, 1).astype(np.float64)

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """float16 [n, motifs] of codes uint8 [n, width]."""
        found = np.empty((len(codes), len(self.scale)), np.float16)
        for start in range(0, len(codes), _BATCH):
            some = codes[start : start + _BATCH]
            best = np.maximum(*_both_strands(self.scanner, some)) / self.scale
            found[start : start + _BATCH] = np.where(_has_bases(some)[:, None], (best - self.mean) / self.spread, 0)
        return found
