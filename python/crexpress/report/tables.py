"""The files beside the page that people open in spreadsheets and genome browsers: folder `tables`."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from crexpress.links import exports
from crexpress.links.exports.shown import Shown, lengths_of
from crexpress.report import cell_facts, facts, first_gene, gene_table
from crexpress.report.inputs import Inputs

FORMATS = ("tsv", "elements", "bed", "bedpe", "interact", "longrange", "bigwig")
_BUTTONS = 9  # of many cells the first
_OWN = ("element", "linked", "called", "silent")  # columns for programs


def shown(inputs: Inputs, cell: str) -> Shown | None:
    """The recommended links of a cell as the exports take them; None where there are none, or no elements."""
    links = cell_facts.candidates(inputs, cell)
    called = links.filter("called")
    if called.is_empty() or inputs.elements is None:
        return None
    score, label = cell_facts.main_score(inputs, cell)
    chosen = called.sort("gene_id", pl.col(score), "element", descending=[False, True, False])
    chosen = chosen.drop(_OWN, strict=False).rename({"sentence": "evidence"}, strict=False)
    lengths = lengths_of(inputs.elements.data, inputs.elements.header)
    return Shown(cell, chosen, links, score, label, lengths)


def write(inputs: Inputs, pairs: pl.DataFrame | None, folder: Path, asked: Sequence[str] = ()) -> list[Path]:
    """genes.CELL.tsv of every cell, and of those with links the recommended ones in the exports' formats with an IGV
    session where the genome is a common one, which opens at the gene that the page shows first; the files' paths.
    """
    written = []
    for cell in facts.cells(inputs):
        if cell in inputs.predictions or cell in inputs.links:
            folder.mkdir(parents=True, exist_ok=True)
            written.append(folder / f"genes.{cell}.tsv")
            gene_table.write(inputs, cell, pairs, written[-1])
        links = shown(inputs, cell) if cell in inputs.links else None
        if links is not None:
            gene = first_gene.of_cell(inputs, cell, asked)
            written += exports.export(folder, links, [*FORMATS, *_session(links)], gene=gene)
    return written


def _session(links: Shown) -> list[str]:
    return ["igv"] if exports.igv.genome_of(links.lengths) else []


def buttons(files: list[Path]) -> list[tuple[str, str]]:
    """What the head of the page offers to open, (path from the page, name): genes, links and IGV sessions."""
    found = []
    for path in files:
        kind, cell = path.name.split(".", 1)[0], path.name.split(".", 1)[1]
        for ending, name in ((".tsv", "genes"), (".tsv.gz", "links"), (".igv.xml", "IGV session")):
            if cell.endswith(ending) and kind in ("genes", "links"):
                found.append((f"tables/{path.name}", f"{name} of {cell.removesuffix(ending)}"))
    return found[:_BUTTONS]
