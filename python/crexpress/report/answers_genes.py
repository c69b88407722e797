"""More answers of `--explain` as small tables: classes of active elements, genes rightly and wrongly predicted, and the
bases of elements whose change matters most. `answers` has those on inputs and edits.
"""

import polars as pl

from crexpress.interpret import active as active_elements
from crexpress.interpret import categories as kinds
from crexpress.report import style
from crexpress.report.inputs import Inputs, Loaded, model_told, unit_told
from crexpress.report.page import Block, Table, TableCell, Text

MOST = 12  # rows of a table of answers
_NAMED = 5  # genes of a category that are named
_MEANING = {
    kinds.TP: "rightly high",
    kinds.FN: "low, though measured high",
    kinds.FP: "high, though measured low",
    kinds.TN: "rightly low",
}


def active(inputs: Inputs, cell: str, file: Loaded[pl.DataFrame]) -> list[Block]:
    """Which classes active elements are of, against all elements in reach of the same genes."""
    about, links = file.header["parameters"], file.data
    rows = [
        [
            TableCell(row["class"]),
            TableCell(f"{row['active']:,}", numeric=True),
            TableCell(style.percent(row["share_of_active"]), numeric=True),
            TableCell(style.percent(row["share_in_reach"]), numeric=True),
            TableCell(style.number(row["odds_ratio"], 2), style.interval(row["low"], row["high"], 2), numeric=True),
        ]
        for row in active_elements.classes(links).sort("in_reach", descending=True).head(MOST).iter_rows(named=True)
    ]
    genes = links["gene_id"].n_unique()
    with_some = links.filter("active")["gene_id"].n_unique()
    caption = (
        f"{links['active'].sum():,} of {len(links):,} links are active, of {with_some:,} of {genes:,} genes: their "
        f"element is among the {about['k']} that the gene attends to most and among the {about['k']} whose silencing "
        f"{'changes it most' if about['absolute'] else 'lowers it most'}, by {model_told(file)}. Shares are of active "
        "links and of all; an odds ratio above 1 means that a class is active more often than the others, with a 95 % "
        "interval over genes."
    )
    return [Table(caption, ["Class", "Active", "Share of active", "Share of all", "Odds ratio"], rows)]


def categories(inputs: Inputs, cell: str, file: Loaded[pl.DataFrame]) -> list[Block]:
    """How many genes are rightly and wrongly predicted, and those that are furthest off."""
    about, genes = file.header["parameters"], file.data
    unit = unit_told(file)
    off = (pl.col("predicted") - pl.col("observed")).abs()
    rows = []
    for name, meaning in _MEANING.items():
        own = genes.filter(pl.col("category") == name).sort(off, descending=True, maintain_order=True)
        wrong = name in (kinds.FP, kinds.FN)
        names = [symbol or gene for symbol, gene in own.head(_NAMED).select("gene_name", "gene_id").iter_rows()]
        rows.append(
            [
                TableCell(name, f"predicted {meaning}"),
                TableCell(f"{len(own):,}", numeric=True),
                TableCell(_median(own["predicted"]), numeric=True),
                TableCell(_median(own["observed"]), numeric=True),
                TableCell(", ".join(names) if wrong and names else style.DASH),
            ]
        )
    which = "All" if about["split"] == "all" else {"train": "Training", "val": "Validation"}.get(about["split"], "Test")
    caption = (
        f"{which} genes that are both predicted, by {model_told(file)}, and measured: {len(genes):,}. Both are scaled "
        f"to 0 to 1 over them; high is from {about['high']:g} on, low up to {about['low']:g}, and genes between are in "
        f"no category. Medians are in {unit}; of the wrong ones those are named whose prediction is furthest off."
    )
    return [Table(caption, ["Category", "Genes", "Predicted", "Measured", "Furthest off"], rows)]


def mutations(inputs: Inputs, cell: str, file: Loaded[pl.DataFrame]) -> list[Block]:
    """The single-base changes with the largest effect, the strongest of each position."""
    table = file.data
    if table.is_empty():
        return [Text("No base of the elements asked for is known.")]
    unit = unit_told(file)
    ordered = table.sort(pl.col("effect").abs(), descending=True, maintain_order=True)
    places = ordered.unique(["gene_id", "element_id", "position"], keep="first", maintain_order=True)
    top = places.head(MOST)
    digits = style.digits(top["effect"])
    rows = [
        [
            TableCell(row["gene_name"] or row["gene_id"], gene=row["gene_name"] or row["gene_id"]),
            TableCell(row["element_id"]),
            TableCell(f"{row['chrom']}:{row['position'] + 1:,}", f"{row['ref']} > {row['alt']}"),
            TableCell(style.signed(row["effect"], digits), numeric=True),
        ]
        for row in top.iter_rows(named=True)
    ]
    links = table.select("gene_id", "element_id").n_unique()
    caption = (
        f"Of {len(table):,} changes of one base, in the elements of {links:,} link{'' if links == 1 else 's'}, the "
        f"{len(rows)} positions with the largest effects, by {model_told(file)}: each changed to the base that matters "
        f"most. The effect is the predicted expression after less before, in {unit}."
    )
    return [Table(caption, ["Gene", "Element", "Change", "Effect"], rows)]


def _median(values: pl.Series) -> str:
    return style.number(values.median(), 2) if len(values) else style.DASH  # type: ignore[arg-type]
