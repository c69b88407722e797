"""Compiled functions are kept from process to process, and work where nothing can be kept."""

import subprocess
import sys

import numba.core.caching
import numpy as np
import pytest

from crexpress.core.compiled import compiled

KEPT = """
import numpy as np
from crexpress.core.rank_kernel import precision_at as kernel
yes = np.array([True, False])
print(kernel(np.arange(2), yes, np.array([True, True]), np.ones((1, 2)), np.array([0.7]))[0, 0])
print(sum(kernel.stats.cache_hits.values()) + sum(kernel.stats.cache_misses.values()))
print(sum(kernel.stats.cache_hits.values()))
"""


def half(values: np.ndarray) -> float:
    return float(values.sum() / 2)


def test_a_second_process_reads_what_the_first_compiled() -> None:
    for _ in range(2):
        told = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True).stdout.split()
    assert told == ["1.0", "1", "1"]


def test_where_no_folder_can_be_written_it_is_compiled_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    assert compiled(half)(np.array([1.0, 2.0])) == 1.5
