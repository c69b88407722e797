"""Libraries asked as programs are, by scripts in processes of their own, through files: those under the GPL, and what
pins other versions than ours.

The licence reaches what is linked with them, so that no module of ours imports igraph (`leiden_script.py`) or
TF-MoDISco-lite with its leidenalg (`modisco_script.py`). A script imports nothing of ours, and none of the files beside
it (-P), whatever their names: python -P SCRIPT GIVEN.npz MADE.npz [WORD ...]
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np


def run(script: str, given: Mapping[str, Any], *words: str | Path, python: Path | None = None) -> dict[str, np.ndarray]:
    """Arrays that a script beside this file makes of other arrays and numbers, by another `python` where one is named.

    Raises ModuleNotFoundError for a library that it needs, MemoryError where memory ended it, else RuntimeError.
    """
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "given.npz"), Path(folder, "made.npz")
        np.savez(source, **given)
        command = [python or sys.executable, "-P", Path(__file__).with_name(script), source, target, *words]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        last = done.stderr.strip().rpartition("\n")[2]
        if last.startswith("ModuleNotFoundError"):
            raise ModuleNotFoundError(last, name=last.split("'")[1])
        if done.returncode == -9 or last.partition(":")[0].endswith("MemoryError"):  # numpy's has a longer name
            raise MemoryError
        if done.returncode:
            raise RuntimeError(f"{script} ended with {done.returncode}: {done.stderr[-500:]}")
        with np.load(target, allow_pickle=False) as made:
            return {name: made[name] for name in made.files}
