"""The short form of the kill test: every tool, once. The long form: python tests/robust/kills.py --kills 20."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import commands
from tools import TOOLS

pytestmark = pytest.mark.robust
KILLS = os.environ.get("CREXPRESS_KILLS", "2")


@pytest.mark.parametrize("tool", sorted(commands(Path("/tmp"), Path("/tmp"))))
def test_a_killed_tool_leaves_nothing_half_written(sound: Path, tool: str) -> None:
    driver = Path(__file__).with_name("kills.py")
    command = [sys.executable, driver, "--kills", KILLS, "--tools", tool, "--sound", sound]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_tool_is_in_the_list(sound: Path) -> None:
    assert sorted(commands(sound, sound)) == TOOLS
