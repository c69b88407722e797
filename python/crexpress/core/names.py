"""Names and lists of names that users give."""

import re
from itertools import accumulate

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a cell, a track, a point: files are named after them

GENE_ID = r"^ENS[A-Z]*G\d+"  # of Ensembl, which tables hold in columns of symbols as well


def listed(text: str | None) -> list[str]:
    """ "a,b" -> ["a", "b"]; nothing -> []."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def plain(name: str) -> str:
    """A cell's name without case, hyphens, blanks and the like: HeLa-S3 and helas3 are one."""
    return re.sub(r"[\W_]", "", name.lower())


def akin(one: str, other: str) -> bool:
    """Whether two names may well be of one cell: the same but for spelling, or one the other's first words (HeLa and
    HeLa-S3, K562 and K562_rep2; not cell1 and cell10, nor a single letter and what begins with it).
    """
    short, long = sorted((one, other), key=lambda name: len(plain(name)))
    starts = accumulate(re.findall(r"[^\W\d_]+|\d+", long.lower()))
    return plain(short) == plain(long) or (len(plain(short)) > 1 and plain(short) in starts)


def is_whole(text: str) -> bool:
    """Whether text is a whole number that int() takes: digits 0-9 (str.isdigit knows more, as ²), at most 18."""
    return text.isascii() and text.isdigit() and len(text) <= 18
