"""Signals and profiles of three cells, and a model of them, made once a file."""

from pathlib import Path
from typing import Any

import pytest

from profile_case import extract, seeds, train


@pytest.fixture(scope="module")
def folder(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("profiles")
    for cell in "ABC":
        extract(tiny, where, cell, seeds(cell))
    return where


@pytest.fixture(scope="module")
def model(tiny: Any, folder: Path) -> Path:
    done = train(tiny, folder, folder / "model", "--track-dropout", 0.2)
    assert done.exit_code == 0, done.output
    return folder / "model"
