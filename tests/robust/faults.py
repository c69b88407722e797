#!/usr/bin/env python3
"""Every tool on a machine that fails it: a full disk, folders that cannot be written, few files, little memory, other
words, clocks and numbers of threads. Success with the same bytes, or one sentence and no traceback; never half a file.

    python tests/robust/faults.py                             # --tools train,report, --faults full-disk,no-tmpdir
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

Around = Callable[[], None]
FULL = "0,2,16,64,400"  # kB of a disk that is left: each tool runs full at another of its writes


def _environment(**values: str) -> Around:
    return lambda: os.environ.update(values)


def _limit(what: int, most: int) -> Around:
    return lambda: resource.setrlimit(what, (most, most))


def _threads(count: int) -> Around:
    """As many CPUs and threads, by every variable of the libraries and by the tool's own option."""

    def set_all() -> None:
        libraries = ("OMP_NUM", "NUMBA_NUM", "POLARS_MAX", "MKL_NUM", "OPENBLAS_NUM", "RAYON_NUM")
        os.environ.update({f"{name}_THREADS": str(count) for name in libraries})
        os.environ.update({"OMP_THREAD_LIMIT": str(count), "OMP_DYNAMIC": "true", "MKL_DYNAMIC": "true"})
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
        if "--threads" in sys.argv:
            sys.argv[sys.argv.index("--threads") + 1] = str(count)

    return set_all


def _no_shared_memory() -> None:
    _unshare()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=0,ro", "tmpfs", "/dev/shm"], check=False)


