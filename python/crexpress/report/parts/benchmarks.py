"""Benchmarks of `evaluate --benchmarks`: all methods, the best first; of pairs also curves with bands and bars."""

from collections.abc import Sequence

import polars as pl

from crexpress.core.methods import EVERYTHING
from crexpress.evaluate.benchmarks.base import SECTION
from crexpress.evaluate.benchmarks.comparison import BESIDE, HEAD
from crexpress.evaluate.benchmarks.pairs import ALL, CLEAN, GROUPS
from crexpress.report import linkage, plots, style
from crexpress.report.metrics import View
from crexpress.report.page import Section, Text, figure_table
from crexpress.report.parts.part import Part
from crexpress.report.study import Blocks, Study

MOST = 12  # methods of a table; benchmarks.tsv has all
_SCPGE = list(GROUPS)[:4]
_TITLES = {
    "auprc": "auPRC (field's)", "average_precision": "Average precision", "auroc": "auROC", "pearson": "r",
    "mae": "MAE", "precision_at_70_recall": "P at 70 %", "top_k_rate": "Top-k rate",
    "median_auroc": "auROC, median of genes",
    "median_auprc": "auPRC, median of genes", "insulation_dip_difference": "Dip at boundaries, less shuffled",
    "insulation_dip": "Dip at boundaries", "f1": "F1", "mcc": "MCC", "nearest_is_own": "Nearest profile is its own",
}  # fmt: skip
_LOWER = ("mae",)


def section(study: Study) -> Section | None:
    """A table a benchmark, and of those of pairs precision against recall and bars by distance."""
    views = study.views(SECTION)
    blocks: Blocks = []
    for number, view in enumerate(views, 1):
        found = _of(study, view, f"-benchmark-{number}")
        blocks += [Text(f"{view.reference}, {view.cell}", tone="heading"), *found] if found else []
    if not blocks:
        return None
    intro = Text(
        "Every method of the run, published scores and closed forms, with 95 % intervals of a bootstrap over genes. "
        f"Tables hold the {MOST} best; benchmarks.tsv has all, each with its difference from the best and p, and "
        "metrics.parquet how much of each benchmark a method covers."
    )
    return Section("benchmarks", "Benchmarks", [intro, *blocks])


def _of(study: Study, view: View, suffix: str) -> Blocks:
    blocks: Blocks = []
    for subset in [name for name in view.subsets() if name not in GROUPS]:
        known = [metric for metric in dict.fromkeys([*HEAD.values(), *BESIDE]) if metric in _TITLES]
        shown = [metric for metric in known if any(key[1:] == (subset, metric) for key in view.figures)]
        if not shown:
            continue
        head = "auprc" if "auprc" in shown else shown[0]
        having = (name for metric in [head, *shown] for name in view.methods(metric) if view.get(name, subset, metric))
        every = [name for name in dict.fromkeys(having) if name != EVERYTHING]  # also those without the head's figure
        names = view.ranked(every, subset, head)[:MOST]
        colours = style.colours({name: view.about[name] for name in sorted(every)})
        if subset == ALL:
            blocks += _pairs(study, view, names, colours, suffix)
        size = [f"{style.count(view.value(EVERYTHING, subset, what))} {what}" for what in ("positives", "genes")
                if view.get(EVERYTHING, subset, what)]  # fmt: skip
        told = ": pairs that no method was taught with" if subset == CLEAN else ""
        blocks.append(
            figure_table(
                f"{style.sentence(subset)}{told}{f' ({style.join(size)})' if size else ''}.",
                "Method",
                [(style.sentence(name), colours[name]) for name in names],
                [(_TITLES[metric], view.column(names, subset, metric), metric not in _LOWER)
                 for metric in [head, *(name for name in shown if name != head)]],
                folded=subset not in (ALL, view.subsets()[0]),
            )
        )  # fmt: skip
    return blocks


def _pairs(study: Study, view: View, names: Sequence[str], colours: dict[str, str], suffix: str) -> Blocks:
    """Curves with bands of four methods, and bars of them by ScPGE's groups of distance."""
    blocks: Blocks = []
    few = linkage.drawn(view, names)[:4]
    legend = {name: style.sentence(name) for name in few}
    ours = [name for name in few if view.about[name].model]
    if study.inputs.curves is not None:
        here = study.inputs.curves.data.filter(cell=view.cell, benchmark=view.reference, subset=ALL)
        curves = {name: here.filter(pl.col("method") == name) for name in few}
        curves = {name: curve for name, curve in curves.items() if len(curve)}
        if curves:
            known = {name: style.number(view.value(name, ALL, "average_precision")) for name in curves}
            values = {name: f"{value}  {legend[name]}" for name, value in known.items()}
            chart = plots.precision_recall(curves, values, colours, ours, view.value(EVERYTHING, ALL, "prevalence"))
            caption = "Precision against recall of the four best; bands hold 95 % of resampled genes."
            alt = f"Precision against recall of {style.join(curves)} on {view.reference}"
            blocks.append(study.picture(chart, f"precision-recall{suffix}", alt, caption))
    groups = [name for name in _SCPGE if any(view.get(method, name, "average_precision") for method in few)]
    if groups and few:
        figures = {name: [view.get(name, group, "average_precision") for group in groups] for name in few}
        chance = [view.value(EVERYTHING, group, "prevalence") for group in groups]
        chart = plots.by_group(groups, figures, legend, colours, chance, "Average precision")
        caption = "By distance from element to TSS, with 95 % intervals; dashed: the prevalence of each group."
        alt = f"Average precision by distance on {view.reference}"
        blocks.append(study.picture(chart, f"distance-groups{suffix}", alt, caption))
    return blocks


PART = Part(section)
