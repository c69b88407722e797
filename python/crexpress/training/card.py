"""What a model reached where it was trained: figures that stay with it where nothing can be measured any more."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from crexpress.core import splits
from crexpress.data.store import Store
from crexpress.models.base import Model
from crexpress.training import samples
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.validation import pearson, predictions, roc

Card = dict[str, dict[str, dict[str, Any]]]


def reached(
    model: Model, store: Store, split: np.ndarray, holdout: frozenset[str], config: TrainingConfig, engine: Engine
) -> Card:
    """{"val" and "test": {training cell: {"genes": number, "pearson" and "mae", or of a classifier "auroc"}}}.

    Of the weights that were kept, in the cells trained on; the validation genes chose those weights, the test genes had
    no part in anything. Levels, also of an anchored model. A correlation that is not defined is None, a split without
    a measured gene is left out.
    """
    card: Card = {}
    for name in (splits.VAL, splits.TEST):
        own = samples.pairs(store, split, name, holdout)
        if not len(own):
            continue
        parts = predictions(model, store, own, config.batch_size, engine)
        predicted = torch.cat([prediction.expression.float().cpu() for _, _, prediction in parts]).numpy()
        card[name] = {}
        for number in np.unique(own.cell):
            rows = own.cell == number
            cell, guess, target = store.cells[number].name, predicted[rows], own.target[rows]
            if store.anchor is not None:
                known = store.anchor.known(cell)[own.gene[rows]]
                guess, target = np.maximum(guess + known, 0), target + known
            card[name][cell] = {"genes": int(rows.sum()), **_figures(guess, target, config)}
    return card


def _figures(predicted: np.ndarray, target: np.ndarray, config: TrainingConfig) -> Mapping[str, float | None]:
    if config.loss == "classification":
        return {"auroc": _rounded(roc(predicted, target))}
    return {"pearson": _rounded(pearson(predicted, target)), "mae": _rounded(float(np.abs(predicted - target).mean()))}


def _rounded(value: float) -> float | None:
    """Four digits: those after them change with the number of threads. NaN, which JSON lacks, is None."""
    return round(value, 4) if np.isfinite(value) else None
