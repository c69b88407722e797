"""The short form of the faults: every tool with the worst few. The long form: python tests/robust/faults.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from commands import commands

pytestmark = pytest.mark.robust
SHORT = "full-disk,read-only,few-files,no-tmpdir,locale-c,small-files"


@pytest.mark.parametrize("tool", sorted(commands(Path("/tmp"), Path("/tmp"))))
def test_a_failing_machine_is_one_sentence(sound: Path, tool: str) -> None:
    driver = Path(__file__).with_name("faults.py")
    command = [sys.executable, driver, "--tools", tool, "--faults", SHORT, "--sound", sound]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
