"""Element-gene links: against a perturbation screen, and around one gene."""

import json
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from crexpress.core.methods import CLOSED_FORM, EVERYTHING, PER_GENE, PROBABILITY, closed_form, one_of_several
from crexpress.evaluate.links import ALL_PAIRS, COVERED, FEW_POSITIVES
from crexpress.evaluate.links import GROUPS as _GROUPS
from crexpress.report import facts, link_model, plots, style
from crexpress.report.metrics import View
from crexpress.report.page import Curves, Section, Table, TableCell, Text, figure_table, measured
from crexpress.report.study import Blocks, Study

GROUPS = tuple(name for name, _, _ in _GROUPS)
YARDSTICKS = ("distance", "activity/distance", "ABC")


def table_scores(view: View) -> list[str]:
    """Link scores that come from a links table: those whose reach was counted."""
    return view.methods("coverage")


def model_scores(view: View) -> list[str]:
    """Scores of the links table that the model has a part in: no closed form, and no fit of those alone."""
    return [name for name in table_scores(view) if view.about[name].model]


def probabilities(view: View) -> list[str]:
    """Scores of link models: fitted to a screen before, so that none is picked on this one."""
    return [name for name in table_scores(view) if view.about[name].score == PROBABILITY]


def closed_forms(view: View) -> list[str]:
    """Scores that need no model and no fit: what the model's are held against, the best of them first of all."""
    return [name for name in view.methods("average_precision") if view.about[name].kind == CLOSED_FORM]


def reached(view: View) -> int:
    """Number of regulated pairs within reach of the links table."""
    shares = [view.value(name, ALL_PAIRS, "coverage_positives") or 0 for name in table_scores(view)]
    return round(max(shares, default=0) * (view.value(EVERYTHING, ALL_PAIRS, "positives") or 0))


def links(study: Study) -> Section | None:
    """Element-gene scores against a perturbation screen, beside distance and activity over distance."""
    views = study.views("links")
    blocks: Blocks = []
    for name, screen in facts.screens(study.inputs).items():
        blocks += [Text(warning, tone="warning") for warning in screen["warnings"]]
        if screen["left_out_by_rule"]:
            told = "; ".join(screen["left_out_by_rule"])
            blocks.append(Text(f"{name}, left out by the rules of the field: {told}."))
    for number, view in enumerate(views):
        blocks += [Text(f"{view.reference}, {view.cell}", tone="heading")] if len(views) > 1 else []
        blocks += _benchmark(study, view, f"-{number + 1}" if len(views) > 1 else "")
    blocks += link_model.blocks(study)
    title = "Element-gene links against the CRISPR screen" if views else "Element-gene links"
    return Section("links", title, blocks) if blocks else None


def _benchmark(study: Study, view: View, suffix: str) -> Blocks:
    methods = view.ranked(view.methods("average_precision"), ALL_PAIRS, "average_precision")
    colours = style.colours({name: view.about[name] for name in sorted(methods)})
    total, prevalence = view.most(ALL_PAIRS, "prevalence"), view.value(EVERYTHING, ALL_PAIRS, "prevalence")
    positives = view.value(EVERYTHING, ALL_PAIRS, "positives") or 0
    unknown = view.value(EVERYTHING, ALL_PAIRS, "unknown_genes")
    blocks: Blocks = [
        Text(
            f"{view.reference}, {view.cell}: {style.count(total)} tested pairs, {style.count(positives)} of them "
            f"regulated (prevalence {style.number(prevalence)}). Every pair counts: one without an element in the "
            "links table keeps the worst value of that score, so that a short reach is paid for and not hidden."
            + (f" {style.count(unknown)} pairs name a gene that this gene list lacks." if unknown else "")
        )
    ]
    few = positives if positives < FEW_POSITIVES or not table_scores(view) else reached(view)
    if few < FEW_POSITIVES:
        where = "" if few == positives else " within reach of the links table"
        text = f"{style.count(few)} regulated pairs{where} are too few for a curve; the figures are for the record."
        blocks.append(Text(text, tone="warning"))
    elif study.inputs.curves is not None:
        blocks += _curves(study, study.inputs.curves.data, view, methods, colours, suffix)
    if methods:
        blocks.append(
            figure_table(
                "All pairs, with 95 % intervals from a bootstrap over genes. auPRC is the trapezoid form of the "
                "field's own benchmark; P at 70 % the precision where 70 % of the regulated pairs are found.",
                "Score",
                [(style.sentence(method), colours[method]) for method in methods],
                [
                    ("Average precision", view.column(methods, ALL_PAIRS, "average_precision"), True),
                    ("auPRC", view.column(methods, ALL_PAIRS, "auprc"), True),
                    ("auROC", view.column(methods, ALL_PAIRS, "auroc"), True),
                    ("P at 70 %", view.column(methods, ALL_PAIRS, "precision_at_70_recall"), True),
                ],
            )
        )
    blocks += _coverage(view, total, positives)
    groups = [group for group in GROUPS if group in view.subsets()]
    return blocks + (_groups(study, view, methods, groups, colours, suffix) if groups and methods else [])


