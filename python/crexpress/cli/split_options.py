"""Options that say which genes are learned from: by chromosomes or regions, or by a fold."""

from collections.abc import Callable

import click
from click.core import ParameterSource


def one_split(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Click callback: refuse --fold beside --val or --test; the last of them that is given sees the others."""
    names = [f"--{name}" for name in ("val", "test") if _is_given(context, name)]
    if names and _is_given(context, "fold"):
        raise click.UsageError(f"--fold stands for both --val and --test; leave out {' and '.join(names)}, or --fold")
    return value


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def split_options(function: Callable[..., None]) -> Callable[..., None]:
    """--val, --test and --fold."""
    for option in reversed(
        (
            click.option(
                "--val",
                default="chr16",
                callback=one_split,
                help="Validation chromosomes or regions, comma-separated.",
            ),
            click.option(
                "--test",
                default="chr8,chr9",
                callback=one_split,
                help="Test chromosomes or regions (chr20:7000000-10000000).",
            ),
            click.option(
                "--fold",
                callback=one_split,
                help="Instead of --val and --test: 3/5 tests the third of 5 folds of whole chromosomes with about as "
                "many genes each, and validates on the next; chr8 leaves this chromosome out, to be tested.",
            ),
        )
    ):
        function = option(function)
    return function
