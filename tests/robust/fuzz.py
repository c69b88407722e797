#!/usr/bin/env python3
"""Damaged files by the thousand, read by every parser: success, or one clear sentence (InputError); nothing else.

    python tests/robust/fuzz.py --cases 1000                  # the long form: so many cases a parser
    python tests/robust/fuzz.py --cases 1000 --parsers gtf,bed
    python tests/robust/fuzz.py --cases 1000 --save found.jsonl # goes on where one with this file ended
    python tests/robust/fuzz.py --show gtf 17                 # one case again, with its traceback

Three of four cases are mutations (mutate.py), the fourth is drawn by hypothesis, which makes failures small. A worker
process reads them, so that a crash or a hang of a native library is a finding like any other; the files of findings are
kept in --keep. Exit code 1 when there is one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from fuzz_cases import Piece, damaged, work  # noqa: E402 - lies beside

STUCK = 180  # seconds without an answer of the worker
PIECE = 100  # cases of a parser, after which another has its turn


def pieces(names: list[str], cases: int) -> list[Piece]:
    """All there is to do, the parsers in turn."""
    return [(name, at, min(at + PIECE, cases)) for at in range(0, cases, PIECE) for name in names]


def earlier(path: Path | None, todo: list[Piece]) -> tuple[list[dict[str, Any]], list[Piece]]:
    """Answers that a file has of whole pieces, and the pieces that it has not."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("}")]  # the last may be cut off
    ended = {(one["name"], one["number"] // PIECE) for one in found if one["result"] == "ended"}
    kept = [one for one in found if (one["name"], one["number"] // PIECE) in ended and one["result"] != "ended"]
    return kept, [piece for piece in todo if (piece[0], piece[1] // PIECE) not in ended]


def drive(
    todo: list[Piece], seed: int, sound: Path, keep: Path, save: Callable[[dict[str, Any]], object]
) -> list[dict[str, Any]]:
    """Answers of workers; one that dies or hangs is followed by another, from the next case on."""
    import queue
    import threading

    found: list[dict[str, Any]] = []
    while todo:
        options = [sys.executable, __file__, "--worker", json.dumps(todo), "--seed", str(seed), "--sound", sound]
        worker = subprocess.Popen([*map(str, options), "--keep", str(keep)], stdout=subprocess.PIPE, text=True)
        assert worker.stdout
        lines: queue.Queue[str | None] = queue.Queue()

        def pump(stream: Any = worker.stdout, into: Any = lines) -> None:
            for line in stream:
                into.put(line)
            into.put(None)

        threading.Thread(target=pump, daemon=True).start()
        last: dict[str, Any] | None = None
        why = ""
        while True:
            try:
                line = lines.get(timeout=STUCK)
            except queue.Empty:
                worker.kill()
                why = f"stuck for {STUCK} s"
                break
            if line is None:
                break
            last = json.loads(line)
            if last["result"] != "begun":
                save(last)
            if last["result"] not in ("begun", "ended"):
                found.append(last)
        code = worker.wait()
        if code == 0 and not why:
            return found
        if last is None:
            raise SystemExit(f"the worker does not start (exit code {code})")
        found.append({**last, "result": why or f"the process died (exit code {code})"})
        save(found[-1])
        if not why.startswith("stuck"):
            print(f"{last['name']} {last['number']}: {found[-1]['result']}", flush=True)
        name, number = last["name"], last["number"]
        [at] = [at for at, (of, first, end) in enumerate(todo) if of == name and first <= number < end]
        end = todo[at][2]
        if number + 1 == end:
            save({"name": name, "number": number, "result": "ended"})
        todo = ([(name, number + 1, end)] if number + 1 < end else []) + todo[at + 1 :]
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=40, help="cases a parser")
    options.add_argument("--parsers", default="", help="comma-separated [default: all]")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--save", type=Path, help="file of answers, one a line; what it has is not done again")
    options.add_argument("--sound", type=Path, help="folder of sound files [default: made anew]")
    options.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir(), "crexpress-fuzz"))
    options.add_argument("--show", nargs=2, metavar=("PARSER", "CASE"))
    options.add_argument("--worker", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.worker:
        work(json.loads(given.worker), given.seed, given.sound, given.keep)
        return 0
    from parsers import PARSERS

    made = tempfile.TemporaryDirectory()
    sound = given.sound or Path(made.name, "sound")
    if not sound.exists():
        from made import make

        make(sound)
    if given.show:
        name, number = given.show
        path = damaged(name, int(number), given.seed, sound, Path(made.name, "case"))
        print(finite_or_traceback(PARSERS[name].read, path, sound))
        return 0
    names = [name for name in given.parsers.split(",") if name] or list(PARSERS)
    found, todo = earlier(given.save, pieces(names, given.cases))
    with open(given.save or os.devnull, "a", buffering=1) as file:
        found += drive(todo, given.seed, sound, given.keep, lambda one: file.write(json.dumps(one) + "\n"))
    return report(names, found, given.keep)


def finite_or_traceback(read: Any, path: Path, sound: Path) -> str:
    from crexpress.core.errors import InputError

    try:
        return f"read: {read(path, sound)}"
    except InputError as error:
        return f"refused: {error}"


def report(names: list[str], found: list[dict[str, Any]], keep: Path) -> int:
    """A table of counts, then every kind of finding once."""
    print(f"{'parser':24} {'cases':>6} {'read':>6} {'refused':>8} {'findings':>9}")
    total: Counter[str] = Counter()
    for name in names:
        counts = Counter(one["result"] if one["result"] in ("read", "refused") else "finding"
                         for one in found if one["name"] == name)  # fmt: skip
        total.update(counts)
        print(f"{name:24} {counts.total():6} {counts['read']:6} {counts['refused']:8} {counts['finding']:9}")
    print(f"{'all':24} {total.total():6} {total['read']:6} {total['refused']:8} {total['finding']:9}")
    kinds: dict[str, list[str]] = {}
    for one in found:
        if one["result"] not in ("read", "refused"):
            kinds.setdefault(f"{one['name']}: {one['result']}", []).append(str(one["number"]))
    for kind, numbers in kinds.items():
        print(f"{kind}   [{', '.join(numbers[:5])}{', ...' if len(numbers) > 5 else ''}]")
    if kinds:
        print(f"Files of findings: {keep}")
    return int(bool(kinds))


if __name__ == "__main__":
    sys.exit(main())
