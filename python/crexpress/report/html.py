"""The report page: its parts put together and rendered into one file that needs nothing else."""

from collections.abc import Iterable
from pathlib import Path

import jinja2
from crexpress import __version__, artifacts
from crexpress.report import facts, findings, sections
from crexpress.report.page import Page
from crexpress.report.sections import Study

PARTS = (
    sections.data,
    sections.expression,
    sections.change,
    sections.training,
    sections.links,
    sections.gene,
    sections.provenance,
)


def build(study: Study, title: str | None = None) -> Page:
    """Everything the page shows; figures are written to `study.figures` on the way."""
    inputs = study.inputs
    made = [part(study) for part in PARTS]
    return Page(
        title=title or f"Gene expression and element-gene links: {', '.join(facts.cells(inputs))}",
        lead=findings.lead(inputs),
        tiles=findings.tiles(inputs),
        findings=findings.findings(inputs),
        sections=[section for section in made if section is not None],
        version=__version__,
    )


def render(page: Page) -> str:
    """The page as one HTML text: style and pictures are inside, no script, nothing from the network."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("crexpress.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    css, _, _ = environment.loader.get_source(environment, "page.css")  # type: ignore[union-attr]
    return environment.get_template("page.html").render(page=page, css=jinja2.utils.markupsafe.Markup(css))


def summary(page: Page) -> str:
    """The headline figures as plain text: what `make demo` prints."""
    lines = [
        page.title,
        page.lead,
        "",
        *_columns((tile.name, tile.value, tile.detail) for tile in page.tiles),
    ]
    return "\n".join([*lines, "", *(f"- {finding}" for finding in page.findings)]) + "\n"


def _columns(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    listed = list(rows)
    width = max((len(name) for name, _, _ in listed), default=0)
    return [f"{name:<{width}}  {value}  {detail}".rstrip() for name, value, detail in listed]


def write(path: Path, text: str) -> None:
    """Write a text file beside its name and rename it: a killed tool leaves nothing half-written."""
    with artifacts.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
