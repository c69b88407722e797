"""True-positive rate among a gene's k best elements, k its number of validated ones (ScPGE, Figs 3C and 5D)."""

import numpy as np


def rates(score: np.ndarray, positive: np.ndarray, gene: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Genes (numbers, rising) that have both labels, how many of their validated elements are in the top k, and k.

    Elements that tie at the k-th place count by the share of them that has a place: what drawing lots would give. Those
    of which a score says nothing (-inf) have no place, and never count.
    """
    order = np.lexsort((-score, gene))
    starts = np.flatnonzero(np.diff(gene[order], prepend=gene[order][:1] - 1))
    genes, found, wanted = [], [], []
    for rows in np.split(order, starts[1:]):
        k = int(positive[rows].sum())
        if not 0 < k < len(rows):
            continue
        edge = score[rows[k - 1]]
        above, tied = rows[score[rows] > edge], rows[score[rows] == edge]
        places = k - len(above)
        genes.append(gene[rows[0]])
        found.append(positive[above].sum() + (places * positive[tied].mean() if edge > -np.inf else 0))
        wanted.append(k)
    return np.array(genes, np.int64), np.array(found, float), np.array(wanted, float)
