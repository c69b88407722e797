"""A track at the element, around it, and at the gene's promoter."""

import numpy as np

from crexpress.core.tracks import FLOOR
from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links

WIDE = 1000  # bp from the element's middle


def at_element(track: str, label: str) -> Piece:
    """The track's mean over the element's window."""

    def values(links: Links) -> np.ndarray:
        return np.log(links.scene.tracks[track][links.element] + FLOOR)

    return Piece(f"element_{track}", f"{label} of the element", "ln signal", (track,), values)


def at_promoter(track: str, label: str) -> Piece:
    """The track's mean over the window of the gene's TSS."""

    def values(links: Links) -> np.ndarray:
        scene = links.scene
        return np.log(scene.tracks[track][scene.own[links.gene]] + FLOOR)

    return Piece(f"promoter_{track}", f"{label} of the promoter", "ln signal", (track,), values)


def around(track: str, label: str) -> Piece:
    """The track summed over all cCREs within 1 kb of the element's middle."""

    def values(links: Links) -> np.ndarray:
        total = links.line.around(links.scene.middle[links.element], WIDE, links.scene.tracks[track])
        return np.log(total + FLOOR)

    return Piece(f"around_{track}", f"{label} within 1 kb of the element", "ln signal", (track,), values)
