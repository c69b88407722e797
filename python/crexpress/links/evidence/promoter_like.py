"""Whether the registry calls the element promoter-like."""

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links


def _values(links: Links) -> np.ndarray:
    return (links.scene.elements["class"] == "PLS").to_numpy()[links.element].astype(np.float64)


PIECE = Piece("promoter_like", "promoter-like class", "0 or 1", (), _values)
