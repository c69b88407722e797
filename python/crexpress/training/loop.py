"""The training loop: draw, predict, update; validate at intervals and keep the best weights."""

import copy
import math
import sys
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import polars as pl
import torch
from crexpress import cli
from crexpress.errors import InputError
from crexpress.models.inputs import Features, N, Prediction
from crexpress.models.scpge import ScPGE
from crexpress.store import Batch, Store
from crexpress.training import samples as draws
from crexpress.training.config import TrainingConfig
from crexpress.training.losses import Loss, with_supervision
from crexpress.training.samples import Samples
from crexpress.training.schedule import two_stage
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm


class Trained(NamedTuple):
    """The step whose weights were kept, and one row a validation: step, learning_rate, losses, Pearson r."""

    best_step: int
    history: pl.DataFrame


def train(model: ScPGE, store: Store, training: Samples, validation: Samples, config: TrainingConfig) -> Trained:
    """Train in place and leave the weights with the lowest validation MSE in the model (ScPGE "Model training").

    Raises InputError when the loss stops being a number.
    """
    rng = np.random.default_rng(config.seed)
    loss_of = with_supervision(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    batches = draws.shuffled(training, config.batch_size, rng)
    # with averaging, the model that is validated and kept is a running mean over the steps: its validation loss does
    # not jump from one to the next, so that the choice among a few validations is less a matter of luck
    mean: AveragedModel | None = None
    candidate = model
    if config.averaging:
        mean = AveragedModel(model, avg_fn=partial(_running_mean, config.averaging), use_buffers=True)
        candidate = cast(ScPGE, mean.module)
    best_loss, best_step, best_weights = math.inf, 0, copy.deepcopy(model.state_dict())
    history: list[dict[str, float]] = []
    losses: list[Tensor] = []
    model.train()
    for step in _steps(config.steps):
        rate = two_stage(step, config.steps, config.warmup, config.learning_rate_low, config.learning_rate)
        for group in optimiser.param_groups:
            group["lr"] = rate
        losses.append(_update(model, store, training, next(batches), optimiser, loss_of, config.gradient_clip))
        if mean is not None:
            mean.update_parameters(model)
        done = step + 1
        if done % config.validate_every and done != config.steps:
            continue
        train_loss = float(torch.stack(losses).mean())
        losses.clear()
        if not math.isfinite(train_loss):
            raise InputError(
                f"the training loss became {train_loss} before step {done}; look for extreme signals or targets, "
                "or lower the learning rate"
            )
        loss, pearson = validate(candidate, store, validation, config.batch_size)
        history.append(
            {
                "step": done,
                "learning_rate": rate,
                "train_loss": train_loss,
                "val_loss": loss,
                "val_pearson": pearson,
            }
        )
        cli.say(f"step {done}/{config.steps}: training loss {train_loss:.4f}, validation {loss:.4f}, r {pearson:.4f}")
        if loss < best_loss:
            best_loss, best_step, best_weights = loss, done, copy.deepcopy(candidate.state_dict())
    model.load_state_dict(best_weights)
    model.eval()
    return Trained(best_step, pl.DataFrame(history))


def forward(model: ScPGE, batch: Batch) -> Prediction:
    """Expression and attention of a batch, its elements encoded once each."""
    features = batch.features
    if model.training and model.config.track_dropout:
        features = hide_tracks(features, model.config.track_dropout)
    if model.config.pads == "encoded":
        tokens = model.embed(_each_token(features, batch.token)).view(*batch.token.shape, -1)
    else:
        vectors = model.embed(features)
        padded = torch.cat([vectors, vectors.new_zeros(1, vectors.shape[1])])
        # an embedding look-up, because its gradient is summed in a fixed order
        tokens = functional.embedding(batch.token, padded)
    return model.predict(tokens, batch.present, batch.distance, batch.loops)


def _each_token(features: Features, token: Tensor) -> Features:
    """Features of every token, an empty element for a pad: so batch normalisation counts them as ScPGE's code does."""
    empty = Features(*(part.new_zeros(1, *part.shape[1:]) for part in features))
    empty = empty._replace(codes=empty.codes + N, present=torch.ones_like(empty.present))
    rows = token.flatten()
    return Features(*(torch.cat(pair)[rows] for pair in zip(features, empty, strict=True)))


def hide_tracks(features: Features, chance: float) -> Features:
    """Hide each track from a whole batch with this chance, but never all of an element's tracks."""
    kept = features.present & (torch.rand(features.present.shape[1], device=features.present.device) >= chance)
    emptied = ~kept.any(dim=1, keepdim=True)
    return features._replace(present=torch.where(emptied, features.present, kept))


def validate(model: ScPGE, store: Store, samples: Samples, batch_size: int) -> tuple[float, float]:
    """Mean squared error and Pearson r of the model in eval mode; its mode stays as it was."""
    training = model.training
    predicted = predict_samples(model, store, samples, batch_size)
    model.train(training)
    loss = float(np.mean((predicted - samples.target) ** 2))
    varies = predicted.std() > 0 and samples.target.std() > 0
    return loss, float(np.corrcoef(predicted, samples.target)[0, 1]) if varies else math.nan


@torch.no_grad()
def predict_samples(model: ScPGE, store: Store, samples: Samples, batch_size: int) -> np.ndarray:
    """Predicted expression float32 [N]."""
    model.eval()
    parts = []
    for start in range(0, len(samples), batch_size):
        cell, gene = (torch.from_numpy(x[start : start + batch_size]).to(store.device) for x in samples[:2])
        parts.append(forward(model, store.batch(cell, gene)).expression.float().cpu())
    return torch.cat(parts).numpy()


def _update(
    model: ScPGE,
    store: Store,
    samples: Samples,
    chosen: np.ndarray,
    optimiser: torch.optim.Optimizer,
    loss_of: Loss,
    clip: float,
) -> Tensor:
    cell, gene, target = (torch.from_numpy(x[chosen]).to(store.device) for x in samples)
    batch = store.batch(cell, gene)
    loss = loss_of(forward(model, batch), batch, target)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimiser.step()
    return loss.detach()


def _running_mean(decay: float, mean: Tensor, now: Tensor, steps: Tensor) -> Tensor:
    """Exponential mean of a weight, faster in the first steps so that it does not linger at the random start."""
    if not mean.is_floating_point():
        return now
    early = (1 + float(steps)) / (10 + float(steps))
    return torch.lerp(now, mean, min(decay, early))


def _steps(count: int) -> Iterator[int]:
    # validation prints the plain lines; on a terminal a bar moves between them
    return iter(tqdm(range(count), desc="training", leave=False, disable=not sys.stderr.isatty()))
