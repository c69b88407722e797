"""Options of a tool made from declared settings (`core.settings`)."""

import math
from collections.abc import Callable
from typing import Any

import click

from crexpress import cli
from crexpress.core.settings import Setting, Settings


def setting_options(kind: type[Settings]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: an option for every setting of `kind` that has one. Of those left out the value is None."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for declared in reversed([one for one in kind.declared().values() if one.option]):
            function = _option(declared)(function)
        return function

    return decorate


def take_given(options: dict[str, Any], *kinds: type[Settings]) -> dict[str, Any]:
    """Take the settings out of the options, and return those that were set: the others stay as in the preset."""
    names = [name for kind in kinds for name, declared in kind.declared().items() if declared.option]
    taken = {name: options.pop(name) for name in names}
    return {name: value for name, value in taken.items() if value is not None}


def _option(declared: Setting) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A flag that a preset can have set has a word to switch it off; a number that no preset has, its own default."""
    word = declared.name.replace("_", "-")
    text = declared.help if declared.source else f"{declared.help.removesuffix('.')} [default: preset]."
    if declared.kind is bool:
        words = f"--{word}" if declared.source else f"--{word}/--no-{word}"
        return click.option(words, declared.name, is_flag=True, default=None, help=text)
    default = declared.default if declared.source else None
    return click.option(f"--{word}", declared.name, type=_type(declared), default=default, help=text)


def _type(declared: Setting) -> click.ParamType:
    if declared.registry:
        return cli.Registered(declared.registry)
    if declared.choices:
        return click.Choice(declared.choices)
    if declared.kind is str:
        return click.STRING
    most = declared.most if declared.most < math.inf else None
    if declared.kind is float:
        return cli.FloatRange(declared.least, most)
    return click.IntRange(int(declared.least), None if most is None else int(most))
