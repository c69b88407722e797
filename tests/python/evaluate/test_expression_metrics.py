"""Metrics of expression: against scipy, paired differences, change between cells."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from crexpress.baselines.known_cells import MEAN_OVER_CELLS
from crexpress.core import bootstrap, methods
from crexpress.core.errors import InputError
from crexpress.evaluate import cells, expression, metrics
from evaluate_case import N_GENES, SPLIT, lookup


def make_cell(
    name: str, seen: bool, observed: np.ndarray, models: list[str], **predicted: np.ndarray
) -> cells.ScoredCell:
    named = {k.replace("_", " "): v for k, v in predicted.items()}
    about = {k: method(k) if k in models else baseline(k) for k in named}
    return cells.ScoredCell(name, seen, "log10(1 + TPM)", observed, observed / np.log10(2), models, named, about)


def method(preset: str, **about: object) -> methods.Method:
    return methods.of_predictions({"preset": preset, **about})


def baseline(name: str, saw: str = methods.TRACKS) -> methods.Method:
    return methods.Method(name.replace(" ", "_"), name, methods.BASELINE, saw=saw)


def test_accuracy_equals_scipy_and_differences_are_paired(noisy):
    observed, good, poor = noisy
    observed[5] = np.nan
    cell = make_cell("A", True, observed, ["net"], net=good, ridge=poor, train_mean=np.full(N_GENES, 0.7))
    rows = list(expression.accuracy({"A": cell}, SPLIT, 200, 1))
    test = slice(250, None)
    figures = {m: lookup(rows, method="net", subset="test", metric=m)[0] for m in ("pearson", "spearman", "mae")}
    assert figures["pearson"].value == pytest.approx(np.corrcoef(good[test], observed[test])[0, 1])
    assert figures["spearman"].value == pytest.approx(spearmanr(good[test], observed[test]).statistic)
    assert figures["mae"].value == pytest.approx(np.abs(good - observed)[test].mean())
    assert all(figure.low < figure.value < figure.high and figure.n == 150 for figure in figures.values())
    assert lookup(rows, method="net", subset="train", metric="mae")[0].n == 199
    assert not lookup(rows, method="train mean", metric="pearson")  # a constant has no correlation
    difference = lookup(rows, method="net", subset="test", metric="pearson_difference")[0]
    ridge = lookup(rows, method="ridge", subset="test", metric="pearson")[0]
    assert difference.value == pytest.approx(figures["pearson"].value - ridge.value)
    assert difference.baseline == "ridge"
    assert difference.low > 0
    assert difference.high - difference.low < (ridge.high - ridge.low) + (
        figures["pearson"].high - figures["pearson"].low
    )
    assert {row.subset for row in rows} == {"all", "train", "val", "test"}


def test_interval_is_that_of_resampled_genes(noisy):
    observed, good, _ = noisy
    rows = list(expression.accuracy({"A": make_cell("A", True, observed, ["net"], net=good)}, SPLIT, 100, 7))
    figure = lookup(rows, subset="test", metric="pearson")[0]
    resampled = []
    for times in bootstrap.draw(150, 100, 7)[1:].astype(int):
        resampled.append(np.corrcoef(good[250:].repeat(times), observed[250:].repeat(times))[0, 1])
    assert (figure.low, figure.high) == pytest.approx(np.percentile(resampled, [2.5, 97.5]))


def test_figures_that_are_not_defined_have_no_row():
    context = metrics.Context("links", "A", True, "all pairs")
    rows = [context.metric("x", "auprc", np.array([value, 1.0, 2.0]), 3) for value in (np.nan, np.inf, 0.5)]
    table = metrics.table(rows)
    assert table["value"].to_list() == [0.5]
    assert table["low"].to_list() == [None]  # two resamples make no interval


def test_classifiers_rank_expressed_above_silent_genes_and_are_no_levels(noisy):
    observed, close, far = noisy
    cell = make_cell("A", True, observed, ["net"], net=close)
    probability = 1 / (1 + np.exp(-far))
    probability[7] = np.nan
    tpm = 10**observed - 1
    thresholds = {"expressed_above": 15.0, "silent_below": 1.0}
    cell.add(Path("p"), "judge", method("judge"), probability, thresholds)
    with pytest.raises(InputError, match="calls other genes expressed"):
        cell.add(Path("p"), "other", method("other"), probability, thresholds | {"silent_below": 2.0})
    rows = list(expression.classification({"A": cell}, SPLIT, 50, 1))
    kept = ((tpm > 15) | (tpm < 1)) & (SPLIT == "test") & np.isfinite(probability)
    assert kept.sum() < (SPLIT == "test").sum()
    for metric, function in (("auroc", roc_auc_score), ("average_precision", average_precision_score)):
        (row,) = lookup(rows, method="judge", metric=metric, subset="test")
        assert row.value == pytest.approx(function(tpm[kept] > 15, probability[kept]))
        assert row.n == kept.sum()
        assert row.low < row.value < row.high
    assert {row.method for row in rows} == {"judge", "net"}
    assert {row.method for row in expression.accuracy({"A": cell}, SPLIT, 0, 1)} == {"net"}
    cell.classes = None
    assert not list(expression.classification({"A": cell}, SPLIT, 0, 1))


def test_change_is_of_genes_that_differ_fourfold_on_test_chromosomes(noisy):
    old, good, _ = noisy
    shift = np.where(np.arange(N_GENES) % 3 == 0, 0.61, 0.59)  # fourfold is 0.602 in log10
    old, new = old + 1, old + 1 + shift * np.where(np.arange(N_GENES) % 2, 1, -1)
    known = make_cell("A", True, old, ["net"], net=good)
    unseen = make_cell("B", False, new, ["net"], net=good + (new - old) * 0.5, copy_of_A=old)
    unseen.methods["copy of A"] = baseline("copy of A", methods.CELLS)
    rows = list(expression.change({"A": known, "B": unseen}, SPLIT, 100, 1))
    changed = lookup(rows, subset="changed genes", method="net", metric="pearson_change")[0]
    assert changed.n == (shift[250:] == 0.61).sum()
    assert (changed.cell, changed.reference, changed.cell_seen) == ("B", "A", False)
    assert changed.value == pytest.approx(1)
    assert lookup(rows, subset="test", method="net", metric="pearson_change")[0].n == 150
    assert lookup(rows, method="copy of A", metric="pearson_level")
    assert not lookup(rows, method="copy of A", metric="pearson_change")
    assert {row.reference for row in rows} == {"A"}


def test_change_from_the_mean_of_two_known_cells(noisy):
    a, b, c = noisy
    cells = {
        name: make_cell(name, name != "C", values, ["net"], net=values)
        for name, values in zip("ABC", (a, b, c), strict=True)
    }
    rows = list(expression.change(cells, SPLIT, 50, 1))
    assert {row.reference for row in rows} == {"A", "B", MEAN_OVER_CELLS}
    row = lookup(rows, reference=MEAN_OVER_CELLS, subset="test", metric="mae_change")[0]
    assert row.value == pytest.approx(0)


def test_who_knows_the_other_cells_is_held_to_the_change_from_what_they_express(noisy):
    a, b, new = noisy
    cells = {"A": make_cell("A", True, a, ["net"], net=a + 9), "B": make_cell("B", True, b, ["net"], net=b - 9)}
    predicted = {"net": new, "net (anchored)": (a + b) / 2 + 0.3 * (new - (a + b) / 2), MEAN_OVER_CELLS: (a + b) / 2}
    cells["C"] = make_cell("C", False, new, ["net", "net (anchored)"])
    cells["C"].predicted |= predicted | {"copy of A": a}
    cells["C"].methods = {"net": method("net"), "net (anchored)": method("net", mode="anchored")}
    cells["C"].methods |= {name: baseline(name, methods.CELLS) for name in ("copy of A", MEAN_OVER_CELLS)}
    rows = lookup(list(expression.change(cells, SPLIT, 20, 1)), subset="test", reference=MEAN_OVER_CELLS)
    of = {row.method: row.value for row in rows if row.metric == "pearson_change"}
    assert of["net (anchored)"] == pytest.approx(1)  # though it has no prediction in A and B
    assert of["net"] == pytest.approx(1)  # its own mean over A and B
    assert of["copy of A"] == pytest.approx(np.corrcoef((a - b)[250:], (new - (a + b) / 2)[250:])[0, 1])
    assert MEAN_OVER_CELLS not in of  # predicts no change


def test_correlation_across_cells_ignores_differences_between_genes(noisy):
    level = noisy[0] * 10
    generator = np.random.default_rng(1)
    effects = generator.normal(size=(3, N_GENES))
    cells = {
        name: make_cell(name, True, level + effect, ["net", "flat"], net=effect * 0.5 - level, flat=level)
        for name, effect in zip("ABC", effects, strict=True)
    }
    rows = list(expression.across_cells(cells, SPLIT, 50, 1))
    assert lookup(rows, method="net", subset="test")[0].value == pytest.approx(1)
    assert not lookup(rows, method="flat")  # the same in every cell: says nothing
    assert not list(expression.across_cells(dict(list(cells.items())[:2]), SPLIT, 50, 1))
