"""The kinds of fit that a link model is made of, each a margin that adds up over evidence.

Missing evidence takes the median of the training pairs: it says nothing then, and the others decide.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from crexpress.links.trees import Trees, join_all, of_boosted, of_forest

LOGISTIC, BOOSTED, EXTRA = "logistic regression", "boosted trees", "extra trees"
KINDS = (LOGISTIC, BOOSTED, EXTRA)
_BOOSTS, _FOREST = 2, 100  # seeds of boosted trees, whose mean is taken; extra trees


class Linear(NamedTuple):
    """Margin `weight` . (x - `mean`) + `start`; float64 [pieces]."""

    weight: np.ndarray
    mean: np.ndarray
    start: float

    def margin(self, table: np.ndarray) -> np.ndarray:
        result: np.ndarray = (table - self.mean) @ self.weight + self.start
        return result

    def parts(self, table: np.ndarray) -> tuple[np.ndarray, float]:
        """What each piece adds for each row, and the margin of the mean row: Shapley values of a linear model."""
        return (table - self.mean) * self.weight, self.start


class Grown(NamedTuple):
    """Margin: sum of trees, from `start`."""

    trees: Trees
    start: float

    def margin(self, table: np.ndarray) -> np.ndarray:
        return self.trees.sums(table) + self.start

    def parts(self, table: np.ndarray) -> tuple[np.ndarray, float]:
        """Shapley values of each piece for each row, and the mean margin: see `Trees.parts`."""
        parts, mean = self.trees.parts(table)
        return parts, mean + self.start


Member = Linear | Grown


def fit(kind: str, table: np.ndarray, regulated: np.ndarray, weight: np.ndarray, seed: int) -> Member:
    """Fit one kind to evidence (float32 [pairs, pieces], no NaN), verdicts and weights of pairs."""
    return _FITS[kind](table, regulated, weight, seed)


def _logistic(table: np.ndarray, regulated: np.ndarray, weight: np.ndarray, seed: int) -> Linear:
    from sklearn.linear_model import LogisticRegression

    mean = np.average(table.astype(np.float64), axis=0, weights=weight)
    spread = np.sqrt(np.average((table - mean) ** 2, axis=0, weights=weight))
    spread = np.where(spread > 0, spread, np.inf)  # what never varies says nothing
    model = LogisticRegression(C=0.05, max_iter=2000).fit((table - mean) / spread, regulated, weight)
    return Linear(model.coef_[0] / spread, mean, float(model.intercept_[0]))


def _boosted(table: np.ndarray, regulated: np.ndarray, weight: np.ndarray, seed: int) -> Grown:
    from sklearn.ensemble import HistGradientBoostingClassifier

    grown, start = [], 0.0
    for number in range(_BOOSTS):
        model: Any = HistGradientBoostingClassifier(
            max_iter=150,
            learning_rate=0.05,
            max_leaf_nodes=8,
            min_samples_leaf=30,
            l2_regularization=5,
            max_features=0.3,
            early_stopping=False,
            random_state=seed + number,
        )
        # equal weights are left out: with weights, scikit-learn bins a hundred times slower
        model.fit(table, regulated, weight if np.ptp(weight) else None)
        trees = of_boosted(model)
        grown.append(trees._replace(value=np.where(trees.feature < 0, trees.value / _BOOSTS, trees.value)))
        start += float(model._baseline_prediction.ravel()[0]) / _BOOSTS
    return Grown(join_all(grown), start)


def _extra(table: np.ndarray, regulated: np.ndarray, weight: np.ndarray, seed: int) -> Grown:
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(
        _FOREST, min_samples_leaf=5, max_leaf_nodes=64, max_features=0.4, n_jobs=1, random_state=seed
    )
    model.fit(table, regulated, weight)
    prior = float(np.average(regulated, weights=weight))

    def log_odds(share: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Of a leaf's regulated pairs to its others, each with its part of one pair more."""
        found: np.ndarray = np.log((share * rows + prior) / ((1 - share) * rows + 1 - prior))
        return found

    return Grown(of_forest(model, log_odds), 0.0)


_FITS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, int], Member]] = {
    LOGISTIC: _logistic,
    BOOSTED: _boosted,
    EXTRA: _extra,
}
