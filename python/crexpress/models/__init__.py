"""Model families, and their files: a model directory is model.safetensors + config.json."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_model as load_weights
from safetensors.torch import save_model as save_weights

from crexpress import __version__
from crexpress.artifacts import read_config, replacing
from crexpress.errors import InputError
from crexpress.models.config import ModelConfig
from crexpress.models.near_far import NearFar
from crexpress.models.regulatory import RegulatoryModel

Model = RegulatoryModel | NearFar

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def build(config: ModelConfig) -> Model:
    """An untrained model of these settings."""
    return NearFar(config) if config.loop_boundary else RegulatoryModel(config)


def save_model(directory: Path, model: Model, about: dict[str, Any]) -> None:
    """Write weights and config.json; `about` is what else a reader of the model must know (split, units, seed)."""
    with replacing(directory / WEIGHTS) as temporary:
        save_weights(model, str(temporary))
    config = {"version": __version__, "model": model.config.to_json(), **about}
    with replacing(directory / CONFIG) as temporary:
        temporary.write_text(json.dumps(config, indent=2) + "\n")


def load_model(directory: str | Path) -> Model:
    """Read a model directory written by `train`; the model comes in eval mode, on the CPU."""
    config = ModelConfig.from_json(read_config(directory)["model"])
    model = build(config)
    path = Path(directory) / WEIGHTS
    try:
        load_weights(model, path)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(
            f"{path} does not hold the weights of the model in its config.json "
            f"({str(error).splitlines()[0]}); give the folder train wrote"
        ) from None
    return model.eval()
