"""Parameters of the pipeline that are settings of a model or its training, as nextflow_schema.json describes them."""

from typing import Any

from crexpress.core.settings import LARGEST, Setting
from crexpress.models.config import ModelConfig
from crexpress.training.config import TrainingConfig

_TYPES = {bool: "boolean", int: "integer", float: "number"}


def declared() -> dict[str, Setting]:
    """The settings that are parameters, by name."""
    every = ModelConfig.declared() | TrainingConfig.declared()
    return {name: one for name, one in every.items() if one.pipeline}


def described(one: Setting) -> dict[str, Any]:
    """A setting as a property of the schema. What a preset can have has no default."""
    about: dict[str, Any] = {"type": _TYPES.get(one.kind, "string")}
    if one.kind in (int, float):
        about["minimum"] = one.least
        if one.most < LARGEST:
            about["maximum"] = one.most
    if one.choices and not one.registry:  # the names of a registry are known where the packages are
        about["enum"] = one.choices
    text = one.pipeline if isinstance(one.pipeline, str) else one.help
    about["description"] = text if one.source else f"{text.removesuffix('.')}; the preset's own when not given."
    if one.source:
        about["default"] = one.default
    return about


def renewed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the declared settings in its part on learning: in their places, new ones at its end."""
    learning = schema["$defs"]["learning"]
    properties = learning["properties"] | {name: described(one) for name, one in declared().items()}
    return schema | {"$defs": schema["$defs"] | {"learning": learning | {"properties": properties}}}
