"""The presets that ship, and how any preset is laid out: settings by part, {"encoder": {"kind": ...}, "mixer": ...}.

A setting can also stand under "model" or "training" by the name that it has in a model's config.json; presets written
before the parts were do that.
"""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple

from crexpress.core.errors import InputError
from crexpress.core.settings import Setting, Settings
from crexpress.models.config import ModelConfig
from crexpress.training.config import TrainingConfig

PARTS: dict[str, type[Settings]] = {kind.PART: kind for kind in (ModelConfig, TrainingConfig)}


class Place(NamedTuple):
    """Where a preset has a setting: the Settings' PART that it belongs to, and its declaration."""

    part: str
    declared: Setting


class Laid(NamedTuple):
    """A preset's settings {"model": {name: value}, "training": ...}, where it has each, and what is wrong, in words."""

    settings: dict[str, dict[str, Any]]
    places: dict[str, str]
    faults: list[str]


@functools.cache
def places() -> dict[str, Place]:
    """Every place of a setting, as "encoder.kind" and "model.encoder"."""
    found = {}
    for part, kind in PARTS.items():
        for name, declared in kind.declared().items():
            found[declared.place] = found[f"{part}.{name}"] = Place(part, declared)
    return found


def lay_out(content: Mapping[str, Any]) -> Laid:
    """Settings of a preset's content; none of their values is looked at."""
    groups = list(dict.fromkeys(place.partition(".")[0] for place in places()))
    laid = Laid({part: {} for part in PARTS}, {}, [])
    for group, values in content.items():
        if group == "description":
            continue
        if group not in groups:
            laid.faults.append(f"'{group}' is no part of a preset; it has description, {', '.join(groups)}")
        elif not isinstance(values, dict):
            laid.faults.append(f"{group}: must be an object of settings")
        else:
            for key, value in values.items():
                _lay(f"{group}.{key}", value, laid)
    return laid


def _lay(place: str, value: Any, laid: Laid) -> None:
    if place not in places():
        laid.faults.append(f"{place}: this version of crexpress does not know the setting")
        return
    part, declared = places()[place]
    if declared.source:
        laid.faults.append(f"{place}: is no setting of a preset, but comes from {declared.source}")
    elif declared.name in laid.settings[part]:
        laid.faults.append(f"{place}: is given twice, also as {laid.places[declared.name]}")
    else:
        laid.settings[part][declared.name] = value
        laid.places[declared.name] = place


def presets() -> dict[str, dict[str, Any]]:
    """The presets that ship with crexpress: {name: {"description", "model", "training"}}."""
    found = {}
    for file in sorted(_shipped(), key=lambda file: file.name):
        content = json.loads(file.read_text())
        found[file.name.removesuffix(".json")] = {"description": content["description"], **lay_out(content).settings}
    return found


def read_preset(name: str) -> tuple[ModelConfig, TrainingConfig]:
    """Settings of a preset, before its inputs are known."""
    known = presets()
    if name not in known:
        raise InputError(f"there is no preset '{name}'; choose one of {', '.join(known)}")
    return ModelConfig.from_json(known[name]["model"]), TrainingConfig.from_json(known[name]["training"])


def _shipped() -> list[Any]:
    folder = resources.files("crexpress.models") / "presets"
    return [file for file in folder.iterdir() if file.name.endswith(".json")]
