"""What a link model says of the cells: how many links it calls, what its probabilities are worth, and reasons."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from crexpress.report import cell_facts, facts, plots, style
from crexpress.report.page import Table, TableCell, Text
from crexpress.report.study import Blocks, Study

_SHOWN = 12  # called links of a gene in the report, most probable first


def blocks(study: Study) -> Blocks:
    """One row a cell; then what a reader must know of each, and how well the model's probabilities are calibrated."""
    scored = study.inputs.scored
    if not scored:
        return []
    rows = []
    told: list[str] = []
    for cell, table in scored.items():
        about, links = table.header["parameters"], cell_facts.candidates(study.inputs, cell).filter("called")
        called, genes = len(links), links["gene_id"].n_unique()
        rows.append(
            [
                TableCell(cell),
                TableCell(about["link_model_name"]),
                TableCell(style.number(about["cutoff"]), numeric=True),
                TableCell(style.count(called), style.percent(called / max(len(table.data), 1)), numeric=True),
                TableCell(style.count(genes), numeric=True),
            ]
        )
        told += about["notes"]
    cards = {
        table.header["parameters"]["link_model_name"]: table.header["parameters"]["card"] for table in scored.values()
    }
    caption = (
        "Links by the link model: every element within the window has a probability; recommended are those from the "
        f"cutoff on{facts.CALLED}. Reasons are in scored/links.CELL.tsv.gz."
    )
    columns = ["Cell", "Link model", "Cutoff", "Recommended links", "Genes with one"]
    return [Table(caption, columns, rows), *(Text(f"{note}.") for note in told), *_calibration(cards, study)]


@plots.styled
def _reliability(curve: Sequence[Sequence[float]]) -> Figure:
    """Share regulated against mean probability of each bin, beside the line on which they are equal."""
    figure = Figure(figsize=(plots.PANEL, plots.PANEL), layout="constrained")
    axis = figure.subplots()
    axis.plot((0, 1), (0, 1), color=style.MUTED, linewidth=1, linestyle=(0, (5, 1.5)))
    axis.plot([mean for mean, _, _ in curve], [share for _, share, _ in curve], "o-", color=style.BLUE, markersize=4)
    axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="Mean probability", ylabel="Share regulated", aspect="equal")
    axis.grid()
    return figure


def _calibration(cards: Mapping[str, Mapping[str, Any]], study: Study) -> Blocks:
    """Of each model that was used: figures of its held-out probabilities, its reliability curve, and its table."""
    found: Blocks = []
    for number, (name, card) in enumerate(cards.items(), 1):
        value, low, high = card["average_precision"]
        found.append(
            Text(
                f"Link model {name}: average precision {style.number(value)} {style.interval(low, high)} on held-out "
                f"chromosomes of its screen, expected calibration error {style.number(card['calibration_error'])}, "
                f"precision {style.number(card['precision_at_70_recall'][0])} where 70 % of regulated pairs are found."
            )
        )
        rows = [
            [
                TableCell(style.number(mean), numeric=True),
                TableCell(style.number(share), numeric=True),
                TableCell(style.count(n), numeric=True),
            ]
            for mean, share, n in card["reliability"]
        ]
        found.append(
            study.picture(
                _reliability(card["reliability"]),
                f"reliability-{number}",
                f"Share of regulated pairs against the probability of link model {name}",
                f"Reliability of link model {name}, held out: on the dashed line a probability is what it says.",
            )
        )
        found.append(
            Table(
                f"Calibration of link model {name}, held out: pairs in ten equal bins of probability.",
                ["Mean probability", "Share regulated", "Pairs"],
                rows,
            )
        )
    return found


def of_gene(linked: pl.DataFrame) -> Blocks:
    """Why the links of one gene were called, most probable first."""
    if "sentence" not in linked.columns:
        return []
    called = linked.filter("called").sort("probability", descending=True).head(_SHOWN)
    rows = [
        [
            TableCell(row["element_id"]),
            TableCell(style.number(row["probability"]), numeric=True),
            TableCell(row["sentence"]),
        ]
        for row in called.iter_rows(named=True)
    ]
    caption = (
        "Recommended links of this gene, and why: what moved the probability. Much and little: above and below the "
        "median of the pairs that the link model learned from."
    )
    return [Table(caption, ["Element", "Probability", "Why"], rows, folded=True)] if rows else []
