"""How well a score ranks positives above negatives, in the data and in all bootstrap resamples of them."""

from typing import NamedTuple

import numpy as np

from crexpress.core import rank_kernel

_RECALL = 0.7


class Cuts(NamedTuple):
    """A ranking cut at the distinct scores at which a positive is found, best first.

    `order` sorts by falling score; the things that share the i-th such score are order[start[i]:end[i]].
    """

    order: np.ndarray
    start: np.ndarray
    end: np.ndarray


def cut(score: np.ndarray, positive: np.ndarray) -> Cuts:
    """Cut the ranking of `score` (higher is better, -inf allowed) where something `positive` (bool) is."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    edges = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
    start, end = np.append(0, edges), np.append(edges, len(score))
    found = np.add.reduceat(positive[order].astype(np.int64), start) > 0
    return Cuts(order, start[found], end[found])


def measures(
    score: np.ndarray, positive: np.ndarray, counts: np.ndarray, unit: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Average precision and its kin for every row of `counts`, which comes from `bootstrap.draw`: {name: [rows]}.

    `unit` says which column of `counts` counts each thing (of a bootstrap over genes, its gene); without it, its own.
    `average_precision` sums precision x recall gained, as scikit-learn does. `auprc` is the form of
    EngreitzLab/CRISPR_comparison: trapezoids between distinct thresholds, without a start at recall 0 and
    without the lowest threshold, at which everything is called; NaN where fewer than two points are left.
    `precision_at_70_recall` has the threshold of the whole data, as there. `max_f1` is the best over thresholds
    (of each resample), `lift` average precision over prevalence. At least one thing is positive, one is not.
    """
    units, hits, last = _ranked(score, positive, unit)
    found = np.cumsum(hits)[last] / positive.sum()
    at_recall = np.flatnonzero(last)[int(np.argmax(found >= _RECALL))] + 1
    table = rank_kernel.measured(units, hits, last, at_recall, np.asarray(counts, np.uint16))
    return dict(zip(rank_kernel.NAMES, table.T, strict=True))


def precision_at(
    score: np.ndarray, positive: np.ndarray, counts: np.ndarray, recalls: np.ndarray, unit: np.ndarray | None = None
) -> np.ndarray:
    """Precision at the first threshold with each of the rising `recalls`, for every row of `counts`."""
    precision: np.ndarray = rank_kernel.precision_at(
        *_ranked(score, positive, unit), np.asarray(counts, np.uint16), recalls
    )
    return precision


def _ranked(
    score: np.ndarray, positive: np.ndarray, unit: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit and label of everything by falling score, and whether the next has another score."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    units = order if unit is None else np.asarray(unit, np.int64)[order]
    return units, positive[order], np.append(ranked[1:] != ranked[:-1], True)


def curve(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision at every threshold at which a positive is found, best first."""
    cuts = cut(score, positive)
    found = np.cumsum(positive[cuts.order])[cuts.end - 1]
    return found / positive.sum(), found / cuts.end
