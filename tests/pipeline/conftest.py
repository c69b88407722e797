"""Each module of pipeline tests shares a launch folder."""

import pytest

from launching import Pipeline


@pytest.fixture(scope="module")
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """One launch folder a test module, so that its tests share what is cached; by the PARSER it names."""
    return Pipeline(tmp_path_factory.mktemp("launch"), getattr(request.module, "PARSER", "v1"))