def _curves(
    study: Study, curves: pl.DataFrame, view: View, methods: list[str], colours: Mapping[str, str], suffix: str
) -> Blocks:
    here = curves.filter(
        (pl.col("cell") == view.cell) & (pl.col("benchmark") == view.reference) & (pl.col("subset") == ALL_PAIRS)
    )
    every = {method: here.filter(pl.col("method") == method) for method in methods}
    every = {method: curve for method, curve in every.items() if len(curve)}
    shown = {method: every[method] for method in chosen(view, list(every))}
    if not shown:
        return []
    values = {method: style.number(view.value(method, ALL_PAIRS, "average_precision")) for method in shown}
    legend = {method: f"{value}  {style.sentence(method)}" for method, value in values.items()}
    prevalence = view.value(EVERYTHING, ALL_PAIRS, "prevalence")
    return [
        study.picture(
            plots.precision_recall(shown, legend, colours, [*probabilities(view), *model_scores(view)], prevalence),
            f"precision-recall{suffix}",
            f"Precision against recall of {style.join(shown)} on {view.reference}",
            f"Precision against recall on all pairs; average precision in the legend. {_FOUR} Thick: scores of models. "
            "Dashed: scores without one. Dotted: what guessing reaches. Dots: where 70 % of the regulated pairs are "
            "found.",
        ),
        Curves(_menu(view, every, shown, colours, suffix)),
    ]


_FOUR = "Shown are the best fitted score, the best of the model, the best that needs none, and distance."
_POINTS = 150  # of a curve in the menu


def chosen(view: View, names: list[str]) -> list[str]:
    """At most four lines of `names`, which a reader can tell apart."""
    fitted, own, sticks = probabilities(view), drawn(view, model_scores(view)), closed_forms(view)
    firsts = [view.best([name for name in group if name in names], ALL_PAIRS, "average_precision")
              for group in (fitted, own, sticks)]  # fmt: skip
    near = [name for name in names if view.about[name] == closed_form("distance")]
    return list(dict.fromkeys([*filter(None, firsts), *near]))[:4]


def _menu(
    view: View,
    every: Mapping[str, pl.DataFrame],
    shown: Mapping[str, pl.DataFrame],
    colours: Mapping[str, str],
    suffix: str,
) -> str:
    """All curves for `curves` of page.js, as JSON without "<", which would end the script."""
    lines = []
    for method, curve in every.items():
        kept = np.unique(np.linspace(0, len(curve) - 1, _POINTS).astype(int))
        points = [[round(r, 4), round(p, 4)] for r, p in curve[kept].select("recall", "precision").iter_rows()]
        label = f"{style.number(view.value(method, ALL_PAIRS, 'average_precision'))}  {style.sentence(method)}"
        about = {
            "name": method,
            "label": label,
            "colour": style.on_page(colours[method]),
            "model": view.about[method].model,
        }
        at70 = view.value(method, ALL_PAIRS, "precision_at_70_recall")
        lines.append(about | {"shown": method in shown, "points": points, "at70": at70})
    return json.dumps({"id": f"curves{suffix}", "lines": lines}).replace("<", "\\u003c")


def drawn(view: View, names: Iterable[str]) -> list[str]:
    """Those scores that have a place in figures and findings: what is scaled per gene, and single seeds, stay in the
    tables.
    """
    several = one_of_several(("", method) for method in view.about.values())
    return [name for name in names if view.about[name].form != PER_GENE and view.about[name] not in several]


def yardsticks(view: View) -> list[str]:
    """The closed forms of YARDSTICKS that were measured, by their names."""
    known = {method.score: name for name, method in view.about.items() if method.kind == CLOSED_FORM}
    return [known[score] for score in YARDSTICKS if score in known]


def _coverage(view: View, total: int, positives: float) -> Blocks:
    """What of the screen each score of the table reaches, how many pairs were filled, its figures on covered pairs."""
    rows = []
    for method in view.ranked(table_scores(view), COVERED, "average_precision"):
        pairs = view.value(method, ALL_PAIRS, "coverage") or 0.0
        hits = view.value(method, ALL_PAIRS, "coverage_positives") or 0.0
        rows.append(
            [
                TableCell(style.sentence(method)),
                TableCell(style.count(round(pairs * total)), style.percent(pairs), numeric=True),
                TableCell(f"{round(hits * positives)} of {style.count(positives)}", style.percent(hits), numeric=True),
                TableCell(style.count(total - round(pairs * total)), numeric=True),
                measured(view.get(method, COVERED, "average_precision")),
            ]
        )
    caption = "Coverage: pairs that have an element of the links table. The others were filled with the worst value."
    columns = ["Score", "Pairs covered", "Regulated pairs covered", "Filled", "Average precision, covered pairs only"]
    return [Table(caption, columns, rows)] if rows else []


def _groups(
    study: Study, view: View, methods: list[str], groups: list[str], colours: Mapping[str, str], suffix: str
) -> Blocks:
    """Average precision by distance: bars over each group's prevalence, and a table."""
    bars = chosen(view, methods)
    chance = [view.get(EVERYTHING, group, "prevalence") for group in groups]
    chart = plots.by_group(
        groups,
        {method: [view.get(method, group, "average_precision") for group in groups] for method in bars},
        {method: style.sentence(method) for method in bars},
        colours,
        [figure.value if figure else None for figure in chance],
        "Average precision",
    )
    picture = study.picture(
        chart,
        f"distance-groups{suffix}",
        "Average precision of every score by distance between element and TSS",
        "By distance from element to TSS, with 95 % intervals. Fewer far pairs are regulated, so every score falls "
        "with distance: read "
        "each bar against the dashed prevalence of its group.",
    )
    table = figure_table(
        "Average precision by distance from element to TSS.",
        "Score",
        [(style.sentence(method), colours[method]) for method in methods],
        [(group, view.column(methods, group, "average_precision"), True) for group in groups],
    )
    sizes = [
        f"{style.count(view.value('all', group, 'positives'))} of {style.count(figure.n if figure else None)}"
        for group, figure in zip(groups, chance, strict=True)
    ]
    heads = [
        [TableCell("Regulated pairs"), *(TableCell(size, numeric=True) for size in sizes)],
        [
            TableCell("Prevalence (chance)"),
            *(TableCell(style.number(f.value if f else None), numeric=True) for f in chance),
        ],
    ]
    return [picture, Table(table.caption, table.columns, [*heads, *table.rows])]
