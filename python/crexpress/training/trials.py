"""Warm-up trials: several random starts, each trained for one epoch, of which the best is trained on."""

import copy
import math
from functools import partial

import numpy as np
import torch
from torch import Tensor

from crexpress.core import log
from crexpress.data.store import Store
from crexpress.models.config import ModelConfig
from crexpress.models.folder import build_one
from crexpress.models.inputs import GeneProfile
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training import samples as draws
from crexpress.training.batches import ahead, make
from crexpress.training.checkpoint import Checkpoint, State
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.loop import require_finite, update
from crexpress.training.samples import Samples
from crexpress.training.validation import validate


def first_model(
    architecture: ModelConfig,
    store: Store,
    training: Samples,
    validation: Samples,
    config: TrainingConfig,
    engine: Engine,
    checkpoint: Checkpoint | None = None,
) -> RegulatoryModel:
    """The model that training starts from, on the engine's device: the best of `config.trials` on validation.

    ScPGE "Model training": 12 trials of one epoch, here at a constant learning rate as in the released code. A killed
    run repeats no finished trial. Without trials, a model of random weights.
    """
    saved = checkpoint.read() if checkpoint else None
    if not config.trials or (saved and "trial losses" not in saved.about):  # the latter: training itself has begun
        model = _new(architecture, store, training, engine)
        if engine.processes.count > 1:
            engine.seed(config.seed)
        return model
    losses: list[float] = saved.about["trial losses"] if saved else []
    best: dict[str, Tensor] = saved.tensors["best"] if saved else {}
    for number in range(len(losses), config.trials):
        seed = trial_seed(config.seed, number)
        torch.manual_seed(seed)
        model = _new(architecture, store, training, engine)
        _one_epoch(model, store, training, config, engine, seed)
        loss = engine.processes.told(validate(model, store, validation, config, engine).loss)
        if loss < min(_finite(losses), default=math.inf):
            best = copy.deepcopy(model.state_dict())
        losses.append(loss)
        log.say(f"trial {number + 1}/{config.trials}: validation loss {loss:.4f}")
        if checkpoint and engine.processes.first:
            checkpoint.write(State({"best": best}, {"trial losses": losses}))
    lowest = min(_finite(losses), default=losses[0])
    require_finite("validation", lowest, "in every trial")
    log.say(f"trial {losses.index(lowest) + 1} is trained on")
    torch.manual_seed(config.seed)
    model = _new(architecture, store, training, engine)
    model.load_state_dict(best)
    engine.seed(config.seed)
    return model


def _new(config: ModelConfig, store: Store, training: Samples, engine: Engine) -> RegulatoryModel:
    """A model of random weights on the engine's device, its profile inputs standardised by the genes trained on."""
    model = build_one(config)
    if model.gene is not None and store.profiles is not None:
        model.gene.fit(GeneProfile(*(part.cpu() for part in store.profiles.of(training.cell, training.gene))))
    return engine.place(model)


def trial_seed(seed: int, number: int) -> int:
    """Seed of a trial; that of the first is the run's own."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) if number else seed


def _finite(losses: list[float]) -> list[float]:
    return [loss for loss in losses if math.isfinite(loss)]


def _one_epoch(
    model: RegulatoryModel, store: Store, training: Samples, config: TrainingConfig, engine: Engine, seed: int
) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.trial_learning_rate, weight_decay=config.weight_decay)
    order = draws.shuffled(store, training, config.batch_size, np.random.default_rng(seed))
    steps = max(1, len(training) // config.batch_size)
    parts = (engine.processes.part(next(order)) for _ in range(steps))
    step = engine.ready(model)
    engine.seed(seed)
    model.train()
    for batch, target in ahead(partial(make, store, training), parts, engine.device):
        update(step, batch, target, optimiser, config.trial_learning_rate, config, engine)
