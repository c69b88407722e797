"""What all executables share: wrong options, places that cannot be written, interruption."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner, Result

from crexpress import cli
from tiny_case import TinyCase
from tools import run

ROOT = Path(__file__).parents[3]
CASE = ROOT / "assets" / "test"


def extract(tiny: TinyCase, *options: str | Path) -> Result:
    track = f"dnase={CASE / 'cell1' / 'dnase.bigWig'}"
    return run("extract-signals", "--elements", tiny.elements, "--track", track, *options)


@pytest.mark.parametrize("name", ["a/b", "", "..", "K 562"])
def test_a_cell_that_cannot_name_a_file_is_refused(tiny: TinyCase, name: str) -> None:
    result = extract(tiny, "--cell", name)
    assert result.exit_code == 2
    assert "cannot name a file" in result.output


@pytest.mark.parametrize("name", ["d/nase", "__metadata__", "d nase"])
def test_a_track_that_cannot_name_a_tensor_is_refused(tiny: TinyCase, tmp_path: Path, name: str) -> None:
    track = f"{name}={CASE / 'cell1' / 'dnase.bigWig'}"
    result = run("extract-signals", "--elements", tiny.elements, "--cell", "a", "--track", track)
    assert result.exit_code == 65
    assert "cannot name a track" in result.output


def test_an_output_of_the_wrong_kind_is_refused_before_the_work(tiny: TinyCase, tmp_path: Path) -> None:
    result = extract(tiny, "--cell", "a", "--output", tmp_path)
    assert (result.exit_code, "is a directory" in result.output) == (2, True)
    file = tmp_path / "file"
    file.touch()
    result = run("simulate", "--outdir", file)
    assert (result.exit_code, "is a file" in result.output) == (2, True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "folder"
    result = run("simulate", "--outdir", place, "--genes", "50", "--chromosomes", "3")
    assert result.exit_code == 65
    assert f"cannot use {place.parent}: File exists; give another place" in result.output


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_are_finite(value: str) -> None:
    @click.command()
    @click.option("--rate", type=cli.FloatRange(min=0))
    def main(rate: float) -> None:
        raise AssertionError(rate)

    result = CliRunner().invoke(main, ["--rate", value])
    assert (result.exit_code, "not a finite number" in result.output) == (2, True)


@pytest.mark.parametrize("tool", ["train", "fit-baselines", "evaluate", "simulate"])
def test_a_seed_below_zero_is_wrong_usage(tool: str) -> None:
    result = run(tool, "--seed", "-1")
    assert (result.exit_code, "not in the range" in result.output) == (2, True)


def test_ctrl_c_ends_with_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    script = tmp_path / "tool.py"
    script.write_text(
        "import signal, time\n"
        "from crexpress.core import files; from crexpress import cli\n"
        # a job that a script starts in the background ignores Ctrl-C, and so do its children
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "@cli.tool('tool')\n"
        "def main():\n"
        f"    with files.replacing({str(tmp_path / 'out' / 'table')!r}):\n"
        "        print('writing', flush=True)\n"
        "        time.sleep(60)\n"
        "main()\n"
    )
    with subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == "Error: interrupted; no unfinished artefact was kept\n"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), 75, "the GPU is out of memory; use a smaller --batch-size"),
        (MemoryError(), 137, "not enough host memory; give this tool more, or a smaller input"),
        (OSError(12, "Cannot allocate memory"), 137, "not enough host memory; give this tool more, or a smaller input"),
        (
            ImportError("a.so: failed to map segment from shared object"),
            *(137, "not enough host memory; give this tool more, or a smaller input"),
        ),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ..."),
            *(137, "not enough host memory; give this tool more, or a smaller input"),
        ),
    ],
)
def test_full_memory_has_codes_that_the_pipeline_acts_on(error: Exception, code: int, says: str) -> None:
    """75 halves the batch, 137 doubles the memory of the task."""

    @cli.tool("tool")
    def work() -> None:
        raise error

    result = CliRunner().invoke(work)
    assert (result.exit_code, result.output) == (code, f"Error: {says}\n")


@pytest.mark.parametrize("limited", [True, False])
def test_what_python_says_in_words_of_its_own_is_memory_where_none_is_left(limited: bool) -> None:
    """Any other SystemError is a defect, and is shown as one."""
    lines = [
        "import resource",
        "from crexpress.cli import exits",
        "taken = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()",
        "resource.setrlimit(resource.RLIMIT_AS, (taken + 2**24,) * 2)" if limited else "",
        "with exits.by_code():",
        "    raise SystemError('error return without exception set')",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == (137 if limited else 1)
    said = "Error: not enough host memory; give this tool more, or a smaller input\n"
    assert (done.stderr == said) == limited
