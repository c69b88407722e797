"""Chromatin loops between element and TSS, over any number of maps, and how many the TSS has.

A loop counts when its bins are those of the two places or next to them. Strengths of different maps (reads, -log10 q,
none) are compared by their rank in the map. The anchors' width is that of the strongest such loop, of equals the
narrowest: how closely that loop says where its ends lie.
"""

from collections.abc import Iterator

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import LOOPS, WIDTHS, Links
from crexpress.prepare.contacts import Contacts


def _strength(contacts: Contacts) -> np.ndarray:
    """Rank of every contact's strength in its map, 0 to 1, ties at their middle [contacts]."""
    value = contacts.strengths("count" if "count" in contacts.given else "neglog10q")
    _, place, number = np.unique(value, return_inverse=True, return_counts=True)
    middle = np.cumsum(number) - number / 2
    ranks: np.ndarray = (middle / len(value))[place]
    return ranks


def _bins(links: Links, contacts: Contacts) -> tuple[np.ndarray, np.ndarray]:
    chroms = links.scene.elements["chrom"]
    elements = contacts.bins(chroms.gather(links.element), links.scene.middle[links.element])
    genes = contacts.bins(links.scene.genes["chrom"].gather(links.gene), links.scene.tss[links.gene])
    return elements, genes


def _hits(links: Links, contacts: Contacts) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of the places' bins and of each of their neighbours: a contact [links], and whether it is of the two [links]."""
    element, gene = _bins(links, contacts)
    for one in (-1, 0, 1):
        for two in (-1, 0, 1):
            low, high = np.minimum(element + one, gene + two), np.maximum(element + one, gene + two)
            wanted = low * contacts.total + high
            at = np.minimum(np.searchsorted(contacts.keys, wanted), len(contacts.keys) - 1)
            yield at, (contacts.keys[at] == wanted) & (element >= 0) & (gene >= 0)


def _found(links: Links, contacts: Contacts) -> np.ndarray:
    """Strongest contact of the places' bins or their neighbours, by rank; 0 for none [links]."""
    ranks = _strength(contacts)
    best = np.zeros(len(links.element))
    for at, hit in _hits(links, contacts):
        best = np.maximum(best, np.where(hit, ranks[at], 0))
    return best


def _all(links: Links) -> np.ndarray:
    """`_found` of every map [maps, links], kept for the pieces that share it."""
    if "loops" not in links.kept:
        links.kept["loops"] = np.stack([_found(links, contacts) for contacts in links.scene.contacts])
    return links.kept["loops"]


def _width(links: Links) -> np.ndarray:
    strongest, narrowest = _all(links).max(axis=0), np.full(len(links.element), np.nan)
    for contacts in links.scene.contacts:
        if contacts.widths is not None:
            ranks = _strength(contacts)
            for at, hit in _hits(links, contacts):
                size = np.where(hit & (ranks[at] == strongest), contacts.widths[at].astype(np.float64), np.nan)
                narrowest = np.fmin(narrowest, size)
    return np.log(narrowest)


def _of_gene(links: Links) -> np.ndarray:
    total = np.zeros(len(links.gene))
    for contacts in links.scene.contacts:
        number = np.bincount(contacts.row, minlength=contacts.total) + np.bincount(
            contacts.col, minlength=contacts.total
        )
        _, gene = _bins(links, contacts)
        total += np.log1p(np.where(gene >= 0, number[gene], 0))
    return total / len(links.scene.contacts)


STRENGTH = Piece("loop", "loop", "rank, 0 for none", (LOOPS,), lambda links: _all(links).max(axis=0))
SUPPORT = Piece(
    "loop_maps", "share of the loop maps with a loop", "share", (LOOPS,), lambda links: (_all(links) > 0).mean(axis=0)
)
WIDTH = Piece("loop_width", "anchors of the loop", "ln bp", (LOOPS, WIDTHS), _width)
OF_GENE = Piece("loops_of_gene", "loops of the promoter", "ln(1 + bins)", (LOOPS,), _of_gene)
