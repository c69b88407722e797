"""The pipeline tests share a launch folder a module and one worker."""

from pathlib import Path
from typing import Any

import pytest
from launching import Pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """One launch folder a test module, so that its tests share what is cached."""
    return Pipeline(tmp_path_factory.mktemp("launch"))


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[Any]) -> None:
    """One worker for all of them: each keeps the machine's cores busy by itself."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.pipeline)
            item.add_marker(pytest.mark.xdist_group("pipeline"))
