"""The pages of docs and the README: links lead somewhere, tools and options exist, the README stays short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WORDS = 500  # of the README: what a newcomer reads before the first run


def anchors(page: Path) -> set[str]:
    """Names of a page's headings as GitHub makes them."""
    titles = re.findall(r"^#+ +(.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if page.parent == ROOT / "docs" and not file.is_relative_to(page.parent):
            lost.append(f"{target} (not on the site, which is docs/ alone)")
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(target)
    assert lost == []


def test_every_page_is_named_in_the_list_of_pages() -> None:
    listed = (ROOT / "docs" / "README.md").read_text()
    site = (ROOT / "mkdocs.yml").read_text()
    for page in PAGES[1:]:
        assert page.name == "README.md" or f"({page.name})" in listed
        assert f"- {page.name}\n" in site


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= WORDS
