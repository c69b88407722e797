"""Baselines that know what other cells express: copies, their mean, the nearest of them, and trees for the change.

In a cell that was trained on, they know the other training cells.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from crexpress.core import methods
from crexpress.core.means import mean_over_cells

MEAN_OVER_CELLS = "mean over training cells"
NEAREST_CELL = "nearest cell"
TREES_CHANGE = "boosted trees change"

Values = Mapping[str, np.ndarray]


def copy_of(cell: str) -> str:
    """Name of the baseline that gives a new cell the expression of a known one."""
    return f"copy of {cell}"


def described(cells: Collection[str]) -> dict[str, dict[str, Any]]:
    """What a baselines header says of these methods, where `cells` are known."""
    copies = {copy_of(cell): (methods.COPY, methods.CELLS, [cell]) for cell in cells}
    others: dict[str, tuple[str, str, list[str]]] = {
        MEAN_OVER_CELLS: ("mean_over_cells", methods.CELLS, []),
        NEAREST_CELL: ("nearest_cell", methods.CELLS, []),
        TREES_CHANGE: (methods.TREES[methods.ANCHORED], methods.BOTH, []),
    }
    return {
        name: {"method": name, "score": score, "saw": saw, "cells": own}
        for name, (score, saw, own) in (copies | others).items()
    }


def repeat(cell: str, known: Values, signals: Mapping[str, Values]) -> dict[str, np.ndarray]:
    """Expression of the known cells as that of `cell`, float32 [genes]: each, and of several the mean and the nearest.

    `signals` {cell: {track: mean signal [elements]}}. A cell that was trained on has no copies.
    """
    others = {name: values for name, values in known.items() if name != cell}
    found = {} if cell in known else {copy_of(name): values.astype(np.float32) for name, values in others.items()}
    if len(others) > 1:
        found[MEAN_OVER_CELLS] = mean_over_cells(list(others.values())).astype(np.float32)
        near = nearest(cell, list(others), signals)
        if near:
            found[NEAREST_CELL] = others[near].astype(np.float32)
    return found


def nearest(cell: str, others: Sequence[str], signals: Mapping[str, Values]) -> str | None:
    """The cell of `others` whose tracks are most like those of `cell`: the highest correlation over all elements, mean
    over the tracks that both have; None when none shares a track that varies.
    """

    def likeness(other: str) -> float:
        shared = [(signals[cell][track], signals[other][track]) for track in signals[cell] if track in signals[other]]
        each = [np.corrcoef(a, b)[0, 1] for a, b in shared if np.ptp(a) > 0 and np.ptp(b) > 0]
        return float(np.mean(each)) if each else -np.inf

    likenesses = {other: likeness(other) for other in others}
    best = max(others, key=lambda other: likenesses[other])
    return best if np.isfinite(likenesses[best]) else None


def trees_change(
    trees: Any, tables: Values, signal_columns: int, known: Values, training: np.ndarray, threads: int | None
) -> dict[str, np.ndarray]:
    """Mean of the known cells and the change from it that `trees` (unfitted) predict, float32 [genes], of every cell.

    They see `tables` {cell: features [genes, columns]}, how the first `signal_columns` differ from the known cells'
    mean, and the known expression. As in an anchored model, a known cell is compared with the others.
    """
    inputs, anchors = {}, {}
    for cell, table in tables.items():
        others = [name for name in known if name != cell]
        anchors[cell] = mean_over_cells([known[name] for name in others])
        difference = table[:, :signal_columns] - mean_over_cells([tables[name][:, :signal_columns] for name in others])
        inputs[cell] = np.concatenate([table, difference, anchors[cell][:, None]], axis=1, dtype=np.float32)
    rows = {cell: training & np.isfinite(values - anchors[cell]) for cell, values in known.items()}
    with threadpool_limits(threads, user_api="openmp"):
        trees.fit(
            np.concatenate([inputs[cell][rows[cell]] for cell in known]),
            np.concatenate([(known[cell] - anchors[cell])[rows[cell]] for cell in known]),
        )
        changes = {cell: trees.predict(values) for cell, values in inputs.items()}
    # the same bytes on any number of threads; no expression is below 0
    return {cell: np.maximum(anchors[cell] + changes[cell], 0).round(5).astype(np.float32) for cell in tables}
