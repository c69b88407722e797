"""Settings, each declared once: type, bounds, words, help, place in a preset file, and where a user can give it.

From a declaration come the checks of presets and config.json, the option of a tool (`cli.setting_options`), what a
sweep takes, and the parameter of the pipeline (`pipeline.parameters`).
"""

import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, ValidationInfo, field_validator

from crexpress.core.errors import InputError
from crexpress.core.registry import imported

LARGEST = 2**32 - 1  # of any whole number: a seed's


class Rule(NamedTuple):
    """What a number must be besides lying in its bounds."""

    words: str
    holds: Callable[[float], bool]


ODD = Rule("odd", lambda number: number % 2 == 1)
EVEN = Rule("even, half for each side", lambda number: number % 2 == 0)


def setting(
    default: Any,
    help: str = "",
    *,
    part: str = "",
    key: str = "",
    least: float = 0,
    most: float = math.inf,
    rule: Rule | None = None,
    registry: str = "",
    option: bool = False,
    source: str = "",
    pipeline: bool | str = False,
) -> Any:
    """A field of Settings.

    part, key: where a preset file has it ("encoder", "kind"); the class's own part and the field's name when not given.
    least, most, rule: of a number, or of each in a list; no whole one is above LARGEST.
    registry: "module:NAME" of a `Registry` whose names it takes.
    option: whether train has an option for it. source: where it comes from, if no preset has it.
    pipeline: whether the pipeline has a parameter for it, or that one's own help.
    """
    about = {"part": part, "key": key, "least": least, "most": most, "rule": rule, "registry": registry}
    about |= {"option": option, "source": source, "pipeline": pipeline}
    return Field(default, description=help, json_schema_extra=cast(Any, about))


@dataclass(frozen=True)
class Setting:
    """A declared setting; `kind` is its type."""

    name: str
    kind: Any
    default: Any
    help: str
    part: str
    key: str = ""
    least: float = 0
    most: float = math.inf
    rule: Rule | None = None
    registry: str = ""
    option: bool = False
    source: str = ""
    pipeline: bool | str = False

    @property
    def place(self) -> str:
        """Where a preset file has it: "encoder.kind"."""
        return f"{self.part}.{self.key or self.name}"

    @property
    def choices(self) -> list[str]:
        """The words that it takes; none: not a word."""
        if self.registry:
            return list(imported(self.registry))
        return list(get_args(self.kind)) if get_origin(self.kind) is Literal else []

    @property
    def takes(self) -> str:
        """What it takes, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.kind is bool:
            return "true or false"
        one = get_args(self.kind)[0] if get_origin(self.kind) is tuple else self.kind
        if one is str:
            return "a text" if self.kind is str else "a list of texts"
        words = f"{'a number' if one is float else 'a whole number'} from {self.least:.10g}"
        words += f" to {self.most:.10g}" if self.most < math.inf else ""
        words = words if self.kind is one else f"a list, each {words}"
        return f"{words} and {self.rule.words}" if self.rule else words

    def holds(self, value: Any) -> bool:
        """Whether a value of the right type is one that the setting takes."""
        if self.registry:
            return value in imported(self.registry)
        numbers = value if isinstance(value, tuple) else (value,)
        return all(self._is_in(number) for number in numbers if isinstance(number, int | float))

    def _is_in(self, number: float) -> bool:
        inside = self.least <= number <= self.most and number < math.inf
        return inside and not _is_too_large(number) and (self.rule is None or self.rule.holds(number))

    def wanted(self, value: Any) -> str:
        """What it must be instead of a value that it does not take."""
        numbers = value if isinstance(value, list | tuple) else [value]
        limit = f", none above {LARGEST}" if any(map(_is_too_large, numbers)) else ""
        return f"must be {self.takes}{limit}"

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value read from JSON, in words."""
        try:
            read = _reader(self.kind).validate_json(json.dumps(value), strict=True)
        except ValidationError:
            pass
        else:
            if self.holds(read):
                return None
        return f"{self.wanted(value)}, found {json.dumps(value)[:200]}"


def _is_too_large(number: Any) -> bool:
    return isinstance(number, int) and number > LARGEST


@functools.cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


class Settings(BaseModel):
    """Base of the frozen settings in config.json; raises InputError for a value that a field does not take."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    PART: ClassVar[str]  # of a preset file, for a setting that names none

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            names = dict.fromkeys(str(fault["loc"][0]) for fault in error.errors())
            raise InputError("; ".join(self._told(name, values[name]) for name in names)) from None

    @field_validator("*")
    @classmethod
    def _as_declared(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name
        if not cls.declared()[info.field_name].holds(value):
            raise ValueError
        return value

    @classmethod
    def _told(cls, name: str, value: Any) -> str:
        declared = cls.declared().get(name)
        if declared is None:
            return f"this version of crexpress does not know the setting {name}"
        return f"the setting {name} is '{str(value)[:80]}', but {declared.wanted(value)}"

    @classmethod
    @functools.cache
    def declared(cls) -> dict[str, Setting]:
        """All settings by name, in their order."""
        found = {}
        for name, field in cls.model_fields.items():
            about = cast(dict[str, Any], field.json_schema_extra or {})
            about = about | {"part": about.get("part") or cls.PART}
            found[name] = Setting(name, field.annotation, field.default, field.description or "", **about)
        return found

    def to_json(self) -> dict[str, Any]:
        return self.model_dump()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises InputError with all that is wrong."""
        faults = list(cls._faults(values))
        if faults:
            raise InputError("; ".join(faults))
        return cls(**values)

    @classmethod
    def _faults(cls, values: Mapping[str, Any]) -> Iterator[str]:
        for name, value in values.items():
            declared = cls.declared().get(name)
            if declared is None or declared.fault(value):
                yield cls._told(name, value)

    def replace(self, **changes: Any) -> Self:
        return type(self)(**(dict(self) | changes))

    def take(self, options: Mapping[str, Any]) -> Self:
        """With those of the options, values or their text, that are settings."""
        return self.replace(**{name: value for name, value in options.items() if name in self.declared()})
