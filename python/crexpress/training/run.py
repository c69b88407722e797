"""From artefacts and options to a trained model directory: what bin/train does."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from crexpress.core import artifacts, log, splits
from crexpress.core.device import choose_precision, prepare
from crexpress.core.errors import InputError
from crexpress.core.files import alone
from crexpress.data import track_levels
from crexpress.data.loops import choose_value
from crexpress.data.opening import open_store
from crexpress.data.store import Store
from crexpress.models import released
from crexpress.models.config import ModelConfig
from crexpress.models.folder import save_model
from crexpress.models.near_far import NearFar, parts
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training import card, classes, preset_file, samples
from crexpress.training.checkpoint import Checkpoint, mention_others, resumable
from crexpress.training.checks import (
    check_cells,
    check_folder,
    check_neighbours,
    check_settings,
    loops_to_read,
    mention_unused,
    warn_constant_target,
    warn_constant_tracks,
    warn_same_cells,
)
from crexpress.training.chosen_inputs import choose_inputs, described_inputs
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.loop import TrainingResult, require_finite, train
from crexpress.training.parallel import Processes
from crexpress.training.samples import Samples
from crexpress.training.trials import first_model
from crexpress.training.validation import error_by_spread, validate


def run(
    *,
    elements: Path,
    genes: Path,
    signals: Sequence[Path],
    expression: Sequence[Path],
    sequence: Path | None,
    motifs: Path | None,
    contacts: Sequence[Path],
    profiles: Sequence[Path],
    import_weights: Path | None,
    preset: str | None,
    inputs: Sequence[str],
    tracks: Sequence[str],
    val: str,
    test: str,
    fold: str | None,
    holdout_cells: Sequence[str],
    seed: int,
    device: str,
    data: str,
    precision: str,
    compiled: bool,
    checkpoint: Path | None,
    checkpoint_every: int | None,
    outdir: Path,
    changes: dict[str, Any],
) -> None:
    """Train a model and write its directory; `changes` override the settings of the preset (None: by the inputs).

    The state of the run is kept in `checkpoint` (default: outdir), and a run that was killed goes on from there.
    """
    if preset is None:
        preset = preset_file.DEFAULT if profiles else preset_file.WITHOUT_PROFILES
        why = "" if profiles else f": no --profiles, with which it would be {preset_file.DEFAULT}"
        log.say(f"preset {preset}{why}")
    model_config, training_config = preset_file.read_with(preset, {**changes, "seed": seed})
    preset = preset_file.label(preset)
    model_config = choose_inputs(model_config, elements, signals, sequence, motifs, profiles, inputs, tracks)
    given = {*changes, *(["tracks"] if tracks else [])}
    check_settings(model_config, training_config, bool(import_weights), bool(changes.get("trials")), given)
    mention_unused(given, model_config, training_config, inputs)
    if import_weights:
        training_config = training_config.replace(trials=0)
    if model_config.profile_width and training_config.loss == "classification" and training_config.shuffled_negatives:
        if changes.get("shuffled_negatives"):
            raise InputError(
                "--shuffled-negatives shows a gene among other cCREs, but its own profile still shows its real ones; "
                "leave it out, or train with --profile-width 0"
            )
        log.say("no shuffled negatives: the gene's own profile would show which genes they are")
        training_config = training_config.replace(shuffled_negatives=False)
    loop_rows = loops_to_read(model_config, training_config)
    if loop_rows != "none":
        if not contacts:
            raise InputError(
                f"the preset {preset} learns from chromatin loops; give --contacts of build-loops (in the pipeline: "
                "rows with the assay loops in the samplesheet)"
            )
        model_config = model_config.replace(loop_value=choose_value(contacts))
    processes = Processes()
    processes.check(training_config.batch_size)
    where = processes.start(prepare(device, seed))
    engine = Engine(where, choose_precision(precision, where), compiled, processes)
    store = open_store(
        elements, genes, signals, expression, sequence, motifs, contacts, profiles,
        config=model_config, loop_rows=loop_rows,
    )  # fmt: skip
    check_cells(store, holdout_cells)
    check_neighbours(store, model_config)
    warn_constant_tracks(store, model_config)
    warn_same_cells(store, model_config)
    if fold:
        val, test = splits.of_fold(store.genes, fold)
    split = splits.assign(store.genes, val, test)
    holdout = frozenset(holdout_cells)
    if model_config.anchored:
        store.anchor_on([cell.name for cell in store.cells if cell.expression is not None and cell.name not in holdout])
    if training_config.loss == "classification":
        classes.label(store, training_config, holdout)
    training = samples.collect(store, split, splits.TRAIN, holdout)
    validation = samples.collect(store, split, splits.VAL, holdout)
    warn_constant_target(training)
    trained_cells = [store.cells[number].name for number in np.unique(training.cell)]
    read = [*signals, *expression, *(path for path in (sequence, motifs) if path)]
    read += contacts if loop_rows != "none" else []
    read += profiles if model_config.profile_width else []
    about = {
        "preset": preset,
        "training": training_config.to_json(),
        "cells": trained_cells,
        "holdout_cells": sorted(holdout),
        "val": val,
        "test": test,
        "imported_weights": import_weights and artifacts.source(import_weights),
        "units": classes.UNIT if training_config.loss == "classification" else _units(store, trained_cells),
        "device": where.type,
        "precision": engine.precision,
        "digests": store.digests,
        "sources": processes.told([artifacts.source(path) for path in sorted(read)] if processes.first else None),
        "chromosomes": store.chromosomes,
    }
    store.to(where, data)
    if training_config.loss == "classification" and training_config.shuffled_negatives:
        training, validation = (classes.add_shuffled(store, part, seed) for part in (training, validation))
    for folder in {outdir, checkpoint or outdir}:  # told before hours of training
        check_folder(folder)
    parts_to_train = _parts(preset, model_config, training_config)
    checkpoints = []
    for _, own_model, own_training in parts_to_train:
        settings = {"training": own_training.to_json(), "model": own_model.to_json()}
        identity = {**about, **settings, "numerics": engine.numerics()}
        checkpoints.append(Checkpoint(checkpoint or outdir, identity, checkpoint_every))
    mention_others(checkpoints)
    trained: list[tuple[RegulatoryModel, TrainingResult]] = []
    with alone(outdir) if processes.first else nullcontext(), resumable(checkpoints):
        for (name, own_model, own_training), kept in zip(parts_to_train, checkpoints, strict=True):
            torch.manual_seed(seed)
            if import_weights:
                model = imported_model(import_weights, own_model, engine, seed)
            else:
                model = first_model(own_model, store, training, validation, own_training, engine, kept)
            log.say(
                f"{name}: {sum(weight.numel() for weight in model.parameters()):,} parameters, "
                f"{len(training):,} training and {len(validation):,} validation genes of {', '.join(trained_cells)}, "
                f"inputs {', '.join(described_inputs(own_model))}, "
                + ("loops not read, " if contacts and loop_rows == "none" else "")
                + f"{store.index.shape[1] - 1} elements a gene, on {engine}"
            )
            if own_training.steps:
                result = train(model, store, training, validation, own_training, engine, kept)
            else:
                result = as_imported(model, store, validation, own_training, engine)
            trained.append((model.cpu(), result))
        if processes.first:
            models = [model for model, _ in trained]
            whole = NearFar.of(model_config, *models) if model_config.loop_boundary else models[0]
            result = _in_sequence([result for _, result in trained])
            about["best_step"] = result.best_step
            about["error_by_spread"] = error_by_spread(whole.to(where), store, validation, training_config, engine)
            classes.drop_shuffled(store, len(signals))  # what follows is of the genes and cells as they are
            seen = [path for path, cell in zip(signals, store.cells, strict=True) if cell.name in trained_cells]
            levels = track_levels.measure(seen, store.elements, model_config.tracks)
            about["tracks_seen"] = track_levels.to_json(levels)
            about["reached"] = card.reached(whole, store, split, holdout, training_config, engine)
            whole = whole.cpu()
            save_model(outdir, whole, about)
            if store.anchor is not None:
                store.anchor.write(outdir, store.digests, model_config.tracks)
            header = artifacts.make_header(
                "history",
                "train",
                elements=store.digests["elements"],
                genes=store.digests["genes"],
                parameters={"preset": preset, "seed": seed},
            )
            artifacts.write_table(outdir / "history.parquet", result.history, header)
            for kept in checkpoints:
                kept.remove()
            log.say(f"{outdir}: weights of step {result.best_step}, the best on the validation genes")
            if splits.TEST in about["reached"]:
                told = (f"{cell} {_told(figures)}" for cell, figures in about["reached"][splits.TEST].items())
                log.say(f"on test genes, which had no part in training: {', '.join(told)}")
    processes.stop()


def _told(figures: dict[str, Any]) -> str:
    name, label = ("auroc", "auROC") if "auroc" in figures else ("pearson", "r")
    return f"{label} {'not defined' if figures[name] is None else format(figures[name], '.3f')}"


def _parts(preset: str, model: ModelConfig, training: TrainingConfig) -> list[tuple[str, ModelConfig, TrainingConfig]]:
    """Models to train, with their names: one, or the two of ScPGE-Loop, each with its own use of loops."""
    if not model.loop_boundary:
        return [(preset, model, training)]
    near, far = parts(model)
    return [(f"{preset}, near", near, training), (f"{preset}, far", far, training.replace(loop_alpha=0.0))]


def _in_sequence(results: Sequence[TrainingResult]) -> TrainingResult:
    """Several trainings as one history, in which the steps go on; the best step is that of the last."""
    before, frames = 0, []
    for result in results:
        frames.append(result.history.with_columns(pl.col("step") + before))
        best, before = before + result.best_step, int(frames[-1]["step"].max())  # type: ignore[arg-type]
    return TrainingResult(best, pl.concat(frames))


def imported_model(path: Path, config: ModelConfig, engine: Engine, seed: int) -> RegulatoryModel:
    """A model with released weights on the engine's device; each process then draws its own dropout."""
    model = engine.place(released.read_model(path, config))
    engine.seed(seed)
    return model


def as_imported(
    model: RegulatoryModel, store: Store, validation: Samples, config: TrainingConfig, engine: Engine
) -> TrainingResult:
    """What training would return of a model that stays as it is: one validation, at step 0."""
    found = validate(model, store, validation, config, engine)
    require_finite("validation", found.loss, "with the imported weights")
    row = {"step": 0, "learning_rate": 0.0, "train_loss": None, "val_loss": found.loss, "val_pearson": found.pearson}
    return TrainingResult(0, pl.DataFrame([row], schema_overrides={"train_loss": pl.Float64}))


def _units(store: Store, cells: Sequence[str]) -> str:
    headers = [cell.expression_header for cell in store.cells if cell.name in cells]
    return str(next(header["units"]["expression"] for header in headers if header))
