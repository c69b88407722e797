"""What a part of the report is: a section, and what it adds to the headline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crexpress.report.page import Section, Tile
from crexpress.report.study import Study


def _nothing(_study: Study) -> Sequence[Tile]:
    return ()


def _silent(_study: Study) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Part:
    """`section` makes the part's place on the page (None: the run has nothing for it); `tiles` and `findings` are added
    to those under the headline. All are functions of the `Study`.
    """

    section: Callable[[Study], Section | None]
    tiles: Callable[[Study], Sequence[Tile]] = _nothing
    findings: Callable[[Study], Sequence[str]] = _silent
