"""docs/tools.md runs as it stands, on the built-in simulated case."""

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tools import BIN, TOOLS

ROOT = Path(__file__).parents[3]


def section(title: str, language: str) -> str:
    """The first code block of a language in a section of docs/tools.md."""
    text = (ROOT / "docs" / "tools.md").read_text().split(f"# {title}\n")[1].split("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, f"{title} of docs/tools.md has no {language} block"
    return found[1]


@pytest.mark.slow
def test_the_tool_by_tool_section_runs(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    lines = section("Tool by tool", "bash")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = tmp_path / "results" / "by-hand"
    for name in ("report.html", "metrics.parquet", "links.cell5.parquet", "simulated/samplesheet.csv"):
        assert (results / name).stat().st_size > 0
    metrics = pl.read_parquet(results / "metrics.parquet")
    assert {"expression", "change", "links"} <= set(metrics["section"])
    used = {*TOOLS} - {"check-setup", "score-enformer"}  # of the pipeline alone; weights that do not ship
    assert {tool for tool in used if not re.search(rf"^ *{tool} ", lines, re.MULTILINE)} == set()
    python = subprocess.run(
        [sys.executable, "-c", section("Tool by tool", "python")], cwd=results, capture_output=True, text=True
    )
    assert "neighbours=32" in python.stdout, python.stderr


@pytest.mark.slow
def test_every_tool_answers_version() -> None:
    """As a program of its own; in one process, as importing takes a second."""
    code = (
        "import contextlib, runpy, sys\n"
        "for path in sys.argv[1:]:\n"
        "    sys.argv = [path, '--version']\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        runpy.run_path(path, run_name='__main__')\n"
    )
    paths = [BIN / tool for tool in TOOLS]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    answers = done.stdout.splitlines()
    assert len(answers) == len(TOOLS), done.stderr
    for tool, answer in zip(TOOLS, answers, strict=True):
        assert re.fullmatch(rf"{tool} \(crexpress\) \d+\.\d+\.\d+", answer), answer
