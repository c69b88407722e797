"""Opening a bigWig: the sizes in its index are held against the file first.

pybigtools takes as much memory as the index asks for, and a size that cannot be ends the process (Kent et al. 2010,
Bioinformatics 26, supplement, has the layout).
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np

_MAGIC, _TREE, _NAMES = 0x888FFC26, 0x2468ACE0, 0x78CA8C91
_LARGEST_BLOCK = 2**28  # bytes of a block unpacked; writers use some 2**15
_LEAF = [("place", "4u4"), ("offset", "u8"), ("size", "u8")]
_NODE = [("place", "4u4"), ("offset", "u8")]


def open_bigwig(path: str | Path) -> Any:
    """pybigtools' reader; ValueError where the index points behind the end of the file, or loops."""
    import pybigtools

    with Path(path).open("rb") as file:
        head = file.read(64)
        order = next((sign for sign in "<>" if head[:4] == struct.pack(f"{sign}I", _MAGIC)), None)
        if order and len(head) == 64:  # else pybigtools says what it is
            names, _, index = struct.unpack_from(f"{order}3Q", head, 8)
            (buffer,) = struct.unpack_from(f"{order}I", head, 52)
            _check(file, order, names, index, buffer)
    return pybigtools.open(str(path))


def _check(file: Any, order: str, names: int, index: int, buffer: int) -> None:
    end = file.seek(0, 2)

    def read(at: int, size: int) -> bytes:
        if at + size > end:
            raise ValueError("its index points behind its end")
        file.seek(at)
        return bytes(file.read(size))

    magic, _, key, value, count = struct.unpack(f"{order}4IQ", read(names, 24))
    if magic != _NAMES or count * (key + value) > end:
        raise ValueError("it lists more chromosomes than it holds, or none")
    if buffer > _LARGEST_BLOCK:
        raise ValueError("its blocks are larger than they can be")
    if struct.unpack(f"{order}I", read(index, 4))[0] != _TREE:
        raise ValueError("it has no index where its header says")
    todo, seen = [index + 48], set[int]()
    while todo:
        place = todo.pop()
        if place in seen:
            raise ValueError("its index leads back to itself")
        seen.add(place)
        leaf, _, count = struct.unpack(f"{order}BBH", read(place, 4))
        kind = np.dtype([(name, form.replace("u", f"{order}u")) for name, form in (_LEAF if leaf else _NODE)])
        items = np.frombuffer(read(place + 4, count * kind.itemsize), kind)
        if not leaf:
            todo += items["offset"].tolist()
        elif count and ((items["offset"] > end) | (items["size"] > end - np.minimum(items["offset"], end))).any():
            raise ValueError("its index points behind its end")
