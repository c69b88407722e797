"""Messages hold what files hold: fit for a terminal, and never without end."""

import pytest

from crexpress.core.errors import InputError, InputErrors, shown


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("a.bed line 3: 'chr1\t5' is not\n an interval", "a.bed line 3: 'chr1\t5' is not\n an interval"),
        ("cell '\x1b[31mA\x00'", "cell '\\x1b[31mA\\x00'"),
        ("'\ud83d' and größe, 名", "'\\ud83d' and größe, 名"),
        (f"found '{'9' * 100_000}' in", f"found '{'9' * 79}...(100,002 characters) in"),
    ],
)
def test_what_a_message_shows(text: str, right: str) -> None:
    assert shown(text) == str(InputError(text)) == right
    assert str(InputErrors("two faults:", [text, "b"])) == f"two faults:\n  1. {right}\n  2. b"


def test_paths_are_never_cut() -> None:
    path = "/".join(["a" * 100] * 9)
    assert shown(f"{path} is empty") == f"{path} is empty"
