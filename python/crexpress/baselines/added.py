"""Baselines that other packages add, one file each: entry points of the group `crexpress.baselines` name a `Baseline`.

Those that ship share their features and are in `regressions` and `known_cells`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import methods
from crexpress.core.errors import InputError
from crexpress.core.registry import Registry

if TYPE_CHECKING:
    from crexpress.baselines.regressions import BaselineCell


class Task(NamedTuple):
    """What a baseline is fitted to: expression of the `training` genes (bool [genes]) of the cells that are `trained`.

    `around` int32 [genes, n] are rows of `elements` around each gene (`data.neighbours.nearest`).
    """

    cells: Sequence["BaselineCell"]
    elements: pl.DataFrame
    genes: pl.DataFrame
    around: np.ndarray
    training: np.ndarray
    seed: int


class Baseline(NamedTuple):
    """`predict` of a task {cell: values [genes]} of the cells that it can say something of, NaN where of a gene not.

    `saw` is what it saw of a cell, one of `core.methods.SAW`: then nobody takes it for one that knows less.
    """

    saw: str
    predict: Callable[[Task], Mapping[str, np.ndarray]]


BASELINES: Registry[Baseline] = Registry("crexpress.baselines", {})


def predict(task: Task) -> dict[str, dict[str, np.ndarray]]:
    """Of every cell what each added baseline says, float32 [genes]; InputError for one that gives something else."""
    found: dict[str, dict[str, np.ndarray]] = {cell.name: {} for cell in task.cells}
    for name, baseline in BASELINES.items():
        for cell, values in baseline.predict(task).items():
            if cell not in found or np.shape(values) != (len(task.genes),):
                raise InputError(
                    f"the baseline '{name}' must give {len(task.genes):,} values of each cell it knows, found "
                    f"{np.shape(values)} of {cell}; mend its package"
                )
            found[cell][name] = np.asarray(values).round(5).astype(np.float32)
    return found


def described() -> dict[str, dict[str, Any]]:
    """What a header says of the added baselines, {name: entry}."""
    for name, baseline in BASELINES.items():
        if baseline.saw not in methods.SAW:
            raise InputError(f"the baseline '{name}' saw '{baseline.saw}'; it must be one of {', '.join(methods.SAW)}")
    return {
        name: {"method": name, "score": name.replace(" ", "_"), "saw": baseline.saw, "cells": []}
        for name, baseline in BASELINES.items()
    }
