"""ABC: the share that the element's activity/distance has of all elements' of the gene."""

import numpy as np

from crexpress.links.evidence.piece import SMALL, Piece

PIECE = Piece(
    "abc", "share of the gene's activity by contact", "ln", ("activity",), lambda links: np.log(links.share + SMALL)
)
