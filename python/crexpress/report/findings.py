"""What the figures say, in plain sentences computed from the metrics: good and bad news alike."""

from collections import Counter
from statistics import fmean, stdev

from crexpress.core import methods, splits
from crexpress.core.methods import Method
from crexpress.evaluate import labels
from crexpress.report import accuracy, called, card, facts, metrics, style
from crexpress.report.accuracy import CHANGED
from crexpress.report.inputs import Inputs
from crexpress.report.link_findings import of_screen, of_silent, out_of_reach
from crexpress.report.metrics import Figure, View, with_interval
from crexpress.report.study import Study

MANY = 3  # from this many cells trained on, they share a sentence and a headline figure


def of_all_genes(view: View, model: str) -> str:
    """The change over all test genes, which stands beside that of the genes chosen because they differ."""
    every = view.get(model, splits.TEST, "pearson_change")
    return f"all {style.count(every.n)} unseen genes {style.number(every.value)}" if every else ""


def main_changes(study: Study) -> list[View]:
    """Comparisons worth a sentence: with the mean of the training cells where there is one, else with each cell."""
    views = study.views("change")
    means = [view for view in views if view.reference not in study.inputs.predictions]
    return means or views


def correlations(views: list[View], model: str) -> list[float]:
    values = (view.value(model, splits.TEST, "pearson") for view in views)
    return [value for value in values if value is not None]


def _shared(views: list[View], models: list[str]) -> list[str]:
    """One sentence a model for many cells that were trained on: its r, and in how many it beats the best baseline."""
    sentences = []
    for model in models:
        values = correlations(views, model)
        if not values:
            continue
        text = f"In the {len(values)} cells trained on {model} reaches r {style.number(min(values))} to "
        text += f"{style.number(max(values))} on test genes, mean {style.number(fmean(values))}"
        differences = [view.get(model, splits.TEST, "pearson_difference") for view in views]
        verdicts = Counter(metrics.side(difference) for difference in differences if difference)
        told = style.join(f"{verdict} the best baseline in {number}" for verdict, number in sorted(verdicts.items()))
        sentences.append(f"{text}: {told}." if told else f"{text}.")
    return sentences


def findings(study: Study) -> list[str]:
    """The sentences under the headline figures, and the lines of summary.txt."""
    inputs, models, own = study.inputs, facts.models(study.inputs), facts.spoken(study.inputs)
    sentences = []
    numbers = facts.training_genes(inputs)
    if numbers and sum(numbers) < facts.FEW_GENES:
        sentences.append(
            f"Only {style.count(sum(numbers))} genes to train on: far too few for a model that can be trusted. This "
            "run shows that the data go through every step; its figures are no measure of the method."
        )
    sentences += [facts.absent(inputs)] if facts.absent(inputs) else []
    run = called.of_environment()
    sentences += [run.genome] if run and run.genome else []
    for cell, file in inputs.predictions.items():
        missing = file.header["parameters"].get("missing_tracks")
        if missing:
            sentences.append(f"{cell} has no {facts.track_names(missing)}; it was predicted without.")
        unknown = file.data["predicted"].null_count()
        if unknown:
            sentences.append(
                f"{style.count(unknown)} of {style.count(len(file.data))} genes of {cell} are measured in no known "
                "cell under their gene id, and have no prediction of their change from these."
            )
    sentences += card.sentences(study)
    sentences += _teachers(inputs)
    sentences += _hidden(study, models)
    if any(facts.anchored(inputs, model) for model in own):
        sentences.append(
            "Anchored models are told what a gene expresses in the other training cells and predict the change from "
            "that, also for genes that none was trained on; direct ones see the tracks alone."
        )
    views = study.views("expression")
    trained = [view for view in views if view.seen]
    if len(trained) >= MANY:
        sentences += _shared(trained, own)
        views = [view for view in views if not view.seen]
    for view in views:
        for model in sorted(own, key=lambda model: facts.anchored(inputs, model) == view.seen):
            sentences += _expression(inputs, view, model, models)
    sentences += accuracy.ceilings(inputs)
    sentences += _profile(study)
    for view in study.views("classes"):
        sentences += _classes(inputs, view, own, models)
    sentences += _spread(study)
    for view in main_changes(study):
        sentences += _change(view, own, models)
    for view in study.views("across cells"):
        best = view.best(own, splits.TEST, "pearson_within_genes")
        if best:
            figure = view.figures[best, splits.TEST, "pearson_within_genes"]
            sentences.append(f"Across cells, within {style.count(figure.n)} test genes, {best} reaches {_r(figure)}.")
    for screen in facts.screens(inputs).values():
        sentences += screen["warnings"]
    for view in study.views("links"):
        sentences += of_screen(view)
    for cell in inputs.links:
        sentences += of_silent(inputs, cell) + out_of_reach(study, cell)
    return sentences


