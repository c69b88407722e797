"""The training loop: draw, predict, update; validate at intervals and keep the best weights."""

import copy
import math
import time
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.data.store import Store
from crexpress.models.inputs import Batch
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training import samples as draws
from crexpress.training.batches import ahead, make
from crexpress.training.checkpoint import (
    Checkpoint,
    State,
    optimiser_tensors,
    random_state,
    restore_optimiser,
    restore_random_state,
)
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.losses import each_member, with_supervision
from crexpress.training.samples import Samples
from crexpress.training.schedule import two_stage
from crexpress.training.validation import validate

LOOK = 50  # steps of a GPU between looks at its loss: each waits until all steps given to it are done


class TrainingResult(NamedTuple):
    """The step whose weights were kept, and one row a validation: step, learning_rate, losses, Pearson r."""

    best_step: int
    history: pl.DataFrame


class _Run:
    """What a training run has come to: all that its checkpoint holds."""

    def __init__(self, model: RegulatoryModel, config: TrainingConfig, engine: Engine) -> None:
        self.model, self.config, self.engine = model, config, engine
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        # with averaging, the model that is validated and kept is a running mean over the steps: its validation loss
        # does not jump from one to the next, so that the choice among a few validations is less a matter of luck
        self.mean: AveragedModel | None = None
        if config.averaging:
            self.mean = AveragedModel(model, avg_fn=partial(_running_mean, config.averaging), use_buffers=True)
        self.done = 0
        self.history: list[dict[str, float]] = []
        self.losses: list[Tensor] = []  # since the last validation
        self.clock: tuple[float, int] | None = None  # when the first step of this process was done, and its number
        self.best = copy.deepcopy(model.state_dict())

    @property
    def candidate(self) -> RegulatoryModel:
        """The model that is validated and kept."""
        return self.model if self.mean is None else cast(RegulatoryModel, self.mean.module)

    @property
    def best_number(self) -> int:
        """Number of the validation with the lowest loss, from 0; -1 before the first."""
        losses = [row["val_loss"] for row in self.history]
        return min(range(len(losses)), key=losses.__getitem__, default=-1)

    @property
    def over(self) -> bool:
        """Are the steps done, or the patience?"""
        waited = len(self.history) - 1 - self.best_number
        return self.done >= self.config.steps or 0 < self.config.patience <= waited

    def keep_if_best(self) -> None:
        if self.best_number == len(self.history) - 1:
            self.best = copy.deepcopy(self.candidate.state_dict())

    def state(self) -> State:
        tensors = {
            "model": self.model.state_dict(),
            "best": self.best,
            "optimiser": optimiser_tensors(self.optimiser),
        }
        if self.mean is not None:
            tensors["mean"] = self.mean.state_dict()
        losses = {str(number): loss.cpu() for number, loss in enumerate(self.losses)}
        each = self.engine.processes.each((losses, random_state(self.engine.device)))
        for rank, (own, random) in enumerate(each):
            tensors |= {f"losses {rank}": own, f"random {rank}": random}
        return State(tensors, {"done": self.done, "history": self.history})

    def restore(self, state: State) -> None:
        tensors = state.tensors
        self.done, self.history = state.about["done"], state.about["history"]
        self.model.load_state_dict(tensors["model"])
        self.best = {name: value.to(self.engine.device) for name, value in tensors["best"].items()}
        restore_optimiser(self.optimiser, tensors["optimiser"])
        rank = self.engine.processes.rank
        losses = tensors[f"losses {rank}"]
        self.losses = [losses[str(number)].to(self.engine.device) for number in range(len(losses))]
        if self.mean is not None:
            self.mean.load_state_dict(tensors["mean"])
        restore_random_state(tensors[f"random {rank}"], self.engine.device)


