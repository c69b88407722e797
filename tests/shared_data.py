"""Whole tables of others whose licence is not stated: they are not copied here, and tests of them need their folder."""

import os
from pathlib import Path

FOLDER = "CREXPRESS_SHARED"  # the variable that names it
DATA = Path(os.environ.get(FOLDER) or Path(__file__).parents[2] / "shared") / "data"


def missing(path: Path) -> str:
    """Why a test of a file is skipped, and how it is run."""
    return f"there is no {path}, which is not copied here: {FOLDER}=FOLDER names the folder that has it under data/"
