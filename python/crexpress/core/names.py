"""Names and lists of names that users give."""

import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a cell, a track, a point: files are named after them


def listed(text: str | None) -> list[str]:
    """ "a,b" -> ["a", "b"]; nothing -> []."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def is_whole(text: str) -> bool:
    """Whether text is a whole number that int() takes: digits 0-9 (str.isdigit knows more, as ²), at most 18."""
    return text.isascii() and text.isdigit() and len(text) <= 18
