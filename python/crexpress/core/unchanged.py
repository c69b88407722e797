"""Input files that are written while a tool reads them: what is made of two states of a file gets no final name.

A cut file ends its reader by itself (`cli.cut_files`); one written over at the same length would not be noticed.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crexpress.core.errors import InputError

_seen: dict[str, tuple[int, ...]] = {}  # state of each input of this process by its real path


@contextmanager
def watching(paths: Iterable[Path]) -> Iterator[None]:
    """Note the state of the regular files among `paths`, which `require` holds them to while the block lasts."""
    _seen.update({os.path.realpath(path): state for path in paths if (state := _state(path))})
    try:
        yield
    finally:
        _seen.clear()


def require(written: Path) -> None:
    """InputError where a noted file, other than `written`, which is about to be replaced, is not as it was noted.

    One that is gone is let be: what has it open reads on, and what opens it now says so itself.
    """
    _seen.pop(os.path.realpath(written), None)
    if other := [path for path, state in _seen.items() if _state(path) not in (state, None)]:
        raise InputError(
            f"{', '.join(sorted(other))} was changed while it was read, and {written} is not written, which would mix "
            "both; see that nothing writes the inputs of this run, and start it again"
        )


def _state(path: str | Path) -> tuple[int, ...] | None:
    """What changes with a file's bytes, as far as a system tells; None where there is no regular file."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns) if stat.S_ISREG(about.st_mode) else None
