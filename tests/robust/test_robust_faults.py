"""The short form of the faults: every tool with the worst few. The long form: python tests/robust/faults.py."""

from collections.abc import Callable

import pytest

from commands import groups

pytestmark = pytest.mark.robust
SHORT = "full-disk,read-only,few-files,no-tmpdir,locale-c,small-files"


@pytest.mark.parametrize("tools", groups(), ids=lambda tools: f"{tools[0]} ...")
def test_a_failing_machine_is_one_sentence(passes: Callable[..., None], tools: list[str]) -> None:
    passes("faults.py", tools, "--faults", SHORT)
