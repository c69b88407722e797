"""`crexpress doctor`: what is missing is said with what to do, and whether a run could start."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from crexpress.cli.main import main
from crexpress.pipeline import doctor
from crexpress.training import loop


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH, to which programs are added."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, line: str, code: int = 0) -> None:
    (folder / name).write_text(f"#!/bin/sh\necho '{line}'\nexit {code}\n")
    (folder / name).chmod(0o755)


def look(folder: Path) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["doctor", "--outdir", str(folder)])
    return done.exit_code, done.output


def test_a_machine_without_java_and_nextflow_is_not_ready(machine: Path) -> None:
    code, text = look(machine)
    assert code == 65
    assert "NO  Java" in text
    assert "Not ready: Java, Nextflow." in text
    assert "Container engine  none; tasks run with the tools" in text


def test_old_versions_are_told_and_an_engine_that_does_not_answer(machine: Path) -> None:
    program(machine, "java", 'openjdk version "11.0.2" 2019-01-15')
    program(machine, "nextflow", "      version 24.10.5 build 5935")
    program(machine, "docker", "cannot connect", code=1)
    code, text = look(machine)
    assert code == 65
    assert "11 is too old: install Java 17 or newer" in text
    assert "24.10.5 is too old: 25.04 or newer" in text
    assert "docker            is there but does not answer" in text


def test_a_machine_that_has_all_is_ready(machine: Path) -> None:
    program(machine, "java", 'openjdk version "21.0.2" 2024-01-16')
    program(machine, "nextflow", "      version 25.04.4 build 5944")
    program(machine, "podman", "host:")
    code, text = look(machine)
    assert code == 0
    assert "ok  podman            answers (-profile podman)" in text
    assert text.endswith("Ready.\n")


@pytest.mark.parametrize(
    ("version", "found"), [('java version "1.8.0_301"', "8"), ('openjdk version "17" 2021-09-14', "17")]
)
def test_versions_of_java_old_and_new(machine: Path, version: str, found: str) -> None:
    program(machine, "java", version)
    assert doctor._java().text.split()[0] == found


def test_the_time_left_is_told_by_the_speed_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.time, "monotonic", lambda: 1_000.0)
    assert loop.left((900.0, 1), 101, 201) == "; 2 minutes left"
    assert loop.left((999.0, 1), 101, 201) == "; 1 s left"
    assert loop.left((0.0, 1), 2, 100) == "; 27.2 hours left"
    assert loop.left((900.0, 1), 201, 201) == loop.left((900.0, 1), 1, 201) == loop.left(None, 5, 10) == ""


def test_the_pages_name_what_the_demo_needs() -> None:
    root = Path(__file__).parents[3]
    assert f"{doctor.MEMORY} GB memory, {doctor.DISK} GB disk" in (root / "README.md").read_text()
    told = f"{doctor.MEMORY} GB of memory, {doctor.DISK} GB of free disk"
    assert told in (root / "docs/tutorial-demo.md").read_text()
