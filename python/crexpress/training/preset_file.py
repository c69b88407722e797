"""A preset of the user's own: a JSON file of the same form as those that ship, held against what each setting takes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crexpress.core import methods
from crexpress.core.errors import InputError, InputErrors
from crexpress.core.names import NAME
from crexpress.data.neighbours import MOST_IN_WINDOW
from crexpress.models.config import INPUTS, ModelConfig
from crexpress.training.config import TrainingConfig
from crexpress.training.presets import Laid, lay_out, places, presets, read_preset

DEFAULT, WITHOUT_PROFILES = "crexpress-small", "scpge-small"  # the pipeline's, and where no profiles are at hand


def is_file(preset: str) -> bool:
    """Whether --preset names a file, and no preset that ships."""
    return "/" in preset or preset.endswith(".json")


def label(preset: str) -> str:
    """What a model of this preset is called: the preset's name, or that of its file without the ending."""
    return Path(preset).stem if is_file(preset) else preset


def read(preset: str) -> tuple[ModelConfig, TrainingConfig]:
    """Settings of a preset that ships or of a file, before its inputs are known; InputErrors with all of its faults."""
    if not is_file(preset):
        return read_preset(preset)
    content = _load(Path(preset))
    laid = lay_out(content)
    taken = [*presets(), methods.EVERYTHING]  # tables name the model after it, and all methods together so
    if label(preset) in taken or not NAME.fullmatch(label(preset)):
        laid.faults.append(
            f"'{label(preset)}' cannot name a preset of your own, as reports call the model by it; name the file other "
            f"than '{methods.EVERYTHING}' and the presets that ship, with letters, digits, '.', '_', '-'"
        )
    faults = laid.faults + list(_faults(laid))
    if faults:
        raise InputErrors(f"{preset} is no sound preset:", faults)
    return ModelConfig.from_json(laid.settings["model"]), TrainingConfig.from_json(laid.settings["training"])


def read_with(preset: str, options: Mapping[str, Any]) -> tuple[ModelConfig, TrainingConfig]:
    """A preset with options of train, values or their text, in place of its settings.

    An option also brings what it needs, unless that is given; --inputs and --tracks are left to who knows the data.
    """
    brought: dict[str, Any] = {}
    if int(options.get("window") or 0):
        brought["neighbours"] = MOST_IN_WINDOW
    if options.get("anchored"):
        brought["loss"] = "mse"  # of a change, which may be negative
        brought["gene_token"] = "window"  # where the known cells' expression is
    options = brought | {name: value for name, value in options.items() if name not in INPUTS}
    model, training = read(preset)
    return model.take(options), training.take(options)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except FileNotFoundError:
        raise InputError(f"--preset: there is no file {path}; presets that ship are {', '.join(presets())}") from None
    except RecursionError:
        raise InputError(f"--preset: {path} is no readable JSON: it is nested too deeply") from None
    except (ValueError, IsADirectoryError) as error:
        raise InputError(f"--preset: {path} is no readable JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"--preset: {path} must be an object with model and training")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"'{name}' is given twice")
    return dict(pairs)


def _faults(laid: Laid) -> Iterator[str]:
    """What is wrong with values, in words; together only where each alone is sound."""
    sound = True
    for place in laid.places.values():
        part, declared = places()[place]
        fault = declared.fault(laid.settings[part][declared.name])
        if fault:
            sound = False
            yield f"{place}: {fault}"
    if sound:
        model = ModelConfig.from_json(laid.settings["model"])
        for name in ("heads", "heads_encoder") if model.encoder == "transformer" else ("heads",):
            heads = getattr(model, name)
            if model.width_model % heads:
                place = laid.places.get(name, ModelConfig.declared()[name].place)
                yield f"{place}: {heads} heads do not divide a width_model of {model.width_model}"
