"""Damage as files have it: flipped bits, cuts, swaps, and for text fields, lines and numbers that cannot be."""

import gzip
import random
import zlib
from collections.abc import Callable

# what stands in a field, a header or a JSON where something else should
WORDS = (
    *("", " ", "NA", "nan", "NaN", "inf", "-inf", "Infinity", "1e999", "-1", "-0", "0", "1.5", "1e5", "1_000"),
    *("\u0661\u0662", "\u00b2"),
    *("9" * 20, "9" * 5_000, "4294967296", "9223372036854775807", "-9223372036854775808", "0x10", "1,5", "1.234,5"),
    *("chr1", "1", "chrUn_KI270742v1", "NC_000001.11", "chr1:1-2", ".", "*", "+", "-", "?", "TRUE", "None", "null"),
    *("[]", "{}", '""', '"', "'", "\\", "\t", "\r", "\x00", "\x1b[31m", "\ufeff", "é", "名"),
    *("$(touch X)", "`touch X`", "; rm -rf X", "../../X", "/dev/null", "<img src=x onerror=alert(1)>", "a" * 10_000),
    *("true", "!!python/object/apply:os.system [touch X]", "2026-99-99", "=1+1", "{" * 200, "[" * 5_000, "&a [*a]"),
)  # fmt: skip


def mutate(content: bytes, rng: random.Random, text: bool) -> bytes:
    """One or a few mutations of a file; of a gzipped text what is inside as often as what is outside."""
    if text and content[:2] == b"\x1f\x8b" and rng.random() < 0.6:
        return gzip.compress(mutate(gzip.decompress(content), rng, True), mtime=0)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        how = rng.choice(_TEXT if text and rng.random() < 0.8 else _BYTES)
        content = how(content, rng) if content else rng.randbytes(rng.randrange(40))
    return content


def _flip(content: bytes, rng: random.Random) -> bytes:
    data, place = bytearray(content), rng.randrange(len(content))
    data[place] ^= 1 << rng.randrange(8)
    return bytes(data)


def _head_flip(content: bytes, rng: random.Random) -> bytes:
    """In the first or the last bytes, where headers lie."""
    data, near = bytearray(content), min(len(content), 400)
    place = rng.randrange(near) if rng.random() < 0.5 else len(content) - 1 - rng.randrange(near)
    data[place] = rng.randrange(256)
    return bytes(data)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _swap(content: bytes, rng: random.Random) -> bytes:
    data, size = bytearray(content), rng.randrange(1, 32)
    first, second = (rng.randrange(len(content)) for _ in range(2))
    data[first : first + size], data[second : second + size] = data[second : second + size], data[first : first + size]
    return bytes(data)


def _large(content: bytes, rng: random.Random) -> bytes:
    """A length or a count that cannot be, as a binary header would have it."""
    data, place = bytearray(content), rng.randrange(len(content))
    size = rng.choice((2, 4, 8))
    number = rng.choice((0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1)))
    data[place : place + size] = number.to_bytes(size, rng.choice(("little", "big")))
    return bytes(data)


def _stretch(content: bytes, rng: random.Random) -> bytes:
    """Taken out, or there twice."""
    low = rng.randrange(len(content))
    high = min(len(content), low + rng.choice((1, 7, 100, 5_000)))
    return content[:low] + content[low:high] * rng.choice((0, 2)) + content[high:]


def _other_file(content: bytes, rng: random.Random) -> bytes:
    return rng.choice((b"", b"\n", b"PK\x03\x04" + content, zlib.compress(content), content.hex().encode(), b"\0" * 900,
                       b"<html><body>404 Not Found</body></html>\n", "größe\n".encode("latin-1"),
                       content[:2_000].decode("latin-1").encode("utf-16")))  # fmt: skip


def _word(content: bytes, rng: random.Random) -> bytes:
    """A field, or what lies between two marks, is another word."""
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    mark = rng.choice([mark for mark in (b"\t", b",", b" ", b";", b":", b'"') if mark in lines[at]] or [b"\t"])
    fields = lines[at].split(mark)
    fields[rng.randrange(len(fields))] = rng.choice(WORDS).encode("utf-8", "replace")
    lines[at] = mark.join(fields)
    return b"\n".join(lines)


def _column(content: bytes, rng: random.Random) -> bytes:
    """The same word, or nothing, in a whole column: what a wrong export has."""
    lines = content.split(b"\n")
    mark = b"\t" if b"\t" in content else b"," if b"," in content else b" "
    column, word = rng.randrange(8), rng.choice(WORDS[:50]).encode("utf-8", "replace")
    for at, line in enumerate(lines):
        fields = line.split(mark)
        if column < len(fields):
            fields[column : column + 1] = [] if rng.random() < 0.01 else [word]
        lines[at] = mark.join(fields)
    return b"\n".join(lines)


def _lines(content: bytes, rng: random.Random) -> bytes:
    """A line is gone, there twice, elsewhere, or joined with the next."""
    lines = content.split(b"\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(to, lines[at])
    elif how == 2:
        lines[at], lines[to] = lines[to], lines[at]
    elif at + 1 < len(lines):
        lines[at : at + 2] = [lines[at] + lines[at + 1]]
    return b"\n".join(lines)


def _marks(content: bytes, rng: random.Random) -> bytes:
    """Other separators, line ends, quotes."""
    return content.replace(*rng.choice(_MARKS))


_MARKS = (
    *((b"\t", b","), (b"\t", b" "), (b",", b";"), (b"\n", b"\r\n"), (b"\n", b"\r"), (b"\t", b"\t\t"), (b".", b",")),
    *((b"chr", b""), (b"\t", b'"\t"'), (b"\n", b"\t\n"), (b" ", b"\t")),
)
_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _flip, _head_flip, _head_flip, _cut, _swap, _large, _large, _stretch),
    _other_file,
)
_TEXT = (_word, _word, _word, _column, _lines, _marks, _stretch)
