"""Resampling with replacement, as counts: how often each gene or pair is drawn."""

import numpy as np


def draw(n: int, resamples: int, seed: int, kind: type = np.float64) -> np.ndarray:
    """Counts of `resamples` bootstrap samples of n things, [1 + resamples, n] of the type `kind`.

    Row 0 holds ones, the data as they are: a statistic of all rows has its value first, then its resamples.
    """
    generator = np.random.default_rng(seed)
    counts: np.ndarray = np.ones((1 + resamples, n), kind)
    for row in counts[1:]:
        row[:] = np.bincount(generator.integers(0, n, n), minlength=n)
    return counts


def interval(statistic: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of a statistic of the rows of `draw`; NaN where too few rows define it."""
    resampled = statistic[1:][np.isfinite(statistic[1:])]
    if len(resampled) < 20:
        return float("nan"), float("nan")
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def p_value(difference: np.ndarray) -> float:
    """Two-sided p of a difference being 0, of the rows of `draw`: twice the smaller share of resamples on a side of 0.

    One resample is added to each side, so that p is never 0; NaN where too few rows define it.
    """
    resampled = difference[1:][np.isfinite(difference[1:])]
    if len(resampled) < 20:
        return float("nan")
    least = min((resampled <= 0).sum(), (resampled >= 0).sum())
    return float(min(1.0, 2 * (least + 1) / (len(resampled) + 1)))
