"""benchmarks.csv: name, kind, cell, file, and what else a kind takes; every fault is told before anything is scored."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from crexpress.core.errors import InputError
from crexpress.core.schemas import NAME
from crexpress.evaluate.benchmarks import BENCHMARKS
from crexpress.evaluate.benchmarks.base import Entry
from crexpress.formats import text_files

REQUIRED, FILES = ("name", "kind"), ("file", "chain")


def read(path: Path) -> list[Entry]:
    """The rows of a benchmarks.csv; paths are relative to it. Raises InputError with every fault, one a line."""
    lines = text_files.read_lines(path)
    rows = list(csv.reader(lines["text"].to_list()))
    if not rows:
        raise InputError(f"{path} is empty; its header is name,kind,cell,file")
    header = [name.strip() for name in rows[0]]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; its header is name,kind,cell,file")
    faults: list[str] = []
    entries: list[Entry] = []
    for line, row in zip(lines["line"].to_list()[1:], rows[1:], strict=True):
        where = f"{path} line {line}"
        if len(row) > len(header):
            faults.append(f"{where} has {len(row)} fields, the header {len(header)}; check its commas")
            continue
        given = {name: value.strip() for name, value in zip(header, row, strict=False) if value.strip()}
        faults += [f"{where}: {fault}" for fault in _faults(given, path.parent, {entry.name for entry in entries})]
        entries.append(_entry(given, path.parent))
    if not entries:
        faults.append(f"{path} has a header and no row; add a benchmark, or leave it out")
    if faults:
        raise InputError("\n".join(faults))
    return entries


def one(text: str, taken: Sequence[str]) -> Entry:
    """[NAME=][KIND:]FILE of --benchmark; the kind is crispr where none is named. InputError for what is not."""
    name, _, rest = ("", "", text) if "=" not in text or Path(text).is_file() else text.partition("=")
    kind, _, file = rest.partition(":") if rest.partition(":")[0] in BENCHMARKS else ("crispr", "", rest)
    name = name or re.sub(r"[^A-Za-z0-9._-]", "_", Path(file).name.split(".")[0]) or kind
    given = {"name": name, "kind": kind, "file": file}
    faults = _faults({what: value for what, value in given.items() if value}, Path(), set(taken))
    if faults:
        raise InputError(f"--benchmark {text}: {'; '.join(faults)}")
    return _entry(given, Path())


def _faults(given: dict[str, str], folder: Path, taken: set[str]) -> list[str]:
    faults = [f"its column {name} is empty" for name in REQUIRED if name not in given]
    name, kind = given.get("name"), given.get("kind")
    if name and not NAME.fullmatch(name):
        faults.append(f"'{name}' cannot name a file; use letters, digits, '.', '_', '-'")
    if name in taken:
        faults.append(f"'{name}' is there twice; give each benchmark a name of its own")
    if kind and kind not in BENCHMARKS:
        faults.append(f"there is no kind '{kind}'; kinds are {', '.join(BENCHMARKS)}")
    faults += [
        f"there is no file {folder / given[what]}"
        for what in FILES
        if what in given and not (folder / given[what]).is_file()
    ]
    return faults


def _entry(given: dict[str, str], folder: Path) -> Entry:
    options = {what: value for what, value in given.items() if what not in ("name", "kind", "cell", "file")}
    options |= {"chain": str(folder / given["chain"])} if "chain" in given else {}
    file = folder / given["file"] if given.get("file") else None
    return Entry(given.get("name", ""), given.get("kind", ""), given.get("cell"), file, options)
