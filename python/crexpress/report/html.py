"""The report page: its parts put together and rendered into one file that needs nothing else."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from crexpress import __version__
from crexpress.core import files
from crexpress.report import called, facts, findings, headline, parts, style, verdict
from crexpress.report.page import Page
from crexpress.report.study import Study


def build(study: Study, title: str | None = None, files: Sequence[tuple[str, str]] = ()) -> Page:
    """Everything the page shows; figures go to `study.figures` on the way. `files` are (path, name) to open."""
    listed = parts.ordered()
    made = [part.section(study) for part in listed]
    cells = facts.cells(study.inputs)
    named = ", ".join(cells) if len(cells) <= 3 else f"{len(cells)} cells"
    return Page(
        title=title or f"Gene expression and element-gene links: {named}",
        lead=headline.lead(study),
        tiles=[*headline.tiles(study), *(tile for part in listed for tile in part.tiles(study))],
        verdict=verdict.sentences(study),
        findings=[*findings.findings(study), *(told for part in listed for told in part.findings(study))],
        sections=[section for section in made if section is not None],
        version=__version__,
        files=files,
        called=called.of_environment(),
    )


def render(page: Page) -> str:
    """The page as one HTML text: style, pictures, data and the script are inside, nothing comes from the network.

    The policy in its head lets that one script run and nothing else, and forbids every request.
    """
    loader = jinja2.PackageLoader("crexpress.report", "")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["on_page"] = style.on_page
    environment.filters["breakable"] = _breakable
    css, script = (Markup(loader.get_source(environment, name)[0]) for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
    template = environment.get_template("page.html")
    return template.render(page=page, css=css, script=script, digest=digest) + "\n"


def _breakable(text: str) -> Markup:
    """A name that may be broken after its underscores, as ids of elements may be longer than a column is wide."""
    return Markup("_<wbr>").join(text.split("_"))


def summary(page: Page) -> str:
    """The headline figures as plain text: what `make demo` prints."""
    width = max((len(tile.name) for tile in page.tiles), default=0)
    figures = [f"{tile.name:<{width}}  {tile.value}  {'; '.join(tile.details)}".rstrip() for tile in page.tiles]
    return (
        "\n".join([page.title, page.lead, "", *figures, "", *(f"- {text}" for text in [*page.verdict, *page.findings])])
        + "\n"
    )


def write(path: Path, text: str) -> None:
    """Write a text file beside its name and rename it: a killed tool leaves nothing half-written."""
    with files.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
