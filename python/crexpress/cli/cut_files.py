"""A file that is cut while it is mapped into memory: one sentence in place of a process that dies without a word.

The system ends who reads a page that its file no longer has by SIGBUS. Reading files instead of mapping them would cost
the memory of whole genomes, and looking at sizes before each access would leave the moment between. A handler in
Python's own `signal` would never run: the access is tried again before the interpreter gets its turn. So libc is given
one that is called at once, in the thread that read, and ends the process.
"""

import ctypes
import os
import re
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from crexpress.core.errors import BAD_INPUT

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ [1-9][0-9]* +(/.*)")  # of /proc/PID/maps
_LIBRARY = re.compile(r"\.so[.\d]*$")  # their maps go past their ends
_kept: list[object] = []  # libc would call the handler also when Python has collected it
_first = threading.Lock()


def end_with_a_sentence() -> None:
    """From now on the process leaves by one sentence and exit code 65 where a mapped file is cut, or its disk fails."""
    if _kept:
        return
    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(_leave)
    _kept.append(handler)
    ctypes.CDLL(None).signal(int(signal.SIGBUS), handler)


def _leave(_number: int) -> None:
    if not _first.acquire(blocking=False):
        time.sleep(60)  # another thread leaves
    try:
        cut: set[str] = set()
        with suppress(OSError):  # where there is no /proc, as on macOS, no file is named
            cut.update(_cut())
        what = f"{', '.join(sorted(cut))} was cut" if cut else "a file was cut, or its disk failed,"
        said = f"Error: {what} while it was read; see that nothing writes the inputs of this run, and start it again\n"
        os.write(2, said.encode("utf-8", "backslashreplace"))
    finally:
        os._exit(BAD_INPUT)


def _cut() -> Iterator[str]:
    """Mapped files that end before what is mapped of them."""
    page = os.sysconf("SC_PAGE_SIZE")
    with open("/proc/self/maps", errors="surrogateescape") as maps:
        for match in filter(None, map(_MAPPING.match, maps)):
            first, end, offset = (int(match[number], 16) for number in (1, 2, 3))
            path = match[4].removesuffix(" (deleted)")
            if _LIBRARY.search(path):
                continue
            try:
                about = os.stat(path)
            except OSError:  # it is gone, and what is mapped of it is whole
                continue
            if stat.S_ISREG(about.st_mode) and -(-about.st_size // page) * page < offset + end - first:
                yield path  # devices, as of a GPU, have no size
