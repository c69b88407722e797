"""Predicted against observed expression: level in every cell, and what differs between cells."""

from typing import Any

import numpy as np
import polars as pl

from crexpress.core import groups, splits
from crexpress.core.methods import ANCHORED
from crexpress.evaluate.expression import CHANGED, CHANGED_SEEN, FOLD
from crexpress.report import facts, gained, metrics, plots, style
from crexpress.report.inputs import Inputs
from crexpress.report.page import Scatter, Section, Table, TableCell, Text, figure_table
from crexpress.report.study import Blocks, Study

_OUTLIERS = 10  # genes predicted too low, and too high, that are named
MOST_TABLES = 3  # cells or references whose tables are open; of more, the trained ones are folded
GENES = {splits.TEST: "unseen", splits.TRAIN: "seen"}


def expression(study: Study) -> Section | None:
    """Predicted against observed expression of test genes, and every method beside the model."""
    inputs, models, views = study.inputs, facts.models(study.inputs), study.views("expression")
    known = [cell for cell in facts.cells(inputs) if cell in inputs.predictions and cell in inputs.expression]
    scored = [cell for cell in known if not facts.classifies(inputs, cell)]
    panels = []
    for cell in scored:
        genes = facts.scored_genes(inputs, cell).filter(pl.col("split") == splits.TEST)
        view = next((view for view in views if view.cell == cell), None)
        if len(genes):
            lines = [f"n = {style.count(len(genes))}"]
            for metric, title in (("pearson", "r"), ("mae", "MAE")):
                value = view.value(facts.leading(inputs, view.seen)[0], splits.TEST, metric) if view else None
                lines += [f"{title} = {style.number(value)}"] if value is not None else []
            panels.append(
                {
                    "title": _title(inputs, cell, facts.seen(inputs, cell)),
                    "observed": genes["expression"].to_numpy(),
                    "predicted": genes["predicted"].to_numpy(),
                    "note": "\n".join(lines),
                    "calibration": calibration(genes),
                }
            )
    if not panels:
        return None
    units = style.join(dict.fromkeys(facts.unit(inputs, cell) for cell in scored))
    blocks: Blocks = [
        study.picture(
            plots.agreement(panels, f"Observed, {units}", f"Predicted, {units}"),
            "expression",
            f"Scatter of predicted against observed expression of test genes in {style.join(scored)}",
            f"Genes of {facts.place(inputs, splits.TEST)}, which no part of training has seen. One dot a gene, "
            "darker where dots are dense; the dashed line is a perfect prediction. Points joined by a line: "
            "genes in ten equal groups by prediction, the mean of each; right of the dashed line they express more "
            f"than predicted. r is Pearson's correlation, MAE the mean absolute error in {units}.",
        ),
        Scatter(scored),
        *(Text(text, tone="warning") for text in ceilings(inputs)),
    ]
    dots = [_dots(inputs, view) for view in views]
    drawn = {row[0] for panel in dots for row in panel["rows"]}
    every = {name: method for view in views for name, method in view.about.items() if name in drawn}
    if every:
        blocks.append(
            study.picture(
                plots.intervals(dots, "Pearson r on test genes", style.colours(every, next(iter(models), None))),
                "methods",
                "Correlation of every method with observed expression, with 95 % intervals, one panel a cell",
                "Every method on the same test genes; bars are 95 % bootstrap intervals over genes.",
            )
        )
    for view in views:
        methods = view.ranked(view.methods("mae"), splits.TEST, "pearson")
        subsets = [subset for subset in (splits.TEST, splits.TRAIN) if subset in view.subsets()]
        colours = style.colours({name: view.about[name] for name in methods}, next(iter(models), None))
        unit = facts.unit(inputs, view.cell)
        blocks.append(
            figure_table(
                f"{view.cell}, {facts.role(inputs, view.cell)}. 95 % intervals from a bootstrap over genes; MAE in "
                f"{unit}; best of a column in bold.",
                "Method",
                [(style.sentence(method), colours[method]) for method in methods],
                [
                    (title, view.column(methods, subset, metric), metric != "mae")
                    for subset in subsets
                    for metric, title in (("pearson", "Pearson r"), ("spearman", "Spearman"), ("mae", "MAE"))
                ],
                [("", 1), *((f"{style.count(view.most(s, 'mae'))} {GENES[s]} genes", 3) for s in subsets)],
                folded=view.seen and len(views) > MOST_TABLES,
            )
        )
    blocks += [table for cell in scored if (table := outliers(inputs, cell))]
    return Section("expression", "Predicted against observed expression", blocks)


