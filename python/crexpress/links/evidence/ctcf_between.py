"""CTCF signal of the cCREs between element and TSS: insulation."""

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links


def _values(links: Links) -> np.ndarray:
    return np.log1p(links.line.between(*links.span, links.scene.tracks["ctcf"]))


PIECE = Piece("ctcf_between", "CTCF between", "ln(1 + signal)", ("ctcf",), _values)
