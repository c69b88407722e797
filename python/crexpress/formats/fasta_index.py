"""Whether the index of a FASTA (.fai, and .gzi of a bgzipped one) is of this file: a stale one gives other bases.

htslib looks at none of this: it opens the index that is there, and reads wherever that points to.
"""

import os
import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

_NAME = 10_000  # longest line of a name that is looked for, bytes
_HEAD, _BLOCK = 18, 2**16  # bytes of a bgzip block's header, and the most that a block has (SAM specification, 4.1)
Read = Callable[[int, int], bytes]


def fits(path: Path, index: Path, blocks: Path | None) -> bool:
    """Whether every sequence of the index begins behind its own name in the file, and ends where the next one begins.

    blocks: the .gzi of a bgzipped file. An index that is older than its file does not fit, whatever it says.
    """
    made_of = path.stat().st_mtime_ns
    if any(part.stat().st_mtime_ns < made_of for part in (index, blocks) if part):
        return False
    file = os.open(path, os.O_RDONLY)
    try:
        read = _unpacked(file, blocks) if blocks else lambda start, size: os.pread(file, size, start)
        return _is_of(index.read_text(), read)
    except (OSError, ValueError, struct.error, zlib.error, OverflowError):
        return False
    finally:
        os.close(file)


def _is_of(index: str, read: Read) -> bool:
    end, names = 0, set[str]()
    for line in index.splitlines():
        name, *fields = line.split("\t")
        length, offset, bases, width = map(int, fields[:4])
        if name in names or length < 0 or not 0 < offset - end < _NAME or (length and not 0 < bases < width):
            return False
        names.add(name)
        if not re.fullmatch(rb"\s*>" + re.escape(name.encode()) + rb"(\s[^\n]*)?\n", read(end, offset - end)):
            return False
        whole, rest = divmod(length, bases) if length else (0, 0)
        first = read(offset, min(width, _BLOCK)) if whole else b""
        if first[:bases].split() != [first[:bases]] * bool(first) or first[bases:].strip():
            return False
        end = offset + whole * width + rest
        last = end - 1 if rest else end - 1 - (width - bases)
        if length and not read(last, 1).strip():  # cut off
            return False
    return bool(names) and not read(end, _NAME).strip()


def _unpacked(file: int, blocks: Path) -> Read:
    """A reader of the text in a bgzipped file; ValueError unless the .gzi lists its blocks."""
    packed, begins = _walk(file)
    data = blocks.read_bytes()
    pairs = [number for pair in zip(packed[1:], begins[1:], strict=True) for number in pair]
    listed = len(pairs) // 2
    for count in (listed, listed - 1):  # with or without the empty block at the end
        if count >= 0 and data == struct.pack(f"<{1 + 2 * count}Q", count, *pairs[: 2 * count]):
            break
    else:
        raise ValueError

    def read(start: int, size: int) -> bytes:
        at = bisect_right(begins, start) - 1
        text, skip = b"", start - begins[at]
        while len(text) < skip + size and at < len(packed):
            text += zlib.decompress(os.pread(file, _BLOCK, packed[at]), 31)
            at += 1
        return text[skip : skip + size]

    return read


def _walk(file: int) -> tuple[list[int], list[int]]:
    """Where each block of a bgzipped file begins, in the file and in its text."""
    packed, begins, place, text = list[int](), list[int](), 0, 0
    while head := os.pread(file, _HEAD, place):
        packed.append(place)
        begins.append(text)
        place += struct.unpack_from("<H", head, 16)[0] + 1
        text += struct.unpack("<I", os.pread(file, 4, place - 4))[0]
    return packed, begins
