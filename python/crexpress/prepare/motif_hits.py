"""Every match of a motif at or below a p-value, as FIMO lists them: where, on which strand, how good.

The p-value of a score is the exact probability that one place of random sequence, of independent bases with the
background's frequencies, scores as high: the distribution of the integer scores is built up column by column
(Staden 1989; Grant et al. 2011, FIMO). A place with an unknown base is no match.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.compiled import compiled
from crexpress.prepare.sequence import UNKNOWN

_ROOM = 1 << 16  # matches that a batch is expected to have at most
_NEVER = -(1 << 24)  # far below any score


class Hits(NamedTuple):
    """Matches, one an entry: row of the element, number of the motif, first base in the window, strand, bits, p."""

    element: np.ndarray  # int32
    motif: np.ndarray  # int32
    place: np.ndarray  # int32
    reverse: np.ndarray  # bool
    score: np.ndarray  # float32, bits
    p_value: np.ndarray  # float32


def tail(matrix: np.ndarray, background: np.ndarray) -> tuple[int, np.ndarray]:
    """Lowest score of an integer matrix [width, 4], and P(score >= lowest + i) for every i up to the highest score."""
    lowest = int(matrix.min(axis=1).astype(np.int64).sum())
    probability = np.ones(1)
    for column in matrix.astype(np.int64) - matrix.min(axis=1, keepdims=True):
        grown = np.zeros(len(probability) + int(column.max()))
        for step, frequency in zip(column, background, strict=True):
            grown[step : step + len(probability)] += frequency * probability
        probability = grown
    return lowest, probability[::-1].cumsum()[::-1]  # from the smallest on, so that small tails are exact


class Finder:
    """Finds the matches of integer log-odds matrices (int16 [width, 4], `scale` units in a bit)."""

    def __init__(
        self, matrices: Sequence[np.ndarray], scale: np.ndarray, background: np.ndarray, p_value: float
    ) -> None:
        self.scale = scale
        self.threshold = np.full(len(matrices), np.iinfo(np.int16).max, np.int16)  # above what any matrix can reach
        self.tails: list[np.ndarray] = []  # P(score >= threshold + i)
        for number, matrix in enumerate(matrices):
            lowest, probability = tail(matrix, background)
            rare = int(np.searchsorted(-probability, -p_value))  # the first score that is not above the p-value
            if rare < len(probability):
                self.threshold[number] = lowest + rare
            self.tails.append(probability[rare:].copy())
        self.widths = np.array([len(matrix) for matrix in matrices])
        # both strands of a motif one after the other, three columns at a time, those that decide most first
        steps = -(-self.widths.max() // 3)
        columns = np.zeros((2 * len(matrices), 3 * steps, 5), np.int32)
        for number, matrix in enumerate(matrices):
            columns[2 * number : 2 * number + 2, : len(matrix), :4] = matrix, matrix[::-1, ::-1]
            columns[2 * number : 2 * number + 2, : len(matrix), UNKNOWN] = _NEVER
        first, second, third = columns[:, 0::3], columns[:, 1::3], columns[:, 2::3]
        trimers = first[:, :, :, None, None] + second[:, :, None, :, None] + third[:, :, None, None, :]
        spread = columns[..., :4].max(axis=2) - columns[..., :4].mean(axis=2)
        order = np.argsort(-spread.reshape(len(columns), steps, 3).sum(axis=2), axis=1, kind="stable")
        self._offsets = 3 * order
        self._trimers = np.take_along_axis(trimers.reshape(len(columns), steps, 125), order[:, :, None], axis=1)
        # what the trimers still to come can add at the most
        self._rest = np.zeros((len(columns), steps + 1), np.int32)
        self._rest[:, :-1] = self._trimers.max(axis=2)[:, ::-1].cumsum(axis=1)[:, ::-1]

    @property
    def unreachable(self) -> np.ndarray:
        """Motifs, bool, none of whose scores is as unlikely as the p-value."""
        return np.array([not len(probability) for probability in self.tails])

    def find(self, codes: np.ndarray, forward: np.ndarray, reverse: np.ndarray, first: int) -> Hits:
        """Matches in `codes` (uint8 [n, length]), which are elements from `first` on; by element, motif, strand, place.

        `forward` and `reverse`, int16 [n, motifs], are the best scores on the two strands (an unknown base adding 0): a
        motif whose best is below its threshold is not looked at again.
        """
        padded = np.pad(codes, ((0, 0), (0, int(self._offsets.max()) + 3)), constant_values=UNKNOWN)
        tokens = padded[:, :-2] * np.uint8(25) + padded[:, 1:-1] * np.uint8(5) + padded[:, 2:]
        tables = self._trimers, self._offsets, self._rest
        room = _ROOM
        while True:
            found = np.empty((room, 5), np.int32)
            count = _find(tokens, codes.shape[1], forward, reverse, *tables, self.widths, self.threshold, found)
            if count <= room:
                break
            room = count
        element, motif, place, strand, score = found[:count].T
        p_value = np.empty(count, np.float32)
        for number in np.unique(motif):
            own = motif == number
            p_value[own] = self.tails[number][score[own] - self.threshold[number]]
        bits = (score / self.scale[motif]).astype(np.float32)
        return Hits(element + np.int32(first), motif, place, strand.astype(bool), bits, p_value)


def hits_table(hits: Hits, elements: pl.DataFrame, names: Sequence[str], widths: np.ndarray) -> pl.DataFrame:
    """Matches as rows of motif_hits.parquet (docs/artifacts.md)."""
    start = elements["start"].to_numpy()[hits.element] + hits.place
    return pl.DataFrame(
        {
            "element": hits.element,
            "chrom": elements["chrom"][hits.element],
            "start": start,
            "end": start + widths[hits.motif],
            "motif": pl.Series(names)[hits.motif],
            "strand": pl.Series(["+", "-"])[hits.reverse.astype(np.int32)],
            "score": hits.score,
            "p_value": hits.p_value,
        }
    )


@compiled
def _find(tokens, length, forward, reverse, trimers, offsets, rest, widths, threshold, found):  # type: ignore[no-untyped-def]
    # the number of matches; those that have room in `found` [room, (element, motif, place, strand, score)] are there
    count = 0
    for element in range(len(tokens)):
        token = tokens[element]
        for motif in range(len(widths)):
            least = threshold[motif]
            for strand in range(2):
                if (reverse if strand else forward)[element, motif] < least:
                    continue
                row = 2 * motif + strand
                for place in range(length - widths[motif] + 1):
                    total = 0
                    for step in range(trimers.shape[1]):
                        total += trimers[row, step, token[place + offsets[row, step]]]
                        if total + rest[row, step + 1] < least:
                            break
                    else:
                        if count < len(found):
                            found[count, 0] = element
                            found[count, 1] = motif
                            found[count, 2] = place
                            found[count, 3] = strand
                            found[count, 4] = total
                        count += 1
    return count
