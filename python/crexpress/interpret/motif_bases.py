"""Contributions of motif channels, shared among the bases that made the scores: how a model of motifs sees sequence.

A channel is the score of a motif's best match, standardised: its contribution is the slope times that score less the
mean. Of several matches above the mean each could stand in for the best, so they share it by their Shapley values in
the game whose worth is the best score of those there (the airport game, Littlechild and Owen 1973): two equal sites
get half each. Within a match each base has its own part of the score. All parts add up to the contribution.
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
            totals = match_scores(codes[rows], matrix)
            worth = totals - mean
            best = worth.max((1, 2))
            told = np.abs(best) > NOTHING * float(score.spread[column])
            slope = np.where(told, contribution[rows, channel] / np.where(told, best, 1.0), 0.0)
            link, strand, place, part = shared(worth)
            bases = codes[rows[link][:, None], place[:, None] + np.arange(len(matrix))]
            values = _strands(matrix)[strand[:, None], np.arange(len(matrix)), bases]
            own = (slope[link] * part / worth[link, strand, place])[:, None] * (values - mean / len(matrix))
            np.add.at(found, (rows[link][:, None], place[:, None] + np.arange(len(matrix))), own)
        return found.astype(np.float32)


def match_scores(codes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Score of a motif, log-odds [width, 4] in bits, at each place on both strands: float64 [n, 2, places].

    An unknown base adds 0.
    """
    assert matrix.shape[1] == UNKNOWN
    places = codes.shape[1] - len(matrix) + 1
    every = _strands(matrix)
    return np.stack([sum(one[j][codes[:, j : j + places]] for j in range(len(matrix))) for one in every], 1)


def _strands(matrix: np.ndarray) -> np.ndarray:
    """The matrix as it reads along the plus strand for matches on either, with a column of 0 for unknown bases."""
    return np.stack([np.hstack([part, np.zeros((len(matrix), 1))]) for part in (matrix, matrix[::-1, ::-1])])


def shared(worth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row, strand and place of each match that has a share in the best of `worth` [n, 2, places], and the share.

    Shares of a row sum to its best. Of a row without a match above 0 the best has it all, which is negative.
    """
    flat, best = worth.reshape(len(worth), -1), worth.max((1, 2))
    players = np.maximum(flat, 0)
    count = max(1, int((players > 0).sum(1).max(initial=0)))
    top = np.argpartition(players, -count, 1)[:, -count:]
    top = np.take_along_axis(top, np.take_along_axis(players, top, 1).argsort(1, kind="stable"), 1)
    rising = np.take_along_axis(players, top, 1)
    steps = np.diff(rising, axis=1, prepend=0) / np.arange(count, 0, -1)  # a step is shared by all who reach it
    share = np.cumsum(steps, 1)
    below = best <= 0
    top[below, -1], share[below, -1] = flat[below].argmax(1), best[below]
    link, rank = np.nonzero(share)
    strand, place = np.divmod(top[link, rank], worth.shape[2])
    return link, strand, place, share[link, rank]
