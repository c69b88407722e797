"""Activity by contact of all elements of the gene: how much there is to share."""

import numpy as np

from crexpress.links.evidence.piece import Piece

_LEAST = 1e-4
PIECE = Piece(
    "gene_activity",
    "activity by contact around the gene",
    "ln",
    ("activity",),
    lambda links: np.log(links.scene.sums[links.gene] + _LEAST),
)
