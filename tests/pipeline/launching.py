"""The real Nextflow, run in folders of its own on a copy of the pipeline."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tools import TOOLS

ROOT = Path(__file__).parents[2]
STAND_INS = ROOT / "tests/scale/stand-ins"
CELLS = [f"cell{number}" for number in range(1, 6)]  # of the profile test
PARTS = ("main.nf", "nextflow.config", "nextflow_schema.json", "conf", "modules", "subworkflows", "bin", "python")

# of Java, for launches that take seconds: one compiler, one collector, and no second look at Nextflow's own classes
SHORT_LIFE = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"

# behind the copy's own settings: no table of the engine's, which costs each task half a second (REPORTS asks for them),
# and as few resamples and elements as say whether something works
_KINDS = ("trace", "timeline", "report", "dag")
QUICK = (
    "".join(f"\n{kind}.enabled = false" for kind in _KINDS)
    + """
process {
    withName: EVALUATE { ext.args = '--resamples 50' }
    withName: FIT_BASELINES { ext.args = '--neighbours 4' }
}
"""
)
REPORTS = [f"-with-{kind}" for kind in _KINDS]
UNKNOWN = re.compile(r"^WARN: Unrecognized config option .*\n", re.MULTILINE)  # v2 of 25.04 knows few of its own
CLASSES = ROOT / ".venv/classes.jsa"  # Java's own form of Nextflow, kept of the first launch: two seconds of each
_MADE = CLASSES.with_suffix(f".{os.getpid()}")  # where it is whole at once for other processes


class Pipeline:
    """Launches Nextflow from `folder`; a copy of the code, so that a test may change it."""

    def __init__(self, folder: Path, parser: str = "v1") -> None:
        """`parser` of Nextflow: v1 is what 25.04 takes by itself; its v2 refuses -c beside -profile."""
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        self._copy_code()
        self._answer_versions_quickly(folder / "quick")
        self.environment = os.environ | {
            "PATH": f"{folder / 'quick'}:{self.project / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.project / "python"),  # tasks run the copy's code, or the run stops
            "NXF_ANSI_LOG": "false",
            "NXF_SYNTAX_PARSER": parser,
        }

    def _copy_code(self) -> None:
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                unwanted = shutil.ignore_patterns("*.egg-info")
                shutil.copytree(source, self.project / part, symlinks=True, ignore=unwanted)  # crexpress/bin is one
            else:
                shutil.copy(source, self.project)
        (self.project / "assets").symlink_to(ROOT / "assets")
        with (self.project / "nextflow.config").open("a") as config:
            config.write(QUICK)

    def _answer_versions_quickly(self, quick: Path) -> None:
        """Tools whose --version, which every task asks for, starts no Python; they are the project's in all else."""
        quick.mkdir()
        for tool in (self.project / "bin" / name for name in TOOLS):
            answer = f"{tool.name} (crexpress) {version('crexpress')}"
            script = f'#!/bin/sh\n[ "$1" = --version ] && echo "{answer}" && exit\nexec {shlex.quote(str(tool))} "$@"\n'
            (quick / tool.name).write_text(script)
            (quick / tool.name).chmod(0o755)

    def take_any_machine_for_one_with_a_gpu(self) -> None:
        """The check that opens a run with a GPU looks for none; its tasks still get all that such tasks get."""
        check = self.project / "modules/check-setup/main.nf"
        check.write_text(check.read_text().replace("--device cuda", "--device cpu"))

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """`nextflow ARGUMENTS` in a process group of its own, messages in one stream."""
        if CLASSES.exists():
            classes = f"-XX:SharedArchiveFile={CLASSES}"
        else:  # one that is ended before its time leaves none
            classes = f"-XX:ArchiveClassesAtExit={_MADE}" if CLASSES.parent.is_dir() else ""
        return subprocess.Popen(
            ["nextflow", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | {"NXF_OPTS": f"{SHORT_LIFE} -Xlog:disable {classes}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def nextflow(self, *arguments: str | Path, code: int = 0) -> str:
        """Run `nextflow ARGUMENTS` to its end, which must be `code`; what it printed."""
        process = self.start(*arguments)
        output, _ = process.communicate()
        if _MADE.exists():
            _MADE.rename(CLASSES)
        assert process.returncode == code, output
        return UNKNOWN.sub("", output)

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """`nextflow run` of the pipeline."""
        return self.nextflow("run", self.project, *arguments, code=code)


def stand_ins(pipeline: Pipeline, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of scripts, first on PATH, that take the options of engines, Slurm and conda, and run the tasks here."""
    made = folder / "stand-ins"
    shutil.copytree(STAND_INS, made, symlinks=True)
    path = pipeline.environment["PATH"]
    (made / "own").write_text(f"PATH={path} PYTHONPATH={pipeline.environment['PYTHONPATH']}")
    monkeypatch.setitem(pipeline.environment, "PATH", f"{made}:{path}")
    return made


def cluster_of_the_page() -> str:
    """The example of a cluster's configuration in docs/usage.md, whose queue is looked at every second."""
    page = (ROOT / "docs/usage.md").read_text()
    example = re.search(r"// site.config\n(.*?)\n\n", page, re.DOTALL)
    assert example
    polled = "executor { pollInterval = '1 sec'\n queueStatInterval = '2 sec'\n queueSize = 3 }"
    return f"{example[1]}\n{polled}\n"


def sheet_of(pipeline: Pipeline, name: str, keep: Callable[[str, str], bool]) -> str:
    """A samplesheet with the rows of `test` of which `keep` (of cell and assay) is true."""
    source = ROOT / "assets/test"
    header, *rows = (source / "samplesheet.csv").read_text().splitlines()
    lines = [header]
    for cell, assay, file, *more in (row.split(",") for row in rows):
        if keep(cell, assay):
            lines.append(",".join([cell, assay, str(source / file), *more]))
    (pipeline.folder / name).write_text("\n".join(lines) + "\n")
    return name


def tasks(output: str, how: str = "Submitted") -> list[str]:
    """Tasks that Nextflow submitted, or found Cached, by process; without the check that opens every run."""
    names = re.findall(rf"{how} process > (?:[A-Z]+:)?(.+)", output)
    return sorted(name for name in names if "CHECK_SETUP" not in name)


def wrappers(work: Path) -> dict[str, str]:
    """{process: the script that Nextflow wrapped one of its tasks in} of a work folder."""
    texts = [path.read_text() for path in sorted(work.glob("*/*/.command.run"))]
    return {re.search(r"^### name: '([\w:]+)", text, re.MULTILINE)[1].split(":")[-1]: text for text in texts}
