"""How a tool ends: one message and a code that says whose fault it was."""

import errno
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from crexpress.core import errors
from crexpress.core.staged import as_given

_NO_MEMORY = "not enough host memory; give this tool more, or a smaller input"
_FULL_MEMORY = ("DefaultCPUAllocator", "failed to map segment", "can't start new thread")  # torch, the loader, Python
_FILES = (errno.EMFILE, errno.ENFILE)  # too many are open
_NOT_OURS = (  # faults of a folder or disk
    *_FILES,
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)


@contextmanager
def by_code() -> Iterator[None]:
    """Leave with one message and an exit code where it is not a defect of ours; see `cli.tool`."""
    try:
        yield
    except errors.InputError as error:
        fail(str(error), errors.BAD_INPUT)
    except KeyboardInterrupt as stop:  # of training, with what it leaves
        fail(str(stop) or "interrupted; no unfinished artefact was kept", errors.INTERRUPTED)
    except MemoryError:
        fail(_NO_MEMORY, errors.HOST_OUT_OF_MEMORY)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            fail(_NO_MEMORY, errors.HOST_OUT_OF_MEMORY)
        if error.errno not in _NOT_OURS:
            raise
        path = error.filename2 or error.filename or "the output"  # the second one of a renaming is the user's
        mend = "raise ulimit -n" if error.errno in _FILES else "give another place"
        fail(f"cannot use {path}: {error.strerror}; {mend}", errors.BAD_INPUT)
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, without importing torch here
            fail("the GPU is out of memory; use a smaller --batch-size", errors.DEVICE_OUT_OF_MEMORY)
        full = isinstance(error, SystemError) and _no_memory_left()  # CPython: "error return without exception set"
        if full or any(words in str(error) for words in _FULL_MEMORY):
            fail(_NO_MEMORY, errors.HOST_OUT_OF_MEMORY)
        raise


def _no_memory_left() -> bool:
    """Whether the system refuses 64 MB more."""
    try:
        mmap.mmap(-1, 2**26).close()
    except (OSError, MemoryError):
        return True
    return False


def fail(message: str, code: int) -> None:
    """Print one message to stderr and leave with `code`."""
    click.echo(f"Error: {as_given(message)}", err=True)
    sys.exit(code)
