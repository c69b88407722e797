"""How well a score ranks positives above negatives, with all bootstrap resamples computed at once."""

from typing import NamedTuple

import numpy as np

_CHUNK = 128  # resamples held in memory at once
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


def measures(score: np.ndarray, positive: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Average precision, auPRC, auROC and precision at 70 % recall for every row of `counts`.

    `average_precision` sums precision x recall gained, as scikit-learn does. `auprc` is the form of
    EngreitzLab/CRISPR_comparison: trapezoids between distinct thresholds, without a start at recall 0 and
    without the lowest threshold, at which everything is called. The threshold of 70 % recall is that of the
    whole data, as there. `counts` comes from `bootstrap.draw`; at least one thing is positive, one is not.
    """
    cuts = cut(score, positive)
    recall = np.cumsum(positive[cuts.order])[cuts.end - 1] / positive.sum()
    at_recall = int(np.argmax(recall >= _RECALL))
    parts = [_chunk(cuts, positive, at_recall, counts[i : i + _CHUNK]) for i in range(0, len(counts), _CHUNK)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def curve(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision at every threshold at which a positive is found, best first."""
    cuts = cut(score, positive)
    found = np.cumsum(positive[cuts.order])[cuts.end - 1]
    return found / positive.sum(), found / cuts.end


def _chunk(cuts: Cuts, positive: np.ndarray, at_recall: int, counts: np.ndarray) -> dict[str, np.ndarray]:
    drawn = counts[:, cuts.order]
    called_before, called, _ = _running(drawn, cuts)
    found_before, found, positives = _running(drawn * positive[cuts.order], cuts)
    negatives = counts.sum(axis=1) - positives
    gained, tied = found - found_before, (called - called_before) - (found - found_before)
    with np.errstate(invalid="ignore", divide="ignore"):  # a resample may leave a threshold, or all positives, out
        precision = np.nan_to_num(found / called)
        trapezoid = np.where(called_before > 0, (precision + found_before / called_before) / 2, 0)
        trapezoid[:, cuts.end == len(cuts.order)] = 0
        below = negatives[:, None] - (called - found) + tied / 2
        return {
            "average_precision": (gained * precision).sum(axis=1) / positives,
            "auprc": (gained * trapezoid).sum(axis=1) / positives,
            "auroc": (gained * below).sum(axis=1) / (positives * negatives),
            "precision_at_70_recall": found[:, at_recall] / called[:, at_recall],
        }


def _running(drawn: np.ndarray, cuts: Cuts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers drawn before each cut and up to its end, [resamples, cuts], and in all, [resamples]."""
    total = np.zeros((len(drawn), drawn.shape[1] + 1))
    np.cumsum(drawn, axis=1, out=total[:, 1:])
    return total[:, cuts.start], total[:, cuts.end], total[:, -1]
