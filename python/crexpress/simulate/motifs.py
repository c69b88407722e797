"""Motifs of one simulated genome for another: two species with one regulatory grammar."""

from pathlib import Path

import numpy as np

from crexpress.core.errors import InputError
from crexpress.formats.meme import read_meme
from crexpress.simulate.world import FACTORS


def read_motifs(path: Path) -> list[np.ndarray]:
    """Matrices [width, 4] of the motifs.meme of a simulated set; InputError for any other."""
    motifs = read_meme(path).motifs
    if len(motifs) != FACTORS or motifs[-1].factor.upper() != "CTCF":
        raise InputError(
            f"{path} holds {len(motifs)} motifs that end in {motifs[-1].factor}; give the motifs.meme that simulate "
            f"wrote: {FACTORS} motifs, CTCF last"
        )
    return [motif.probabilities / motif.probabilities.sum(1, keepdims=True) for motif in motifs]
