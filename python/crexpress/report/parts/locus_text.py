"""What stands around the picture of a locus: whose gene it is, its legend, its strongest elements."""

from collections.abc import Mapping

import polars as pl

from crexpress.core import splits
from crexpress.report import cell_facts, locus, style
from crexpress.report.inputs import Inputs
from crexpress.report.page import Table, TableCell

_PARTS = {
    splits.TRAIN: "used in training",
    splits.VAL: "used to choose the weights",
    splits.TEST: "not seen in training",
}


def part_of(inputs: Inputs, cell: str, gene: locus.Row) -> str:
    """ ", not seen in training", where it is known."""
    if cell not in inputs.predictions:
        return ""
    own = inputs.predictions[cell].data.filter(pl.col("gene_id") == gene["gene_id"])
    return f", {_PARTS[own['split'][0]]}" if len(own) else ""


def legend(inputs: Inputs, shown: locus.Locus) -> str:
    """What the lanes of the picture are."""
    parts = []
    if len(shown.loops):
        more = f" ({style.count(shown.loops_left_out)} more not drawn)" if shown.loops_left_out else ""
        parts.append(f"Loops: measured; bars are their anchors, dark are those with an anchor on the TSS{more}.")
    parts.append(
        "Scores: bars are relative to the gene's largest beyond 1 kb of its TSS, nearer ones pale and "
        f"cut off; arcs mark the ten highest; grey crosses: {cell_facts.NO_SIGNAL}; on "
        "grey ground no element has the score. Figures at the right: what the height of a lane stands for."
    )
    if shown.tested is not None and len(shown.tested):
        hits = int(shown.tested["regulated"].sum())
        parts.append(
            f"CRISPR screen: the elements tested for this gene that lie here ({len(shown.tested)}), filled where it "
            f"responded ({hits})."
        )
    parts.append(
        "cCREs: promoter-like purple, proximal orange, distal grey; faint where the network did not read them."
    )
    if shown.tracks:
        scale = style.scale(inputs.signals[next(iter(shown.tracks))[0]].header["parameters"]["transform"])
        parts.append(f"Tracks: mean over each element, {scale}, on one scale for all cells.")
    return " ".join(parts)


def elements(shown: locus.Locus, labels: Mapping[str, str], folded: bool = False) -> Table:
    """The elements that rank highest by any score and those the gene responds to, nearest first."""
    chosen = [shown.linked.sort(name, descending=True, nulls_last=True)["element_id"].head(5) for name in labels]
    if shown.tested is not None:
        for start, end in shown.tested.filter(pl.col("regulated")).select("start", "end").iter_rows():
            chosen.append(shown.linked.filter((pl.col("start") < end) & (pl.col("end") > start))["element_id"])
    frame = shown.linked.filter(pl.col("element_id").is_in(pl.concat(chosen).to_list()))
    rows = []
    for row in frame.sort(pl.col("distance").abs()).iter_rows(named=True):
        note = cell_facts.NO_SIGNAL if row["silent"] else ""
        cells = [
            TableCell(row["element_id"], note),
            TableCell(row["class"]),
            TableCell(style.base_pairs(cell_facts.along(row["distance"], shown.gene["strand"])), numeric=True),
        ]
        cells += [TableCell(style.significant(row[name]), numeric=True) for name in labels]
        if shown.tested is not None:
            touching = (pl.col("start") < row["end"]) & (pl.col("end") > row["start"])
            found = shown.tested.filter(touching)["regulated"]
            cells.append(TableCell("not tested" if found.is_empty() else "responds" if found.any() else "no response"))
        rows.append(cells)
    columns = ["Element", "Class", "Distance", *labels.values(), *(["CRISPR"] if shown.tested is not None else [])]
    caption = "The five highest elements by each score"
    caption += " and those that the gene responded to" if shown.tested is not None else ""
    return Table(
        f"{caption}, nearest first; distances are along the gene (minus: upstream).", columns, rows, folded=folded
    )