def _unshare() -> None:
    """A mount namespace of this process' own: its mounts end with it."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000):  # CLONE_NEWNS
        raise SystemExit(SKIPPED)
    subprocess.run(["mount", "--make-rprivate", "/"], check=False)


def _inputs_change() -> None:
    """The tool takes its inputs for others than it began with, when it gives its first output its name."""
    from crexpress.core import unchanged

    watching = unchanged.watching

    @contextmanager
    def then_changed(paths: Iterable[Path]) -> Iterator[None]:
        with watching(paths):
            unchanged._seen.update(dict.fromkeys(unchanged._seen, (0,)))
            yield

    unchanged.watching = then_changed


NO_INPUTS = ("check-setup", "simulate")
SKIPPED = 99
ANEW = ("little-memory", "no-shared-memory", "one-thread", "two-threads")  # they reach what a tool imports
_NATIVE = (127, -6, -11, 134)
# name: what is done in the tool's process before it starts, and whether it must succeed all the same
FAULTS: dict[str, tuple[Around, bool]] = {
    "no-tmpdir": (_environment(TMPDIR="/nonexistent/folder"), True),
    "no-home": (_environment(HOME="/nonexistent", MPLCONFIGDIR="", XDG_CACHE_HOME="/nonexistent"), True),
    "few-files": (_limit(resource.RLIMIT_NOFILE, 64), True),
    "little-memory": (_limit(resource.RLIMIT_AS, 3_000_000_000), False),
    "no-threads": (_limit(resource.RLIMIT_NPROC, 4096), True),
    "one-cpu": (lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}), True),
    "locale-c": (_environment(LC_ALL="C", LANG="C", PYTHONUTF8="0"), True),
    "locale-turkish": (_environment(LC_ALL="tr_TR.UTF-8", LANG="tr_TR.UTF-8"), True),
    "far-away": (_environment(TZ="Pacific/Kiritimati", SOURCE_DATE_EPOCH="1"), True),
    "no-shared-memory": (_no_shared_memory, True),
    "one-thread": (_threads(1), True),
    "two-threads": (_threads(2), True),
    "small-files": (_limit(resource.RLIMIT_FSIZE, 2_000), False),
    "inputs-change": (_inputs_change, False),
    "umask": (lambda: os.umask(0o777) and None, False),
}


def disk(size: int, folder: Path) -> Around:
    """A disk of `size` kB in the place of `folder`."""

    def mount() -> None:
        _unshare()
        options = f"size={max(size, 4)}k"
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False).returncode:
            raise SystemExit(SKIPPED)
        if not size:
            (folder / "filler").write_bytes(b"\0" * 4096)

    return mount


def read_only(folder: Path) -> Around:
    def mount() -> None:
        _unshare()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], check=False).returncode:
            raise SystemExit(SKIPPED)

    return mount


def tried(
    tool: str, faults: list[str], disks: list[int], sound: Path, folder: Path
) -> tuple[dict[str, int], list[str]]:
    """How often the tool succeeded, refused or was not tried, and what went wrong."""
    from commands import RUNS, commands, contents, finish, start

    whole, log = folder / "whole", folder / "log"
    if code := finish(start(tool, commands(sound, whole)[tool], log)):
        return {}, [f"{tool} ends with {code} undisturbed: {log.read_text()[-500:]}"]
    right, wrong = contents(whole), list[str]()
    counts = {"read": 0, "refused": 0, "skipped": 0}
    cases: list[tuple[str, Around | None, bool]] = [(n, *FAULTS[n]) for n in faults if n in FAULTS]
    cases += [(f"full-disk of {size} kB", None, False) for size in disks if "full-disk" in faults]
    cases += [("read-only", None, False)] if "read-only" in faults else []
    for name, around, must in cases:
        out = folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        log.unlink(missing_ok=True)
        if around is None:
            around = read_only(out) if name == "read-only" else disk(int(name.split()[2]), out)
        code = finish(start(tool, commands(sound, out)[tool], log, around, name in ANEW))
        said = log.read_text(errors="replace") if log.exists() else ""
        if code == SKIPPED:
            counts["skipped"] += 1
            continue
        counts["refused" if code else "read"] += 1
        if name == "little-memory" and code in _NATIVE and "Traceback (most recent" not in said:
            pass  # a native library ends the process by itself, in words of its own
        elif "Traceback (most recent" in said or code not in (0, 2, 65, 75, 137):
            wrong.append(f"{tool}, {name}: exit code {code}: {said[-700:]}")
        elif code and said.count("Error: ") != 1:
            wrong.append(f"{tool}, {name}: not one sentence: {said[-500:]}")
        elif name == "inputs-change" and tool not in (*NO_INPUTS, RUNS) and (code != 65 or contents(out)):
            wrong.append(f"{tool}, {name}: exit code {code}, written: {', '.join(contents(out))}: {said[-500:]}")
        elif must and code:
            wrong.append(f"{tool}, {name}: refused: {said[-500:]}")
        for path, digest in contents(out).items():
            if (
                tool != RUNS
                and path != "setup.json"
                and not path.startswith("model/checkpoint")
                and digest != right.get(path)
            ):
                wrong.append(f"{tool}, {name}: {path} has other bytes")
    return counts, wrong


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tools", default="", help="comma-separated [default: all]")
    options.add_argument("--faults", default="", help="comma-separated [default: all]")
    options.add_argument("--disks", default=FULL, help="kB that full-disk leaves [default: %(default)s]")
    options.add_argument("--sound", type=Path, required=True, help="folder of sound files (made.py)")
    given = options.parse_args()
    from commands import commands, prepare

    prepare()
    faults = [name for name in given.faults.split(",") if name] or [*FAULTS, "full-disk", "read-only"]
    disks, found = [int(size) for size in given.disks.split(",")], list[str]()
    with tempfile.TemporaryDirectory() as name:
        for tool in [tool for tool in given.tools.split(",") if tool] or commands(given.sound, given.sound):
            folder = Path(name, tool)
            folder.mkdir()
            counts, wrong = tried(tool, faults, disks, given.sound, folder)
            print(f"{tool:20} {counts}, {len(wrong)} findings", flush=True)
            found += wrong
    print("\n".join(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
