"""What held-out probabilities of a screen's pairs are worth: the figures of a link model's card."""

from typing import Any

import numpy as np

from crexpress.core import bootstrap, ranking

ALL = "all pairs"
_GROUPS = (
    ("<10 kb", 0, 10_000),
    ("10-50 kb", 10_000, 50_000),
    ("50-100 kb", 50_000, 100_000),
    (">100 kb", 100_000, np.inf),
)
_BINS = 10
RECALL = 0.7
_DECIMALS = 4


def figures(probability: np.ndarray, regulated: np.ndarray, gene: np.ndarray, distance: np.ndarray) -> dict[str, Any]:
    """Average precision, auPRC, auROC and precision at 70 % recall, [value, low, high] of a bootstrap over genes.

    All [pairs]; probability 0 for a pair without an element. With calibration (expected error over ten equal bins of
    probability, and [mean probability, share regulated, pairs] of each) and average precision by distance.
    """
    drawn = bootstrap.draw(int(gene.max()) + 1, 1000, 1)[:, gene]
    measured = ranking.measures(probability, regulated, drawn)
    card: dict[str, Any] = {
        name: [round(float(values[0]), _DECIMALS), *(round(end, _DECIMALS) for end in bootstrap.interval(values))]
        for name, values in measured.items()
    }
    curve = reliability(probability, regulated)
    card["calibration_error"] = round(calibration_error(curve), _DECIMALS)
    card["reliability"] = [[round(float(value), _DECIMALS) for value in row] for row in curve]
    card["by_distance"] = short(probability, regulated, distance)
    return card


def short(score: np.ndarray, regulated: np.ndarray, distance: np.ndarray) -> dict[str, float]:
    """Average precision of a score over all pairs, and in each group by distance that holds both kinds."""
    found = {}
    for name, low, high in ((ALL, 0, np.inf), *_GROUPS):
        inside = (distance >= low) & (distance < high) if name != ALL else np.ones(len(score), bool)
        if 0 < regulated[inside].sum() < inside.sum():
            ones = np.ones((1, int(inside.sum())))
            value = ranking.measures(score[inside], regulated[inside], ones)["average_precision"][0]
            found[name] = round(float(value), _DECIMALS)
    return found


def reliability(probability: np.ndarray, regulated: np.ndarray) -> np.ndarray:
    """Mean probability, share regulated and number of pairs in each bin of probability that has any: [bins, 3]."""
    place = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    number = np.bincount(place, minlength=_BINS)
    kept = number > 0
    means = [np.bincount(place, values, _BINS)[kept] / number[kept] for values in (probability, regulated)]
    return np.stack([*means, number[kept]], axis=1)


def calibration_error(curve: np.ndarray) -> float:
    """Expected calibration error: mean over pairs of the distance between a bin's probability and share."""
    return float(np.average(np.abs(curve[:, 0] - curve[:, 1]), weights=curve[:, 2]))


def cutoffs(probability: np.ndarray, regulated: np.ndarray) -> dict[str, float]:
    """Probability at which 70 % of the regulated pairs are found, and that of the best F1."""
    cuts = ranking.cut(probability, regulated)
    found = np.cumsum(regulated[cuts.order])[cuts.end - 1]
    recall, precision = found / regulated.sum(), found / cuts.end
    threshold = probability[cuts.order[cuts.start]]
    f1 = 2 * precision * recall / (precision + recall)
    at = {"recall_70": int(np.argmax(recall >= RECALL)), "best_f1": int(np.argmax(f1))}
    return {name: float(threshold[place]) for name, place in at.items()}
