"""The short form of the kill test: every tool, once. The long form: python tests/robust/kills.py --kills 20."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import ELSEWHERE, commands, groups
from tools import TOOLS

pytestmark = pytest.mark.robust
KILLS = os.environ.get("CREXPRESS_KILLS", "1")


@pytest.mark.parametrize("tools", groups(), ids=lambda tools: f"{tools[0]} ...")
def test_a_killed_tool_leaves_nothing_half_written(passes: Callable[..., None], tools: list[str]) -> None:
    passes("kills.py", tools, "--kills", KILLS)


def test_every_tool_is_in_the_list(sound: Path) -> None:
    assert sorted([*commands(sound, sound), *ELSEWHERE]) == TOOLS
