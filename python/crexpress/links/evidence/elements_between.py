"""cCREs between element and TSS."""

import numpy as np

from crexpress.links.evidence.piece import Piece

PIECE = Piece(
    "elements_between", "elements between", "ln(1 + n)", (), lambda links: np.log1p(links.line.between(*links.span))
)
