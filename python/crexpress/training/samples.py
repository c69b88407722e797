"""Which (cell, gene) pairs train, validate and test, and the order in which they are drawn."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from crexpress import splits
from crexpress.errors import InputError
from crexpress.store import Store


class Samples(NamedTuple):
    """Pairs with a known target: cell and gene int64 [N], target float32 [N]."""

    cell: np.ndarray
    gene: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.gene)


def collect(store: Store, split: np.ndarray, name: str, holdout: frozenset[str] = frozenset()) -> Samples:
    """All pairs of measured genes in the split `name` and cells whose expression is known and not held out.

    The target of an anchored model is the difference from the known cells, for genes that another cell measures.
    """
    cells, genes, targets = [], [], []
    for number, cell in enumerate(store.cells):
        if cell.expression is None or cell.name in holdout:
            continue
        target = cell.expression if store.anchor is None else cell.expression - store.anchor.known(cell.name)
        rows = np.flatnonzero((split == name) & np.isfinite(target))
        cells.append(np.full(len(rows), number))
        genes.append(rows)
        targets.append(target[rows])
    if not sum(map(len, genes)):
        what = {splits.TRAIN: "training", splits.VAL: "validation", splits.TEST: "test"}[name]
        raise InputError(
            f"no {what} gene has a measured expression in a training cell; check --val, --test and --holdout-cells"
        )
    return Samples(np.concatenate(cells), np.concatenate(genes), np.concatenate(targets))


def shuffled(samples: Samples, batch_size: int, rng: np.random.Generator, skip: int = 0) -> Iterator[np.ndarray]:
    """Endless batches of sample numbers: every epoch a new order over all cells, its incomplete last batch dropped.

    The first `skip` batches are left out, which costs only their epochs' permutations.
    """
    size = min(batch_size, len(samples))
    while True:
        order = rng.permutation(len(samples))
        batches = len(order) // size
        for number in range(min(skip, batches), batches):
            yield order[number * size : (number + 1) * size]
        skip = max(skip - batches, 0)
