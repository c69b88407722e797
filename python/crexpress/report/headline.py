"""The top of a report: in a sentence or two what was trained and tested, and the headline figures."""

from statistics import fmean

from crexpress.core import splits
from crexpress.evaluate.links import ALL_PAIRS, FEW_POSITIVES
from crexpress.report import card, facts, style
from crexpress.report.accuracy import CHANGED
from crexpress.report.findings import MANY, correlations, main_changes, of_all_genes
from crexpress.report.inputs import Inputs
from crexpress.report.linkage import (
    closed_forms,
    drawn,
    model_scores,
    probabilities,
    reached,
)
from crexpress.report.metrics import Figure, View
from crexpress.report.page import Tile
from crexpress.report.study import Study

MOST_NAMES = 8  # cells trained on that are named one by one


def lead(study: Study) -> str:
    """One sentence or two: which model, trained on what, tested on what, and what was only predicted."""
    inputs, scored = study.inputs, card.scored(study)
    trained = list(inputs.config.get("cells", [])) or [c for c in facts.cells(inputs) if facts.seen(inputs, c)]
    new = [cell for cell in inputs.predictions if not facts.seen(inputs, cell)]
    tested, only = [cell for cell in new if cell in scored], [cell for cell in inputs.predictions if cell not in scored]
    tracks, number = facts.channels(inputs)["tracks"], max(facts.training_genes(inputs), default=None)
    text = style.sentence(facts.preset(inputs))
    named = style.join(trained) if len(trained) <= MOST_NAMES else f"{len(trained)} cells"
    text += f", trained on {named}" if trained else ""
    text += f" ({style.count(number)} genes{' each' if len(trained) > 1 else ''})" if number is not None else ""
    text += f" from {facts.track_names(tracks)}" if tracks else ""
    if scored:
        text += f". Tested on genes of {facts.place(inputs, splits.TEST)}"
        if tested:
            seen_too = len(tested) < len(scored)
            text += f" {'and on' if seen_too else 'in'} {style.join(tested)}, "
            text += f"{'a cell type' if len(tested) == 1 else 'cell types'} it never saw"
    if only:
        text += f". {'Only predicted, not tested' if scored else 'Predicted, and not tested'}: {style.join(only)}"
    return text + "."


def tiles(study: Study) -> list[Tile]:
    """The headline figures: correlation in each cell, correlation of change, the best link score."""
    models, own, found = facts.models(study.inputs), facts.spoken(study.inputs), []
    views = study.views("expression")
    trained = [view for view in views if view.seen]
    if len(trained) >= MANY:
        found += _shared_tile(trained, own)
        views = [view for view in views if not view.seen]
    for view in views[:MANY]:
        best = view.best(facts.leading(study.inputs, view.seen), splits.TEST, "pearson")
        if best:
            number = style.count(view.figures[best, splits.TEST, "pearson"].n)
            new = not view.seen and not facts.copied(study.inputs, view.cell)
            name = f"r in {view.cell}, {number} unseen genes{', unseen cell' if new else ''}"
            name += ", anchored" if facts.anchored(study.inputs, best) else ""
            baseline = view.best([m for m in view.methods("pearson") if m not in models], splits.TEST, "pearson")
            value = view.value(baseline, splits.TEST, "pearson") if baseline else None
            other = _best_baseline(study.inputs, view.cell, baseline or "")
            found.append(_tile(name, view.figures[best, splits.TEST, "pearson"], other, value))
    for view in main_changes(study)[:1]:
        best = view.best(facts.leading(study.inputs, view.seen), CHANGED, "pearson_change")
        if best:
            baseline = view.best(
                [m for m in view.methods("pearson_change") if m not in models], CHANGED, "pearson_change"
            )
            value = view.value(baseline, CHANGED, "pearson_change") if baseline else None
            figure = view.figures[best, CHANGED, "pearson_change"]
            name = f"r of predicted change, {view.cell} against {view.reference}, in the {style.count(figure.n)} "
            name += "unseen genes chosen because they differ"
            found.append(_tile(name, figure, "best baseline", value, of_all_genes(view, best)))
    for view in study.views("links")[:1]:
        if reached(view) < FEW_POSITIVES:
            continue
        scores = probabilities(view) or model_scores(view)
        scores = drawn(view, scores) or scores
        best = view.best(scores, ALL_PAIRS, "average_precision")
        if best:
            stick = view.best(closed_forms(view), ALL_PAIRS, "average_precision")
            value = view.value(stick, ALL_PAIRS, "average_precision") if stick else None
            name = f"Average precision of links by {best}"
            name += f", the best of {len(scores)} scores on this very screen" if len(scores) > 1 else ""
            figure = view.figures[best, ALL_PAIRS, "average_precision"]
            found.append(_tile(name, figure, f"best without a model: {stick}", value))
    return found


def _shared_tile(views: list[View], models: list[str]) -> list[Tile]:
    """One headline figure for many cells that were trained on: the mean and the range of the first model's r."""
    values = correlations(views, models[0])
    if not values:
        return []
    between = f"{style.number(min(values))} to {style.number(max(values))}"
    return [Tile(style.number(fmean(values)), f"Mean r in {len(values)} cells trained on, unseen genes", [between])]


def _tile(name: str, figure: Figure, other: str, value: float | None, more: str = "") -> Tile:
    beside = f"{other} {style.number(value)}" if value is not None else ""
    details = [style.interval(figure.low, figure.high), more, beside]
    return Tile(style.number(figure.value), name, [detail for detail in details if detail])


def _best_baseline(inputs: Inputs, cell: str, name: str) -> str:
    """ "best baseline", with its name where that says whom it learned from."""
    return f"best baseline, {name}:" if cell in facts.baseline_cells(inputs) else "best baseline"
