#!/usr/bin/env python3
"""The pipeline killed (SIGKILL, with all its tasks, as by a power cut) at random moments of a run, resumed after each:
the results that lie under their final names are whole, and in the end they are the bytes of a run that nobody killed.

    python tests/robust/kill_pipeline.py --kills 10 --folder /tmp/kills       # minutes; the folder must be new
"""

import argparse
import os
import random
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "pipeline")]

CHOSEN = ("-profile", "test", "--steps", "60")
SAYS_WHEN = ("pipeline_info", "report.html", "_mqc.", "methods")  # they hold times, or how the run was called


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
    began = time.monotonic()
    pipeline.run(*CHOSEN, "--outdir", "alone", "-work-dir", "work-alone")
    took = time.monotonic() - began
    right = results(given.folder / "alone")
    print(f"undisturbed: {took:.0f} s, {len(right)} results", flush=True)
    start = ["run", pipeline.project, *CHOSEN, "--outdir", "killed", "-resume"]
    hits = 0
    for number in range(given.kills):
        process = pipeline.start(*start)
        # a run takes a while to begin; each goes on from the one before it, so that the kills walk through the whole
        time.sleep(8 + rng.random() * 2 * took / given.kills)
        if process.poll() is None:
            hits += 1
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for name, digest in results(given.folder / "killed").items():
            if digest != right.get(name):
                wrong.append(f"kill {number}: {name} is not whole")
        print(f"kill {number}: {len(results(given.folder / 'killed'))} results there", flush=True)
    output = pipeline.nextflow(*start)
    after = results(given.folder / "killed")
    wrong += [f"in the end: {name}" for name in {**right, **after} if right.get(name) != after.get(name)]
    print(f"{given.kills} kills, {hits} while it ran, {len(tasks(output, 'Cached'))} tasks found done in the last run")
    print("\n".join(wrong) or "no faults")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
