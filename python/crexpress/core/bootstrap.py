"""Resampling with replacement, as counts: how often each gene or pair is drawn."""

import numpy as np


def draw(n: int, resamples: int, seed: int) -> np.ndarray:
    """Counts of `resamples` bootstrap samples of n things, float64 [1 + resamples, n].

    Row 0 holds ones, the data as they are: a statistic of all rows has its value first, then its resamples.
    """
    generator = np.random.default_rng(seed)
    counts = np.ones((1 + resamples, n))
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
