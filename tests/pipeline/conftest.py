"""Each module of pipeline tests shares a launch folder."""

import pytest

from launching import Pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """One launch folder a test module, so that its tests share what is cached."""
    return Pipeline(tmp_path_factory.mktemp("launch"))
