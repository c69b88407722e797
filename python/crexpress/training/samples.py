"""Which (cell, gene) pairs train, validate and test, and the order in which they are drawn."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from crexpress.core import splits
from crexpress.core.errors import InputError
from crexpress.data.store import Store


class Samples(NamedTuple):
    """Pairs with a known target: cell and gene int64 [N], target float32 [N]."""

    cell: np.ndarray
    gene: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.gene)


def collect(store: Store, split: np.ndarray, name: str, holdout: frozenset[str] = frozenset()) -> Samples:
    """All `pairs` of a split; InputError when there is none."""
    found = pairs(store, split, name, holdout)
    if not len(found):
        what = {splits.TRAIN: "training", splits.VAL: "validation", splits.TEST: "test"}[name]
        raise InputError(
            f"no {what} gene has a measured expression in a training cell; check --val, --test and --holdout-cells"
        )
    return found


def pairs(store: Store, split: np.ndarray, name: str, holdout: frozenset[str] = frozenset()) -> Samples:
    """All pairs of measured genes in the split `name` and cells whose expression is known and not held out.

    The target of an anchored model is the difference from the known cells, for genes that another cell measures.
    """
    cells, genes, targets = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for number, cell in enumerate(store.cells):
        if cell.expression is None or cell.name in holdout:
            continue
        target = cell.expression if store.anchor is None else cell.expression - store.anchor.known(cell.name)
        rows = np.flatnonzero((split == name) & np.isfinite(target))
        cells.append(np.full(len(rows), number))
        genes.append(rows)
        targets.append(target[rows])
    return Samples(np.concatenate(cells), np.concatenate(genes), np.concatenate(targets))


def shuffled(
    store: Store, samples: Samples, batch_size: int, rng: np.random.Generator, skip: int = 0
) -> Iterator[np.ndarray]:
    """Endless batches of sample numbers, balanced by cell and chromosome (see `_epoch`); an epoch's incomplete last
    batch is dropped.

    The first `skip` batches are left out, which costs only their epochs' order.
    """
    size = min(batch_size, len(samples))
    cell = samples.cell if store.shuffled_from is None else samples.cell % store.shuffled_from
    chrom = store.elements["chrom"].to_numpy()[store.index[samples.gene, store.index.shape[1] // 2].numpy()]
    while True:
        order = _epoch(cell, chrom, rng)
        batches = len(order) // size
        for number in range(min(skip, batches), batches):
            yield order[number * size : (number + 1) * size]
        skip = max(skip - batches, 0)


def _epoch(cell: np.ndarray, chrom: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A new order of the samples. Of several cells, rounds of one sample of each cell, in a new order each round.

    So cells come alike in every batch, however many genes each measures: the samples of one with fewer come again.
    A cell's samples are spread so that any stretch of them holds each chromosome by its share of the cell's genes.
    """
    own = [np.flatnonzero(cell == number) for number in np.unique(cell)]
    if len(own) == 1:
        return rng.permutation(len(cell))
    most = max(map(len, own))
    columns = []
    for rows in own:
        passes = [_spread(rng.permutation(rows), chrom, rng) for _ in range(-(-most // len(rows)))]
        columns.append(np.concatenate(passes)[:most])
    return rng.permuted(np.stack(columns, axis=1), axis=1).ravel()


def _spread(rows: np.ndarray, chrom: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same rows, those of one chromosome in their order and evenly apart from a random start."""
    names, group, size = np.unique(chrom[rows], return_inverse=True, return_counts=True)
    by_group = np.argsort(group, kind="stable")
    rank = np.empty(len(rows))
    rank[by_group] = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
    return rows[np.argsort((rank + rng.random(len(names))[group]) / size[group], kind="stable")]
