"""The finished run of report_case.py."""

from pathlib import Path

import pytest

from report_case import Run
from tiny_case import TinyCase


@pytest.fixture
def run(tiny: TinyCase, tmp_path: Path) -> Run:
    return Run(tiny, tmp_path)
