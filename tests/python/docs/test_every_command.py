"""Every command line of the pages runs in a test, or stands among those that cannot run here, with the reason."""

from collections import Counter

from page_lines import NEXTFLOW, NOT_HERE, RUN
from pages import PAGES, ROOT, commands, of_other_programs


def fitting(page: str, words: list[str]) -> list[str]:
    """The entries of the register that a line is in, as texts."""
    said = " ".join(words)
    found = [f"{line.page} {line.holding}" for line in NEXTFLOW if line.page == page and line.of(words)]
    for register in (RUN, NOT_HERE):
        own = [(where, start) for where, start in register if where in ("", page) and said.startswith(start)]
        longest = max(map(len, own and [start for _, start in own]), default=0)
        found += [" ".join(key) for key in own if len(key[1]) == longest]
    return found


def test_every_line_is_in_the_register_once_and_no_entry_is_idle() -> None:
    used: Counter[str] = Counter()
    wrong = []
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        for words in [*commands(page), *(line.split() for line in of_other_programs(page))]:
            found = fitting(name, words)
            used.update(found)
            if len(found) != 1:
                wrong.append((name, " ".join(words)[:80], found))
    assert wrong == [], "add the line to tests/page_lines.py, and the test that runs it"
    known = {f"{line.page} {line.holding}" for line in NEXTFLOW} | {" ".join(key) for key in (*RUN, *NOT_HERE)}
    assert known - set(used) == set(), "no line of a page is this one"
    several = {f"{line.page} {line.holding}" for line in NEXTFLOW if used[f"{line.page} {line.holding}"] != 1}
    assert several == set(), "these words are of several lines"


def test_the_tests_that_run_lines_are_there() -> None:
    for test in RUN.values():
        file, name = test.split("::")
        assert f"def {name}(" in (ROOT / file).read_text(), test


def test_a_line_that_is_nowhere_would_be_seen() -> None:
    assert fitting("docs/usage.md", ["train", "--study", "x"]) == []
    assert fitting("docs/usage.md", ["docker", "run", "x"]) == ["docs/usage.md docker"]
    assert fitting("README.md", ["nextflow", "run", ".", "--samplesheet", "other.csv"]) == []
