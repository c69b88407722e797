#!/usr/bin/env python3
"""Every tool killed (SIGKILL) at random moments: what lies under a final name is whole, and the same command, started
again, succeeds with the same bytes as one that nobody killed.

    python tests/robust/kills.py --kills 20                   # the long form; --tools train,report for some
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

CHECKPOINT = ("checkpoint.safetensors", "checkpoint.json")  # of train: there while it runs, gone when it has ended


def killed(tool: str, kills: int, sound: Path, folder: Path, seed: int = 1) -> tuple[list[str], int]:
    """What went wrong, and how many kills hit the tool while it ran."""
    from commands import RUNS, commands, contents, finish, left_behind, start

    rng, wrong, hits = random.Random(f"{tool} {seed}"), list[str](), 0
    whole = folder / "whole"
    began = time.monotonic()
    if code := finish(start(tool, commands(sound, whole)[tool], folder / "log")):
        return [f"{tool} ends with {code} undisturbed: {(folder / 'log').read_text()[-500:]}"], 0
    took, right = time.monotonic() - began, contents(whole)
    for number in range(kills):
        out = folder / "killed"
        shutil.rmtree(out, ignore_errors=True)
        options = commands(sound, out)[tool]
        process = start(tool, options, folder / "log")
        time.sleep(rng.random() * took)
        os.kill(process, signal.SIGKILL)
        if finish(process) == -signal.SIGKILL:
            hits += 1
        else:  # it had ended: this machine was slower when the time was taken
            took *= 0.7
        if left_behind(process):
            wrong.append(f"{tool}, kill {number}: a process of its runs on")
        for name, digest in contents(out).items():
            if Path(name).name.startswith("checkpoint") or tool == RUNS:
                continue
            if digest != right.get(name):
                wrong.append(f"{tool}, kill {number}: {name} is not whole")
        if code := finish(start(tool, options, folder / "again.log")):
            wrong.append(
                f"{tool}, kill {number}: the next run ends with {code}: {(folder / 'again.log').read_text()[-500:]}"
            )
        elif tool != RUNS and contents(out) != right:
            after = contents(out)
            other = [name for name in {**right, **after} if right.get(name) != after.get(name)]
            wrong.append(f"{tool}, kill {number}: the next run wrote other bytes: {', '.join(other[:5])}")
    return wrong, hits


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=2, help="a tool")
    options.add_argument("--tools", default="", help="comma-separated [default: all]")
    options.add_argument("--sound", type=Path, help="folder of sound files [default: made anew]")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sound = given.sound or Path(name, "sound")
        if not sound.exists():
            from commands import finish

            process = os.fork()  # this process must not compute before it forks
            if not process:
                from made import make

                make(sound)
                os._exit(0)
            if finish(process):
                return 1
        from commands import commands, prepare

        prepare()
        faults: list[str] = []
        for tool in [tool for tool in given.tools.split(",") if tool] or commands(sound, sound):
            folder = Path(name, tool)
            folder.mkdir()
            wrong, hits = killed(tool, given.kills, sound, folder)
            print(f"{tool:20} {given.kills:3} kills, {hits:3} while it ran, {len(wrong)} faults", flush=True)
            faults += wrong
    print("\n".join(faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
