"""Rooms that can be called: `crexpress.links` is a folder of modules and, for users of Python, a function.

Importing anything of a room binds its name on the package, so that a function of the same name would be lost.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        return find(self.__calls__)(*args, **options)


def find(target: str) -> Any:
    """What "module:name" stands for."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def make_callable(module: str, target: str) -> None:
    """Let a module be called as the function "module:name", imported when that happens; help() shows its docstring."""
    own = sys.modules[module]
    own.__class__ = _Callable
    own.__calls__ = target  # type: ignore[attr-defined]
