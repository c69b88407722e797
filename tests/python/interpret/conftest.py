"""The genome and models of variant_case.py, made once a file."""

import pytest

from tiny_case import TinyCase
from variant_case import Case


@pytest.fixture(scope="module")
def case(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tiny, tmp_path_factory.mktemp("variants"))
