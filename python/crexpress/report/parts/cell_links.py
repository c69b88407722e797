"""What the recommended links of a cell look like as a whole."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from crexpress.report import cell_facts, facts, style
from crexpress.report.inputs import Inputs
from crexpress.report.page import Bars, Histograms, Section, Table, TableCell, Text
from crexpress.report.parts.part import Part
from crexpress.report.study import Blocks, Study

_TOP = 50
_DISTANCES = (0, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000)
_NUMBERS = (1, 2, 3, 5, 10, 20)


def section(study: Study) -> Section | None:
    """Every cell with links: numbers, histograms, classes and the strongest."""
    blocks: Blocks = []
    for cell in study.inputs.links:
        if len(study.inputs.links) > 1:
            blocks.append(Text(cell, tone="heading"))
        blocks += of_cell(study.inputs, cell)
    return Section("cell-links", "Links of the cell", blocks) if blocks else None


def of_cell(inputs: Inputs, cell: str) -> Blocks:
    """The recommended links of one cell."""
    links = cell_facts.candidates(inputs, cell)
    called = links.filter("called")
    if called.is_empty():
        return [Text(f"No link of {cell} is recommended.")]
    score, label = cell_facts.main_score(inputs, cell)
    genes, elements = called["gene_id"].n_unique(), called["element"].n_unique()
    how = _without(label)
    if cell in inputs.scored:
        cutoff = style.number(inputs.scored[cell].header["parameters"]["cutoff"])
        how = f"those with a {label} from the cutoff of {cutoff} on{facts.CALLED}{_but(links)}"
    text = (
        f"{style.count(len(called))} links of {style.count(len(links))} are recommended in {cell}: {how}. They join "
        f"{style.count(genes)} genes to {style.count(elements)} elements. "
        f"{style.percent(to_nearest(inputs, called))} go to "
        "the gene whose TSS is nearest to the element."
    )
    per_gene, per_element = (called.group_by(name).len()["len"].to_numpy() for name in ("gene_id", "element"))
    distance = called["distance"].abs().to_numpy()
    kinds = called.group_by("class").len().sort("len", "class", descending=[True, False])
    return [
        Text(text),
        Histograms(
            [
                Bars("Distance from element to TSS.", histogram(distance, _DISTANCES, _by_distance)),
                Bars("Elements of a gene, genes with any.", histogram(per_gene, _NUMBERS, _by_number)),
                Bars("Genes of an element, elements with any.", histogram(per_element, _NUMBERS, _by_number)),
                Bars("Class of the element.", [(str(name), int(number)) for name, number in kinds.iter_rows()]),
            ]
        ),
        _strongest(inputs, cell, called, score, label),
    ]


def _but(links: pl.DataFrame) -> str:
    """What a link model links and is not recommended all the same."""
    left = int(links.select((pl.col("linked") & pl.col("silent")).sum()).item())
    return f" ({style.count(left)} to elements without signal in the cell are left out)" if left else ""


def _without(label: str) -> str:
    return f"the {cell_facts.TOP} of each gene with the highest {label} (no link model calls any here)"


def to_nearest(inputs: Inputs, links: pl.DataFrame) -> float:
    """Share of links whose gene has the TSS that is nearest to the middle of their element."""
    hits = 0
    middle = (pl.col("start") + pl.col("end")) // 2
    for (chrom,), own in links.with_columns(middle=middle).group_by("chrom", maintain_order=True):
        tss = np.unique(inputs.genes.data.filter(pl.col("chrom") == chrom)["tss"].to_numpy())
        at = own["middle"].to_numpy()
        right = np.searchsorted(tss, at)
        near = [np.abs(at - tss[np.clip(side, 0, len(tss) - 1)]) for side in (right - 1, right)]
        hits += int((np.abs(own["tss"].to_numpy() - at) <= np.minimum(*near)).sum())
    return hits / max(len(links), 1)


def histogram(values: np.ndarray, edges: Sequence[int], name: object) -> list[tuple[str, int]]:
    """(name of the class, number) for classes from each edge to before the next; the last is open."""
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 1)
    numbers = np.bincount(place, minlength=len(edges))
    titles = [name(edges, index) for index in range(len(edges))]  # type: ignore[operator]
    last = int(np.flatnonzero(numbers).max(initial=0))
    return [(title, int(number)) for title, number in zip(titles[: last + 1], numbers, strict=False)]


def _by_distance(edges: Sequence[int], at: int) -> str:
    low = f"{edges[at] / 1000:g}"
    return f"over {low} kb" if at + 1 == len(edges) else f"{low}-{edges[at + 1] / 1000:g} kb"


def _by_number(edges: Sequence[int], at: int) -> str:
    if at + 1 == len(edges):
        return f"{edges[at]} and more"
    last = edges[at + 1] - 1
    return str(edges[at]) if last == edges[at] else f"{edges[at]}-{last}"


def _strongest(inputs: Inputs, cell: str, called: pl.DataFrame, score: str, label: str) -> Table:
    top = called.sort(score, descending=True, maintain_order=True).head(_TOP)
    why = "sentence" in top.columns
    strand = dict(inputs.genes.data.select("gene_id", "strand").iter_rows())
    told, levels = _expression(inputs, cell)
    rows = []
    for row in top.iter_rows(named=True):
        name = row["gene_name"] or row["gene_id"]
        cells = [TableCell(name, gene=name), TableCell(row["element_id"]), TableCell(row["class"])]
        cells.append(TableCell(f"{row['chrom']}:{row['start'] + 1:,}-{row['end']:,}"))
        cells += [
            TableCell(style.base_pairs(cell_facts.along(row["distance"], strand[row["gene_id"]])), numeric=True),
            TableCell(style.significant(row[score]), numeric=True),
        ]
        if levels:
            cells.append(TableCell(style.number(levels.get(row["gene_id"]), 2), numeric=True))
        rows.append([*cells, TableCell(row["sentence"] or "")] if why else cells)
    columns = ["Gene", "Element", "Class", "Place", "Distance", style.sentence(label), *([told] if levels else [])]
    columns += ["Evidence"] if why else []
    caption = (
        f"The {len(top)} strongest of the recommended links; distances are along the gene (minus: upstream). That a "
        "link is probable does not make its gene a high one."
    )
    return Table(caption, columns, rows, folded=True)


def _expression(inputs: Inputs, cell: str) -> tuple[str, dict[str, float]]:
    """What is known of genes' expression, as measured or else as predicted: a heading, and {gene_id: value}."""
    for told, of_cells, column in (
        ("Measured", inputs.expression, "expression"),
        ("Predicted", inputs.predictions, "predicted"),
    ):
        if cell in of_cells:
            return f"{told} expression", dict(of_cells[cell].data.select("gene_id", column).iter_rows())
    return "", {}


PART = Part(section)
