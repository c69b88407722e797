"""Contributions of motif channels, shared among the bases that made the scores: how a model of motifs sees sequence.

A channel is the score of a motif's best match, standardised: a sum over its bases. So its contribution is the slope
times that sum less the mean, and each base of the match has its own part, which add up to it.
"""

from pathlib import Path

import numpy as np

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.interpret.edited import Motifs
from crexpress.prepare.sequence import UNKNOWN

NOTHING = 1e-3  # standard deviations from the mean, in which a score says nothing


class MotifBases:
    """Contributions [n, motifs] of elements' motif channels -> [n, width] of their bases, along the plus strand."""

    def __init__(self, motifs: Motifs, sequence: Path | None, elements: str) -> None:
        if sequence is None:
            raise InputError("the bases under motifs are found in the elements' sequence; give --sequence")
        header, tensors = artifacts.open_arrays(sequence, "sequence")
        if header["elements"] != elements:
            raise InputError(f"{sequence} is of other elements ({header['elements']}, not {elements})")
        self.motifs, self.codes = motifs, tensors["codes"]

    def of(self, element: np.ndarray, contribution: np.ndarray) -> np.ndarray:
        codes = np.asarray(self.codes[element])
        found = np.zeros(codes.shape, np.float64)
        score = self.motifs.score
        for channel, column in enumerate(self.motifs.columns):
            rows = np.flatnonzero(contribution[:, channel])
            if column < 0 or not len(rows):
                continue
            matrix, mean = score.matrices[column], float(score.mean[column])
            place, values = best_match(codes[rows], matrix)
            above = values.sum(1) - mean
            told = np.abs(above) > NOTHING * float(score.spread[column])
            slope = np.where(told, contribution[rows, channel] / np.where(told, above, 1.0), 0.0)
            own = slope[:, None] * (values - mean / len(matrix))
            np.add.at(found, (rows[:, None], place[:, None] + np.arange(len(matrix))), own)
        return found.astype(np.float32)


def best_match(codes: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First base of a motif's best match on either strand, and what each base there adds: [n], [n, width] in bits.

    matrix is log-odds [width, 4]; an unknown base adds 0. Columns of the result run along the plus strand.
    """
    width = len(matrix)
    strands = [np.hstack([part, np.zeros((width, 1))]) for part in (matrix, matrix[::-1, ::-1])]
    assert matrix.shape[1] == UNKNOWN
    places = codes.shape[1] - width + 1
    totals = [sum(one[j][codes[:, j : j + places]] for j in range(width)) for one in strands]
    best = [np.asarray(total).argmax(1) for total in totals]
    every = np.arange(len(codes))
    tops = [np.asarray(total)[every, at] for total, at in zip(totals, best, strict=True)]
    reverse = tops[1] > tops[0]
    place = np.where(reverse, best[1], best[0])
    bases = codes[every[:, None], place[:, None] + np.arange(width)]
    values = [one[np.arange(width), bases] for one in strands]
    return place, np.where(reverse[:, None], values[1], values[0])
