"""Inputs for the released CREaTor model, made by a formula so that they need not be stored."""

from typing import NamedTuple

import numpy as np
from released_scpge import draw_from

ELEMENTS, TRACKS, WIDTH, GENE = 14, 16, 350, 700
PADDED = 2  # elements that the released program fills up: no bases and no signal in their outer parts


class Inputs(NamedTuple):
    """codes [E, L] in our order, 4 for unknown; signals [E, L, T]; positions of elements and of genes, in bp."""

    codes: np.ndarray
    signals: np.ndarray
    elements: np.ndarray
    genes: np.ndarray


def released_inputs() -> Inputs:
    """Elements from next to the genes to beyond 10 Mb, where the last bucket begins, and three genes among them."""
    draw = draw_from("inputs of CREaTor")
    codes = draw.randint(0, 4, (ELEMENTS, WIDTH)).astype(np.uint8)
    signals = draw.gamma(1.0, 0.7, (ELEMENTS, WIDTH, TRACKS)).astype(np.float32)
    for part in (slice(0, 60), slice(-61, None)):
        codes[:PADDED, part] = 4
        signals[:PADDED, part] = 0
    codes[-1, 100:104] = 4  # unknown bases
    elements = np.array([3_000, 9_400, 212_000, 251_117, 299_600, 299_999, 300_700, 304_801, 310_000, 340_000, 402_400,
                         900_000, 2_100_000, 12_000_000])  # fmt: skip
    return Inputs(codes, signals, elements, np.array([300_000, 250_000, 1_000_003]))
