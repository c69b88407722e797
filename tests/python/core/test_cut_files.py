"""A file that is cut while a tool has it mapped: one sentence that names it, and exit code 65, whoever reads it."""

import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from crexpress.cli import cut_files

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
with containers.created(path, {{"a": ("<f4", (1_000_000,))}}, lambda: {{}}) as arrays:
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


def test_a_device_is_not_taken_for_a_file_that_was_cut() -> None:
    with open("/dev/zero", "r+b") as device, mmap.mmap(device.fileno(), 100_000, flags=mmap.MAP_PRIVATE):
        assert "/dev/zero" in Path("/proc/self/maps").read_text()
        assert not list(cut_files._cut())


def test_without_proc_it_is_said_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Iterator[str]:
        raise FileNotFoundError("/proc/self/maps")

    said: list[bytes] = []
    monkeypatch.setattr(cut_files, "_cut", absent)
    monkeypatch.setattr(cut_files, "_first", threading.Lock())
    monkeypatch.setattr(os, "write", lambda _to, text: said.append(text))
    monkeypatch.setattr(os, "_exit", lambda code: said.append(str(code).encode()))
    cut_files._leave(7)
    assert said[0].startswith(b"Error: a file was cut, or its disk failed, while it was read; see that")
    assert said[1:] == [b"65"]
