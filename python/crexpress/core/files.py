"""Files written whole: beside their final name and renamed, so that nothing of a killed tool looks finished."""

import errno
import fcntl
import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from crexpress.core import unchanged
from crexpress.core.errors import InputError

FIGURES = 6  # significant, in tables as text


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well and removed when it does not.

    InputError where an input of the tool changed meanwhile (`core.unchanged`).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with naming_a_full_disk(path, temporary):
            yield temporary
        unchanged.require(path)
        os.chmod(temporary, 0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def require_no_copies(paths: Iterable[Path]) -> None:
    """InputError for two files that hold the same bytes: one measurement under two names, which would count twice.

    Files of one size alone are compared, so that nothing is read of others.
    """
    by_size: dict[int, list[Path]] = {}
    for path in paths:
        alike = by_size.setdefault(path.stat().st_size, [])
        for other in alike:
            if filecmp.cmp(path, other, shallow=False):
                raise InputError(f"{path} holds the same bytes as {other}: a copy; give each file once")
        alike.append(path)


def write_tsv(path: str | Path, table: pl.DataFrame, figures: int | None = FIGURES) -> None:
    """Write a table as tab-separated text for people and other programs; None: numbers with all their digits."""
    with replacing(path) as temporary:
        (significant(table, figures) if figures else table).write_csv(temporary, separator="\t")


def significant(table: pl.DataFrame, figures: int = FIGURES) -> pl.DataFrame:
    """The table, its numbers rounded to significant figures: of decimals a p of 1e-9 would have none, and read as 0."""
    return table.with_columns(pl.col(pl.Float32, pl.Float64).cast(pl.Float64).round_sig_figs(figures))


@contextmanager
def replacing_folder(path: str | Path, last: str) -> Iterator[Path]:
    """A temporary folder whose entries take the place of those in `path` when the block ends well.

    The entry `last` goes last: where it is, everything is. When the block fails nothing is left of it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path if path.is_dir() else path.parent  # inside: an existing folder may be a mounted disk of its own
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=place) as name:
        with naming_a_full_disk(path, Path(name)):
            yield Path(name)
        unchanged.require(path)
        path.mkdir(exist_ok=True)
        (path / last).unlink(missing_ok=True)
        for entry in sorted(Path(name).iterdir(), key=lambda entry: entry.name == last):
            if (path / entry.name).is_dir():
                shutil.rmtree(path / entry.name)
            entry.rename(path / entry.name)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it is not there, against others that do so; InputError where one does.

    The system ends the hold with the process, however it ends. On a disk without locks nobody can tell, and all go on.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            mend = "wait until it has ended, or give another folder"
            raise InputError(f"another run writes into {folder}; {mend}") from None
        except OSError:
            pass
        yield
    finally:
        os.close(handle)
        if made:  # and nothing was written into it: it is not left behind
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def naming_a_full_disk(path: Path, written: Path) -> Iterator[None]:
    """Make a full disk, or a file larger than the user may write, an OSError that names `path`, whoever finds it.

    Libraries say it in words of their own, or not at all (polars: "transport error"): so the disk is asked, by a few
    more bytes in `written`, the temporary file or folder.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        number = _refusal(written / "probe" if written.is_dir() else written)
        if number or os.strerror(errno.ENOSPC) in str(error):
            number = number or errno.ENOSPC
            raise OSError(number, os.strerror(number), str(path)) from error
        raise


def _refusal(written: Path) -> int | None:
    """The errno of the disk when more is to be written; None where it takes it."""
    try:
        with written.open("ab") as file:
            file.write(bytes(2**16))
    except OSError as error:
        return error.errno if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else None
    return None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
