"""The gene's part of the element's contacts with all TSSs within 1 Mb: which other genes lie as near."""

import numpy as np

from crexpress.data.neighbours import NEAREST
from crexpress.links.evidence.piece import SMALL, Piece
from crexpress.links.scene import Links

REACH = 1_000_000  # bp


def _values(links: Links) -> np.ndarray:
    elements, back = np.unique(links.element, return_inverse=True)
    middle, tss = links.scene.middle[elements], links.line.tss
    first, end = np.searchsorted(tss, middle - REACH, "left"), np.searchsorted(tss, middle + REACH, "right")
    total = np.zeros(len(elements))
    for step in range(int((end - first).max(initial=0))):  # the n-th TSS of every element at once
        at = np.minimum(first + step, len(tss) - 1)
        total += np.where(first + step < end, 1 / np.maximum(np.abs(tss[at] - middle), NEAREST), 0)
    all_genes = np.maximum(total[back], 1 / links.apart)
    return np.log(1 / links.apart / all_genes + SMALL)


PIECE = Piece("competition", "share of the gene in the element's contacts", "ln", (), _values)
