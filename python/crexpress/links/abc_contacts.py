"""Contacts of a map (contacts.CELL.npz, of Hi-C, .cool or loops) on ABC's scale, for `abc.scores`."""

import numpy as np
import polars as pl

from crexpress.links.abc import Measured
from crexpress.prepare.contacts import Contacts, Value


def measured(contacts: Contacts, elements: pl.DataFrame, genes: pl.DataFrame) -> Measured:
    """Contact of gene and element rows: counts over the mean sum of a bin's row, so that a bin's sum to about 1.

    A bin with itself has the larger contact of its two neighbours', as its own is mostly of what was not ligated;
    missing is 0. A map of loops has only what its caller found: its contacts are no probabilities, but rank as such.
    """
    value: Value = "count" if "count" in contacts.given else "neglog10q"
    strengths = contacts.strengths(value).astype(np.float64)
    apart = contacts.row != contacts.col
    sums = np.bincount(contacts.row, strengths, contacts.total)
    sums += np.bincount(contacts.col[apart], strengths[apart], contacts.total)
    scale = sums[sums > 0].mean() if (sums > 0).any() else 1.0
    middle = ((elements["ccre_start"] + elements["ccre_end"]) // 2).to_numpy()
    of_element = contacts.bins(elements["chrom"], middle)
    of_gene = contacts.bins(genes["chrom"], genes["tss"].to_numpy())

    def contact(gene: np.ndarray, element: np.ndarray) -> np.ndarray:
        a, b = of_gene[gene], of_element[element]
        beside = np.maximum(contacts.lookup(a, np.maximum(b - 1, -1), value), contacts.lookup(a, b + 1, value))
        result: np.ndarray = np.where(a == b, beside, contacts.lookup(a, b, value)) / scale
        return result

    return contact
