"""Measures of rankings by hand, against scikit-learn on every resample, and at the size that users have."""

import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, f1_score

from crexpress.core import bootstrap, methods, ranking
from crexpress.evaluate import metrics, top_k
from crexpress.evaluate.benchmarks import comparison
from crexpress.evaluate.benchmarks import pairs as measures
from crexpress.evaluate.benchmarks.pairs import Labelled

ONCE = np.ones((1, 6), np.uint16)


def one(score: list[float], positive: list[int], counts: np.ndarray = ONCE) -> dict[str, float]:
    found = ranking.measures(np.array(score, float), np.array(positive, bool), counts[:, : len(score)])
    return {name: float(values[0]) for name, values in found.items()}


def test_ties_by_hand():
    found = one([9, 5, 5, 5, 1, 0], [1, 1, 0, 1, 0, 1])
    assert found["average_precision"] == pytest.approx((1 + 2 * 3 / 4 + 4 / 6) / 4)
    assert found["auprc"] == pytest.approx((2 * (1 + 3 / 4) / 2) / 4)  # not the first point, nor the lowest threshold
    assert found["auroc"] == pytest.approx((2 + 2 * 1.5 + 0) / 8)
    assert found["precision_at_70_recall"] == pytest.approx(3 / 4)
    assert found["max_f1"] == pytest.approx(2 * 4 / (6 + 4))  # everything called; 3 of 4 called gives 0.75
    assert found["lift"] == pytest.approx(found["average_precision"] / (4 / 6))


def test_a_constant_score_says_nothing():
    found = one([2, 2, 2, 2], [1, 0, 0, 0])
    assert found["average_precision"] == found["precision_at_70_recall"] == 0.25
    assert (found["auroc"], found["lift"]) == (0.5, 1)
    assert np.isnan(found["auprc"])  # no point is left


def test_a_score_of_two_values_has_no_area_and_no_difference_in_it_but_stands_in_the_comparison():
    """One threshold short of everything is one point, and no curve: missing, not 0, which would read as a figure."""
    assert np.isnan(one([1, 1, 0, 0], [1, 0, 1, 0])["auprc"])
    pairs = labelled()
    scores = {**pairs.scores, "nearest": (pairs.scores["good"] > 1) * 1.0}
    about = {name: methods.closed_form(name) for name in scores}
    rows, _ = measures.measure(replace(pairs, scores=scores, methods=about), 100, 1, (measures.ALL,))
    of = {row.metric: row.value for row in rows if row.method == "nearest" and np.isfinite(row.value)}
    assert not {"auprc", "auprc_difference", "auprc_difference_p"} & set(of)
    assert of["average_precision"] > 0
    table = comparison.table(metrics.table(rows), {"b": "crispr"})
    assert table["method"].to_list() == ["good", "poor", "nearest"]
    last = table.row(2, named=True)
    assert (last["value"], last["low"], last["difference"], last["p"]) == (None, None, None, None)
    assert last["average_precision"] == pytest.approx(of["average_precision"], abs=1e-5)


def test_elements_of_one_gene_are_drawn_where_there_is_but_one():
    pairs = labelled()
    one_gene = replace(pairs, table=pairs.table.with_columns(gene=pl.lit("a")))
    rows, curves = measures.measure(one_gene, 200, 1)
    of = {(row.subset, row.method, row.metric): row for row in rows}
    for name in ("auprc", "average_precision", "spearman_effect"):
        row = of["all pairs", "good", name]
        assert row.low < row.value < row.high
    assert np.isnan(of["all pairs", "good", "top_k_rate"].low)  # one gene has no interval in it
    assert (pl.concat(curves)["low"] <= pl.concat(curves)["high"]).all()


