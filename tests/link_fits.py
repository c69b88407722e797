"""Options of fit-links for the made-up case of link_case.py."""

from pathlib import Path
from typing import Any

from link_case import Case, write

TRACKS = ("ctcf", "dnase", "h3k27ac")


def options(case: Case, folder: Path, **change: Any) -> list[Any]:
    """Options of the tools for the case's files, without its links."""
    given = write(case, folder, **({"tracks": TRACKS} | change))
    return given[:6]
