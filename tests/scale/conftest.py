"""Each module here shares a launch folder."""

import pytest

from launching import Pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """One launch folder a test module."""
    return Pipeline(tmp_path_factory.mktemp("launch"))