def test_effects_are_compared_on_the_pairs_that_all_cover():
    pairs = labelled()
    rows, _ = measures.measure(pairs, 0, 1)
    of = {(row.subset, row.method): row for row in rows if row.metric == "spearman_effect"}
    assert {at: row.n for at, row in of.items()} == {
        ("all pairs", "good"): 225, ("all pairs", "poor"): 300,
        ("covered pairs", "good"): 225, ("covered pairs", "poor"): 225,
    }  # fmt: skip
    seen = pairs.covered["good"]
    expected = spearmanr(pairs.scores["poor"][seen], pairs.table["effect"].to_numpy()[seen]).statistic
    assert of["covered pairs", "poor"].value == pytest.approx(expected)
    table = comparison.table(metrics.table(rows), {"b": "crispr"})
    assert dict(table.filter(subset="all pairs").select("method", "spearman_effect_n").iter_rows()) == {
        "good": 225, "poor": 300,
    }  # fmt: skip


def test_duplicated_pairs_count_twice_as_a_resample_would():
    twice = one([3, 3, 2, 1], [1, 1, 0, 1])
    drawn = ranking.measures(np.array([3.0, 2, 1]), np.array([True, False, True]), np.array([[2, 1, 1]], np.uint16))
    assert {name: pytest.approx(value) for name, value in twice.items()} == {k: v[0] for k, v in drawn.items()}


def test_a_resample_without_a_positive_defines_nothing():
    counts = np.array([[1, 1, 1], [0, 2, 1]], np.uint16)
    found = ranking.measures(np.array([3.0, 2, 1]), np.array([True, False, False]), counts)
    assert all(np.isnan(values[1]) for values in found.values())
    assert np.isnan(bootstrap.interval(found["auroc"])).all()


@pytest.mark.parametrize("ties", [False, True])
def test_every_resample_of_genes_equals_scikit_learn(ties):
    generator = np.random.default_rng(3)
    gene = generator.integers(0, 40, 500)
    positive = generator.random(500) < 0.1
    score = generator.normal(size=500) + positive
    score = score.round() if ties else score
    counts = bootstrap.draw(40, 60, 2, np.uint16)
    found = ranking.measures(score, positive, counts, gene)
    for row in range(61):
        times = counts[row][gene].astype(int)
        labels, values = positive.repeat(times), score.repeat(times)
        assert abs(found["average_precision"][row] - average_precision_score(labels, values)) < 1e-12
    best = max(f1_score(labels, values >= cut) for cut in np.unique(values)[:: 3 - 2 * ties])
    assert found["max_f1"][row] >= best - 1e-12 if not ties else found["max_f1"][row] == pytest.approx(best)


def test_ten_thousand_resamples_of_ten_thousand_pairs_for_five_scores_take_less_than_a_minute():
    generator = np.random.default_rng(0)
    positive = generator.random(10_000) < 0.05
    start = time.process_time()
    counts = bootstrap.draw(10_000, 2_000, 1, np.uint16)  # a fifth of it: the work is in proportion
    for strength in range(5):
        ranking.measures(generator.normal(size=10_000) + strength * positive, positive, counts)
    assert time.process_time() - start < 60 / 5


def test_p_of_a_difference_by_hand():
    difference = np.append(0.3, np.append(np.full(97, 0.2), np.full(3, -0.1)))
    assert bootstrap.p_value(difference) == pytest.approx(2 * 4 / 101)
    assert bootstrap.p_value(np.zeros(101)) == 1
    assert np.isnan(bootstrap.p_value(np.ones(10)))


def test_top_k_by_hand():
    score = np.array([9, 8, 7, 1, 5, 5, 5, 2, 3, 4])
    gene = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    positive = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 0], bool)  # gene 2 has none
    genes, found, wanted = top_k.rates(score, positive, gene)
    assert genes.tolist() == [0, 1]
    assert found.tolist() == [1, pytest.approx(1 / 3)]  # of three that tie for one place one is validated
    assert wanted.tolist() == [2, 1]


