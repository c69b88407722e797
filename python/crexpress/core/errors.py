"""What can go wrong for a user, each kind with its exit code (architecture: "Exit codes")."""

import re
from collections.abc import Sequence

BAD_INPUT = 65
DEVICE_OUT_OF_MEMORY = 75
INTERRUPTED = 130
HOST_OUT_OF_MEMORY = 137


_WORD = 1_000  # characters; a longer one is no name and no path (Linux: 255 a name)


class InputError(Exception):
    """Something the user gave is wrong: says which file, line or record, what, and how to mend it."""

    def __init__(self, message: str) -> None:
        super().__init__(shown(message))


class InputErrors(InputError):
    """Several faults of one input, reported together."""

    def __init__(self, title: str, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join([title, *(f"  {number}. {fault}" for number, fault in enumerate(faults, 1))]))


def raise_all(title: str, faults: Sequence[str]) -> None:
    """Raise InputError where there are faults: a single one alone, several under a title."""
    if len(faults) == 1:
        raise InputError(faults[0])
    if faults:
        raise InputErrors(title, faults)


def shown(text: str) -> str:
    """Text with what a file holds in it, fit for a terminal: no control characters, and no words without end."""
    text = "".join(sign if sign.isprintable() or sign in "\n\t" else ascii(sign)[1:-1] for sign in text)
    return re.sub(rf"\S{{{_WORD},}}", lambda word: f"{word[0][:80]}...({len(word[0]):,} characters)", text)
