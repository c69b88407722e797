"""How far the element is from the TSS."""

import numpy as np

from crexpress.links.evidence.piece import Piece

PIECE = Piece("distance", "distance", "ln bp", (), lambda links: np.log(links.apart))
