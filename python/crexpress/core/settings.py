"""Reading and writing of a settings dataclass as JSON."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from crexpress.core.errors import InputError
from crexpress.core.schemas import faults

_LARGEST = 2**32 - 1  # of any number: a seed's


@functools.cache
def _reader(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


class Settings:
    """Base of the frozen dataclasses in config.json; raises InputError for a word that a field does not take."""

    SIGNED: ClassVar[tuple[str, ...]] = ()  # settings that may be below 0

    def __post_init__(self) -> None:
        self._check_words(vars(self))

    @classmethod
    def _check_words(cls, values: Mapping[str, Any]) -> None:
        for name, kind in get_type_hints(cls).items():
            if name in values and get_origin(kind) is Literal and values[name] not in get_args(kind):
                words = ", ".join(get_args(kind))
                raise InputError(f"the setting {name} is '{str(values[name])[:80]}', but must be one of {words}")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - known)
        if unknown:
            raise InputError(f"this version of crexpress does not know the setting {', '.join(unknown)}")
        cls._check_words(values)
        for name, value in values.items():
            numbers = value if isinstance(value, list) else [value]
            least = -_LARGEST if name in cls.SIGNED else 0
            if any(isinstance(number, int | float) and not least <= number <= _LARGEST for number in numbers):
                raise InputError(
                    f"the setting {name} is {str(value)[:80]}, but must lie between {least} and {_LARGEST}"
                )
        try:
            read: Self = _reader(cls).validate_json(json.dumps(values), strict=True)  # type: ignore[arg-type]
        except ValidationError as error:
            raise InputError(f"the settings are not as they should be: {faults(error)}") from None
        return read

    def replace(self, **changes: Any) -> Self:
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def take(self, options: Mapping[str, Any]) -> Self:
        """With those of the options, values or their text, that are fields."""
        kinds: dict[str, Any] = {field.name: type(field.default) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        return self.replace(**{name: kinds[name](value) for name, value in options.items() if name in kinds})
