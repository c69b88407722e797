"""benchmarks.csv: name, kind, cell, file, and what else a kind takes; every fault is told before anything is scored."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from crexpress.core.errors import InputError
from crexpress.core.names import NAME
from crexpress.evaluate.benchmarks import BENCHMARKS
from crexpress.evaluate.benchmarks.base import Entry
from crexpress.formats import text_tables

REQUIRED, FILES = ("name", "kind"), ("file", "chain")
# what a kind of ours cannot do without; another package's says so itself when it is scored
NEEDS = {
    "crispr": ("file",),
    "contacts": ("file",),
    "domains": ("file",),
    "locus": ("file", "gene"),
    "specific-genes": ("cell",),
}
_HEADER = "its header is name,kind,cell,file"


def read(
    path: Path, staged: Mapping[str, Path] | None = None, cells: Collection[str] = (), look: bool = True
) -> list[Entry]:
    """The rows of a benchmarks.csv. Raises InputError with every fault, one a line.

    `staged` {name in the sheet: where it lies}; other paths are relative to the sheet. `cells`, where given, are those
    that a row may name. Without `look` nobody asks whether the files are there: they may not be on this machine.
    """
    try:
        table = text_tables.read(path, lambda first: True, least=1, ragged=True)
    except InputError as error:
        raise InputError(f"{error}; {_HEADER}") from None
    header = [name.strip() for name in table.names or []]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; {_HEADER}")
    faults: list[str] = []
    entries: list[Entry] = []
    for line, *fields in table.rows.iter_rows():
        row = zip(header, ((field or "").strip() for field in fields), strict=False)
        given = {name: value for name, value in row if name and value}
        places = {what: _place(given[what], path.parent, staged) for what in FILES if what in given}
        found = _faults(given, {entry.name for entry in entries}, cells)
        found += [f"there is no file {place}" for place in places.values() if look and not place.is_file()]
        faults += [f"{path} line {line}: {fault}" for fault in found]
        entries.append(_entry(given, places))
    if faults:
        raise InputError("\n".join(faults))
    return entries


def one(text: str, taken: Sequence[str]) -> Entry:
    """[NAME=][KIND:]FILE of --benchmark; the kind is crispr where none is named. InputError for what is not."""
    name, _, rest = ("", "", text) if "=" not in text or Path(text).is_file() else text.partition("=")
    kind, _, file = rest.partition(":") if rest.partition(":")[0] in BENCHMARKS else ("crispr", "", rest)
    name = name or re.sub(r"[^A-Za-z0-9._-]", "_", Path(file).name.split(".")[0]) or kind
    given = {"name": name, "kind": kind} | ({"file": file} if file else {})
    faults = _faults(given, taken)
    faults += [f"there is no file {file}"] if file and not Path(file).is_file() else []
    if faults:
        raise InputError(f"--benchmark {text}: {'; '.join(faults)}")
    return _entry(given, {"file": Path(file)} if file else {})


def _place(name: str, folder: Path, staged: Mapping[str, Path] | None) -> Path:
    return (staged or {}).get(name, folder / name)


def _faults(given: Mapping[str, str], taken: Collection[str], cells: Collection[str] = ()) -> list[str]:
    faults = [f"its column {name} is empty" for name in REQUIRED if name not in given]
    name, kind, cell = given.get("name"), given.get("kind"), given.get("cell")
    if name and not NAME.fullmatch(name):
        faults.append(f"'{name}' cannot name a file; use letters, digits, '.', '_', '-'")
    if name in taken:
        faults.append(f"'{name}' is there twice; give each benchmark a name of its own")
    if kind and kind not in BENCHMARKS:
        faults.append(f"there is no kind '{kind}'; kinds are {', '.join(BENCHMARKS)}")
    faults += [
        f"its column {what} is empty, which {kind} needs" for what in NEEDS.get(kind or "", ()) if what not in given
    ]
    if cell and cells and cell not in cells:
        faults.append(f"'{cell}' is no cell of the samplesheet; it has {', '.join(sorted(cells))}")
    return faults


def _entry(given: Mapping[str, str], places: Mapping[str, Path]) -> Entry:
    options = {what: value for what, value in given.items() if what not in ("name", "kind", "cell", "file")}
    options |= {"chain": str(places["chain"])} if "chain" in places else {}
    return Entry(given.get("name", ""), given.get("kind", ""), given.get("cell"), places.get("file"), options)
