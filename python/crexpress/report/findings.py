"""What the figures say, in plain sentences computed from the metrics: good and bad news alike."""

from crexpress import splits
from crexpress.report import facts, metrics, style
from crexpress.report.inputs import Inputs
from crexpress.report.metrics import Figure, View
from crexpress.report.page import Tile
from crexpress.report.sections import ALL_PAIRS, CHANGED, GROUPS, absent

YARDSTICKS = ("distance", "activity/distance")


def lead(inputs: Inputs) -> str:
    """One paragraph: which model, trained on what, tested on what."""
    trained = [cell for cell in facts.cells(inputs) if facts.seen(inputs, cell)]
    new = [cell for cell in inputs.predictions if not facts.seen(inputs, cell)]
    tracks = facts.channels(inputs)["tracks"]
    number = facts.training_genes(inputs)
    text = f"{style.sentence(facts.preset(inputs))}"
    if trained:
        text += f" trained on {style.join(trained)}"
    if number is not None:
        text += f" ({style.count(number)} genes)"
    if tracks:
        text += f" from {style.join(tracks)}"
    text += f". Tested on genes of {facts.chromosomes(inputs, splits.TEST)}" if inputs.predictions else ""
    if new:
        text += f" and on {style.join(new)}, a cell type it never saw" if len(new) == 1 else (
            f" and on {style.join(new)}, cell types it never saw"
        )  # fmt: skip
    return text + "."


def tiles(inputs: Inputs) -> list[Tile]:
    """The headline figures: correlation in each cell, correlation of change, best link score, coverage."""
    frame = inputs.metrics.data if inputs.metrics else None
    models, found = facts.models(inputs), []
    for view in sorted(metrics.views(frame, "expression"), key=lambda view: (not view.seen, view.cell))[:4]:
        best = view.best([name for name in models], splits.TEST, "pearson")
        figure = view.get(best, splits.TEST, "pearson") if best else None
        if figure:
            genes = "unseen genes" + ("" if view.seen else ", unseen cell")
            found.append(
                Tile(style.number(figure.value), f"r, {view.cell}, {genes}", _beside(view, figure, models))
            )
    for view in metrics.views(frame, "change")[:1]:
        best = view.best(models, CHANGED, "pearson_change")
        figure = view.get(best, CHANGED, "pearson_change") if best else None
        if figure:
            found.append(
                Tile(
                    style.number(figure.value),
                    f"r of predicted change, {view.cell} − {view.reference}",  # noqa: RUF001
                    f"{style.interval(figure.low, figure.high)} {style.count(figure.n)} genes that differ".strip(),
                )
            )
    for view in metrics.views(frame, "links")[:1]:
        scores = model_scores(view)
        best = view.best(scores, ALL_PAIRS, "average_precision")
        figure = view.get(best, ALL_PAIRS, "average_precision") if best else None
        if best and figure:
            distance = view.value("distance", ALL_PAIRS, "average_precision")
            beside = f"; distance alone {style.number(distance)}" if distance is not None else ""
            found.append(
                Tile(style.number(figure.value), f"average precision of {best} on the CRISPR screen",
                     f"{style.interval(figure.low, figure.high)}{beside}".lstrip("; "))
            )  # fmt: skip
    return found


def _beside(view: View, figure: Figure, models: list[str]) -> str:
    others = [method for method in view.methods("pearson") if method not in models]
    best = view.best(others, splits.TEST, "pearson")
    text = style.interval(figure.low, figure.high)
    return (
        f"{text} best baseline {style.number(view.value(best, splits.TEST, 'pearson'))}".strip()
        if best
        else text
    )


def model_scores(view: View) -> list[str]:
    """Link scores that come from the model: those whose reach was counted."""
    return [method for method in view.methods("coverage") if method != "all"]


def findings(inputs: Inputs) -> list[str]:
    """The sentences under the headline figures, and the lines of summary.txt."""
    frame = inputs.metrics.data if inputs.metrics else None
    models = facts.models(inputs)
    sentences = []
    number = facts.training_genes(inputs)
    if number is not None and number < facts.FEW_GENES:
        sentences.append(
            f"Only {style.count(number)} genes to train on: far too few for a model that can be trusted. This run shows "
            "that the data go through every step; its figures are no measure of the method."
        )
    if absent(inputs):
        sentences.append(absent(inputs))
    for view in sorted(metrics.views(frame, "expression"), key=lambda view: (not view.seen, view.cell)):
        for model in models:
            sentences += _expression(inputs, view, model, models)
    for view in metrics.views(frame, "change"):
        sentences += _change(view, models)
    for view in metrics.views(frame, "across cells"):
        sentences += _across(view, models)
    for view in metrics.views(frame, "links"):
        sentences += _links(view)
    return sentences


