"""Further training of a trained model on other cells."""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from crexpress.core import splits
from crexpress.core.errors import InputError
from crexpress.data.opening import store_for
from crexpress.models.base import Model
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training import card, classes, samples
from crexpress.training.checks import loops_to_read
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.loop import train


class FineTuned(NamedTuple):
    """The model after further training, on the CPU, and a row for each validation, as in history.parquet."""

    model: Model
    history: pl.DataFrame


def fine_tune(
    model: Model,
    inputs: Mapping[str, Any],
    *,
    steps: int,
    learning_rate: float,
    batch_size: int | None,
    validate_every: int | None,
    val: str | None,
    test: str | None,
    seed: int,
) -> FineTuned:
    """A copy of the model, trained for some steps on the cells of `inputs` (see `open_store`).

    The settings are those it was trained with, but for the ones given; the split of the genes, too, so that no gene
    that was kept apart then is learned from now. Raises InputError for a model that is two (scpge-loop).
    """
    if not isinstance(model, RegulatoryModel):
        raise InputError("a model of two, for near and for far elements, cannot be trained further; train it anew")
    before = TrainingConfig.from_json(model.about.get("training", {}))
    config = before.replace(
        steps=steps,
        learning_rate=learning_rate,
        learning_rate_low=min(before.learning_rate_low, learning_rate),
        batch_size=batch_size or before.batch_size,
        validate_every=validate_every or max(1, min(before.validate_every, steps // 4)),
        trials=0,
        shuffled_negatives=False,
        seed=seed,
    )
    tuned = copy.deepcopy(model)
    store = store_for(tuned, **inputs, loop_rows=loops_to_read(model.config, config))
    if config.loss == "classification":
        classes.label(store, config)
    val, test = (
        model.about.get("val", "") if val is None else val,
        model.about.get("test", "") if test is None else test,
    )
    split = splits.assign(store.genes, val, test, partial=True)
    engine = Engine(store.device)
    training, validation = (samples.collect(store, split, name) for name in (splits.TRAIN, splits.VAL))
    engine.seed(seed)
    result = train(tuned, store, training, validation, config, engine)
    cells = [cell.name for cell in store.cells if cell.expression is not None]
    tuned.about = {
        **model.about,
        "training": config.to_json(),
        "cells": list(dict.fromkeys([*model.about.get("cells", []), *cells])),
        "val": val,
        "test": test,
        "best_step": result.best_step,
        "reached": card.reached(tuned, store, split, frozenset(), config, engine),
    }
    return FineTuned(tuned.cpu(), result.history)
