"""What the tools run with in this place: their own code, the packages beside it, and a GPU where one is wanted."""

import hashlib
import json
import os
import platform
import re
import subprocess
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import crexpress
from crexpress.core.errors import InputError

_KINDS = {".py", ".json", ".html", ".css", ".js", ".bib"}


def digest(executables: Path) -> str:
    """MD5 over the library and the folder of its executables; subworkflows/toolkit makes the same of a checkout.

    The first line of an executable is left out: installers write it.
    """
    root = Path(crexpress.__file__).parent
    library = {
        f"python/crexpress/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in root.rglob("*")
        if path.suffix in _KINDS
    }
    installed = {f"bin/{path.name}": path.read_bytes().split(b"\n", 1)[1] for path in _tools(executables)}
    lines = sorted(f"{name} {_md5(text)}" for name, text in (library | installed).items())
    return _md5("\n".join(lines).encode())


def inspect(device: str, executables: Path, expected: str | None = None) -> dict[str, Any]:
    """Versions, digest of the code, and device; InputError when the code is not `expected`, or CUDA lacks a GPU."""
    code = digest(executables)
    if expected not in (None, code):
        raise InputError(
            f"tasks find other code than this pipeline's (crexpress {crexpress.__version__} in "
            f"{Path(crexpress.__file__).parent}, executables in {executables}): build the images again (make images), "
            "or install it again (make setup)"
        )
    packages = [
        match[0] for line in requires("crexpress") or [] if (match := re.match(r"[\w-]+", line)) and "extra" not in line
    ]
    found: dict[str, Any] = {
        "crexpress": crexpress.__version__,
        "code": code,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "image": _image(),
        "device": "cpu",
    }
    if device != "cpu":
        found |= _device(device)
    return found


def _device(name: str) -> dict[str, Any]:
    import torch

    from crexpress.core.device import choose

    device = choose(name)
    if device.type == "cpu":
        return {"device": "cpu"}
    facts = torch.cuda.get_device_properties(device)
    torch.zeros(1, device=device)  # a driver too old for this CUDA shows only now
    return {
        "device": "cuda",
        "gpu": facts.name,
        "gpu_bytes": facts.total_memory,
        "cuda": torch.version.cuda,
        "driver": _driver(),
    }


def _image() -> str | None:
    """Digest of the image that this container was made of, where ECS, and so AWS Batch, tells its containers.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
    """
    address = os.environ.get("ECS_CONTAINER_METADATA_URI_V4")
    if not address:
        return None
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=5) as answer:  # on the machine itself
            return json.load(answer).get("ImageID")
    except (OSError, ValueError):  # what ran is worth knowing, and no reason to stop
        return None


def _driver() -> str | None:
    """Version of the NVIDIA driver, where nvidia-smi can be asked."""
    try:
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")[0].strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _tools(folder: Path) -> list[Path]:
    """Executables of crexpress in a folder that may hold others."""
    return [path for path in folder.iterdir() if path.is_file() and b"\n@cli.tool(" in path.read_bytes()]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
