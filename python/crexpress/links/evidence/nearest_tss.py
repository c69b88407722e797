"""How far the element is from the nearest TSS of any gene: an element at a promoter is one itself."""

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links

_NEAR = 100  # bp, nearer ones are alike


def _values(links: Links) -> np.ndarray:
    tss, middle = links.line.tss, links.scene.middle[links.element]
    right = np.minimum(np.searchsorted(tss, middle), len(tss) - 1)
    nearest = np.minimum(np.abs(tss[right] - middle), np.abs(tss[np.maximum(right - 1, 0)] - middle))
    return np.log(np.maximum(nearest, _NEAR))


PIECE = Piece("nearest_tss", "distance of the element to the nearest TSS", "ln bp", (), _values)
