"""Sound files of every kind, made once for all tests of this folder, and how its scripts try a tool on them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from made import make

    folder = tmp_path_factory.mktemp("made") / "sound"
    make(folder)
    return folder


@pytest.fixture
def passes(sound: Path) -> Callable[..., None]:
    """A script of this folder with options, on some tools; it must find no fault."""

    def check(script: str, tools: list[str], *options: str) -> None:
        command = [sys.executable, Path(__file__).with_name(script), *options]
        command += ["--tools", ",".join(tools), "--sound", sound]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return check
