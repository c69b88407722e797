"""The short form of the faults: every tool with the worst few. The long form: python tests/robust/faults.py."""

from collections.abc import Callable

import pytest

from commands import groups

pytestmark = pytest.mark.robust
SHORT = ("--faults", "full-disk,read-only,few-files,no-tmpdir,locale-c,small-files,inputs-change", "--disks", "0,64")


@pytest.mark.parametrize("tools", groups(), ids=lambda tools: f"{tools[0]} ...")
def test_a_failing_machine_is_one_sentence(passes: Callable[..., None], tools: list[str]) -> None:
    passes("faults.py", tools, *SHORT)
