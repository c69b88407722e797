"""Arrays in safetensors and npz files, of whose heads nothing is believed that their bytes do not bear out."""

import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from crexpress.core import schemas
from crexpress.core.errors import InputError
from crexpress.core.files import replacing

_DTYPES = {"U8": "<u1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
_LONGEST_HEADER = 100_000_000  # bytes, of safetensors
_DEFLATED = 1032  # bytes that deflate makes of one, at best
_NAMES = {np.dtype(numpy_name): name for name, numpy_name in _DTYPES.items()}


def opened(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read-only memory maps of a safetensors file and its metadata; InputError for a damaged one."""
    with _refusing(path):
        start, entries = _entries(path)
        return _mapped(Path(path), entries, start, "r"), dict(entries.get("__metadata__", {}))


def metadata(path: str | Path) -> dict[str, str]:
    """Metadata of a safetensors file; InputError for a damaged one."""
    with _refusing(path):
        return dict(_entries(path)[1].get("__metadata__", {}))


@contextmanager
def _refusing(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a readable safetensors file ({error}); make it again") from None


def _entries(path: str | Path) -> tuple[int, dict[str, Any]]:
    """Where the tensors of a safetensors file begin, and what its head says of them; else ValueError or the like."""
    with Path(path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_LONGEST_HEADER, os.fstat(file.fileno()).st_size - 8):
            raise ValueError("no header")
        return 8 + length, schemas.read_json(file.read(length))


@contextmanager
def created(
    path: str | Path,
    specs: Mapping[str, tuple[Any, tuple[int, ...]]],
    metadata: Callable[[], Mapping[str, str]],
    room: int = 0,
) -> Iterator[dict[str, np.ndarray]]:
    """Writable memory maps {name: (dtype, shape)} of a new safetensors file, for arrays larger than memory.

    `metadata` is asked again at the end, for what is known only when the arrays are filled: it may then be `room` bytes
    longer, else ValueError.
    """
    about: dict[str, Any] = {"__metadata__": dict(metadata())}
    offset = 0
    for name, (dtype, shape) in specs.items():
        size = int(np.dtype(dtype).itemsize * np.prod(shape, dtype=np.int64))
        about[name] = {
            "dtype": _NAMES[np.dtype(dtype)],
            "shape": list(shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(about).encode()
    text += b" " * (room + -(len(text) + room) % 8)  # keeps every tensor aligned
    with replacing(path) as temporary:
        with temporary.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            if offset:  # reserve the blocks now: a full disk must raise here, not kill the process in a page fault
                os.posix_fallocate(file.fileno(), file.tell(), offset)
        tensors = _mapped(temporary, about, 8 + len(text), "r+")
        yield tensors
        for tensor in tensors.values():
            if isinstance(tensor, np.memmap):
                tensor.flush()
        last = json.dumps(about | {"__metadata__": dict(metadata())}).encode()
        if len(last) > len(text):
            raise ValueError(f"{path}: its metadata grew by more than {room} bytes")
        with temporary.open("r+b") as file:
            file.seek(8)
            file.write(last.ljust(len(text)))


def _mapped(path: Path, entries: Mapping[str, Any], start: int, mode: Any) -> dict[str, np.ndarray]:
    """Memory maps of the tensors, which lie one behind the other as they are listed and fill the file; else ValueError.

    So no header can give a tensor another's bytes.
    """
    tensors: dict[str, np.ndarray] = {}
    end, size = 0, path.stat().st_size - start
    for name, entry in entries.items():
        if name == "__metadata__":
            continue
        dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(entry["shape"])
        if not all(type(length) is int and length >= 0 for length in shape):
            raise ValueError(f"{name} has the shape {shape}")
        begin, end = end, end + dtype.itemsize * math.prod(shape)
        if entry["data_offsets"] != [begin, end] or end > size:
            raise ValueError(f"the bytes of {name} are not where they should be, or cut off")
        if 0 in shape:  # an empty file region cannot be mapped
            tensors[name] = np.empty(shape, dtype)
        else:
            tensors[name] = np.memmap(path, dtype, mode, start + begin, shape)
    if end != size:
        raise ValueError(f"it holds {size} bytes, not the {end} of its tensors")
    return tensors


def pack(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as a compressed npz.

    Not by numpy, which asks for ZIP64 entries: releases of Python 3.11 write those differently.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue(), zipfile.ZIP_DEFLATED)


def unpacked(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays of an npz; ValueError where a size in it is more than its file can hold."""
    tensors: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(path) as file:
        for entry in file.infolist():
            if entry.file_size > _DEFLATED * entry.compress_size + 1024:
                raise ValueError(f"{entry.filename} cannot be {entry.file_size} bytes long")
            content = file.read(entry)  # whole, so that its checksum is looked at
            try:
                array = np.load(io.BytesIO(content), allow_pickle=False)
            except MemoryError:
                raise ValueError(f"{entry.filename} cannot be as large as it says") from None
            tensors[entry.filename.removesuffix(".npy")] = array
    return tensors
