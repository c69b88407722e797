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
    start, end = _cuts(positive, last)
    units = unit.astype(np.uint32)  # an index that cannot count from the end is looked up faster
    all_of, positives_of = np.zeros(counts.shape[1], np.int64), np.zeros(counts.shape[1], np.int64)
    for i in range(n):
        all_of[units[i]] += 1
        positives_of[units[i]] += positive[i]
    for row in range(len(counts)):
        drawn = counts[row]
        total, positives = 0, 0
        for one in range(len(drawn)):
            total += drawn[one] * all_of[one]
            positives += drawn[one] * positives_of[one]
        negatives = total - positives
        if positives == 0:
            continue
        called, found, points, at = 0, 0, 0, 0
        precise, trapezoids, below, f1 = 0.0, 0.0, 0.0, 0.0
        for cut in range(len(start) + 1):
            to = start[cut] if cut < len(start) else n
            if points > 1:
                if to == n:  # nothing behind the last positive counts
                    break
                for i in range(at, to):
                    called += drawn[units[i]]
            else:
                before = called
                for i in range(at, to):
                    called += drawn[units[i]]
                    if last[i]:
                        points += called > before and i + 1 < n
                        before = called
            if cut == len(start):
                break
            at = end[cut]
            called_before, found_before = called, found
            for i in range(to, at):
                called += drawn[units[i]]
                found += drawn[units[i]] * positive[i]
            if at == at_recall:
                out[row, 3] = found / called if called > 0 else np.nan
            points += called > called_before and at < n
            gained = found - found_before
            if gained > 0:
                precise += gained * (found / called)
                tied = called - called_before - gained
                below += gained * (negatives - (called - found) + tied / 2)
                if called_before > 0 and at < n:
                    trapezoids += gained * (found / called + found_before / called_before) / 2
                f1 = max(f1, 2 * found / (called + positives))
        out[row, 0] = precise / positives
        out[row, 1] = trapezoids / positives if points > 1 else np.nan
        out[row, 2] = below / (positives * negatives) if negatives > 0 else np.nan
        out[row, 4] = f1
        out[row, 5] = precise / positives * total / positives
    return out


@compiled
def _cuts(positive, last):  # type: ignore[no-untyped-def]
    # things of one score stand together; where such a group that holds a positive begins, and ends
    start, end = np.empty(len(last), np.int64), np.empty(len(last), np.int64)
    count, begins, holds = 0, 0, False
    for i in range(len(last)):
        holds = holds or positive[i]
        if last[i]:
            if holds:
                start[count], end[count] = begins, i + 1
                count += 1
            begins, holds = i + 1, False
    return start[:count], end[:count]


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
