"""Bootstrap and ranking: draws, and measures against independent definitions."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from crexpress.core import bootstrap, ranking


def test_draws_are_samples_with_replacement():
    counts = bootstrap.draw(50, 200, seed=3)
    assert counts.shape == (201, 50)
    assert (counts[0] == 1).all()
    assert (counts.sum(axis=1) == 50).all()
    assert (counts == 0).mean() == pytest.approx(np.exp(-1), abs=0.02)
    np.testing.assert_array_equal(counts, bootstrap.draw(50, 200, seed=3))
    assert (counts[1:] != bootstrap.draw(50, 200, seed=4)[1:]).any()


def test_interval_covers_the_mean_of_a_normal_sample():
    sample = np.random.default_rng(0).normal(10, 1, 400)
    low, high = bootstrap.interval(bootstrap.draw(400, 1000, 1) @ sample / 400)
    assert low < sample.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * sample.std() / 20, rel=0.15)
    assert np.isnan(bootstrap.interval(np.ones(1))).all()


def ranked_pairs(seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    positive = generator.random(300) < 0.2
    score = generator.normal(size=300) + positive
    if ties:
        score = np.where(generator.random(300) < 0.3, -np.inf, score.round())
    return score, positive


def field_auprc(score: np.ndarray, positive: np.ndarray) -> float:
    """auPRC as CRISPR_comparison computes it, threshold by threshold."""
    points = []
    for threshold in sorted(set(score), reverse=True)[:-1]:
        called = score >= threshold
        points.append((positive[called].sum() / positive.sum(), positive[called].mean()))
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_measures_equal_their_definitions(seed, ties):
    score, positive = ranked_pairs(seed, ties)
    measured = ranking.measures(score, positive, np.ones((1, 300)))
    finite = np.where(np.isfinite(score), score, -1e9)
    assert measured["average_precision"][0] == pytest.approx(
        average_precision_score(positive, finite), rel=0, abs=1e-12
    )
    assert measured["auroc"][0] == pytest.approx(roc_auc_score(positive, finite))
    assert measured["auprc"][0] == pytest.approx(field_auprc(score, positive))
    recalls = [(positive[score >= t].sum() / positive.sum(), positive[score >= t].mean()) for t in set(score)]
    smallest = min(recall for recall, _ in recalls if recall >= 0.7)
    assert measured["precision_at_70_recall"][0] == pytest.approx(max(p for r, p in recalls if r == smallest))


@pytest.mark.parametrize("ties", [False, True])
def test_a_resample_is_measured_as_the_data_it_stands_for(ties):
    score, positive = ranked_pairs(5, ties)
    counts = bootstrap.draw(300, 300, seed=1)  # more than one chunk
    measured = ranking.measures(score, positive, counts)
    for row in (1, 2, 299):
        times = counts[row].astype(int)
        again = np.where(np.isfinite(score), score, -1e9).repeat(times)
        assert measured["average_precision"][row] == pytest.approx(
            average_precision_score(positive.repeat(times), again)
        )
        assert measured["auroc"][row] == pytest.approx(roc_auc_score(positive.repeat(times), again))


def test_curve_ends_at_full_recall_and_prevalence_for_a_useless_score():
    recall, precision = ranking.curve(np.zeros(10), np.arange(10) < 3)
    assert recall.tolist() == [1.0]
    assert precision.tolist() == [0.3]
