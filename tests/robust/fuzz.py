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
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

SLOW = 10  # seconds of CPU
LARGE = 2**30  # bytes above what the process had
LONG = 1_500  # characters of a line of a message (a fault of several), the path apart
STUCK = 180  # seconds without an answer of the worker
DRAWN = 4  # every so many cases is hypothesis' own
PIECE = 100  # cases of a parser, after which another has its turn

Piece = tuple[str, int, int]  # parser, first case, behind the last


def attempt(read: Any, path: Path, sound: Path) -> str:
    """ "read", "refused", or what is wrong."""
    from crexpress.core.errors import InputError
    from parsers import finite

    try:
        wrong = next(finite(read(path, sound)), None)
        return f"silent: {wrong}" if wrong else "read"
    except InputError as error:
        text = str(error).replace(str(path), "PATH").replace(str(path.parent), "FOLDER")
        if not text or max(map(len, text.splitlines())) > LONG:
            return f"message with a line of {max(map(len, text.splitlines()))} characters"
        if not text.replace("\n", "").replace("\t", "").isprintable():
            return f"message with control characters: {text!r}"[:200]
        return "refused"
    except AssertionError as error:
        if traceback.extract_tb(error.__traceback__)[-1].filename.startswith(str(HERE)):
            return f"silent: {error}"
        return _place(error)
    except MemoryError as error:
        return "memory: " + _place(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _place(error)


def _place(error: BaseException) -> str:
    ours = [f for f in traceback.extract_tb(error.__traceback__) if "/crexpress/" in f.filename]
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno} {ours[-1].name}" if ours else "outside"
    return f"{type(error).__name__} at {where}: {str(error)[:120]}"


def peak() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024


def forget_peak() -> None:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def damaged(name: str, number: int, seed: int, sound: Path, folder: Path) -> Path:
    """The file of one case, in an empty folder of its own."""
    from mutate import mutate
    from parsers import PARSERS

    rng = random.Random(f"{name} {seed} {number}")
    source = sound / PARSERS[name].files[number % len(PARSERS[name].files)]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / source.name
    path.write_bytes(mutate(source.read_bytes(), rng, PARSERS[name].text))
    return path


def work(todo: list[Piece], seed: int, sound: Path, keep: Path) -> None:
    """Cases [first, last) of parsers; one line of JSON each: {name, number, result}."""
    from parsers import PARSERS

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    with tempfile.TemporaryDirectory() as scratch:
        for name, first, last in todo:
            for number in range(first, last):
                if number % DRAWN == DRAWN - 1:
                    continue
                path = damaged(name, number, seed, sound, Path(scratch, "case"))
                answers.write(json.dumps({"name": name, "number": number, "result": "begun"}) + "\n")
                result = measured(PARSERS[name].read, path, sound)
                if result not in ("read", "refused"):
                    _keep(path, keep / name / str(number))
                answers.write(json.dumps({"name": name, "number": number, "result": result}) + "\n")
            answers.write(json.dumps({"name": name, "number": last - 1, "result": "begun"}) + "\n")
            for result in drawn(name, first, len(range(first, last)) // DRAWN, seed, sound, Path(scratch), keep):
                answers.write(json.dumps({"name": name, "number": last - 1, "result": result}) + "\n")
            answers.write(json.dumps({"name": name, "number": last - 1, "result": "ended"}) + "\n")


def measured(read: Any, path: Path, sound: Path) -> str:
    forget_peak()
    before, began = peak(), time.process_time()
    result = attempt(read, path, sound)
    took, grown = time.process_time() - began, peak() - before
    if took > SLOW:
        return f"slow: {took:.0f} s ({result})"
    return f"memory: {grown >> 20} MB ({result})" if grown > LARGE else result


def drawn(name: str, first: int, cases: int, seed: int, sound: Path, scratch: Path, keep: Path) -> list[str]:
    """Results of hypothesis' cases: edits of a sound file at places, and by words, of its own choosing."""
    import hypothesis
    from hypothesis import strategies as st

    from mutate import WORDS
    from parsers import PARSERS

    parser, results = PARSERS[name], []
    files = [(sound / file).read_bytes() for file in parser.files]
    words = st.sampled_from([word.encode("utf-8", "replace") for word in WORDS if len(word) < 100])
    piece = st.one_of(
        st.binary(max_size=12), words, st.text(max_size=6).map(lambda text: text.encode("utf-8", "replace"))
    )
    edit = st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([0, 1, 2, 4, 8, 40, 1000]), piece)

    @hypothesis.seed(f"{name} {seed} {first}")
    @hypothesis.settings(max_examples=max(1, cases), deadline=None, database=None, report_multiple_bugs=False,
                         suppress_health_check=list(hypothesis.HealthCheck))  # fmt: skip
    @hypothesis.given(st.integers(0, len(files) - 1), st.lists(edit, min_size=1, max_size=4))
    def check(which: int, edits: list[tuple[float, int, bytes]]) -> None:
        content = files[which]
        for place, gone, put in edits:
            at = int(place * len(content))
            content = content[:at] + put + content[at + gone :]
        folder = scratch / "drawn"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = folder / Path(parser.files[which]).name
        path.write_bytes(content)
        result = measured(parser.read, path, sound)
        results.append(result)
        if result not in ("read", "refused"):
            shutil.rmtree(keep / name / "drawn", ignore_errors=True)
            _keep(path, keep / name / "drawn")
            raise ValueError(result)

    try:
        check()
    except Exception as error:
        good = [result for result in results if result in ("read", "refused")]
        return [*good, f"drawn: {error}"]
    return results


def _keep(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / path.name)


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