def outliers(inputs: Inputs, cell: str) -> Table | None:
    """The unseen genes whose prediction is farthest from what was measured, by name."""
    genes = facts.scored_genes(inputs, cell).filter(pl.col("split") == splits.TEST)
    ranked = genes.with_columns(error=pl.col("predicted") - pl.col("expression")).sort("error", "gene_id")
    rows = []
    for row in [*ranked.head(_OUTLIERS).iter_rows(named=True), *ranked.tail(_OUTLIERS)[::-1].iter_rows(named=True)]:
        name = row["gene_name"] or row["gene_id"]
        values = [TableCell(style.number(row[what], 2), numeric=True) for what in ("expression", "predicted", "error")]
        rows.append([TableCell(name, gene=name), *values])
    if not rows:
        return None
    caption = f"{cell}: the unseen genes predicted too low by most, then those predicted too high by most."
    return Table(caption, ["Gene", "Observed", "Predicted", "Difference"], rows, folded=True)


def calibration(genes: pl.DataFrame) -> np.ndarray:
    """Mean observed and mean predicted of genes in ten equal groups by prediction: [groups, 2]; of 100 genes on."""
    if len(genes) < 100:
        return np.zeros((0, 2))
    groups = np.array_split(genes.sort("predicted").select("expression", "predicted").to_numpy(), 10)
    return np.stack([group.mean(axis=0) for group in groups])


def ceilings(inputs: Inputs) -> list[str]:
    """The remark of `ceiling` on each cell; of many cells the first stands for all."""
    found = {cell: text for cell in facts.cells(inputs) if (text := ceiling(inputs, cell))}
    if len(found) < MOST_TABLES:
        return list(found.values())
    first, *others = found
    return [f"{found[first]} The same holds for {style.join(others)}."]


