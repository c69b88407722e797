"""How the run was called, and when: Nextflow tells its tasks, beside what their results depend on."""

import base64
import binascii
import json
import os
from typing import NamedTuple

VARIABLE = "CREXPRESS_RUN"  # base64 of JSON, because a command may hold anything that a shell reads


class Called(NamedTuple):
    """The command as it was typed, the minute at which it began, Nextflow's version where it is told, and what there is
    to know of the elements of `--genome` where they were taken.
    """

    command: str
    started: str
    nextflow: str = ""
    genome: str = ""


def of_environment() -> Called | None:
    """What the pipeline says of itself (note_call in subworkflows/provenance); None for a tool called by hand."""
    try:
        told = json.loads(base64.b64decode(os.environ.get(VARIABLE, ""), validate=True))
        more = {name: str(told.get(name, "")) for name in ("nextflow", "genome")}
        return Called(str(told["command"]), str(told["started"]), **more)
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