def test_elements_that_a_score_does_not_see_are_never_among_the_best():
    score = np.array([9, -np.inf, -np.inf, -np.inf])
    _, found, wanted = top_k.rates(score, np.array([False, True, True, False]), np.zeros(4, int))
    assert (found.tolist(), wanted.tolist()) == ([0], [2])
    pairs = labelled()
    filled = replace(pairs, scores={"good": np.where(pairs.covered["good"], -1.0, 0.0)})  # a fill that is the best
    rows, _ = measures.measure(filled, 0, 1, (measures.ALL,))
    assert {row.value for row in rows if row.metric == "top_k_rate"} != {0.0}
    none = replace(filled, covered={"good": np.zeros(300, bool)})
    rows, _ = measures.measure(none, 0, 1, (measures.ALL,))
    assert [row.value for row in rows if row.metric == "top_k_rate"] == [0.0]


def test_precision_at_recalls_by_hand():
    score, positive = np.array([5.0, 4, 3, 2]), np.array([True, False, True, False])
    found = ranking.precision_at(score, positive, np.ones((1, 4), np.uint16), np.array([0.5, 0.6, 1.0]))
    assert found[0].tolist() == [1, pytest.approx(2 / 3), pytest.approx(2 / 3)]


def labelled(n: int = 300, seed: int = 0) -> Labelled:
    generator = np.random.default_rng(seed)
    positive = generator.random(n) < 0.2
    good, poor = generator.normal(size=n) + 2 * positive, generator.normal(size=n)
    gene = generator.choice(list("abcdefghij"), n)
    distance = generator.choice([4_000, 30_000, 500_000, 2_000_000], n)
    table = pl.DataFrame({"gene": gene, "distance": distance, "effect": -0.3 * positive - 0.01 * good})
    about = {name: methods.closed_form(name) for name in ("good", "poor")}
    covered = {"good": np.arange(n) % 4 > 0}
    return Labelled("K", "b", table, positive, {"good": good, "poor": poor}, covered, about, np.arange(n) % 2 > 0)


def test_figures_of_every_group_with_paired_differences_and_what_is_covered():
    pairs = labelled()
    rows, curves = measures.measure(pairs, 200, 1)
    of = {(row.subset, row.method, row.metric): row for row in rows}
    sizes = {subset: row.value for (subset, _, metric), row in of.items() if metric == "prevalence"}
    assert {"all pairs", "covered pairs", "clean pairs", "<10 kb", ">100 kb", "50-1,000 kb", ">1,000 kb"} <= set(sizes)
    assert of["covered pairs", "good", "auroc"].n == 225
    assert of["clean pairs", "good", "auroc"].n == 150
    assert of["all pairs", "good", "coverage"].value == 0.75
    worse = of["all pairs", "poor", "auprc_difference"]
    assert worse.baseline == "good"
    assert worse.high < 0
    assert of["all pairs", "poor", "auprc_difference_p"].value < 0.05
    assert of["all pairs", "good", "spearman_effect"].value < -0.3  # a strong enhancer's effect is far below 0
    assert of["all pairs", "good", "auprc_by_pairs"].value == of["all pairs", "good", "auprc"].value
    assert 0 < of["all pairs", "poor", "top_k_rate"].value < of["all pairs", "good", "top_k_rate"].value <= 1
    good = pl.concat(curves).filter(pl.col("method") == "good", pl.col("recall") == 0.5).row(0, named=True)
    assert good["low"] <= good["precision"] <= good["high"]


def test_a_method_that_was_taught_all_pairs_has_no_figure_of_clean_ones():
    rows, _ = measures.measure(replace(labelled(), taught=frozenset({"good"})), 0, 1)
    assert {row.method for row in rows if row.subset == "clean pairs"} == {"all", "poor"}
    assert {row.method for row in rows if row.subset == "all pairs"} == {"all", "good", "poor"}


def test_no_curve_with_fewer_than_ten_positives_and_no_figure_without_one():
    few = labelled(40)
    few = few.part(np.flatnonzero(~few.positive | (np.cumsum(few.positive) <= 3)))
    rows, curves = measures.measure(few, 50, 1)
    assert not curves
    assert any(row.metric == "auprc" for row in rows)
    rows, _ = measures.measure(few.part(np.flatnonzero(~few.positive)), 50, 1)
    assert {row.metric for row in rows} == {"positives", "prevalence", "genes", "coverage"}
