"""Cores change how fast tools compute, not what: the same bytes on one CPU and on all, whatever OpenMP is told."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from crexpress.cli.process import settle
from crexpress.core import device
from replay import KINDS
from tools import BIN, inputs, run

CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
AROUND: dict[str, tuple[list[int], dict[str, str]]] = {
    "all CPUs": (CPUS, {}),
    "one of each": (CPUS[:1], {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1"}),
    "three threads": (CPUS, {"OMP_NUM_THREADS": "3", "OMP_DYNAMIC": "true", "OMP_MAX_ACTIVE_LEVELS": "0"}),
}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def started(cpus: list[int], variables: dict[str, str], tool: str, *options: Any) -> None:
    """A process of its own, as libraries read their variables once."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    subprocess.run(
        [sys.executable, str(BIN / tool), *map(str, options)], env=kept | variables, check=True, capture_output=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not CPUS, reason="this system cannot keep a process to some of its CPUs")
def test_the_same_bytes_on_any_number_of_cpus_and_threads(tiny: Any, tmp_path: Path) -> None:
    whole = ["--preset", "scpge-small", "--neighbours", 30, "--steps", 6, "--validate-every", 3, "--val", "chr2"]
    found = {}
    for name, (cpus, variables) in AROUND.items():
        model = tmp_path / name
        started(cpus, variables, "train", *inputs(tiny, "A", "B"), *whole, "--test", "chr3", "--outdir", model)
        found[name] = digests(model)
    assert set(found["all CPUs"]) == {"config.json", "history.parquet", "model.safetensors"}
    for name, files in found.items():
        assert files == found["all CPUs"], name


def test_blas_has_one_thread() -> None:
    """Of NumPy and SciPy: a fit's last digits, and with them an embedding's clusters, changed with their number."""
    with threadpool_limits(2, user_api="blas"):
        settle()
        assert {part["num_threads"] for part in threadpool_info() if part["user_api"] == "blas"} == {1}


@pytest.mark.slow
@pytest.mark.skipif(not CPUS, reason="this system cannot keep a process to some of its CPUs")
def test_other_instructions_move_what_is_learned_by_less_than_is_said(tiny: Any, tmp_path: Path) -> None:
    """The bound of docs/reliability.md, for the kind that is furthest from this one: neither AVX-512 nor AVX2."""
    whole = ["--preset", "scpge-small", "--neighbours", 30, "--steps", 6, "--validate-every", 3, "--val", "chr2"]
    found = []
    for name, kind in {"as here": {}, "sse": KINDS["sse"]}.items():
        model, out = tmp_path / name, tmp_path / f"{name} applied"
        started(CPUS, kind, "train", *inputs(tiny, "A", "B"), *whole, "--test", "chr3", "--outdir", model)
        store = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("A")]
        started(CPUS, kind, "predict", *store, "--model", model, "--outdir", out)
        found.append(pl.read_parquet(out / "predictions.A.parquet")["predicted"].to_numpy())
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)


ALL_TOOLS = """
import runpy, sys
from pathlib import Path
for tool in sorted(filter(Path.is_file, Path(sys.argv[1]).iterdir())):
    runpy.run_path(str(tool))  # imports what it imports before it settles
from crexpress.cli.process import settle
settle()
import polars
print(polars.thread_pool_size())
"""


def test_polars_has_one_thread() -> None:
    """Sums of whole columns come in parts by thread; of groups see core.groups."""
    around = os.environ | {"POLARS_MAX_THREADS": "8"}
    done = subprocess.run([sys.executable, "-c", ALL_TOOLS, str(BIN)], env=around, capture_output=True, text=True)
    assert done.stdout.split() == ["1"], done.stderr


def test_the_number_of_threads_is_no_setting(tiny: Any, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(device.THREADS + 1)
        device.prepare("cpu", 1)
        assert torch.get_num_threads() == device.THREADS
        done = run("train", *inputs(tiny, "A"), "--threads", 3, "--val", "chr2", "--outdir", tmp_path)
        assert "--threads changes nothing" in done.output
    finally:
        torch.set_num_threads(before)
