"""How samples are drawn: cells alike, chromosomes by their share of a cell's genes."""

from itertools import islice
from typing import Any

import numpy as np
import pytest

from crexpress.data.opening import open_store
from crexpress.data.store import Store
from crexpress.training import classes
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples, shuffled


@pytest.fixture
def store(tiny: Any) -> Store:
    config = read_preset("scpge-small")[0].replace(tracks=("dnase",), neighbours=4)
    return open_store(tiny.elements, tiny.genes, [tiny.signals(cell) for cell in "ABC"], config=config)


def of_genes(*genes: np.ndarray) -> Samples:
    """Samples of the first cells, each with these genes."""
    cell = np.repeat(np.arange(len(genes)), [len(own) for own in genes])
    return Samples(cell, np.concatenate(genes), np.zeros(len(cell), np.float32))


# genes 0 to 39 lie on chr1, to 79 on chr2, to 119 on chr3
MANY, FEW, SOME = np.arange(120), np.arange(30, 50), np.arange(0, 120, 2)


def test_cells_come_alike_however_many_genes_each_measures(store: Store) -> None:
    samples = of_genes(MANY, FEW, SOME)
    batches = list(islice(shuffled(store, samples, 12, np.random.default_rng(0)), 60))  # two epochs of 3 x 120
    for batch in batches:
        assert np.bincount(samples.cell[batch]).tolist() == [4, 4, 4]
    first, second = np.concatenate(batches[:30]), np.concatenate(batches[30:])
    for epoch in (first, second):
        drawn = np.bincount(epoch, minlength=len(samples))
        assert set(drawn[samples.cell == 0]) == {1}
        assert set(drawn[samples.cell == 1]) == {6}
        assert set(drawn[samples.cell == 2]) == {2}
    assert not np.array_equal(first, second)
    uneven = list(islice(shuffled(store, samples, 7, np.random.default_rng(0)), 40))
    assert max(np.ptp(np.bincount(samples.cell[batch], minlength=3)) for batch in uneven) <= 2


def test_chromosomes_come_by_their_share_of_a_cells_genes(store: Store) -> None:
    genes = np.concatenate([np.arange(30), np.arange(40, 60), np.arange(80, 90)])  # 30, 20 and 10 of a chromosome
    samples = of_genes(genes, genes)
    order = np.concatenate(list(islice(shuffled(store, samples, 12, np.random.default_rng(0)), 10)))
    for cell in (0, 1):
        own = samples.gene[order[samples.cell[order] == cell]]
        assert sorted(own) == sorted(genes)
        for start in range(0, 60, 6):  # every stretch of 6 holds 3, 2 and 1, give or take one
            drawn = np.bincount(own[start : start + 6] // 40, minlength=3)
            assert np.abs(drawn - [3, 2, 1]).max() <= 1


def test_one_cell_is_drawn_as_a_permutation(store: Store) -> None:
    order = np.concatenate(list(islice(shuffled(store, of_genes(MANY), 12, np.random.default_rng(3)), 20)))
    rng = np.random.default_rng(3)
    assert np.array_equal(order, np.concatenate([rng.permutation(120), rng.permutation(120)]))


def test_a_cell_seen_with_shuffled_sequences_is_no_cell_of_its_own(store: Store) -> None:
    """Shuffled negatives stay as many as there are, beside the cell's own samples."""
    samples = Samples(np.zeros(60, np.int64), np.arange(60), np.ones(60, np.float32))
    store.codes = store.codes.new_zeros(len(store.elements), 600)  # type: ignore[operator]
    more = classes.add_shuffled(store, samples, 1)
    assert set(more.cell) == {0, 3}
    order = np.concatenate(list(islice(shuffled(store, more, 12, np.random.default_rng(0)), 10)))
    assert sorted(order) == list(range(120))
