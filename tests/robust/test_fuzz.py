"""The short form of the fuzz: some cases of every parser. The long form: python tests/robust/fuzz.py --cases 1000."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.robust
CASES = int(os.environ.get("CREXPRESS_FUZZ", "60"))


def test_damaged_files_are_read_or_refused_in_a_sentence(sound: Path, tmp_path: Path) -> None:
    driver = Path(__file__).with_name("fuzz.py")
    command = [sys.executable, driver, "--cases", CASES, "--sound", sound, "--keep", tmp_path / "findings"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
