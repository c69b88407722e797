"""Elements that a cell gains and loses beside another one, around the genes whose expression changes most."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.tracks import FLOOR, element_means
from crexpress.prepare.elements import TSS
from crexpress.report import style
from crexpress.report.inputs import Inputs
from crexpress.report.page import Table, TableCell, Text
from crexpress.report.study import Blocks

WINDOW = 100_000  # bp on either side of a TSS in which elements are counted
FOLD, QUARTER = 4.0, 0.25  # of signal over the median; what is added to both cells, so that noise is no change
_MARKS = ("h3k27ac", "atac", "dnase")  # of active elements, the first that both cells have
_GENES, _NAMED = 12, 3  # changed genes in the table, and elements named of each


class Change(NamedTuple):
    """A changed gene: its name, its observed and predicted change (log10), and rows of elements gained and lost, those
    with most signal first.
    """

    gene: str
    observed: float
    predicted: float
    tss: int
    gained: np.ndarray
    lost: np.ndarray


def blocks(inputs: Inputs, cell: str, reference: str, changed: pl.DataFrame) -> Blocks:
    """How often genes that rise gain elements and genes that fall lose them, and the genes that change most.

    changed: gene_id, observed, predicted. Nothing where the cells share no track of activity.
    """
    if inputs.elements is None or changed.is_empty() or not {cell, reference} <= set(inputs.signals):
        return []
    shared = [inputs.signals[name].header["parameters"]["tracks"] for name in (cell, reference)]
    mark = next((name for name in _MARKS if all(name in tracks for tracks in shared)), None)
    if mark is None:
        return []
    new, old = (_over_median(inputs, name, mark) for name in (cell, reference))
    found = list(_around(inputs, changed, new, old))
    rows = [_row(inputs, one) for one in sorted(found, key=lambda one: -abs(one.observed))[:_GENES]]
    what = (
        f"Gained: at least {FOLD:.0f} times the {style.track(mark)} signal that it has in {reference}; lost: the other "
        f"way round (signal over the median of each cell's elements that have any, {QUARTER} added to both)."
    )
    near = f"within {WINDOW // 1000} kb of their TSS"
    caption = f"Genes that change most, with the elements gained and lost {near}. {what}"
    columns = ["Gene", "Observed change", "Predicted change", "Gained elements", "Lost elements"]
    return [Text(_told(found, cell, reference)), Table(caption, columns, rows)]


def _over_median(inputs: Inputs, cell: str, mark: str) -> np.ndarray:
    """Linear mean of every element over the median of those with signal, so that depth is no change."""
    file = inputs.signals[cell]
    means = element_means(file.data.tensors[mark], file.header["parameters"]["transform"], np.float32)
    loud = means[means >= FLOOR]
    return np.asarray(means / np.median(loud) if len(loud) else means, np.float32)


def _around(inputs: Inputs, changed: pl.DataFrame, new: np.ndarray, old: np.ndarray) -> Iterator[Change]:
    assert inputs.elements is not None
    ratio = (new + QUARTER) / (old + QUARTER)
    elements = inputs.elements.data.with_row_index("row").with_columns(
        middle=(pl.col("ccre_start") + pl.col("ccre_end")) // 2, ratio=pl.Series(ratio)
    )
    moved = elements.filter(pl.col("class") != TSS, (pl.col("ratio") >= FOLD) | (pl.col("ratio") <= 1 / FOLD)).sort(
        "chrom", "middle"
    )
    of_chrom = {str(name): own for (name,), own in moved.group_by("chrom", maintain_order=True)}
    known = inputs.genes.data.select("gene_id", "gene_name", "chrom", "tss")
    for row in changed.join(known, on="gene_id", maintain_order="left").iter_rows(named=True):
        own = of_chrom.get(row["chrom"], moved.clear())
        first, last = np.searchsorted(own["middle"].to_numpy(), (row["tss"] - WINDOW, row["tss"] + WINDOW + 1))
        rows, up = own["row"][first:last].to_numpy(), (own["ratio"][first:last] >= 1).to_numpy()
        gained, lost = rows[up], rows[~up]
        gained, lost = gained[np.argsort(-new[gained], kind="stable")], lost[np.argsort(-old[lost], kind="stable")]
        name = row["gene_name"] or row["gene_id"]
        yield Change(name, row["observed"], row["predicted"], row["tss"], gained, lost)


def _row(inputs: Inputs, change: Change) -> list[TableCell]:
    changes = (TableCell(style.number(value, 2), numeric=True) for value in (change.observed, change.predicted))
    return [
        TableCell(change.gene, gene=change.gene),
        *changes,
        *(_elements(inputs, rows, change.tss) for rows in (change.gained, change.lost)),
    ]


def _elements(inputs: Inputs, rows: np.ndarray, tss: int) -> TableCell:
    assert inputs.elements is not None
    named = inputs.elements.data[rows[:_NAMED]]
    places = [
        f"{name} ({style.base_pairs((start + end) // 2 - tss)})"
        for name, start, end in named.select("element_id", "ccre_start", "ccre_end").iter_rows()
    ]
    return TableCell(style.count(len(rows)), ", ".join(places) + (", ..." if len(rows) > _NAMED else ""))


def _told(found: list[Change], cell: str, reference: str) -> str:
    """In words, how often expression and elements go the same way."""
    parts = []
    for word, up in (("more", True), ("less", False)):
        own = [one for one in found if (one.observed > 0) == up]
        same = sum((len(one.gained) > len(one.lost)) if up else (len(one.lost) > len(one.gained)) for one in own)
        more = "gained more elements than they lost" if up else "lost more elements than they gained"
        if own:
            parts.append(f"of the {style.count(len(own))} unseen genes that {cell} expresses {word}, {same:,} {more}")
    return style.sentence(f"{'; '.join(parts)}, beside {reference}.")
