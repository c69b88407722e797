"""docs/science.md names switches and tests: they exist, and every row of ScPGE's and CREaTor's is there."""

import json
import re
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import click
import pytest

from crexpress import cli
from crexpress.models.config import ModelConfig
from crexpress.training.config import TrainingConfig
from tools import TOOLS

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/science.md").read_text()
TESTS = {path.stem: path.read_text() for path in (ROOT / "tests/python").rglob("test_*.py")}


def rows(title: str) -> list[list[str]]:
    """Cells of the first table of a section: row, what, paper or code, default, other forms, test."""
    section = TEXT.split(f"## {title}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


ROWS = rows("Data") + rows("Model") + rows("CREaTor")


@cache
def options(tool: str) -> dict[str, set[str] | None]:
    """Long options of a tool, or parameters of the pipeline, with their choices where they have any."""
    if tool == "nextflow":
        groups = json.loads((ROOT / "nextflow_schema.json").read_text())["$defs"].values()
        known = {f"--{name}": value.get("enum") for group in groups for name, value in group["properties"].items()}
        return {name: set(choices) if choices else None for name, choices in known.items()}
    loader = SourceFileLoader(tool.replace("-", "_"), str(ROOT / "bin" / tool))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return {
        name: set(option.type.choices) if isinstance(option.type, click.Choice | cli.Registered) else None
        for option in module.main.params
        for name in (*option.opts, *option.secondary_opts)
    }


def test_every_row_has_its_cells() -> None:
    assert all(len(row) == 6 for row in ROWS), [row[:2] for row in ROWS if len(row) != 6]


def test_rows_1_to_16_of_scpge_are_all_there() -> None:
    numbers = {row[0] for row in ROWS}
    assert {str(number) for number in range(1, 17)} <= numbers


def test_rows_of_creator_are_all_there_and_shown_by_a_test() -> None:
    found = rows("CREaTor")
    assert [row[0] for row in found] == [f"C{number}" for number in range(1, 15)]
    assert all("::" in row[5] for row in found)


@pytest.mark.parametrize("row", ROWS, ids=[row[1] for row in ROWS])
def test_switches_exist(row: list[str]) -> None:
    tool = ""
    for span in re.findall("`([^`]+)`", row[4]):
        words = span.split()
        tool = words[0] if words[0] in [*TOOLS, "nextflow"] else tool
        known = options(tool) if tool else {}
        for word, following in zip(words, [*words[1:], ""], strict=True):
            if word.startswith("--"):
                assert word in known, f"{tool or 'no tool'} has no {word}"
                choices = known[word]
                assert not (choices and following) or following in choices, f"{tool} {word} takes no {following}"
    for name in re.findall("(?:setting|preset) `([a-z_]+)`", row[4]):
        assert hasattr(ModelConfig(), name) or hasattr(TrainingConfig(), name), f"there is no setting {name}"
    for name in re.findall("preset `((?:scpge|creator)[a-z-]*)`", row[4]):
        assert (ROOT / f"python/crexpress/models/presets/{name}.json").exists(), f"there is no preset {name}"


@pytest.mark.parametrize("row", ROWS, ids=[row[1] for row in ROWS])
def test_tests_exist(row: list[str]) -> None:
    module = ""
    for span in re.findall("`([^`]+)`", row[5]):
        module, _, name = span.rpartition("::") if "::" in span else (module, "", span)
        assert f"def {name}(" in TESTS.get(module, ""), f"{module or 'no file'} has no {name}"
    number = row[0]
    if number.isdigit() and int(number) <= 16:
        assert module, "rows of the papers are shown by a test"
