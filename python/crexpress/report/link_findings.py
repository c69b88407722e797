"""What the ranked links say of each screen, in sentences."""

import polars as pl

from crexpress.core import methods
from crexpress.evaluate.links import ALL_PAIRS, FEW_POSITIVES
from crexpress.report import cell_facts, gene_table, metrics, style
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
from crexpress.report.metrics import View, with_interval
from crexpress.report.study import Study

NEARNESS = "distance"  # the closed form that is how near an element is
LEAST_SILENT = 0.02  # share of a score's highest links that are to silent elements, from which on it is told
MOST_GENES = 8  # genes that are named one by one


def of_screen(view: View) -> list[str]:
    """Of one screen in one cell: how many pairs, how good each score is, and beside what needs no model."""
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
        + ", ".join(f"{name} {with_interval(measured[name])}" for name in ranked)
        + ".",
    ]
    own = [name for name in model_scores(view) if name in measured]
    likely = [name for name in probabilities(view) if name in measured]
    if best and (own or likely):
        told = [*_beside_yardstick(view, [*likely, *own], best), *(_by_distance(view, own, sticks) if own else [])]
        sentences[-1] = " ".join([sentences[-1], *told])
    return sentences


def of_silent(inputs: Inputs, cell: str) -> list[str]:
    """How often a network's highest distal links are to elements without any signal in the cell."""
    shares = cell_facts.silent_shares(inputs, cell)
    told = [f"{style.percent(share)} by {label}" for label, share in shares.items() if share >= LEAST_SILENT]
    if not told:
        return []
    return [
        f"{cell}: of each gene's {cell_facts.TOP} highest links beyond 1 kb {style.join(told)} are to elements without "
        f'signal in any track. They are marked "{cell_facts.NO_SIGNAL}" and are not among the recommended links.'
    ]


def out_of_reach(study: Study, cell: str) -> list[str]:
    """Which genes of a screen have regulated elements beyond what the network saw."""
    if study.pairs is None or cell_facts.reach(study.inputs, cell) is None:
        return []
    genes = study.inputs.genes.data.select("gene_id", "gene_name")
    table = gene_table.of_screen(study.inputs, cell, study.pairs).join(genes, on="gene_id")
    beyond = table.filter(pl.col("within_reach") < pl.col("regulated"))
    if beyond.is_empty():
        return []
    missed = beyond.with_columns(missed=pl.col("regulated") - pl.col("within_reach"))
    named = missed.sort("missed", "gene_id", descending=[True, False])["gene_name"].head(MOST_GENES).to_list()
    number = int(missed["missed"].sum())
    text = (
        f"{cell}: {number} of {table['regulated'].sum()} regulated elements of the screens (of genes with links here) "
        "lie outside what the model "
    )
    text += (
        f"saw of their gene ({style.join(named)}{' and others' if len(beyond) > MOST_GENES else ''}); its scores can "
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
