"""What the figures say, in plain sentences computed from the metrics: good and bad news alike."""

from collections import Counter
from statistics import fmean, stdev

import polars as pl

from crexpress.core import methods, splits
from crexpress.core.methods import Method
from crexpress.evaluate import labels
from crexpress.evaluate.links import ALL_PAIRS, FEW_POSITIVES
from crexpress.report import accuracy, card, cell_facts, facts, gene_table, metrics, style
from crexpress.report.accuracy import CHANGED
from crexpress.report.inputs import Inputs
from crexpress.report.linkage import (
    GROUPS,
    closed_forms,
    drawn,
    model_scores,
    probabilities,
    reached,
    table_scores,
    yardsticks,
)
from crexpress.report.metrics import Figure, View
from crexpress.report.page import Tile
from crexpress.report.study import Study

NEARNESS = "distance"  # the closed form that is how near an element is
MOST_NAMES = 8  # cells trained on that are named one by one
LEAST_SILENT = 0.02  # share of a score's highest links that are to silent elements, from which on it is told
MANY = 3  # from this many cells trained on, they share a sentence and a headline figure


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
            name = f"r in {view.cell}, {number} unseen genes{'' if view.seen else ', unseen cell'}"
            name += ", anchored" if facts.anchored(study.inputs, best) else ""
            baseline = view.best([m for m in view.methods("pearson") if m not in models], splits.TEST, "pearson")
            value = view.value(baseline, splits.TEST, "pearson") if baseline else None
            other = _best_baseline(study.inputs, view.cell, baseline or "")
            found.append(_tile(name, view.figures[best, splits.TEST, "pearson"], other, value))
    for view in _main_changes(study)[:1]:
        best = view.best(facts.leading(study.inputs, view.seen), CHANGED, "pearson_change")
        if best:
            baseline = view.best(
                [m for m in view.methods("pearson_change") if m not in models], CHANGED, "pearson_change"
            )
            value = view.value(baseline, CHANGED, "pearson_change") if baseline else None
            figure = view.figures[best, CHANGED, "pearson_change"]
            name = f"r of predicted change, {view.cell} against {view.reference}, in the {style.count(figure.n)} "
            name += "unseen genes chosen because they differ"
            found.append(_tile(name, figure, "best baseline", value, _of_all_genes(view, best)))
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


def _of_all_genes(view: View, model: str) -> str:
    """The change over all test genes, which stands beside that of the genes chosen because they differ."""
    every = view.get(model, splits.TEST, "pearson_change")
    return f"all {style.count(every.n)} unseen genes {style.number(every.value)}" if every else ""


def _main_changes(study: Study) -> list[View]:
    """Comparisons worth a sentence: with the mean of the training cells where there is one, else with each cell."""
    views = study.views("change")
    means = [view for view in views if view.reference not in study.inputs.predictions]
    return means or views


def _correlations(views: list[View], model: str) -> list[float]:
    values = (view.value(model, splits.TEST, "pearson") for view in views)
    return [value for value in values if value is not None]


def _shared_tile(views: list[View], models: list[str]) -> list[Tile]:
    """One headline figure for many cells that were trained on: the mean and the range of the first model's r."""
    values = _correlations(views, models[0])
    if not values:
        return []
    between = f"{style.number(min(values))} to {style.number(max(values))}"
    return [Tile(style.number(fmean(values)), f"Mean r in {len(values)} cells trained on, unseen genes", [between])]


def _shared(views: list[View], models: list[str]) -> list[str]:
    """One sentence a model for many cells that were trained on: its r, and in how many it beats the best baseline."""
    sentences = []
    for model in models:
        values = _correlations(views, model)
        if not values:
            continue
        text = f"In the {len(values)} cells trained on {model} reaches r {style.number(min(values))} to "
        text += f"{style.number(max(values))} on test genes, mean {style.number(fmean(values))}"
        differences = [view.get(model, splits.TEST, "pearson_difference") for view in views]
        verdicts = Counter(metrics.side(difference) for difference in differences if difference)
        told = style.join(f"{verdict} the best baseline in {number}" for verdict, number in sorted(verdicts.items()))
        sentences.append(f"{text}: {told}." if told else f"{text}.")
    return sentences


