"""Of models that classify: how they rank expressed genes above silent ones, beside what levels say."""

from crexpress.core import splits
from crexpress.report import facts, style
from crexpress.report.accuracy import GENES
from crexpress.report.page import Section, figure_table
from crexpress.report.study import Study

METRICS = (("auroc", "auROC"), ("average_precision", "Average precision"))


def classes(study: Study) -> Section | None:
    """auROC and average precision of every method, one table a cell."""
    models, tables = facts.models(study.inputs), []
    for view in study.views("classes"):
        subsets = [subset for subset in (splits.TEST, splits.TRAIN) if subset in view.subsets()]
        methods = view.ranked(view.methods("auroc"), splits.TEST, "auroc")
        colours = style.colours({name: view.about[name] for name in methods}, next(iter(models), None))
        share = view.value(methods[0], splits.TEST, "prevalence")
        tables.append(
            figure_table(
                f"{view.cell}, {facts.role(study.inputs, view.cell)}: expressed genes above silent ones, those between "
                f"left out{'' if share is None else f'; {style.percent(share)} of the unseen ones are expressed'}. "
                "Baselines rank by predicted level. 95 % intervals from a bootstrap over genes; best in bold.",
                "Method",
                [(style.sentence(method), colours[method]) for method in methods],
                [
                    (title, view.column(methods, subset, metric), True)
                    for subset in subsets
                    for metric, title in METRICS
                ],
                [("", 1), *((f"{style.count(view.most(s, 'auroc'))} {GENES[s]} genes", 2) for s in subsets)],
            )
        )
    return Section("classes", "Expressed or silent", tables) if tables else None
