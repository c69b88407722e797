"""An engine and the images of `make images`; `make test-containers` runs these tests, `make test` does not."""

import os
import subprocess
from pathlib import Path

import pytest
from images import IMAGE

from launching import Pipeline


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that lies here is of one kind."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.containers)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """docker or podman, whichever holds the CPU image."""
    if "CONTAINERS_CONF" not in os.environ:  # podman's: the host's network, for tests need none of their own
        settings = tmp_path_factory.mktemp("podman") / "containers.conf"
        limits = 'default_ulimits = ["nofile=8192:8192", "nproc=32768:32768"]'
        settings.write_text(f'[containers]\nnetns = "host"\n{limits}\n')
        os.environ["CONTAINERS_CONF"] = str(settings)
    for name in ("docker", "podman"):
        try:
            subprocess.run([name, "image", "inspect", IMAGE], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return name
    pytest.fail(f"neither docker nor podman has {IMAGE}: run `make images`")


@pytest.fixture(scope="module")
def pipeline(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A launch folder; its pipeline is the very code that the image was built of, or the runs stop."""
    launched = Pipeline(tmp_path_factory.mktemp("launch"))
    launched.environment["CONTAINERS_CONF"] = os.environ["CONTAINERS_CONF"]
    return launched
