"""Means of what is there."""

from collections.abc import Sequence

import numpy as np


def mean_over_cells(values: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over arrays of what is there, NaN where nothing is."""
    there = np.sum([np.isfinite(part) for part in values], axis=0)
    total = np.sum([np.nan_to_num(part) for part in values], axis=0)
    return np.where(there > 0, total / np.maximum(there, 1), np.nan)
