"""The short form of the faults: every tool with the worst few. The long form: python tests/robust/faults.py."""

from collections.abc import Callable
from pathlib import Path

import pytest

from commands import commands

pytestmark = pytest.mark.robust
SHORT = "full-disk,read-only,few-files,no-tmpdir,locale-c,small-files"


@pytest.mark.parametrize("tool", sorted(commands(Path("/tmp"), Path("/tmp"))))
def test_a_failing_machine_is_one_sentence(passes: Callable[..., None], tool: str) -> None:
    passes("faults.py", tool, "--faults", SHORT)
