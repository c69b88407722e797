"""A preset of the user's own: a JSON file of the same form as those that ship, held against what each setting takes."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crexpress.core.errors import InputError, InputErrors
from crexpress.core.schemas import NAME
from crexpress.core.settings import Settings
from crexpress.data.neighbours import MOST_IN_WINDOW
from crexpress.models.config import INPUTS, ModelConfig, presets, read_preset
from crexpress.models.encoders import ENCODERS
from crexpress.models.positions import POSITIONS
from crexpress.training.config import TrainingConfig
from crexpress.training.losses import LOSSES

PARTS: dict[str, type[Settings]] = {"model": ModelConfig, "training": TrainingConfig}
GIVEN = {  # settings that no preset has, and where they come from
    **dict.fromkeys(("tracks", "motifs", "factors", "sequence", "width", "transform"), "the inputs"),
    "loop_value": "the loops",
    "profile_edges": "the profiles",
    "anchored": "--anchored",
    "seed": "--seed",
}
WORDS: dict[str, Iterable[str]] = {"encoder": ENCODERS, "position": POSITIONS, "loss": LOSSES}
LEAST = {  # numbers that must be more than 0
    **dict.fromkeys(("bin_size", "channels", "sequence_kernel", "motif_kernel", "signal_kernel", "tower_kernels"), 1),
    **dict.fromkeys(("patch", "layers_encoder", "heads_encoder", "hidden_encoder", "width_model", "heads"), 1),
    **dict.fromkeys(("hidden_mixer", "validate_every", "members"), 1),
    **{"position_buckets": 4, "batch_size": 2, "loop_decay_bp": 1, "learning_rate": 1e-12, "gradient_clip": 1e-12},
}
MOST = {  # all others have no limit
    **dict.fromkeys(("track_dropout", "dropout_encoder", "dropout_mixer"), 0.9),
    **{"warmup": 1, "averaging": 0.999999},
}


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
    faults = [f"{part}: must be an object of settings" for part in PARTS if not isinstance(content.get(part, {}), dict)]
    faults += [
        f"'{key}' is no part of a preset; it has description, model and training"
        for key in content
        if key not in ("description", *PARTS)
    ]
    if label(preset) in presets() or not NAME.fullmatch(label(preset)):
        faults.append(
            f"'{label(preset)}' cannot name a preset of your own, as reports call the model by it; name the file other "
            "than the presets that ship, with letters, digits, '.', '_', '-'"
        )
    if not faults:
        faults = [fault for part in PARTS for fault in _faults(part, content.get(part, {}))]
    if faults:
        raise InputErrors(f"{preset} is no sound preset:", faults)
    return ModelConfig.from_json(content.get("model", {})), TrainingConfig.from_json(content.get("training", {}))


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


def _faults(part: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the settings of one part, in words; together only where each alone is sound."""
    config = PARTS[part]
    kinds = {name: kind for name, kind in get_type_hints(config).items() if name in {f.name for f in fields(config)}}  # type: ignore[arg-type]
    sound = True
    for name, value in values.items():
        fault = _fault(name, value, kinds)
        if fault:
            sound = False
            yield f"{part}.{name}: {fault}"
    if sound and part == "model":
        model = ModelConfig.from_json(dict(values))
        for name in ("heads", "heads_encoder") if model.encoder == "transformer" else ("heads",):
            heads = getattr(model, name)
            if model.width_model % heads:
                yield f"{part}.{name}: {heads} heads do not divide a width_model of {model.width_model}"


def _fault(name: str, value: Any, kinds: Mapping[str, Any]) -> str | None:
    if name in GIVEN:
        return f"is no setting of a preset, but comes from {GIVEN[name]}"
    if name not in kinds:
        return "this version of crexpress does not know the setting"
    kind = kinds[name]
    words = list(WORDS.get(name, get_args(kind) if get_origin(kind) is Literal else ()))
    if words:
        return None if value in words else f"must be one of {', '.join(words)}, found {json.dumps(value)}"
    if kind is bool:
        return None if isinstance(value, bool) else f"must be true or false, found {json.dumps(value)}"
    whole = kind is not float
    what = f"{'a whole number' if whole else 'a number'} from {LEAST.get(name, 0):g}"
    what += f" to {MOST[name]:g}" if name in MOST else ""
    if get_origin(kind) is tuple:
        several = isinstance(value, list) and all(_is_number(one, name, whole) for one in value)
        if several and (name != "tower_kernels" or all(one % 2 for one in value)):
            return None
        return f"must be a list, each {what}{' and odd' if name == 'tower_kernels' else ''}, found {json.dumps(value)}"
    if not _is_number(value, name, whole):
        return f"must be {what}, found {json.dumps(value)}"
    return "must be even, half for each side" if name == "position_buckets" and value % 2 else None


def _is_number(value: Any, name: str, whole: bool) -> bool:
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    return right and math.isfinite(value) and bool(LEAST.get(name, 0) <= value <= MOST.get(name, math.inf))
