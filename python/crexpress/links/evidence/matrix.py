"""Contacts of a Hi-C matrix (.hic, .cool) between element and TSS, over what is expected at their distance.

Both are summed over the 3 x 3 bins about the two places. Expected is the mean over all pairs of bins of a distance,
pairs without a read included (Lieberman-Aiden et al. 2009). What is expected is added to each, so that a pair without a
read in a shallow matrix says little: 0 is as expected, whatever the unit of the counts.
"""

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links
from crexpress.prepare.contacts import Contacts


def _of(links: Links, contacts: Contacts) -> np.ndarray:
    """Sums of observed and expected counts about each link's two places, [2, links]; 0 off the chromosome."""
    chroms = links.scene.elements["chrom"]
    element = contacts.bins(chroms.gather(links.element), links.scene.middle[links.element])
    gene = contacts.bins(links.scene.genes["chrom"].gather(links.gene), links.scene.tss[links.gene])
    low, high = contacts.span(links.chrom)
    by_distance = contacts.expected
    found = np.zeros((2, len(element)))
    for one in (-1, 0, 1):
        for two in (-1, 0, 1):
            a, b = element + one, gene + two
            inside = (element >= 0) & (gene >= 0) & (a >= low) & (b >= low) & (a < high) & (b < high)
            apart = np.abs(a - b)
            near = inside & (apart < len(by_distance))
            found[0, inside] += contacts.lookup(a[inside], b[inside])
            found[1, near] += by_distance[apart[near]]
    return found


def _values(links: Links) -> np.ndarray:
    observed, wanted = np.sum([_of(links, contacts) for contacts in links.scene.matrices], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        result: np.ndarray = np.where(wanted > 0, np.log((observed + wanted) / (2 * wanted)), np.nan)
    return result


PIECE = Piece("contact", "contacts over those expected at the distance", "ln", ("matrix",), _values)
