#!/usr/bin/env python3
"""Tasks of a run of the pipeline once more, at their real size: the same bytes on one CPU and on all, whatever the
variables of threads say; or, with --kind, how far the numbers of a CPU with other instructions lie from them.

    nextflow run . -profile k562 --outdir results -w work && python tests/robust/replay.py work
    python tests/robust/replay.py work --kind avx2            # as a CPU without AVX-512 computes; also sse
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
CPUS = sorted(os.sched_getaffinity(0))
LIBRARIES = ("OMP", "MKL", "OPENBLAS", "NUMBA", "POLARS_MAX", "RAYON")
# name: CPUs and variables
THREADS: dict[str, tuple[list[int], dict[str, str]]] = {
    "one CPU, one thread": (CPUS[:1], {f"{name}_NUM_THREADS".replace("MAX_NUM", "MAX"): "1" for name in LIBRARIES}),
    "all CPUs, three threads": (CPUS, {f"{name}_NUM_THREADS".replace("MAX_NUM", "MAX"): "3" for name in LIBRARIES}),
}
AVX512 = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
KINDS = {  # what each library reads to leave instructions alone, as it would on a CPU that lacks them
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
             "OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": AVX512, "NUMBA_CPU_NAME": "haswell"},
    "sse": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": f"AVX2 FMA3 {AVX512}",
            "NUMBA_CPU_NAME": "nehalem"},
}  # fmt: skip


def tasks(work: Path) -> Iterator[tuple[str, Path]]:
    """Name and folder of each task that ended well, in the order of their names."""
    found = []
    for script in work.glob("*/*/.command.run"):
        name = re.search(r"### name: '(.*)'", script.read_text())
        ended = script.with_name(".exitcode")
        ours = "check-setup" not in script.with_name(".command.sh").read_text()  # of this checkout, not of that run
        if name and ours and ended.exists() and ended.read_text() == "0":
            found.append((name[1], script.parent))
    return iter(sorted(found))


def outputs(folder: Path) -> dict[str, Path]:
    """Files that a task wrote: neither its inputs, which are links, nor hidden ones."""
    return {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.is_symlink() or part.name.startswith(".") for part in _up(path, folder))
    }  # fmt: skip


def _up(path: Path, folder: Path) -> Iterator[Path]:
    while path != folder:
        yield path
        path = path.parent


def again(task: Path, into: Path, cpus: list[int], variables: dict[str, str]) -> dict[str, Path]:
    """The task's command once more, in a folder with the same inputs; what it wrote."""
    into.mkdir()
    for link in (path for path in task.rglob("*") if path.is_symlink()):
        if not any(part.is_symlink() for part in _up(link.parent, task)):
            copy = into / link.relative_to(task)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(link.resolve())
    shutil.copy(task / ".command.sh", into)
    paths = f"{ROOT}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", ".command.sh"], cwd=into, env=os.environ | variables | {"PATH": paths, "NXF_TASK_WORKDIR": str(into)},
        capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{task}: exit code {done.returncode}: {done.stderr[-1000:]}")
    return outputs(into)


def same(first: dict[str, Path], second: dict[str, Path]) -> list[str]:
    """Names of files that one has and the other has not, or whose bytes differ."""
    digests = [
        {name: hashlib.sha256(path.read_bytes()).digest() for name, path in of.items()} for of in (first, second)
    ]
    return sorted(name for name in {*first, *second} if digests[0].get(name) != digests[1].get(name))


def numbers(path: Path) -> dict[str, np.ndarray]:
    """The floating-point columns or arrays of an artefact."""
    if path.suffix == ".parquet":
        table = pl.read_parquet(path)
        return {name: table[name].to_numpy() for name in table.columns if table[name].dtype.is_float()}
    if path.suffix in (".safetensors", ".npz"):
        arrays = load_file(path) if path.suffix == ".safetensors" else dict(np.load(path))
        return {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
    return {}


def apart(first: Path, second: Path) -> str:
    """The largest difference of each array of two artefacts beside the spread of its values, and their correlation."""
    told = []
    theirs = numbers(second)
    for name, ours in numbers(first).items():
        one, other = ours.astype(float).ravel(), theirs[name].astype(float).ravel()
        if one.shape != other.shape or not np.array_equal(np.isnan(one), np.isnan(other)):
            told.append(f"{name}: other rows")
            continue
        whole = np.isfinite(one) & np.isfinite(other)
        most = float(np.abs(one[whole] - other[whole]).max(initial=0))
        if most:
            told.append(f"{name}: {most:.2g} of SD {one[whole].std():.2g}")
    return "; ".join(told)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("work", type=Path, help="work folder of a run that ended well")
    options.add_argument("--kind", choices=KINDS, help="compare with a CPU of other instructions")
    options.add_argument("--only", default="", help="tasks whose name has this in it")
    given = options.parse_args()
    ways = {"as here": (CPUS, {}), given.kind: (CPUS, KINDS[given.kind])} if given.kind else THREADS
    wrong = 0
    for name, task in tasks(given.work.resolve()):
        if given.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            first, second = (again(task, Path(folder, str(n)), *way) for n, way in enumerate(ways.values()))
            other = same(first, second)
            print(f"{name}: {len(first)} files, {len(other)} of other bytes: {', '.join(other)}", flush=True)
            wrong += len(other)
            for file in other if given.kind else ():
                if told := apart(first[file], second[file]):
                    print(f"    {file}: {told}")
    return int(bool(wrong) and not given.kind)


if __name__ == "__main__":
    sys.exit(main())
