"""The command `crexpress`, what pip puts on PATH, and that importing the library leaves its caller's process alone."""

import logging
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from click.testing import CliRunner

from crexpress.cli.main import GONE, main
from crexpress.command import PACKAGES
from crexpress.core import log
from tiny_case import TinyCase
from tools import TOOLS

ROOT = Path(__file__).parents[3]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )


def test_help_lists_every_tool_on_a_line() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output.splitlines()
    listed = shown[shown.index("Tools:") + 1 :]
    assert [line.split()[0] for line in listed[: len(TOOLS)]] == TOOLS
    assert all(len(line.split()) > 3 and line.rstrip().endswith(".") for line in listed[: len(TOOLS)])


def test_a_tool_runs_as_its_executable_does(tiny: TinyCase, tmp_path: Path) -> None:
    given = ["--elements", str(tiny.elements), "--genes", str(tiny.genes)]
    for cell in ("A", "B"):
        given += ["--signals", str(tiny.signals(cell)), "--expression", str(tiny.expression(cell))]
    fit = ["--val", "chr2", "--test", "chr3"]
    result = CliRunner().invoke(main, ["fit-baselines", *given, *fit, "--outdir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"baselines.A.parquet", "baselines.B.parquet"}
    wrong = CliRunner().invoke(main, ["fit-baselines", *given, "--val", "chr77", "--outdir", str(tmp_path)])
    assert (wrong.exit_code, "chr77" in wrong.output) == (65, True)
    assert "No such command 'trian'" in CliRunner().invoke(main, ["trian"]).output


def test_a_tool_that_there_was_answers_with_what_took_its_place() -> None:
    result = CliRunner().invoke(main, ["combine-links", "--links", "links.K562.parquet"])
    assert (result.exit_code, "Error: combine-links is gone: score-links gives" in result.output) == (2, True)
    assert not set(GONE) & set(TOOLS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_tools_and_options(shell: str) -> None:
    call = "from crexpress.cli.main import main; main(prog_name='crexpress')"
    source = python_completion(call, f"{shell}_source")
    assert "_CREXPRESS_COMPLETE" in source
    words = {"COMP_WORDS": "crexpress fit-b", "COMP_CWORD": "1" if shell != "fish" else "fit-b"}
    assert "fit-baselines" in python_completion(call, f"{shell}_complete", **words)
    words = {
        "COMP_WORDS": "crexpress fit-baselines --hold",
        "COMP_CWORD": "2" if shell != "fish" else "--hold",
    }
    assert "--holdout-cells" in python_completion(call, f"{shell}_complete", **words)


def python_completion(call: str, instruction: str, **words: str) -> str:
    environment = os.environ | {"_CREXPRESS_COMPLETE": instruction} | words
    return subprocess.run([sys.executable, "-c", call], env=environment, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_pip_installs_one_command_that_has_every_tool(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("bin", "python"):
        shutil.copytree(ROOT / folder, source / folder, symlinks=True, ignore=ignored)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # without the internet where the build tool is here already
    here = "import setuptools, sys; sys.exit(int(setuptools.__version__.split('.')[0]) < 77)"
    built = subprocess.run([sys.executable, "-c", here], capture_output=True).returncode == 0
    alone = ["--no-build-isolation"] if built else []
    subprocess.run([*pip, "wheel", "--no-deps", *alone, "--wheel-dir", tmp_path, source], check=True)
    [wheel] = tmp_path.glob("*.whl")
    place = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", place, wheel], check=True)
    assert [path.name for path in (place / "bin").iterdir()] == ["crexpress"]
    installed = place / "crexpress" / "bin"
    assert sorted(path.name for path in installed.iterdir() if path.is_file()) == sorted([*TOOLS, "crexpress.py"])
    environment = os.environ | {"PYTHONPATH": str(place)}
    for arguments, wanted in ((["--help"], "fit-baselines"), (["simulate", "--help"], "Example:")):
        command = [sys.executable, place / "bin" / "crexpress", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert wanted in done.stdout, done.stderr
    direct = installed / "simulate"  # the pipeline's images call them by their bare names
    assert os.access(direct, os.X_OK)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_says_in_a_sentence_that_this_python_has_no_packages(tool: str) -> None:
    bare = [sys.executable, "-S", ROOT / "bin" / tool, "--help"]  # -S: without what is installed
    done = subprocess.run(bare, capture_output=True, text=True)
    mend = f"run `make setup` in the checkout, then .venv/bin/{tool}, or put .venv/bin first on PATH"
    wanted = f"Error: {sys.executable} does not have crexpress; {mend}\n"
    assert (done.returncode, done.stdout, done.stderr) == (65, "", wanted)


def test_the_command_says_in_a_sentence_which_packages_are_missing(tmp_path: Path) -> None:
    """Of all that pyproject.toml names; what it asks for is what they are imported by."""
    (tmp_path / "crexpress").symlink_to(ROOT / "python/crexpress")
    about = tmp_path / "crexpress-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: crexpress\nVersion: 0\n")
    call = [sys.executable, "-S", "-c", "from crexpress.command import main; main()"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(call, env=environment, capture_output=True, text=True)
    mend = "run `make setup` in a checkout, else `pip install crexpress` again"
    wanted = f"Error: {sys.executable} has crexpress, but not {', '.join(PACKAGES)}; {mend}\n"
    assert (done.returncode, done.stdout, done.stderr) == (65, "", wanted)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.match(r"[\w-]+", line)[0] for line in project["dependencies"]]  # type: ignore[index]
    distributions = packages_distributions()
    assert [{name.lower() for name in distributions[package]} for package in PACKAGES] == [
        {name.lower()} for name in names
    ]


@pytest.mark.parametrize("module", ["crexpress", "crexpress.cli", "crexpress.cli.main"])
def test_importing_changes_nothing_in_the_process(module: str) -> None:
    """Neither its environment nor its log handlers; and torch waits until a model is asked for."""
    code = (
        "import os, sys, logging, polars  # which sets a variable of its own\n"
        "before = dict(os.environ)\n"
        f"import {module}\n"
        "assert dict(os.environ) == before, set(os.environ) - set(before)\n"
        "assert not logging.getLogger().handlers and not logging.getLogger('crexpress').handlers\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    clean = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY",)}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_library_lines_are_log_records_that_only_tools_print() -> None:
    code = "from crexpress.core import log; log.say('a line'); list(log.progress([1, 2], 'bar'))"
    assert python(code).stderr == ""
    asked = python("import logging; logging.basicConfig(level='INFO', format='%(name)s: %(message)s');" + code)
    assert asked.stderr.splitlines() == ["crexpress: a line", "crexpress: bar: 1/2", "crexpress: bar: 2/2"]
    tool = python("from crexpress.core import log; log.show(); log.show();" + code)
    assert tool.stderr.splitlines() == ["a line", "bar: 1/2", "bar: 2/2"]
    assert python("from crexpress.core import log; log.show();" + code, RANK="1").stderr == ""


def test_lines_are_records_of_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="crexpress"):
        log.say("seen")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [("crexpress", "seen")]