def _tile(name: str, figure: Figure, other: str, value: float | None, more: str = "") -> Tile:
    beside = f"{other} {style.number(value)}" if value is not None else ""
    details = [style.interval(figure.low, figure.high), more, beside]
    return Tile(style.number(figure.value), name, [detail for detail in details if detail])


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
    for cell, file in inputs.predictions.items():
        missing = file.header["parameters"].get("missing_tracks")
        if missing:
            sentences.append(f"{cell} has no {facts.track_names(missing)}; it was predicted without.")
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
        sentences += _classes(view, own, models)
    sentences += _spread(study)
    for view in _main_changes(study):
        sentences += _change(view, own, models)
    for view in study.views("across cells"):
        best = view.best(own, splits.TEST, "pearson_within_genes")
        if best:
            figure = view.figures[best, splits.TEST, "pearson_within_genes"]
            sentences.append(f"Across cells, within {style.count(figure.n)} test genes, {best} reaches {_r(figure)}.")
    for screen in facts.screens(inputs).values():
        sentences += screen["warnings"]
    for view in study.views("links"):
        sentences += _links(view)
    for cell in inputs.links:
        sentences += _silent(inputs, cell) + _out_of_reach(study, cell)
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


def _best_baseline(inputs: Inputs, cell: str, name: str) -> str:
    """ "best baseline", with its name where that says whom it learned from."""
    return f"best baseline, {name}:" if cell in facts.baseline_cells(inputs) else "best baseline"


def _expression(inputs: Inputs, view: View, model: str, models: list[str]) -> list[str]:
    figure, error = (view.get(model, splits.TEST, name) for name in ("pearson", "mae"))
    where = f"{view.cell} ({'trained on' if view.seen else 'never seen'})"
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
        text += f", difference {'+' if difference.value > 0 else ''}{_value(difference)})" if difference else ")"
    copies = [name for name in view.methods("pearson") if view.about[name].saw == methods.CELLS and name != best]
    known = view.best(copies, splits.TEST, "pearson")
    if known:
        text += f"; {known} r {style.number(view.value(known, splits.TEST, 'pearson'))}"
    return [text + "."]


def _classes(view: View, own: list[str], models: list[str]) -> list[str]:
    """How well the best classifier tells expressed genes from silent ones, beside the best baseline."""
    best = view.best(own, splits.TEST, "auroc")
    if not best:
        return []
    figure = view.figures[best, splits.TEST, "auroc"]
    text = (
        f"{view.cell} ({'trained on' if view.seen else 'never seen'}): {best} tells expressed from silent genes with "
    )
    text += f"auROC {_value(figure)} on {style.count(figure.n)} test genes"
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
    every = _of_all_genes(view, best)
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


def _links(view: View) -> list[str]:
    positives = view.value(methods.EVERYTHING, ALL_PAIRS, "positives") or 0
    head = f"{view.reference}, {view.cell}: {style.count(view.most(ALL_PAIRS, 'prevalence'))} tested pairs"
    head += f", {style.count(positives)} regulated"
    scores = drawn(view, table_scores(view))
    if positives < FEW_POSITIVES:
        return [f"{head}: too few to say how good any link score is."]
    if not scores:
        return [f"{head}; this run has no link scores of its own."]
    covered = reached(view)
    if covered < FEW_POSITIVES:
        return [
            f"{head}, of which {covered} lie within reach of the links table: too few to say how good its scores are."
        ]
    reach = max(view.value(name, ALL_PAIRS, "coverage") or 0 for name in scores)
    sticks = closed_forms(view)
    best = view.best(sticks, ALL_PAIRS, "average_precision")
    listed = dict.fromkeys([*scores, *yardsticks(view), *([best] if best else [])])
    measured = {name: figure for name in listed if (figure := view.get(name, ALL_PAIRS, "average_precision"))}
    ranked = view.ranked(list(measured), ALL_PAIRS, "average_precision")
    prevalence = view.value(methods.EVERYTHING, ALL_PAIRS, "prevalence")
    sentences = [
        f"{head} (prevalence {style.number(prevalence)}). The links table reaches "
        f"{style.percent(reach)} of the pairs and {style.count(covered)} of the "
        "regulated ones; the rest are filled with the worst value and count as misses.",
        f"{view.reference}, {view.cell}, average precision on all pairs: "
        + ", ".join(f"{name} {_value(measured[name])}" for name in ranked)
        + ".",
    ]
    own = [name for name in model_scores(view) if name in measured]
    likely = [name for name in probabilities(view) if name in measured]
    if best and (own or likely):
        told = [*_beside_yardstick(view, [*likely, *own], best), *(_by_distance(view, own, sticks) if own else [])]
        sentences[-1] = " ".join([sentences[-1], *told])
    return sentences