def train(
    model: RegulatoryModel,
    store: Store,
    training: Samples,
    validation: Samples,
    config: TrainingConfig,
    engine: Engine | None = None,
    checkpoint: Checkpoint | None = None,
) -> TrainingResult:
    """Train in place and leave the weights with the lowest validation loss in the model (ScPGE "Model training").

    With a checkpoint, goes on from the state that it holds and keeps it up to date. Raises InputError when the loss
    stops being a number.
    """
    engine = engine or Engine()
    processes = engine.processes
    run = _Run(model, config, engine)
    saved = checkpoint.read() if checkpoint else None
    if saved and "done" in saved.about:  # else the state of its trials
        run.restore(saved)
        log.say(f"goes on after step {run.done} of a run that was stopped")
    step = engine.ready(model)
    model.train()
    order = draws.shuffled(store, training, config.batch_size, np.random.default_rng(config.seed), skip=run.done)
    batches = ahead(partial(make, store, training), map(processes.part, order), engine.device)
    # validation prints the plain lines; on a terminal a bar moves between them
    quiet = not (log.on_terminal() and processes.first)
    bar = tqdm(total=config.steps, desc="training", leave=False, initial=run.done, disable=quiet)
    look = LOOK if engine.device.type == "cuda" else 1
    while not run.over:
        batch, target = next(batches)
        rate = two_stage(run.done, config.steps, config.warmup, config.learning_rate_low, config.learning_rate)
        run.losses.append(update(step, batch, target, run.optimiser, rate, config, engine))
        if run.mean is not None:
            run.mean.update_parameters(model)
        run.done += 1
        run.clock = run.clock or (time.monotonic(), run.done)
        bar.update()
        if run.done % look == 0:  # once a loss is NaN, so are the weights and all later losses
            require_finite("training", float(processes.mean(run.losses[-1])), f"by step {run.done}")
        due = run.done % config.validate_every == 0 or run.done == config.steps
        if due:
            _validate(run, store, validation, rate)
        if checkpoint and (due or (checkpoint.every and run.done % checkpoint.every == 0)):
            state = run.state()
            if processes.first:
                checkpoint.write(state)
    bar.close()
    if run.done < config.steps:
        log.say(f"stopped after step {run.done}: no better for {config.patience} validations")
    model.load_state_dict(run.best)
    model.eval()
    return TrainingResult(int(run.history[run.best_number]["step"]), pl.DataFrame(run.history))


def update(
    model: nn.Module,
    batch: Batch,
    target: Tensor,
    optimiser: torch.optim.Optimizer,
    rate: float,
    config: TrainingConfig,
    engine: Engine,
) -> Tensor:
    """One step at this learning rate; `model` takes a batch. The loss."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    with engine.autocast():
        prediction = model(batch)
    prediction, target = each_member(prediction, target)
    loss = with_supervision(config)(prediction, batch, target)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
    optimiser.step()
    return loss.detach()


def _validate(run: _Run, store: Store, validation: Samples, rate: float) -> None:
    config, processes = run.config, run.engine.processes
    train_loss = float(processes.mean(torch.stack(run.losses).mean()))
    run.losses.clear()
    require_finite("training", train_loss, f"by step {run.done}")
    result = processes.told(validate(run.candidate, store, validation, config, run.engine) if processes.first else None)
    require_finite("validation", result.loss, f"at step {run.done}")
    run.history.append(
        {
            "step": run.done,
            "learning_rate": rate,
            "train_loss": train_loss,
            "val_loss": result.loss,
            "val_pearson": result.pearson,
        }
        | ({} if result.auroc is None else {"val_auroc": result.auroc})
    )
    log.say(
        f"step {run.done}/{config.steps}: training loss {train_loss:.4f}, validation {result.loss:.4f}, "
        + (f"r {result.pearson:.4f}" if result.auroc is None else f"auROC {result.auroc:.4f}")
        + left(run.clock, run.done, config.steps),
    )
    run.keep_if_best()


def left(clock: tuple[float, int] | None, done: int, steps: int) -> str:
    """ "; 12 minutes left" by the speed so far, of the first step on, which compiles and reads; else nothing."""
    if clock is None or done <= clock[1] or done >= steps:
        return ""
    seconds = (time.monotonic() - clock[0]) / (done - clock[1]) * (steps - done)
    if seconds < 90:
        return f"; {max(round(seconds), 1)} s left"
    minutes = round(seconds / 60)
    return f"; {minutes} minutes left" if minutes < 120 else f"; {minutes / 60:.1f} hours left"


def require_finite(name: str, loss: float, when: str) -> None:
    """Raise InputError for a loss that is infinite or no number."""
    if not math.isfinite(loss):
        raise InputError(
            f"the {name} loss became {loss} {when}; look for missing or extreme signals or targets, or lower "
            "the learning rate"
        )


def _running_mean(decay: float, mean: Tensor, now: Tensor, steps: Tensor) -> Tensor:
    """Exponential mean of a weight, faster in the first steps so that it does not linger at the random start."""
    if not mean.is_floating_point():
        return now
    early = (1 + float(steps)) / (10 + float(steps))
    return torch.lerp(now, mean, min(decay, early))
