"""What a report page is made of: sections of paragraphs, tables and pictures."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from crexpress.report import style
from crexpress.report.called import Called
from crexpress.report.metrics import Figure


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` is "plain", "heading" or "warning"."""

    text: str
    tone: str = "plain"
    kind: str = "text"


@dataclass(frozen=True)
class TableCell:
    """A table cell: the main text, smaller text under it, whether it is a number and whether it is the best; `gene`
    makes it a link to that gene in "Find a gene".
    """

    text: str
    small: str = ""
    numeric: bool = False
    best: bool = False
    colour: str = ""
    gene: str = ""


@dataclass(frozen=True)
class Table:
    """A table; `groups` are (title, number of columns) above the column names, the first column is the row's name.
    A folded table shows its caption until a reader opens it."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[TableCell]]
    groups: Sequence[tuple[str, int]] = ()
    folded: bool = False
    kind: str = "table"

    @property
    def labels(self) -> list[str]:
        """The name of each column with that of its group: what a cell says by itself on a small screen."""
        titles = [title for title, span in self.groups for _ in range(span)] or [""] * len(self.columns)
        return [f"{title}: {name}" if title else name for title, name in zip(titles, self.columns, strict=True)]


@dataclass(frozen=True)
class Picture:
    """A figure as SVG, with the text for those who cannot see it."""

    name: str
    svg: bytes
    alt: str
    caption: str
    kind: str = "picture"

    @property
    def source(self) -> str:
        """The picture as a data URI: the page needs no other file."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


@dataclass(frozen=True)
class Finder:
    """The search for a gene: `data` of all genes as `embed.pack` writes them, the gene shown first."""

    data: str
    first: str
    kind: str = "finder"


@dataclass(frozen=True)
class Scatter:
    """A plot of the test genes of one of these cells, which scripts draw from the finder's data."""

    cells: Sequence[str]
    kind: str = "scatter"


@dataclass(frozen=True)
class Curves:
    """Lines to choose among, which scripts draw: see `curves` of page.js."""

    data: str
    kind: str = "curves"


@dataclass(frozen=True)
class Code:
    """Text to copy: a methods section, references."""

    anchor: str
    title: str
    text: str
    kind: str = "code"


@dataclass(frozen=True)
class Bars:
    """One histogram: numbers by class, (name, number)."""

    caption: str
    rows: Sequence[tuple[str, int]]

    @property
    def most(self) -> int:
        """The largest number."""
        return max((number for _, number in self.rows), default=1) or 1


@dataclass(frozen=True)
class Histograms:
    """Histograms side by side, as tables with bars: readable without a picture."""

    several: Sequence[Bars]
    kind: str = "bars"


Block = Text | Table | Picture | Finder | Scatter | Curves | Code | Histograms


@dataclass(frozen=True)
class Section:
    """One part of the page, with its entry in the table of contents; `folded` until a reader opens it."""

    anchor: str
    title: str
    blocks: Sequence[Block]
    folded: bool = False


@dataclass(frozen=True)
class Tile:
    """One headline figure, with a line or two of what to hold it against."""

    value: str
    name: str
    details: Sequence[str]


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    lead: str
    tiles: Sequence[Tile]
    findings: Sequence[str]
    sections: Sequence[Section]
    version: str
    files: Sequence[tuple[str, str]] = ()  # (path from the page, what it is called) of files to open
    verdict: Sequence[str] = ()
    called: Called | None = None


def measured(figure: Figure | None, best: bool = False, digits: int = 3) -> TableCell:
    """Cell of one figure with its interval."""
    if figure is None:
        return TableCell(style.DASH, numeric=True)
    return TableCell(
        style.number(figure.value, digits),
        style.interval(figure.low, figure.high, digits),
        numeric=True,
        best=best,
    )


def figure_table(
    caption: str,
    head: str,
    rows: Sequence[tuple[str, str]],
    columns: Sequence[tuple[str, Sequence[Figure | None], bool]],
    groups: Sequence[tuple[str, int]] = (),
    folded: bool = False,
) -> Table:
    """Table of figures: `rows` are (name, colour), `columns` (title, figures, higher is better); best in bold."""
    cells: list[list[TableCell]] = [[TableCell(name, colour=colour)] for name, colour in rows]
    for _, figures, higher in columns:
        values = [figure.value for figure in figures if figure is not None]
        top = (max(values) if higher else min(values)) if len(values) > 1 else None
        for row, figure in zip(cells, figures, strict=True):
            row.append(measured(figure, best=figure is not None and figure.value == top))
    return Table(caption, [head, *(title for title, _, _ in columns)], cells, groups, folded)
