"""What -resume goes on from, and what is printed instead of a run."""

import os
import pty
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from launching import Pipeline, tasks

pytestmark = pytest.mark.pipeline
PARSER = "v2"  # of Nextflow: stricter, a start in half the time


def test_help_and_version_start_and_write_nothing(pipeline: Pipeline) -> None:
    text = pipeline.run("--help", "--outdir", "out")
    for title in ("Input and output", "Preparation", "Learning", "Links", "Where it runs"):
        assert re.search(f"^{title}$", text, re.MULTILINE)
    assert re.search(r"^  --samplesheet FILE\n +CSV .* Needed\.$", text, re.MULTILINE)
    assert "[default: crexpress-small]" in text
    assert "--publish_dir_mode" not in text
    ours = [line for line in text.splitlines() if not line.startswith("Launching")]  # names of folder and run
    assert max(map(len, ours)) <= 120
    assert "--publish_dir_mode" in pipeline.run("--help", "--show_hidden", "--outdir", "out")  # as nf-core says it
    version = pipeline.run("--version", "--outdir", "out")
    assert re.search(r"^crexpress \d+\.\d+\.\d+$", version, re.MULTILINE)
    assert not (pipeline.folder / "out").exists()
    assert not tasks(text)


def on_terminal(pipeline: Pipeline, *arguments: str | Path) -> str:
    """What `nextflow ARGUMENTS` prints to somebody who watches."""
    ours, theirs = pty.openpty()
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    process = subprocess.Popen(["nextflow", *arguments], cwd=pipeline.folder, env=pipeline.environment, **ends)
    os.close(theirs)
    told = b""
    with suppress(OSError):  # the terminal is gone with the last process that has it
        while part := os.read(ours, 4096):
            told += part
    assert process.wait() == 0, told
    return told.decode()


def test_help_on_one_parameter_and_on_all(pipeline: Pipeline) -> None:
    (pipeline.folder / "help.nf").write_text(
        "include { text_of } from './project/subworkflows/help'\n"
        "workflow {\n"
        "    [[help: true, all: true], [help: 'samplesheet'], [help: 'sampelsheet'],\n"
        "     [help: 'gtf', monochrome_logs: true]].each { given ->\n"
        "        println(text_of(given, 'project') + '\\n====')\n"
        "    }\n"
        "}\n"
    )
    told = pipeline.nextflow("-c", pipeline.project / "nextflow.config", "run", "help.nf")
    every, one, unknown, *_ = told.split("====")
    assert "--publish_dir_mode" in every
    assert "Rows of the same cell and assay are replicates" in one
    assert "--gtf" not in one
    assert "did you mean --samplesheet?" in unknown
    assert "\033[" not in told  # colours are for terminals alone
    told = on_terminal(pipeline, "-c", pipeline.project / "nextflow.config", "run", "help.nf")
    _, one, _, plain, _ = told.split("====")
    assert "\033[36m--samplesheet FILE\033[0m" in one
    assert "--gtf FILE" in plain
    assert "\033[" not in plain


def test_a_run_without_work_says_which_session_to_resume(pipeline: Pipeline) -> None:
    chosen = ("-profile", "test", "-stub-run", "--outdir", "out")
    wrong = pipeline.run(*chosen, "--steps", "many", code=1)
    assert "-resume" not in wrong  # there is nothing to go on from
    pipeline.run(*chosen)
    late = pipeline.run(*chosen, "--holdout_cells", "cell9", code=1)  # found by a task
    (session,) = {*re.findall(r"-resume (\S+) goes on from the last run that passed its checks", late)}
    assert f"-resume {session} goes on" in pipeline.run("--version")
    anew = pipeline.run(*chosen, "-resume", "--steps", "many", code=1)
    assert f"-resume {session} goes on" in anew
    again = pipeline.run(*chosen, "-resume", session)
    assert not tasks(again)
    assert "did no work" not in again
