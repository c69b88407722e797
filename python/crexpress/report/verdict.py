"""The verdict: three plain sentences, each against the best simple method, with intervals."""

from crexpress.core import splits
from crexpress.evaluate.links import ALL_PAIRS, FEW_POSITIVES
from crexpress.report import facts, metrics, style
from crexpress.report.accuracy import CHANGED
from crexpress.report.linkage import closed_forms, drawn, model_scores, probabilities, reached
from crexpress.report.metrics import Figure, View
from crexpress.report.study import Study

_WORTH = {
    "above": "better than",
    "level with": "no better and no worse than",
    "below": "worse than",
}


def sentences(study: Study) -> list[str]:
    """Expression in the cell that says most, change between cells, links; what was not measured has no sentence."""
    return [text for text in (_expression(study), _change(study), _links(study)) if text]


def _value(figure: Figure) -> str:
    return f"{style.number(figure.value, 2)} {style.interval(figure.low, figure.high, 2)}".strip()


def _expression(study: Study) -> str:
    """A cell never seen tells most; else the first."""
    inputs = study.inputs
    for view in sorted(study.views("expression"), key=lambda view: view.seen):
        best = view.best(facts.leading(inputs, view.seen), splits.TEST, "pearson")
        if best is None:
            continue
        figure = view.figures[best, splits.TEST, "pearson"]
        new = "which has tracks of another cell" if facts.copied(inputs, view.cell) else "a cell type it never saw"
        where = f"In {view.cell}, {'which it was trained on' if view.seen else new}"
        text = f"Expression. {where}, predictions for {style.count(figure.n)} unseen genes have r {_value(figure)}"
        return text + _against(facts.models(study.inputs), view, splits.TEST, "pearson", best, figure)
    return ""


def _against(models: list[str], view: View, subset: str, metric: str, own: str, figure: Figure) -> str:
    """ ", better than the best simple method, NAME (0.81)." """
    simple = view.best([name for name in view.methods(metric) if name not in models], subset, metric)
    if simple is None:
        return "; no simple method stands beside it."
    difference = view.get(own, subset, f"{metric}_difference")
    other = view.figures[simple, subset, metric]
    same = difference is not None and difference.baseline == simple
    side = metrics.side(difference) if same and difference else metrics.compare(figure, other)
    return f", {_WORTH[side]} the best simple method, {simple} ({style.number(other.value, 2)})."


def _change(study: Study) -> str:
    views = study.views("change")
    means = [view for view in views if view.reference not in study.inputs.predictions]
    for view in sorted(means or views, key=lambda view: view.seen):
        best = view.best(facts.spoken(study.inputs), CHANGED, "pearson_change")
        if best is None:
            continue
        figure = view.figures[best, CHANGED, "pearson_change"]
        text = (
            f"What differs between cells. Of {style.count(figure.n)} unseen genes that differ between {view.cell} and "
        )
        text += f"{view.reference}, the predicted change has r {_value(figure)}"
        text += _against(facts.models(study.inputs), view, CHANGED, "pearson_change", best, figure)
        every = view.get(best, splits.TEST, "pearson_change")
        return text + (f" Over all {style.count(every.n)} unseen genes it is {_value(every)}." if every else "")
    return ""


def _links(study: Study) -> str:
    for view in study.views("links"):
        if reached(view) < FEW_POSITIVES:
            continue
        scores = probabilities(view) or drawn(view, model_scores(view))
        best = view.best(scores, ALL_PAIRS, "average_precision")
        stick = view.best(closed_forms(view), ALL_PAIRS, "average_precision")
        if best is None:
            continue
        figure = view.figures[best, ALL_PAIRS, "average_precision"]
        picked = f", the best of {len(scores)} on this very screen," if len(scores) > 1 else ""
        about = study.inputs.scored[view.cell].header["parameters"] if view.cell in study.inputs.scored else {}
        if best in probabilities(view) and about.get("held_out"):
            picked += " (each chromosome by a fit that has not seen it)"
        text = f"Links. On {view.reference} in {view.cell} {best}{picked} has average precision {_value(figure)}"
        if stick is None:
            return text + "."
        other = view.figures[stick, ALL_PAIRS, "average_precision"]
        side = _WORTH[metrics.compare(figure, other)]
        return f"{text}, {side} the best score that needs no model, {stick} ({style.number(other.value, 2)})."
    return _links_elsewhere(study)


def _links_elsewhere(study: Study) -> str:
    """Without a screen: what the cells' link model reached where it was fitted, which says no more than that."""
    known = {
        table.header["parameters"].get("link_model_name"): table.header["parameters"].get("card")
        for table in study.inputs.scored.values()
    }
    name, card = next(iter(known.items()), (None, None))
    if not card or len(known) > 1:  # of several models the part on links has each
        return ""
    figure = Figure(*card["average_precision"])
    text = (
        f"Links. No screen of {style.join(study.inputs.scored)} was scored, so that this run does not tell how many of "
    )
    text += f"its links are right. Their link model, {name}, has average precision {_value(figure)} on "
    [*screens] = card.get("beside", {})
    text += f"{style.join(screens) or 'its own screen'}, each chromosome by a fit that has not seen it"
    forms = card["beside"][screens[0]] if len(screens) == 1 else {}
    if forms:  # the best of those that its tracks give: without H3K27ac there is no ABC
        best = max(forms, key=lambda form: forms[form]["all pairs"])
        simple = Figure(forms[best]["all pairs"])
        text += f", {_WORTH[metrics.compare(figure, simple)]} {best} ({style.number(simple.value, 2)})"
    return text + "; in another cell it may be less."
