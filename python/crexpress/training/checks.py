"""What is wrong with a training's settings and data, or has no effect there."""

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import torch

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.data import same_cells
from crexpress.data.neighbours import PAD, half_of
from crexpress.data.rows import CHUNK
from crexpress.data.store import Store
from crexpress.models.config import LoopRows, ModelConfig
from crexpress.models.folder import FAMILIES
from crexpress.training.config import TrainingConfig
from crexpress.training.samples import Samples


def check_settings(
    model: ModelConfig, training: TrainingConfig, imported: bool, trials_given: bool, given: Collection[str] = ()
) -> None:
    """InputError for settings that contradict each other, or that the preset's family does not read.

    `imported`: training starts from released weights; `given`: options, of which `mention_unused` speaks.
    """
    if not (training.steps or imported):
        raise InputError("--steps 0 leaves a model as it starts, which only --import-weights makes worth keeping")
    if imported and trials_given:
        raise InputError(
            "--trials tries random weights, --import-weights starts from given ones; leave one of them out"
        )
    if training.learning_rate < training.learning_rate_low:
        raise InputError(
            f"--learning-rate {training.learning_rate:g} is below {training.learning_rate_low:g}, where the preset "
            "starts and ends; it is the highest rate, give a higher one"
        )
    if training.loss == "classification" and training.silent_below > training.expressed_above:
        raise InputError(
            f"--silent-below {training.silent_below:g} is above --expressed-above {training.expressed_above:g}: "
            "a gene between them would be both; give the same or a lower one"
        )
    half_of(model.neighbours)
    if model.family != "regulatory" and (model.loop_prior != "none" or model.loop_boundary):
        raise InputError(
            f"--loop-prior and --loop-boundary are for attention that the family {model.family} does not have; leave "
            "them out (epinformer reads loops by scalars 'contact', graphreg by graph 'loops')"
        )
    if model.family == "graphreg" and training.loop_alpha:
        raise InputError("--loop-alpha supervises a softmax, and graphreg's weights are sigmoids; leave it out")
    _check_anchored(model, training)
    declared, values = ModelConfig.declared(), dict(model)
    changed = [name for name in FAMILIES[model.family].UNREAD if values[name] != declared[name].default]
    if unread := ", ".join(declared[name].place for name in changed if name not in given):
        family = model.family
        raise InputError(
            f"the preset changes {unread}, which a model of the family {family} does not read; take it out"
        )


def mention_unused(given: Collection[str], model: ModelConfig, training: TrainingConfig, inputs: Sequence[str]) -> None:
    """Say which of the given options have no effect beside the others.

    No fault: what the points of a sweep have in common need not concern each.
    """
    unused: dict[str, Sequence[str]] = {}
    if training.loss != "classification":
        unused["the loss is not classification"] = ("expressed_above", "silent_below", "shuffled_negatives")
    if not training.loop_alpha:
        unused["loops do not supervise attention without --loop-alpha"] = ("loop_target", "loop_decay")
    if not model.motifs:
        unused["the model reads no motifs"] = ("expressed_factors",)
    if "tracks" not in inputs:
        unused["--inputs leaves out tracks"] = ("tracks", "track_dropout", "profile_width")
    if not model.layers:
        unused["a model of 0 layers has no attention"] = ("position",)
    unused[f"the family {model.family} does not read it"] = FAMILIES[model.family].UNREAD
    for why, names in unused.items():
        for name in names:
            if name in given:
                log.say(f"--{name.replace('_', '-')} has no effect: {why}")


def warn_constant_tracks(store: Store, config: ModelConfig) -> None:
    """Say which tracks are the same everywhere in a cell: they carry no information, and often a wrong file."""
    for cell in store.cells:
        first = cell.signals[torch.zeros(1, dtype=torch.int64)][0, :, :1]
        constant = cell.present.clone()
        for rows in torch.arange(len(store.elements)).split(CHUNK):
            if not constant.any():
                break
            constant &= (cell.signals[rows] == first).all(dim=2).all(dim=0)
        for number in torch.nonzero(constant).flatten().tolist():
            what = f"{config.tracks[number]} of {cell.name} is {float(first[number]):g} everywhere"
            log.say(f"warning: {what}; is it the right file?")


def warn_same_cells(store: Store, config: ModelConfig) -> None:
    """Say where two cells have one track or one expression: files swapped or given under two names."""
    for (one, other), names in same_cells.shared(store, config.tracks).items():
        log.say(f"warning: {', '.join(names)} of {one} and of {other} are the same; was one file given for both?")


def warn_constant_target(training: Samples) -> None:
    """Say when all training genes have one target: there is nothing to learn."""
    if (training.target == training.target[0]).all():
        log.say(f"warning: the target of all training genes is {training.target[0]:g}; is it the right table?")


def _check_anchored(model: ModelConfig, training: TrainingConfig) -> None:
    """InputError for settings that an anchored model cannot have."""
    if not model.anchored:
        return
    if not model.tracks:
        raise InputError("--anchored predicts from how tracks differ between cells; leave tracks among --inputs")
    if training.loss != "mse":
        raise InputError(f"--anchored learns a change, which may be negative, by --loss mse, not {training.loss}")
    if model.loop_boundary:
        raise InputError("--anchored is for models of one part; choose a preset without a loop boundary")


def loops_to_read(model: ModelConfig, training: TrainingConfig) -> LoopRows:
    """Between which tokens training reads loops; InputError where the model has no use for them."""
    if (training.loop_alpha or model.loop_prior != "none") and not model.layers:
        raise InputError("loops act on attention, and a model of 0 layers has none; use --layers 1 or more")
    if model.loop_boundary and not (training.loop_alpha and model.loop_rows != "none"):
        raise InputError(
            "a model for near elements and one for far ones need loops as supervision and as prior; use the preset "
            "scpge-loop, or --loop-alpha and --loop-prior"
        )
    return "gene" if model.loop_rows == "none" and training.needs_loops else model.loop_rows


def check_neighbours(store: Store, config: ModelConfig) -> None:
    """InputError when no gene has as many elements on a side as are asked for: the outer ones would all be missing."""
    if config.window:
        return
    there, half = (store.index != PAD).numpy(), config.neighbours // 2
    most = int(max(there[:, :half].sum(1).max(initial=0), there[:, half + 1 :].sum(1).max(initial=0)))
    if most < half:
        raise InputError(
            f"{config.neighbours} neighbours are {half} cCREs on each side of a gene, but no gene has more than {most} "
            f"on one; use --neighbours {2 * most} or fewer"
        )


def check_folder(folder: Path) -> None:
    """InputError when nothing can be written into a folder that need not be there yet; nothing is left of the try."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryDirectory(dir=there):
            pass
    except OSError as error:
        raise InputError(f"cannot write into the folder {folder}: {error.strerror}; give another one") from None


def check_cells(store: Store, holdout: Sequence[str]) -> None:
    """InputError when a cell that is held out is none of the store's."""
    names = [cell.name for cell in store.cells]
    for name in holdout:
        if name not in names:
            raise InputError(f"--holdout-cells names {name}, but signals were given for {', '.join(names)}")
