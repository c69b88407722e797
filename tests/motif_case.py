"""Random motifs and sequences."""

import numpy as np

from crexpress.formats.meme import Motif, MotifSet
from crexpress.prepare import sequence

WIDTHS = (1, 3, 4, 6, 7, 12, 13, 25)


def make_set(seed=0, widths=WIDTHS, decimals=3):
    rng = np.random.default_rng(seed)
    made = []
    for number, width in enumerate(widths):
        probabilities = np.round(rng.dirichlet([0.3] * 4, width), decimals)
        made.append(Motif(f"M{number}", f"TF{number}", probabilities, 50))
    return MotifSet(made, np.array([0.3, 0.2, 0.2, 0.3]))


def make_codes(rows=40, width=60, seed=1):
    """Random sequences; some with unknown bases, one without any known base."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (rows, width)).astype(np.uint8)
    codes[: rows // 2][rng.random((rows // 2, width)) < 0.1] = sequence.UNKNOWN
    codes[3] = sequence.UNKNOWN
    return codes