def ceiling(inputs: Inputs, cell: str) -> str:
    """A remark where the highest predictions end far below the highest expression; else empty.

    Compared are the highest percent of the test genes by each; a fifth less is remarked on.
    """
    if cell not in inputs.predictions or cell not in inputs.expression or facts.classifies(inputs, cell):
        return ""
    genes = facts.scored_genes(inputs, cell).filter(pl.col("split") == splits.TEST)
    if len(genes) < 100:
        return ""
    top = max(1, len(genes) // 100)
    reached, real = (float(genes[name].top_k(top).mean()) for name in ("predicted", "expression"))  # type: ignore[arg-type]
    if reached > 0.8 * real:
        return ""
    return (
        f"{cell}: predictions have a ceiling. The highest percent of them is {style.number(reached, 2)} on average, "
        f"that of the measured values {style.number(real, 2)} {facts.unit(inputs, cell)}: of a gene near "
        "the top they say that it is high, not how high."
    )


def _title(inputs: Inputs, cell: str, seen: bool) -> str:
    return f"{cell} · {facts.saw(inputs, cell, seen)}"


def _dots(inputs: Inputs, view: metrics.View) -> dict[str, Any]:
    """One panel of `plots.intervals`: every method that has a correlation, best first."""
    methods = view.ranked(view.methods("pearson"), splits.TEST, "pearson")
    found = [(method, view.get(method, splits.TEST, "pearson")) for method in methods]
    rows = [(method, style.sentence(method), *figure[:3]) for method, figure in found if figure]
    return {"title": _title(inputs, view.cell, view.seen), "rows": rows}


def change(study: Study) -> Section | None:
    """What differs between a new cell and those trained on: the part that copying a known cell cannot tell."""
    inputs, models, views = study.inputs, facts.models(study.inputs), study.views("change")
    if not views:
        return None
    blocks: Blocks = [
        Text(
            "Most genes have much the same level in every cell, so copying a known cell looks good over all genes "
            "while it says nothing about what makes the new cell different. The question that counts is whether the "
            "predicted change between two cells agrees with the measured one."
        )
    ]
    panels = [
        _change_panel(inputs, view, facts.leading(inputs, view.seen)[0])
        for view in views
        if _by_gene(inputs, view) and not facts.classifies(inputs, view.cell)
    ]
    if panels:
        blocks.append(
            study.picture(
                plots.agreement(panels, "Observed change, log10", "Predicted change, log10", zero=True),
                "change",
                "Scatter of predicted against observed change of expression between cells",
                f"Test genes, one dot each. Coloured: it differs, |log2((1 + a) / (1 + b))| above {FOLD}; r and "
                "n are of these. Grey: all others. Right and up: higher in the cell that was never seen.",
            )
        )
    for view in views[:MOST_TABLES]:
        if view.reference in inputs.predictions and _by_gene(inputs, view) and panels:
            changed = changes(inputs, view).filter("differs")
            blocks += gained.blocks(inputs, view.cell, str(view.reference), changed)
    for view in views:
        methods = view.ranked(view.methods("pearson_level"), CHANGED, "pearson_change")
        colours = style.colours({name: view.about[name] for name in methods}, next(iter(models), None))
        differ, every, trained = (view.most(s, "pearson_level") for s in (CHANGED, splits.TEST, CHANGED_SEEN))
        blocks.append(
            figure_table(
                f"{view.cell} against {view.reference}, with 95 % intervals from a bootstrap over genes. A dash: the "
                "method predicts no change at all.",
                "Method",
                [(style.sentence(method), colours[method]) for method in methods],
                [
                    ("r of change", view.column(methods, CHANGED, "pearson_change"), True),
                    ("MAE of change", view.column(methods, CHANGED, "mae_change"), False),
                    ("r of level", view.column(methods, CHANGED, "pearson_level"), True),
                    ("r of change", view.column(methods, splits.TEST, "pearson_change"), True),
                    ("r of change", view.column(methods, CHANGED_SEEN, "pearson_change"), True),
                ],
                [
                    ("", 1),
                    (f"{style.count(differ)} unseen genes that differ", 3),
                    (f"All {style.count(every)} unseen genes", 1),
                    (f"{style.count(trained)} seen genes that differ", 1),
                ],
                folded=len(views) > MOST_TABLES and view.reference in inputs.predictions,
            )
        )
    return Section("change", "What differs between the cells", blocks)


def changes(inputs: Inputs, view: metrics.View) -> pl.DataFrame:
    """Observed and predicted change of the test genes (log10): new cell minus reference, or minus the mean of the cells
    trained on where that is the reference; and whether the gene `differs`.
    """
    new = facts.scored_genes(inputs, view.cell).filter(pl.col("split") == splits.TEST)
    known = _known(inputs, view)
    old = pl.concat([facts.scored_genes(inputs, cell) for cell in known]).group_by("gene_id")
    told = inputs.predictions[view.cell].header["parameters"].get("mode") == ANCHORED
    known_as = "expression" if told else "predicted"  # an anchored model's change is from what it was told
    means = old.agg(old=groups.average(pl.col(known_as)), was=groups.average(pl.col("expression")), len=pl.len())
    both = new.join(means.filter(pl.col("len") == len(known)), on="gene_id", maintain_order="left").select(
        "gene_id",
        observed=pl.col("expression").cast(pl.Float64) - pl.col("was"),
        predicted=pl.col("predicted") - pl.col("old"),
    )
    return both.with_columns(differs=pl.col("observed").abs() > FOLD * np.log10(2))


def _known(inputs: Inputs, view: metrics.View) -> list[str]:
    """The reference of a view, or the cells that its mean is over."""
    trained = [cell for cell in inputs.expression if facts.seen(inputs, cell)]
    return [str(view.reference)] if view.reference in inputs.predictions else trained


def _by_gene(inputs: Inputs, view: metrics.View) -> bool:
    """Whether the files are here that `changes` is made from; without them there are the figures alone."""
    known = _known(inputs, view)
    return bool(known) and all(cell in inputs.predictions and cell in inputs.expression for cell in [view.cell, *known])


def _change_panel(inputs: Inputs, view: metrics.View, model: str) -> dict[str, Any]:
    """A panel of `plots.agreement`: genes that differ, and the others in grey."""
    every = changes(inputs, view)
    both = every.filter("differs")
    value = view.value(model, CHANGED, "pearson_change")
    return {
        "title": f"{view.cell} against {view.reference}",
        "others": every.filter(~pl.col("differs")).select("observed", "predicted").to_numpy(),
        "note": f"n = {style.count(len(both))}" + (f"\nr = {style.number(value)}" if value is not None else ""),
        "observed": both["observed"].to_numpy(),
        "predicted": both["predicted"].to_numpy(),
    }
