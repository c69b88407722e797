"""The files of a model: its folder is model.safetensors + config.json."""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_model as load_weights
from safetensors.torch import save_model as save_weights

from crexpress import __version__
from crexpress.core import shipped
from crexpress.core.errors import InputError
from crexpress.core.files import replacing
from crexpress.core.model_config import read_config
from crexpress.core.settings import Settings
from crexpress.models.base import Model
from crexpress.models.config import ModelConfig
from crexpress.models.epinformer import EPInformer
from crexpress.models.graphreg import GraphReg
from crexpress.models.near_far import NearFar
from crexpress.models.regulatory import RegulatoryModel

S = TypeVar("S", bound=Settings)

WEIGHTS, CONFIG = "model.safetensors", "config.json"
FAMILIES = {"regulatory": RegulatoryModel, "epinformer": EPInformer, "graphreg": GraphReg}


def build(config: ModelConfig) -> Model:
    """An untrained model of these settings."""
    return NearFar(config) if config.loop_boundary else build_one(config)


def build_one(config: ModelConfig) -> RegulatoryModel:
    """An untrained model of one part, of its family."""
    return FAMILIES[config.family](config)


def save_model(directory: Path, model: Model, about: dict[str, Any]) -> None:
    """Write weights and config.json; `about` is what else a reader of the model must know (split, units, seed)."""
    with replacing(directory / WEIGHTS) as temporary:
        save_weights(model, str(temporary))
    config = {"version": __version__, "model": model.config.to_json(), **about}
    with replacing(directory / CONFIG) as temporary:
        temporary.write_text(json.dumps(config, indent=2) + "\n")


def load_model(directory: str | Path) -> Model:
    """Read a model directory written by `train`, or a shipped model by its name; it comes in eval mode, on the CPU.

    A torch module: `model(batch)` predicts a batch of `Study.batch`; `model.about` is its config.json.

    Raises InputError for files that do not belong together, and for weights that are NaN or infinite.

    Example:
        model = cx.load_model("results/model")
        prediction = model(study.batch(model, "A", ["NAME3", "NAME7"]))
        print(prediction.expression, prediction.attention.shape, model.about["preset"])
    """
    directory = shipped.located(directory)
    config = read_settings(directory, ModelConfig)
    path = directory / WEIGHTS
    try:
        _check_size(path, config)
        model = build(config)
        load_weights(model, path)
    except (OSError, SafetensorError, RuntimeError, ValueError, ZeroDivisionError, AssertionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise InputError(
            f"{path} does not hold the weights of the model in its config.json ({reason}); give the folder train wrote"
        ) from None
    for name, weights in model.state_dict().items():
        if weights.is_floating_point() and not weights.isfinite().all():
            raise InputError(
                f"{path} holds NaN or infinity (in {name}), so that nothing can be predicted; train the model again"
            )
    model.about, model.folder = read_config(directory), Path(directory).absolute()
    return model.eval()


def read_settings(directory: str | Path, kind: type[S]) -> S:
    """What config.json says of the architecture or of the training; InputError, with its name, where it cannot be."""
    try:
        return kind.from_json(read_config(directory).get(kind.PART, {}))
    except InputError as error:
        raise InputError(f"{Path(directory) / CONFIG}: {error}") from None


def _check_size(path: Path, config: ModelConfig) -> None:
    """Raise ValueError for a model larger than its weights, before it takes the memory: the number may be damaged."""
    with safe_open(path, "pt") as file:
        stored = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - not a dictionary
    if config.layers + config.layers_encoder * (config.encoder == "transformer") > len(stored):
        raise ValueError("it has too few layers")
    with torch.device("meta"):  # shapes alone
        wanted = {name: weights.shape for name, weights in build(config).state_dict().items()}
    values = sum(map(math.prod, stored.values()))
    if sum(map(math.prod, wanted.values())) > 2 * values + 1:  # weights that are shared are stored once
        raise ValueError(f"it has {values:,} weights, too few")
