"""Sound files of every kind, made once for all tests of this folder."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from made import make

    folder = tmp_path_factory.mktemp("made") / "sound"
    make(folder)
    return folder