def _teachers(inputs: Inputs) -> list[str]:
    """Where the baselines did not learn from the cells that the model learned from: what beating them means."""
    left_out = inputs.metrics.header["parameters"].get("baselines_left_out") if inputs.metrics else None
    if left_out:
        regions = " ".join(f"--{name} {inputs.config[name]}" for name in ("val", "test") if inputs.config.get(name))
        return [
            f"No baselines are shown for {style.join(left_out)}: they learned from genes that the model is tested on. "
            f"Split the genes as it was trained, with {regions or 'its --val and --test'}."
        ]
    learned = {cell for cells in facts.baseline_cells(inputs).values() for cell in cells}
    new = sorted(cell for cell in learned if not facts.seen(inputs, cell))
    if new:
        return [
            f"The baselines learned from the expression of {style.join(new)}, which the model never saw: they show "
            "what a simple model reaches that is trained there, not one that is given as little as this model."
        ]
    if learned:
        return [f"The baselines learned from {style.join(sorted(learned))} alone, the model from more cells than that."]
    return []


def _expression(inputs: Inputs, view: View, model: str, models: list[str]) -> list[str]:
    figure, error = (view.get(model, splits.TEST, name) for name in ("pearson", "mae"))
    where = f"{view.cell} ({facts.saw(inputs, view.cell, view.seen)})"
    if error is None:
        return []
    if figure is None:
        return [f"{where}: {model} predicts the same for every test gene, so it has no correlation."]
    text = f"{where}: on {style.count(figure.n)} test genes {model} reaches {_r(figure)}"
    text += f", MAE {style.number(error.value)} {facts.unit(inputs, view.cell)}"
    difference = view.get(model, splits.TEST, "pearson_difference")
    best = difference.baseline if difference else None
    best = best or view.best([m for m in view.methods("pearson") if m not in models], splits.TEST, "pearson")
    baseline = view.get(best, splits.TEST, "pearson") if best else None
    if baseline:
        verdict = metrics.side(difference) if difference else metrics.compare(figure, baseline)
        text += f": {verdict} the best baseline, {best} (r {style.number(baseline.value)}"
        text += f", difference {'+' if difference.value > 0 else ''}{with_interval(difference)})" if difference else ")"
    copies = [name for name in view.methods("pearson") if view.about[name].saw == methods.CELLS and name != best]
    known = view.best(copies, splits.TEST, "pearson")
    if known:
        text += f"; {known} r {style.number(view.value(known, splits.TEST, 'pearson'))}"
    return [text + "."]


def _classes(inputs: Inputs, view: View, own: list[str], models: list[str]) -> list[str]:
    """How well the best classifier tells expressed genes from silent ones, beside the best baseline."""
    best = view.best(own, splits.TEST, "auroc")
    if not best:
        return []
    figure = view.figures[best, splits.TEST, "auroc"]
    where = f"{view.cell} ({facts.saw(inputs, view.cell, view.seen)})"
    text = f"{where}: {best} tells expressed from silent genes with auROC {with_interval(figure)} on "
    text += f"{style.count(figure.n)} test genes"
    other = view.best([m for m in view.methods("auroc") if m not in models], splits.TEST, "auroc")
    if other:
        baseline = view.figures[other, splits.TEST, "auroc"]
        text += f", {metrics.compare(figure, baseline)} the level predicted by {other} ({style.number(baseline.value)})"
    return [text + "."]


