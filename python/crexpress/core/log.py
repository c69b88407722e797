"""What a run tells its user: lines and progress, through the logger "crexpress"; only the tools print them.

In Python nothing is shown until the caller asks for it: `logging.basicConfig(level="INFO")`.
"""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

from crexpress.core.errors import shown
from crexpress.core.staged import as_given

T = TypeVar("T")
LOGGER = logging.getLogger("crexpress")


class _Lines(logging.Handler):
    """Prints on stderr, wherever that is now, so that stdout stays free for data."""

    def emit(self, record: logging.LogRecord) -> None:
        print(as_given(record.getMessage()), file=sys.stderr, flush=True)


def show() -> None:
    """Print the lines from now on, with bars on a terminal: what every tool does."""
    if not any(isinstance(handler, _Lines) for handler in LOGGER.handlers):
        LOGGER.addHandler(_Lines())
        LOGGER.setLevel(logging.INFO)


def say(message: str) -> None:
    """One line for the user; of several processes only one speaks."""
    if os.environ.get("RANK", "0") == "0":
        LOGGER.info(shown(message))


def on_terminal() -> bool:
    """Whether somebody watches a terminal on which lines are shown: then a bar moves between them."""
    return LOGGER.isEnabledFor(logging.INFO) and sys.stderr.isatty()


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a bar on a terminal, and with a plain line at each quarter elsewhere."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if on_terminal():
        yield from tqdm(items, desc=label, total=total, leave=False)
        return
    marks = {total * quarter // 4 for quarter in (1, 2, 3, 4)} if total else set()
    for done, item in enumerate(items, 1):
        yield item
        if done in marks:
            say(f"{label}: {done}/{total}")
