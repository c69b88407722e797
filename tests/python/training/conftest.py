"""A store of two cells of the tiny case."""

from typing import Any

import pytest

from crexpress.data.opening import open_store
from crexpress.data.store import Store
from crexpress.training.presets import read_preset


@pytest.fixture
def store(tiny: Any) -> Store:
    config = read_preset("scpge-small")[0].replace(tracks=("dnase", "h3k27ac"), neighbours=4)
    return open_store(tiny.elements, tiny.genes, [tiny.signals("A"), tiny.signals("B")], config=config)
