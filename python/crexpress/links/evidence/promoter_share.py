"""The promoter's own share of the gene's activity by contact: a strong promoter needs few enhancers."""

import numpy as np

from crexpress.data.neighbours import NEAREST
from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links

_LEAST = 1e-4


def _values(links: Links) -> np.ndarray:
    scene, total = links.scene, links.scene.sums[links.gene]
    own = scene.activity[scene.own[links.gene]] / NEAREST
    return np.log(own / np.where(total > 0, total, np.inf) + _LEAST)


PIECE = Piece("promoter_share", "share of the promoter itself", "ln", ("activity",), _values)