def _expression(inputs: Inputs, view: View, model: str, models: list[str]) -> list[str]:
    figure, error = (view.get(model, splits.TEST, name) for name in ("pearson", "mae"))
    where = f"{view.cell} ({'trained on' if view.seen else 'never seen'})"
    if figure is None:
        return (
            [f"{where}: {model} gives no correlation on test genes (its prediction is constant)."]
            if error
            else []
        )
    text = f"{where}: on {style.count(figure.n)} test genes {model} reaches {_r(figure)}"
    if error:
        text += f", MAE {style.number(error.value)} {facts.unit(inputs, view.cell)}"
    difference = view.get(model, splits.TEST, "pearson_difference")
    others = [method for method in view.methods("pearson") if method not in models]
    best = (
        difference.baseline
        if difference and difference.baseline
        else view.best(others, splits.TEST, "pearson")
    )
    baseline = view.get(best, splits.TEST, "pearson") if best else None
    if best and baseline:
        verdict = metrics.side(difference) if difference else metrics.compare(figure, baseline)
        text += f"; that is {verdict} the best baseline, {best} (r {style.number(baseline.value)})"
        if difference and verdict == "level with":
            text += f", the difference {_signed(difference)} being within its 95 % interval of 0"
        elif difference:
            text += f", a difference of {_signed(difference)}"
    return [text + "."]


def _change(view: View, models: list[str]) -> list[str]:
    best = view.best(models, CHANGED, "pearson_change")
    figure = view.get(best, CHANGED, "pearson_change") if best else None
    if not best or figure is None:
        return []
    text = (
        f"{view.cell} against {view.reference}: of the {style.count(figure.n)} test genes that differ, {best} predicts the "
        f"change with {_r(figure)}"
    )
    others = [method for method in view.methods("pearson_change") if method not in models]
    other = view.best(others, CHANGED, "pearson_change")
    baseline = view.get(other, CHANGED, "pearson_change") if other else None
    if other and baseline:
        text += f", {metrics.compare(figure, baseline)} {other} (r {style.number(baseline.value)})"
    copied = view.get(f"copy of {view.reference}", CHANGED, "pearson_level")
    if copied:
        text += f"; copying {view.reference} gives r {style.number(copied.value)} of their level and no change at all"
    return [text + "."]


def _across(view: View, models: list[str]) -> list[str]:
    best = view.best(models, splits.TEST, "pearson_within_genes")
    if not best:
        return []
    figure = view.figures[best, splits.TEST, "pearson_within_genes"]
    return [f"Across cells within test genes {best} reaches {_r(figure)} ({style.count(figure.n)} genes)."]


def _links(view: View) -> list[str]:
    total = view.get("all", ALL_PAIRS, "prevalence")
    positives = view.value("all", ALL_PAIRS, "positives")
    if total is None:
        return []
    head = f"{view.reference}: {style.count(total.n)} tested pairs, {style.count(positives)} regulated"
    if (positives or 0) < facts.FEW_POSITIVES:
        return [f"{head}: too few to say how good any link score is."]
    scores = model_scores(view)
    sentences = []
    if scores:
        pairs, hits = (view.value(scores[0], ALL_PAIRS, name) for name in ("coverage", "coverage_positives"))
        sentences.append(
            f"{head} (prevalence {style.number(total.value)}). The links table reaches {style.percent(pairs)} of the "
            f"pairs and {style.count(round((hits or 0) * (positives or 0)))} of the regulated ones; "
            "the rest are filled with the worst value and count as misses."
        )
    yard = [(name, view.get(name, ALL_PAIRS, "average_precision")) for name in YARDSTICKS]
    for score in scores:
        figure = view.get(score, ALL_PAIRS, "average_precision")
        if figure is None:
            continue
        beside = [
            f"{metrics.compare(figure, other)} {name} ({style.number(other.value)})"
            for name, other in yard
            if other
        ]
        text = f"{style.sentence(score)} finds regulated pairs with average precision {_value(figure)}"
        text += f": {style.join(beside)}." if beside else "."
        distance = view.get("distance", ALL_PAIRS, "average_precision")
        if distance and metrics.compare(figure, distance) == "below":
            text += " By itself this score tells less than how near an element is."
        sentences.append(text)
    near = [group for group in GROUPS if view.get("all", group, "prevalence")]
    better = [
        group for group in near
        if (best := view.best([*scores, "distance"], group, "average_precision")) is not None and best != "distance"
    ]  # fmt: skip
    if scores and near and "distance" in view.methods("average_precision"):
        told = f"at {style.join(better)}" if better else "in none of the groups"
        sentences.append(f"By distance group, some score of the model is above distance alone {told}.")
    return sentences


def _r(figure: Figure) -> str:
    return f"r {_value(figure)}"


def _value(figure: Figure) -> str:
    return f"{style.number(figure.value)} {style.interval(figure.low, figure.high)}".strip()


def _signed(figure: Figure) -> str:
    sign = "+" if figure.value > 0 else ""
    return f"{sign}{_value(figure)}"
