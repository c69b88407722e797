"""Whose body the element lies in: the gene's own, or another's."""

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links


def own(links: Links) -> np.ndarray:
    """Whether each element's middle lies between the ends of its gene, 0 or 1."""
    genes, middle = links.scene.genes, links.scene.middle[links.element]
    inside = (genes["start"].to_numpy()[links.gene] <= middle) & (middle < genes["end"].to_numpy()[links.gene])
    return inside.astype(np.float64)


def _other(links: Links) -> np.ndarray:
    genes, middle = links.scene.genes[links.line.genes], links.scene.middle[links.element]
    begun = np.searchsorted(np.sort(genes["start"].to_numpy()), middle, "right")
    over = np.searchsorted(np.sort(genes["end"].to_numpy()), middle, "right")
    return (begun - over - own(links) > 0).astype(np.float64)


OWN = Piece("own_body", "place in the body of the gene", "0 or 1", (), own)
OTHER = Piece("other_body", "place in the body of another gene", "0 or 1", (), _other)
