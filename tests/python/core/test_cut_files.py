"""A file that is cut while a tool has it mapped: one sentence that names it, and exit code 65, whoever reads it."""

import subprocess
import sys
from pathlib import Path

import pytest

# each maps the file, which is cut, and read then
READERS = {
    "numpy": """
from crexpress.core import containers
tensors, _ = containers.opened(path)
cut()
print(tensors["a"].sum())
""",
    "torch": """
import torch
from safetensors import safe_open
with safe_open(path, "pt") as file:
    whole = file.get_slice("a")
    cut()
    print(whole[:].sum())
""",
    "another thread": """
import threading
from crexpress.core import containers
tensors, _ = containers.opened(path)
cut()
thread = threading.Thread(target=lambda: tensors["a"].sum())
thread.start()
thread.join()
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "signals é.safetensors"
    program = f"""
import os, sys
import click
import numpy as np
from crexpress import cli
from crexpress.core import artifacts, containers
path = {str(path)!r}
with containers.created(path, {{"a": ("<f4", (1_000_000,))}}, {{}}) as arrays:
    arrays["a"][:] = 1
def cut():
    os.truncate(path, 5_000)
@cli.tool("x")
def main():
{"".join(f"    {line}{chr(10)}" for line in READERS[reader].splitlines())}
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (65, ""), done
    assert done.stderr.strip() == (
        f"Error: {path} was cut while it was read; see that nothing writes the inputs of this run, and start it again"
    )
