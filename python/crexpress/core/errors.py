"""What can go wrong for a user, each kind with its exit code (architecture: "Exit codes")."""

from collections.abc import Sequence

BAD_INPUT = 65
DEVICE_OUT_OF_MEMORY = 75
INTERRUPTED = 130
HOST_OUT_OF_MEMORY = 137


class InputError(Exception):
    """Something the user gave is wrong: says which file, line or record, what, and how to mend it."""


class InputErrors(InputError):
    """Several faults of one input, reported together."""

    def __init__(self, title: str, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join([title, *(f"  {number}. {fault}" for number, fault in enumerate(faults, 1))]))
