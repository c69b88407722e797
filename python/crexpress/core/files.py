"""Files written whole: beside their final name and renamed, so that nothing of a killed tool looks finished."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well and removed when it does not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with _naming_a_full_disk(path):
            yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(path: str | Path, last: str) -> Iterator[Path]:
    """A temporary folder whose entries take the place of those in `path` when the block ends well.

    The entry `last` goes last: where it is, everything is. When the block fails nothing is left of it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path if path.is_dir() else path.parent  # inside: an existing folder may be a mounted disk of its own
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=place) as name:
        with _naming_a_full_disk(path):
            yield Path(name)
        path.mkdir(exist_ok=True)
        (path / last).unlink(missing_ok=True)
        for entry in sorted(Path(name).iterdir(), key=lambda entry: entry.name == last):
            if (path / entry.name).is_dir():
                shutil.rmtree(path / entry.name)
            entry.rename(path / entry.name)


@contextmanager
def _naming_a_full_disk(path: Path) -> Iterator[None]:
    """Make a full disk an OSError that names `path`, whichever library finds it.

    polars and safetensors say it in words only, and htslib not at all.
    """
    try:
        yield
    except BaseException as error:
        disk = path if path.is_dir() else path.parent
        unsaid = isinstance(error, OSError) and error.errno is None and os.statvfs(disk).f_bavail == 0
        if unsaid or os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
