"""The made-up cell that tests of link models share."""

import pytest

from crexpress.links.scene import Scene
from link_case import Case, make


@pytest.fixture(scope="module")
def case() -> Case:
    return make()


@pytest.fixture(scope="module")
def scene(case: Case) -> Scene:
    world = case["world"]
    tracks = {("access" if name == "dnase" else name): values for name, values in world.tracks.items()}
    return Scene("K", world.elements, world.genes, tracks)
