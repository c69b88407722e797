"""TSSs of other genes between element and TSS."""

import numpy as np

from crexpress.links.evidence.piece import Piece

PIECE = Piece(
    "tss_between", "TSSs between", "ln(1 + n)", (), lambda links: np.log1p(links.line.tss_between(*links.span))
)
