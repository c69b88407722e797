#!/usr/bin/env python3
"""The pipeline killed (SIGKILL, with all its tasks, as by a power cut) at random moments of a run, resumed after each:
what lies under its final name is whole, but what was being copied there, and in the end all are the bytes of a run that
nobody killed.

    python tests/robust/kill_pipeline.py --kills 10 --folder /tmp/kills       # minutes; the folder must be new
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "pipeline")]

CHOSEN = ("-profile", "test", "--steps", "60")
SAYS_WHEN = (
    "pipeline_info",
    "ro-crate",
    "report.html",
    "_mqc.",
    "methods",
)  # they hold times, or how the run was called


def results(folder: Path) -> dict[str, str]:
    from commands import contents

    found = contents(folder) if folder.exists() else {}
    return {name: digest for name, digest in found.items() if not any(part in name for part in SAYS_WHEN)}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--folder", type=Path, required=True)
    given = options.parse_args()
    from launching import Pipeline, tasks

    pipeline, rng, wrong = Pipeline(given.folder), random.Random(given.seed), list[str]()
    began, environment = time.monotonic(), pipeline.environment
    # a cache of its own: those that are killed would find all its tasks done, and only copy
    pipeline.environment = environment | {"NXF_CACHE_DIR": str(given.folder / "cache-alone")}
    pipeline.run(*CHOSEN, "--outdir", "alone", "-work-dir", "work-alone")
    pipeline.environment = environment
    took = time.monotonic() - began
    right = results(given.folder / "alone")
    print(f"undisturbed: {took:.0f} s, {len(right)} results", flush=True)

    def not_whole(when: str, ended: bool = False) -> list[str]:
        found = results(given.folder / "killed")
        names = {**found, **right} if ended else found
        return [f"{when}: {name} is not whole" for name in names if found.get(name) != right.get(name)]

    start = ["run", pipeline.project, *CHOSEN, "--outdir", "killed", "-resume"]
    hits = ends = 0
    cut: list[str] = []  # results that Nextflow was copying: the resumed run must copy them again
    while hits < given.kills:
        process, began = pipeline.start(*start), time.monotonic()
        try:  # Java alone takes some seconds to begin; a resumed run goes on from the one before it
            process.communicate(timeout=rng.uniform(min(5, took / 2), took))
        except subprocess.TimeoutExpired:
            hits += 1
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            there = results(given.folder / "killed")
            cut += not_whole(f"kill {hits}")
            print(f"kill {hits}: {len(there)} of {len(right)} results there", flush=True)
        else:  # it came to its end: whole, and the next begins anew
            ends += 1
            wrong += not_whole(f"the end after kill {hits}", ended=True)
            shutil.rmtree(given.folder / "killed")
            shutil.rmtree(given.folder / "work")
            took = min(took, 1.5 * (time.monotonic() - began))  # this machine was slower when the time was taken
    output = pipeline.nextflow(*start)
    wrong += not_whole("in the end", ended=True)
    done = len(tasks(output, "Cached"))
    print(f"{hits} kills while it ran, {ends + 1} runs to their end; the last found {done} tasks done")
    print(f"{len(cut)} copies cut: {', '.join(cut)}")
    print("\n".join(wrong) or "no faults")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
