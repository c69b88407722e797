"""What a run tells its user: lines and progress, on stderr."""

import os
import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

import click
from tqdm import tqdm

T = TypeVar("T")


def say(message: str) -> None:
    """One line for the user, on stderr so that stdout stays free for data; of several processes only one speaks."""
    if os.environ.get("RANK", "0") == "0":
        click.echo(message, err=True)


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a bar on a terminal, and with a plain line at each quarter elsewhere."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if sys.stderr.isatty():
        yield from tqdm(items, desc=label, total=total, leave=False)
        return
    marks = {total * quarter // 4 for quarter in (1, 2, 3, 4)} if total else set()
    for done, item in enumerate(items, 1):
        yield item
        if done in marks:
            say(f"{label}: {done}/{total}")
