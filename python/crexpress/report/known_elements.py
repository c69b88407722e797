"""Known elements in the picture of a locus, beside H3K27ac/distance, which asks no model (CREaTor, Fig. 2f)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.intervals import any_overlap
from crexpress.core.tracks import element_means
from crexpress.evaluate.benchmarks.locus import REACH, elements_of
from crexpress.formats import places, screen_files
from crexpress.report import cell_facts
from crexpress.report.inputs import Inputs

SIMPLE = "H3K27ac/distance"
_MARK = "h3k27ac"


class Beside(NamedTuple):
    """Of one gene: known elements in reach, {list: (chrom, start, end)}, and all cCREs in reach with SIMPLE, laid out
    as `linked` of a `Locus`; None where the cell has no H3K27ac.
    """

    known: Mapping[str, pl.DataFrame]
    simple: pl.DataFrame | None


NOTHING = Beside({}, None)


def read(files: Sequence[str], inputs: Inputs) -> dict[str, pl.DataFrame]:
    """Known elements of [NAME=]FILE options, by name; InputError for lines that are none."""
    chromosomes = inputs.genes.data["chrom"].unique()
    found = screen_files.parse(files, "--known").items()
    return {name: places.respelt(places.read(path, "known element"), chromosomes, path) for name, path in found}


def beside(inputs: Inputs, cell: str, gene: Mapping[str, object], lists: Mapping[str, pl.DataFrame]) -> Beside:
    """What of the lists lies within 2 Mb of a gene's TSS, and SIMPLE of all cCREs there."""
    own = pl.col("chrom") == gene["chrom"]
    middle = (pl.col("start") + pl.col("end")) // 2
    inside = own & ((middle - pl.lit(gene["tss"])).abs() <= REACH)
    known = {name: table.filter(inside).sort("start") for name, table in lists.items()}
    signals = inputs.signals.get(cell)
    if inputs.elements is None or signals is None or _MARK not in signals.header["parameters"]["tracks"]:
        return Beside(known, None)
    elements = inputs.elements.data.with_row_index("element")
    around = elements_of(elements, dict(gene), REACH)
    rows = around["element"].to_numpy()
    level = element_means(signals.data.tensors[_MARK][rows], signals.header["parameters"]["transform"])
    far = np.maximum(around["distance"].abs().to_numpy(), 1)  # as `closed_forms` has it
    return Beside(known, cell_facts.marked(inputs, cell, around.with_columns(pl.Series(SIMPLE, level / far))))


def told(shown: Beside, linked: pl.DataFrame, scores: Mapping[str, str]) -> list[str]:
    """A line a list: how many of its elements are in reach and overlap a scored one, and the ranks of those by each
    score among the elements that it scores ({column: label} of `linked`).
    """
    tables = [(label, linked.filter(pl.col(column).is_not_null()), column) for column, label in scores.items()]
    if shown.simple is not None:
        tables.append((SIMPLE, shown.simple, SIMPLE))
    lines = []
    for name, known in shown.known.items():
        parts = []
        for label, table, column in tables:
            held = any_overlap(table.select("chrom", "start", "end"), known)
            covered = int(any_overlap(known, table.select("chrom", "start", "end")).sum())
            ranks = table[column].rank("min", descending=True).filter(pl.Series(held)).sort().to_list()
            first = ", ".join(f"{rank:,}" for rank in ranks[:10]) or "none"
            parts.append(f"{label}: {covered} overlap one of its {len(table):,} elements, ranks {first}")
        near = f"{name}: {len(known)} known elements within {REACH / 1e6:g} Mb of the TSS"
        lines.append(f"{near}. {'; '.join(parts)}." if len(known) else f"{near}.")
    return lines
