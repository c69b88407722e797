"""Observed expression beside a good and a poor prediction of it, for tests of metrics."""

import numpy as np
import pytest

from evaluate_case import N_GENES


@pytest.fixture
def noisy() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    observed = generator.gamma(2, 0.5, N_GENES)
    return observed, observed + generator.normal(0, 0.2, N_GENES), observed + generator.normal(0, 0.6, N_GENES)
