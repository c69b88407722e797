"""What this machine has of what runs need: Java, Nextflow, a container engine, a GPU, memory, disk."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

JAVA, NEXTFLOW = 17, (25, 4)  # least versions
MEMORY, DISK = 8, 20  # GB that the demo needs
_SECONDS = 60  # a program may take to say its version
_ENGINES = ("docker", "podman", "apptainer", "singularity")


class Finding(NamedTuple):
    """One thing: found or not, in words, and what to do; `needed`: nothing runs without it."""

    name: str
    good: bool
    text: str
    needed: bool = True


def findings(folder: Path) -> Iterator[Finding]:
    """Everything that is looked at; `folder` is where runs would write."""
    yield Finding("Python", True, f"{platform.python_version()} with the packages of crexpress")
    yield _java()
    yield _nextflow()
    yield from _engines()
    yield _gpu()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("Processors", True, f"{cores}")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    few = "" if memory >= MEMORY else f"; the demo needs {MEMORY} GB"
    yield Finding("Memory", memory >= MEMORY, f"{memory:.0f} GB{few}", needed=False)
    free = shutil.disk_usage(folder).free / 1e9
    few = "" if free >= DISK else f"; the demo needs {DISK} GB, mostly for Nextflow's work folder (-work-dir moves it)"
    yield Finding("Disk", free >= DISK, f"{free:.0f} GB free in {folder}{few}", needed=False)


def said(command: Sequence[str]) -> str | None:
    """What a program prints; None where it is not there, fails or does not answer."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout + done.stderr if done.returncode == 0 else None


def _java() -> Finding:
    text = said(["java", "-version"])
    found = re.search(r'version "(?:1\.)?(\d+)', text or "")
    if not found:
        return Finding("Java", False, f"not found: `make setup` brings it in, or install Java {JAVA} or newer")
    good = int(found[1]) >= JAVA
    return Finding("Java", good, found[1] + ("" if good else f" is too old: install Java {JAVA} or newer"))


def _nextflow() -> Finding:
    text = said(["nextflow", "-version"])
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", text or "")
    if not found:
        return Finding("Nextflow", False, "not found or does not answer: `make setup`, then put .venv/bin on PATH")
    version, least = found[0].removeprefix("version "), ".".join(f"{part:02}" for part in NEXTFLOW)
    good = (int(found[1]), int(found[2])) >= NEXTFLOW
    return Finding("Nextflow", good, version + ("" if good else f" is too old: {least} or newer (`make setup`)"))


def _engines() -> Iterator[Finding]:
    there = [name for name in _ENGINES if shutil.which(name)]
    for name in there:
        answers = said([name, "info"] if name in ("docker", "podman") else [name, "--version"]) is not None
        text = f"answers (-profile {name})" if answers else "is there but does not answer: is its service running?"
        yield Finding(name, answers, text, needed=False)
    if not there:
        text = "none; tasks run with the tools of `make setup`, which is all that one machine needs"
        yield Finding("Container engine", True, text, needed=False)


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("GPU", True, f"{torch.cuda.get_device_name(0)} (-profile gpu)", needed=False)
    if said(["nvidia-smi"]) is not None:
        text = "nvidia-smi sees one, torch does not: driver and torch's CUDA do not fit together"
        return Finding("GPU", False, text, needed=False)
    return Finding("GPU", True, "none; the -small presets need none", needed=False)
