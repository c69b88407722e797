"""Libraries that only the extra `explain` brings."""

from collections.abc import Iterator
from contextlib import contextmanager

from crexpress.core.errors import InputError


@contextmanager
def needed(library: str) -> Iterator[None]:
    """Around the import of `library`: InputError, which says how to get it, where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise
        raise InputError(
            f"this needs {library}, which is not installed; run pip install 'crexpress[explain]'"
        ) from None
