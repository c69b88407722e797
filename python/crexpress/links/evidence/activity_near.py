"""Activity within 5 kb of the element, its own included: a dense neighbourhood is an enhancer cluster."""

import numpy as np

from crexpress.core.tracks import FLOOR
from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links

REACH = 5000  # bp


def _values(links: Links) -> np.ndarray:
    middle = links.scene.middle[links.element]
    return np.log(links.line.around(middle, REACH, links.scene.activity) + FLOOR)


PIECE = Piece("activity_near", "activity within 5 kb of the element", "ln signal", ("activity",), _values)