def _hidden(study: Study, models: list[str]) -> list[str]:
    """One sentence a model that some of its tracks were hidden from, its seeds averaged: what that costs in cells that
    have them.
    """
    runs: dict[Method, list[tuple[str, str]]] = {}
    known = facts.about(study.inputs)
    for model in models:
        whole = facts.whole(study.inputs, model)
        if whole:
            runs.setdefault(known[model].without_seed, []).append((whole, model))
    sentences = []
    for method, pairs in runs.items():
        told = []
        for view in study.views("expression"):
            figures = [
                [view.value(name, splits.TEST, metric) for name in pair for metric in ("pearson", "mae")]
                for pair in pairs
            ]
            measured = [[value for value in row if value is not None] for row in figures if None not in row]
            if measured:
                r, mae, r_after, mae_after = (style.number(fmean(column)) for column in zip(*measured, strict=True))
                told.append(f"r {r} to {r_after} and MAE {mae} to {mae_after} in {view.cell}")
        if told:
            over = f" ({labels.mean(len(pairs), methods.SEEDS)})" if len(pairs) > 1 else ""
            sentences.append(
                f"What hidden tracks cost, {labels.name(method)}{over}: on unseen genes from {style.join(told)}."
            )
    return sentences


def _profile(study: Study) -> list[str]:
    """What the genes' own profiles add, by trees with and without them: the mean over the cells of the report."""
    with_it, without = [], []
    for view in study.views("expression"):
        by_score = {of.score: name for name, of in view.about.items()}  # as baselines.regressions names them
        told, plain = (
            view.value(by_score.get(score, ""), splits.TEST, "pearson")
            for score in ("boosted_trees_profile", "boosted_trees_elements")
        )
        if told is not None and plain is not None:
            with_it.append(told)
            without.append(plain)
    if not with_it:
        return []
    number = f", the mean of {len(with_it)} cells" if len(with_it) > 1 else ""
    return [
        "Told each gene's own profile (its tracks out to 100 kb along it and over its body), boosted trees reach r "
        f"{style.number(fmean(with_it))} on test genes, without it {style.number(fmean(without))}{number}."
    ]


def _spread(study: Study) -> list[str]:
    """One sentence a model that was trained with several seeds: how far they lie apart."""
    seeds: dict[Method, list[str]] = {}
    single = facts.single_seeds(study.inputs)
    for name, method in facts.about(study.inputs).items():
        if name in single:
            seeds.setdefault(method.without_seed, []).append(name)
    sentences = []
    for method, names in seeds.items():
        told = []
        for view in study.views("expression"):
            values = [v for v in (view.value(name, splits.TEST, "pearson") for name in names) if v is not None]
            if len(values) > 1:
                told.append(f"{style.number(fmean(values))} (sd {style.number(stdev(values))}) in {view.cell}")
        if told:
            sentences.append(
                f"Over {len(names)} seeds {labels.name(method)} reaches r on test genes of {style.join(told)}."
            )
    return sentences


def _change(view: View, own: list[str], models: list[str]) -> list[str]:
    best = view.best(own, CHANGED, "pearson_change")
    if not best:
        return []
    figure = view.figures[best, CHANGED, "pearson_change"]
    text = (
        f"{view.cell} against {view.reference}: of the {style.count(figure.n)} test genes that differ, {best} predicts "
        f"the change with {_r(figure)}"
    )
    every = of_all_genes(view, best)
    text += f" (these genes were chosen because they differ; {every})" if every else ""
    other = view.best([m for m in view.methods("pearson_change") if m not in models], CHANGED, "pearson_change")
    if other:
        baseline = view.figures[other, CHANGED, "pearson_change"]
        text += f", {metrics.compare(figure, baseline)} {other} (r {style.number(baseline.value)})"
    copy = next((m for m, of in view.about.items() if of.score == methods.COPY and of.cells == (view.reference,)), None)
    copied = view.value(copy, CHANGED, "pearson_level") if copy else None
    if copied is not None:
        text += f"; copying {view.reference} gives r {style.number(copied)} of their level and no change at all"
    return [text + "."]


def _r(figure: Figure) -> str:
    return f"r {with_interval(figure)}"
