"""The one reader and writer of crexpress artefacts: tables, arrays and sparse contacts, each with a header.

A header says what the file is, which tool and version made it, from which sources and parameters, and which
element and gene sets its rows are aligned to. Files are written beside their final name and renamed, so a
killed tool leaves nothing that looks finished.
"""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl

from crexpress import __version__
from crexpress.core import containers, schemas
from crexpress.core.columns import check_table
from crexpress.core.errors import InputError
from crexpress.core.files import naming_a_full_disk, replacing
from crexpress.core.headers import check_header
from crexpress.core.native import refusing
from crexpress.core.tensors import check_tensors

FORMAT = 1
KEY = "crexpress"
Header = dict[str, Any]

# first bytes of a file -> the ending of artefacts of that format; safetensors have none and are told by the brace
_ENDINGS = {b"PAR1": ".parquet", b"PK\x03\x04": ".npz"}
_ROW_GROUP = 1_000_000  # rows


class Table(NamedTuple):
    """A table and its header."""

    frame: pl.DataFrame
    header: Header


class Arrays(NamedTuple):
    """An opened array file: its header and its memory-mapped, read-only tensors by name."""

    header: Header
    tensors: dict[str, np.ndarray]


def make_header(
    kind: str,
    tool: str,
    *,
    elements: str | None = None,
    genes: str | None = None,
    cell: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
    sources: Iterable[str | Path] = (),
) -> Header:
    """Header of a new artefact; `elements` and `genes` are the digests it is aligned to, `sources` input files.

    Holds no date and no path, so that the same input gives the same bytes.
    """
    return {
        "kind": kind,
        "format": FORMAT,
        "tool": tool,
        "version": __version__,
        "elements": elements,
        "genes": genes,
        "cell": cell,
        "parameters": dict(parameters or {}),
        "units": dict(units or {}),
        "sources": [source(path) for path in sources],
    }


