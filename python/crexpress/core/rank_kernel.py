"""Measures of a ranking under many bootstrap resamples, compiled: one pass over the ranking for each resample."""

import numpy as np

from crexpress.core.compiled import compiled

NAMES = ("average_precision", "auprc", "auroc", "precision_at_70_recall", "max_f1", "lift")


@compiled
def measured(
    unit: np.ndarray, positive: np.ndarray, last: np.ndarray, at_recall: int, counts: np.ndarray
) -> np.ndarray:
    """The measures of `NAMES` for every row of `counts`, float64 [rows, 6]; NaN where a resample does not define one.

    Things stand by falling score: `unit` [n] says which column of `counts` says how often each is drawn, `positive`
    bool [n], `last` bool [n] whether the next one has another score. `at_recall` is how many of them are called where
    the whole data first reach 70 % recall. Definitions: see `ranking.measures`.
    """
    out = np.full((len(counts), 6), np.nan)
    n = len(unit)
    for row in range(len(counts)):
        drawn = counts[row]
        total, positives = 0.0, 0.0
        for i in range(n):
            total += drawn[unit[i]]
            if positive[i]:
                positives += drawn[unit[i]]
        negatives = total - positives
        if positives == 0:
            continue
        called, found, called_before, found_before = 0.0, 0.0, 0.0, 0.0
        precise, trapezoids, below, f1, points = 0.0, 0.0, 0.0, 0.0, 0
        for i in range(n):
            called += drawn[unit[i]]
            if positive[i]:
                found += drawn[unit[i]]
            if i + 1 == at_recall:
                out[row, 3] = found / called if called > 0 else np.nan
            if not last[i]:
                continue
            if called > called_before and i + 1 < n:
                points += 1
            gained = found - found_before
            if gained > 0:
                precise += gained * (found / called)
                tied = called - called_before - gained
                below += gained * (negatives - (called - found) + tied / 2)
                if called_before > 0 and i + 1 < n:
                    trapezoids += gained * (found / called + found_before / called_before) / 2
                f1 = max(f1, 2 * found / (called + positives))
            called_before, found_before = called, found
        out[row, 0] = precise / positives
        out[row, 1] = trapezoids / positives if points > 1 else np.nan
        out[row, 2] = below / (positives * negatives) if negatives > 0 else np.nan
        out[row, 4] = f1
        out[row, 5] = precise / positives * total / positives
    return out


@compiled
def precision_at(
    unit: np.ndarray, positive: np.ndarray, last: np.ndarray, counts: np.ndarray, recalls: np.ndarray
) -> np.ndarray:
    """Precision at the first threshold that reaches each of the rising `recalls`, float64 [rows, recalls]."""
    out = np.full((len(counts), len(recalls)), np.nan)
    for row in range(len(counts)):
        drawn = counts[row]
        positives = 0.0
        for i in range(len(unit)):
            if positive[i]:
                positives += drawn[unit[i]]
        called, found, at = 0.0, 0.0, 0
        for i in range(len(unit)):
            called += drawn[unit[i]]
            if positive[i]:
                found += drawn[unit[i]]
            while last[i] and positives > 0 and at < len(recalls) and found >= recalls[at] * positives - 1e-9:
                out[row, at] = found / called
                at += 1
    return out
