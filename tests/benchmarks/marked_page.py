"""The part of a page in docs that a program makes anew, between two marks."""

from pathlib import Path


def put(page: Path, text: str, marks: tuple[str, str]) -> None:
    """Replace what stands between the marks, each of which the page must hold once."""
    begin, end = marks
    whole = page.read_text()
    if whole.count(begin) != 1 or whole.count(end) != 1:
        raise SystemExit(f"Error: {page} must hold the lines {begin} and {end} once")
    page.write_text(whole[: whole.index(begin) + len(begin)] + f"\n\n{text}\n\n" + whole[whole.index(end) :])