def _silent(inputs: Inputs, cell: str) -> list[str]:
    """How often a network's highest distal links are to elements without any signal in the cell."""
    shares = cell_facts.silent_shares(inputs, cell)
    told = [f"{style.percent(share)} by {label}" for label, share in shares.items() if share >= LEAST_SILENT]
    if not told:
        return []
    return [
        f"{cell}: of each gene's {cell_facts.TOP} highest links beyond 1 kb {style.join(told)} are to elements without "
        f'signal in any track. They are marked "{cell_facts.NO_SIGNAL}" and are not among the recommended links.'
    ]


def _out_of_reach(study: Study, cell: str) -> list[str]:
    """Which genes of a screen have regulated elements beyond what the network saw."""
    if study.pairs is None or cell_facts.reach(study.inputs, cell) is None:
        return []
    genes = study.inputs.genes.data.select("gene_id", "gene_name")
    table = gene_table.of_screen(study.inputs, cell, study.pairs).join(genes, on="gene_id")
    beyond = table.filter(pl.col("within_reach") < pl.col("regulated"))
    if beyond.is_empty():
        return []
    missed = beyond.with_columns(missed=pl.col("regulated") - pl.col("within_reach"))
    named = missed.sort("missed", "gene_id", descending=[True, False])["gene_name"].head(MOST_NAMES).to_list()
    number = int(missed["missed"].sum())
    text = (
        f"{cell}: {number} of {table['regulated'].sum()} regulated elements of the screens lie outside what the model "
    )
    text += (
        f"saw of their gene ({style.join(named)}{' and others' if len(beyond) > MOST_NAMES else ''}); its scores can "
    )
    return [text + "say nothing of them. How far it saw of each gene: tables/genes." + cell + ".tsv, columns reach."]


def _beside_yardstick(view: View, scores: list[str], stick: str) -> list[str]:
    """Which scores of the model tell more, as much, or less than the best that needs no model; and than nearness."""
    nearness = next((name for name, method in view.about.items() if method == methods.closed_form(NEARNESS)), "")
    yardstick, distance = (view.get(name, ALL_PAIRS, "average_precision") for name in (stick, nearness))
    verdicts: dict[str, list[str]] = {"above": [], "level with": [], "below": []}
    poor = []
    for name in scores:
        figure = view.get(name, ALL_PAIRS, "average_precision")
        if figure and yardstick:
            verdicts[metrics.compare(figure, yardstick)].append(name)
            poor += [name] if distance and metrics.compare(figure, distance) == "below" else []
    said = "distance alone" if stick == nearness else f"{stick}, the best score that needs no model"
    sentences = [
        f"{style.sentence(style.join(names))} {'are' if len(names) > 1 else 'is'} {verdict} {said}."
        for verdict, names in verdicts.items()
        if names
    ]
    if poor and stick != nearness:
        tell = "by themselves tell" if len(poor) > 1 else "by itself tells"
        sentences.append(f"{style.sentence(style.join(poor))} {tell} less than how near an element is.")
    return sentences


def _by_distance(view: View, scores: list[str], sticks: list[str]) -> list[str]:
    """Where, among pairs of like distance, a score of the model is above all that need none."""
    better = []
    groups = [group for group in GROUPS if view.best(sticks, group, "average_precision")]
    for group in groups:
        best, stick = (view.best(names, group, "average_precision") for names in (scores, sticks))
        if best and stick:
            own, other = (view.figures[name, group, "average_precision"] for name in (best, stick))
            if metrics.compare(own, other) == "above":
                better.append(f"{group} ({best} {style.number(own.value)}, {stick} {style.number(other.value)})")
    if not groups:
        return []
    many = len(scores) > 1
    which = f"the best of the model's {len(scores)} scores, picked in each group," if many else "the model's score"
    told = f"at {style.join(better)}" if better else "in no group"
    elsewhere = ", and level with it or below elsewhere" if better and len(better) < len(groups) else ""
    return [f"Among pairs of like distance, {which} is above the best that needs no model {told}{elsewhere}."]


def _r(figure: Figure) -> str:
    return f"r {_value(figure)}"


def _value(figure: Figure) -> str:
    return f"{style.number(figure.value)} {style.interval(figure.low, figure.high)}".strip()
