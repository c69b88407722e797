"""CTCF sites about element and TSS whose motifs face each other: anchors of a loop that holds both (Rao et al. 2014).

Which strand is called + is the motif's: those of HOCOMOCO and JASPAR agree (CCASYAGRKGGC), others may not, so the piece
has no sign.
"""

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import CTCF, SITES, Links

REACH = 10_000  # bp about each of the two


def _values(links: Links) -> np.ndarray:
    scene, line, (low, high) = links.scene, links.line, links.span
    assert scene.sites is not None
    forward, reverse = (scene.tracks[CTCF] * strand for strand in scene.sites)
    ends = line.around(low, REACH, forward), line.around(high, REACH, reverse)
    return np.log1p(np.minimum(*ends))


PIECE = Piece("ctcf_convergent", "CTCF at sites that face each other", "ln(1 + signal)", (CTCF, SITES), _values)
