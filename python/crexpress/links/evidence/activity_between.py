"""Activity of the cCREs between element and TSS: what competes on the way."""

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links


def _values(links: Links) -> np.ndarray:
    return np.log1p(links.line.between(*links.span, links.scene.activity))


PIECE = Piece("activity_between", "activity between", "ln(1 + signal)", ("activity",), _values)
