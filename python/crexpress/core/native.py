"""Libraries in Rust and C++ that read users' files: their faults, panics included, as one sentence."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from crexpress.core.errors import InputError


@contextmanager
def refusing(what: str, mend: str) -> Iterator[None]:
    """Make any fault of a native reader InputError(`what` (reason); `mend`); full memory and Ctrl-C stay themselves.

    A panic of Rust is not even an Exception to Python, and prints a report of its own, which is kept back.
    """
    try:
        with quiet():
            yield
    except InputError:
        raise
    except MemoryError as error:
        if "bad_alloc" not in str(error):
            raise
        raise InputError(
            f"{what} (it asks for more memory than there is, so it is damaged, or large); {mend}"
        ) from None
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{what} ({reason}); {mend}") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of pyo3, which lets nobody import it
            raise
        raise InputError(f"{what} (its bytes contradict each other: it is damaged); {mend}") from None


@contextmanager
def in_memory(room: int) -> Iterator[None]:
    """At most `room` bytes more for this process: a library that takes what a damaged file asks for is refused it.

    Where nobody tells how much it has now (no Linux), there is no limit.
    """
    now = _taken()
    if now is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = now + room if soft == resource.RLIM_INFINITY else min(soft, now + room)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _taken() -> int | None:
    """Bytes of this process that RLIMIT_DATA counts."""
    try:
        with open("/proc/self/status") as status:
            return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmData")), None)
    except OSError:
        return None


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing reaches stderr, whoever writes: Rust does not go by Python's sys.stderr."""
    try:
        kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # no stderr, or no file left to open
        yield
        return
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        for number in (kept, nothing):
            with suppress(OSError):
                os.close(number)
