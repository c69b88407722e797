"""Commands of the pages and of the README: every parameter and option in them exists, Python of the tutorial runs."""

import json
import re
import shlex
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from report_case import Run
from tiny_case import TinyCase
from tools import TOOLS

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NEXTFLOW = {"profile", "resume", "c", "params-file", "work-dir", "stub"}  # its own, with one dash
NO_PARAMETERS = {"help", "version"}


def parameters() -> set[str]:
    groups = json.loads((ROOT / "nextflow_schema.json").read_text())
    found = groups.get("$defs") or groups["definitions"]
    return {name for group in found.values() for name in group["properties"]}


def commands(page: Path) -> list[list[str]]:
    """Indented or fenced lines of a page that call Nextflow or a tool of ours, as words."""
    text = re.sub(r"\\\n\s*", " ", page.read_text())
    lines = re.findall(r"^    +(\S.*)$", text, re.MULTILINE)
    for block in re.findall(r"```(?:bash|sh)?\n(.*?)```", text, re.DOTALL):
        lines += block.splitlines()
    found = []
    for line in lines:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        if words[:2] == ["nextflow", "run"] or (words and words[0] in TOOLS):
            found.append(words)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_parameter_and_option_of_a_page_exists(page: Path) -> None:
    known, wrong = parameters() | NO_PARAMETERS, []
    options: dict[str, set[str]] = {}
    for words in commands(page):
        if words[0] == "nextflow":
            names = [word[2:].split("=")[0] for word in words if re.match(r"--[a-z]", word)]
            wrong += [f"--{name}" for name in names if name not in known]
            names = [word[1:] for word in words[2:] if re.fullmatch(r"-[a-z][a-z-]*", word)]
            wrong += [f"-{name}" for name in names if name not in NEXTFLOW]
            continue
        tool = words[0]
        if tool not in options:
            command = run_path(str(ROOT / "bin" / tool))["main"]
            options[tool] = {
                name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]
            }
        own = words[: words.index("--")] if "--" in words else words
        wrong += [f"{tool} {word}" for word in own if re.match(r"--[a-z]", word) and word not in options[tool]]
    assert wrong == []


def test_the_pages_have_commands_to_test() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 40


@pytest.mark.slow
def test_the_python_of_the_tutorial_runs(tiny: TinyCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tools import train

    (tmp_path / "results").mkdir()
    for path in [tiny.elements, tiny.genes, *map(tiny.signals, "ABC"), *map(tiny.expression, "ABC")]:
        (tmp_path / "results" / path.name).symlink_to(path)
    done = train(tiny, tmp_path / "results" / "model", "--steps", 10, "--layers", 1)
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "tutorial-python.md").read_text(), re.DOTALL):
        exec(compile(block, "docs/tutorial-python.md", "exec"), names)
    assert "mean-signal" in list(names["ENCODERS"])
    names["ENCODERS"]._registered.pop("mean-signal")  # other tests know the shipped ones alone


def test_the_report_of_a_study_draws_the_genes_asked_for(tiny: TinyCase, tmp_path: Path) -> None:
    """Tutorial 2, step 5."""
    from report_case import invoke

    run = Run(tiny, tmp_path)
    options = ["--elements", tiny.elements, "--genes", tiny.genes, "--predictions", tmp_path / "predictions.A.parquet"]
    options += ["--links", tmp_path / "links.A.parquet", "--gene", "NAME7,G94", "--outdir", tmp_path / "out"]
    done = invoke(*options)
    assert done.exit_code == 0, done.output
    drawn = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert {f"locus-{name}.{kind}" for name in ("NAME7", "NAME94") for kind in ("svg", "png", "pdf")} <= drawn
    assert "NAME7" in (tmp_path / "out" / "figures" / "locus-NAME7.svg").read_text()  # text is text
    assert run.folder == tmp_path
