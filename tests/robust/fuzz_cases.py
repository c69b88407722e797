"""The cases of the fuzz, as a worker of fuzz.py reads them: each in a folder of its own, held against its limits."""

import json
import os
import random
import shutil
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SLOW = 10  # seconds of CPU
LARGE = 2**30  # bytes above what the process had
LONG = 1_500  # characters of a line of a message (a fault of several), the path apart
DRAWN = 4  # every so many cases is hypothesis' own

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