def source(path: str | Path) -> dict[str, Any]:
    """Name, size in bytes and SHA-256 of an input file."""
    path = Path(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def digest(frame: pl.DataFrame, columns: Sequence[str]) -> str:
    """Short SHA-256 over some columns of a table, in row order: the identity of an element or gene set."""
    state = hashlib.sha256()
    for name in columns:
        column = frame[name]
        values = column.to_list() if column.dtype == pl.String else column.to_numpy()
        state.update("\n".join(values).encode() if isinstance(values, list) else values.tobytes())
    return state.hexdigest()[:16]


def require_same(what: str, first: str | Path, first_header: Header, second: str | Path, second_header: Header) -> None:
    """Raise InputError, naming both files, unless both are aligned to the same `what` ("elements" or "genes")."""
    if first_header[what] != second_header[what]:
        raise InputError(
            f"{first} and {second} were made for different {what} ({first_header[what]} and {second_header[what]}); "
            f"make both from the same {what}.parquet"
        )


def write_table(path: str | Path, frame: pl.DataFrame, header: Header) -> None:
    """Write a parquet table with its header in the file's metadata."""
    with replacing(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", metadata={KEY: json.dumps(header)})


@contextmanager
def create_table(path: str | Path, header: Header) -> Iterator[Callable[[pl.DataFrame], None]]:
    """A function that adds rows to a new parquet table, for tables larger than memory; call it once or more."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        parts: list[Path] = []

        def append(frame: pl.DataFrame) -> None:
            parts.append(Path(folder, f"{len(parts)}.parquet"))
            frame.write_parquet(parts[-1], compression="zstd")

        with naming_a_full_disk(path, Path(folder)):
            yield append
        with replacing(path) as temporary:
            rows = pl.scan_parquet(parts)
            rows.sink_parquet(
                temporary, compression="zstd", row_group_size=_ROW_GROUP, metadata={KEY: json.dumps(header)}
            )


def read_table(path: str | Path, kind: str) -> tuple[pl.DataFrame, Header]:
    """Read a table written by `write_table`; InputError when it is not an artefact of this kind."""
    _require_ending(path, kind, ".parquet")
    with refusing(f"{path} is not a readable parquet table", "make it again"):
        header = _check(path, kind, pl.read_parquet_metadata(path).get(KEY))
        frame = pl.read_parquet(path, use_statistics=False)
    with _refusing_damage(path, kind):
        check_table(kind, frame, header)
    return frame, header


def read_elements_and_genes(elements: str | Path, genes: str | Path) -> tuple[Table, Table]:
    """The element store and its genes; InputError unless they were made together."""
    first, second = Table(*read_table(elements, "elements")), Table(*read_table(genes, "genes"))
    require_same("elements", genes, second.header, elements, first.header)
    own = second.frame["element"]
    if len(own) and (own.min() < 0 or own.max() >= len(first.frame)):  # type: ignore[operator]
        raise InputError(f"{genes} has a gene whose TSS window is not in {elements}; make both again by merge-ccres")
    windows = first.frame[own]
    middle = (windows["start"] + windows["end"]) // 2
    if not ((windows["chrom"] == second.frame["chrom"]) & (middle == second.frame["tss"])).all():
        raise InputError(f"{genes} has a gene whose TSS window lies elsewhere in {elements}; make both again")
    return first, second


def require_genes(path: str | Path, frame: pl.DataFrame, genes: str | Path, table: pl.DataFrame) -> None:
    """Raise InputError unless the rows of a table are the genes of `genes`, in their order."""
    if not frame["gene_id"].equals(table["gene_id"]):
        raise InputError(f"{path} does not list the genes of {genes} in their order; make it again")


def require_rows(path: str | Path, tensors: Mapping[str, np.ndarray], elements: str | Path, count: int) -> None:
    """Raise InputError unless every array has a row for each of the `count` elements of `elements`."""
    for name, tensor in tensors.items():
        if len(tensor) != count:
            raise InputError(f"{path} has {len(tensor):,} rows of {name}, {elements} {count:,}; make it again")


def require_finite(path: str | Path, values: Mapping[str, np.ndarray]) -> None:
    """Raise InputError where a track of a signals file, or what was made of it, is NaN or infinite."""
    for name, track in values.items():
        if not np.isfinite(track).all():
            raise InputError(f"{path} holds NaN or infinity in the track {name}; make it again")


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], header: Header) -> None:
    """Write tensors that are in memory as one safetensors file."""
    with create_arrays(path, {name: (array.dtype, array.shape) for name, array in arrays.items()}, header) as out:
        for name, array in arrays.items():
            out[name][...] = array


@contextmanager
def create_arrays(
    path: str | Path, specs: Mapping[str, tuple[Any, tuple[int, ...]]], header: Header, room: int = 0
) -> Iterator[dict[str, np.ndarray]]:
    """Writable memory maps {name: (dtype, shape)} of a new safetensors file, for arrays larger than memory.

    The header is written at the end: what is only known then may make it `room` bytes longer.
    """
    with containers.created(path, specs, lambda: {KEY: json.dumps(header)}, room) as tensors:
        yield tensors


def open_arrays(path: str | Path, kind: str) -> Arrays:
    """Open a safetensors file as read-only memory maps; InputError when it is not an artefact of this kind."""
    _require_ending(path, kind, ".safetensors")
    tensors, metadata = containers.opened(path)
    return _arrays(path, kind, metadata.get(KEY), tensors)


def read_header(path: str | Path) -> Header | None:
    """Header of an artefact of whatever kind, without its contents; None for a file that is no artefact.

    Raises InputError for a damaged artefact, and for one of a format that this version does not read.
    """
    ending, stored = _ending(path), None
    if ending == ".parquet":
        with refusing(f"{path} is not a readable parquet table", "make it again"):
            stored = pl.read_parquet_metadata(path).get(KEY)
    elif ending == ".safetensors":
        stored = containers.metadata(path).get(KEY)
    elif ending == ".npz":
        with refusing(f"{path} is not a readable npz file", "make it again"), zipfile.ZipFile(path) as file:
            if f"{KEY}.npy" in file.namelist():
                stored = str(np.load(io.BytesIO(file.read(f"{KEY}.npy")), allow_pickle=False))
    if stored is None:
        return None
    with _refusing_damage(path, "crexpress"):
        kind = schemas.read_json(stored)["kind"]
    return _check(path, kind, stored)


def require_header(path: str | Path) -> Header:
    """`read_header`; InputError for a file that is no artefact."""
    header = read_header(path)
    if header is None:
        raise InputError(f"{path} has no crexpress header; give the file that the crexpress tool wrote")
    return header


def write_sparse(path: str | Path, arrays: Mapping[str, np.ndarray], header: Header) -> None:
    """Write the arrays of a sparse matrix as a compressed npz with its header."""
    containers.pack(path, {KEY: np.array(json.dumps(header)), **arrays})


def read_sparse(path: str | Path, kind: str) -> Arrays:
    """Read an npz written by `write_sparse`; InputError when it is not an artefact of this kind."""
    _require_ending(path, kind, ".npz")
    with refusing(f"{path} is not a readable npz file", "make it again"):
        tensors = containers.unpacked(path)
    stored = tensors.pop(KEY, None)
    return _arrays(path, kind, None if stored is None else str(stored), tensors)


def _arrays(path: str | Path, kind: str, stored: str | None, tensors: dict[str, np.ndarray]) -> Arrays:
    header = _check(path, kind, stored)
    with _refusing_damage(path, kind):
        check_tensors(kind, tensors, header)
    return Arrays(header, tensors)


@contextmanager
def _refusing_damage(path: str | Path, kind: str) -> Iterator[None]:
    """Make what a schema says an InputError about the file."""
    try:
        yield
    except schemas.Outdated as error:
        raise InputError(f"{path} was written by an earlier version: {error}") from None
    except ValueError as error:
        raise InputError(f"{path} is damaged, or no file of {kind} ({error}); make it again") from None


def _require_ending(path: str | Path, kind: str, ending: str) -> None:
    """Raise InputError for a file that is empty or of another format than artefacts of this kind."""
    found = _ending(path)
    if found != ending:
        is_what = f"a {found} file" if found else "no artefact" if Path(path).stat().st_size else "empty"
        raise InputError(f"{path} is {is_what}; a {ending} file of {kind} is needed here")


def _ending(path: str | Path) -> str:
    """Of artefacts of the format that a file begins as; "" where it is none of them."""
    with Path(path).open("rb") as file:
        start = file.read(9)
    return ".safetensors" if start[8:] == b"{" else _ENDINGS.get(start[:4], "")


def _check(path: str | Path, kind: str, stored: str | None) -> Header:
    if stored is None:
        raise InputError(f"{path} has no crexpress header; give the file that the crexpress tool wrote")
    with _refusing_damage(path, kind):
        header = schemas.read_json(stored)
        if not isinstance(header, dict) or not {"kind", "format"} <= header.keys():
            raise ValueError("its header names no kind and format")
    if header["kind"] != kind:
        raise InputError(f"{path} holds {str(header['kind'])[:40]}; a file of {kind} is needed here")
    if header["format"] != FORMAT:
        raise InputError(
            f"{path} has artefact format {str(header['format'])[:40]}, this version reads {FORMAT}; make the file again"
        )
    with _refusing_damage(path, kind):
        check_header(header)
    return cast(Header, header)
