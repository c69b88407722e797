"""Things by the name that a setting gives (encoders, positions, losses), which other packages can add to.

A thing is given, or named by its place, "package.module:name", and then imported when it is first asked for: the names
are known without torch. Another package adds its own by an entry point of the registry's group, a script by `register`.
"""

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from crexpress.core.errors import InputError

T = TypeVar("T")


def imported(place: str) -> Any:
    """What "package.module:name" names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


class Registry(Mapping[str, T], Generic[T]):
    """{name: thing}; those that ship first, in their order, then others by name."""

    def __init__(self, group: str, own: Mapping[str, str], things: Mapping[str, T] | None = None) -> None:
        self.group = group
        self._own = dict(own)
        self._registered: dict[str, T] = dict(things or {})

    def register(self, name: str, thing: T) -> None:
        """Add a thing of one's own; a name that is taken is refused, as a model's config.json says no more than it."""
        if name in self:
            raise InputError(f"{self.group} has '{name}' already; give another name")
        self._registered[name] = thing

    def __getitem__(self, name: str) -> T:
        if name in self._registered:
            return self._registered[name]
        if name in self._own:
            self._registered[name] = imported(self._own[name])
            return self._registered[name]
        point = self._points()[name]
        try:
            return cast(T, point.load())
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"'{name}' of {self.group} cannot be imported from {point.value}: {error}; install its package again"
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._registered or name in self._points()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._own, *self._registered, *sorted(self._points())]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}
