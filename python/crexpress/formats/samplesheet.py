"""The samplesheet, one row a file (cell, assay, file, replicate, column, meta_*), read and checked whole.

Every fault is collected and reported in one message, so that a user mends the sheet once.
"""

import csv
import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from crexpress.core.errors import InputErrors
from crexpress.core.files import replacing
from crexpress.core.names import NAME
from crexpress.formats import encode, tracks
from crexpress.formats.sheet_text import COLUMNS, REQUIRED, Record, parse

EXPRESSION = ("rna", "cage")
TRAIN, HOLDOUT, PREDICT = "train", "holdout", "predict"

URL = re.compile(r"(https?|s3|gs)://\S+")

TABLES = (".tsv", ".txt", ".csv", ".tab", ".sf", ".results", ".gct", ".fpkm_tracking")
BIGWIG = tracks.BIGWIG.suffixes
SUFFIXES = {  # of a file of each assay, ".gz" apart; every other assay is a track
    "rna": TABLES,
    "cage": (*TABLES, ".bed", ".ctss", ".bam", *BIGWIG),
    "loops": (".bedpe", ".longrange", ".bed", ".tsv", ".txt", ".hic", ".cool", ".mcool"),
    "ccres": (".bed",),
}
BINARY = (*BIGWIG, ".bam", ".hic", ".cool", ".mcool")  # hold their own compression: never ".gz"
WITH_COLUMN = {"rna": TABLES, "cage": (*TABLES, ".bed")}
SHARED = ("loops", "ccres")  # one file may serve several cells


class Row(NamedTuple):
    """One checked file of the sheet; `role` is its cell's: train, holdout or predict (no expression); `number` is its
    row's in the sheet, of which the header is the first.
    """

    cell: str
    assay: str
    file: str
    replicate: int
    column: str
    role: str
    meta: dict[str, str]
    number: int = 0


def read(
    path: str | Path,
    *,
    tracks: Sequence[str] = (),
    target: str = "rna",
    holdout_cells: Sequence[str] = (),
    allow_missing_tracks: bool = False,
    training: bool = True,
    absent: Collection[str] | None = None,
) -> list[Row]:
    """Read a samplesheet and check it whole; rows come sorted by cell, assay, replicate.

    `tracks` every cell must have; `target` ("rna" or "cage") is the quantity that is learned, rows of the other are
    left out; with `training` one cell at least must have it and not be held out. A file is looked for beside the
    sheet, then in the working directory, unless `absent` lists the missing ones. ENCODE accessions become their URL;
    other files stay as written.

    Raises InputErrors with every fault found.
    """
    path = Path(path)
    header, records = parse(path)
    faults = _header_faults(header)
    if not {*header} & {*COLUMNS}:  # what rows hold cannot be told
        raise InputErrors(f"{path} has {len(faults)} fault{'s' * (len(faults) > 1)}:", faults)
    for record in records:
        faults += _row_faults(record, header, path.parent, absent)
    faults += _repeat_faults(records)
    roles = _roles(records, target, holdout_cells)
    faults += _sheet_faults(records, roles, tracks, target, holdout_cells, allow_missing_tracks, training)
    if faults:
        raise InputErrors(f"{path} has {len(faults)} fault{'s' * (len(faults) > 1)}:", faults)

    other = EXPRESSION[target == "rna"]
    meta = [name for name in header if name.startswith("meta_")]
    rows = [
        Row(
            v["cell"],
            v["assay"],
            _address(v["file"], v["assay"], _is_missing(v["file"], path.parent, absent)) or v["file"],
            int(v["replicate"]),
            v["column"],
            roles[v["cell"]],
            {name: v[name] for name in meta},
            number,
        )
        for number, v in records
        if v["assay"] != other
    ]
    return sorted(rows, key=lambda row: (row.cell, row.assay, row.replicate, row.file))


def write(path: str | Path, rows: Sequence[Row]) -> None:
    """Write checked rows as CSV: cell, assay, file, replicate, column, role, then the meta_ columns."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*Row._fields[:-2], *rows[0].meta])
        writer.writerows([*row[:-2], *row.meta.values()] for row in rows)


def _such_as(name: str) -> str:
    """ ", as in my_K562" for a name that signs in it make unfit; nothing where there is none left."""
    plain = re.sub("[^A-Za-z0-9._-]+", "_", name).strip("._-")
    return f", as in {plain}" * bool(plain)


def _header_faults(header: list[str]) -> list[str]:
    if not {*header} & {*COLUMNS} and len(header) > 1:
        return [f"row 1 has no name of a column; put {','.join(COLUMNS[:4])} above the rows"]
    faults = []
    for name in sorted({name for name in header if header.count(name) > 1}):
        faults.append(f"row 1: the column '{name}' is there {header.count(name)} times; keep one")
    for name in header:
        if name not in COLUMNS and not name.startswith("meta_"):
            faults.append(
                f"row 1: unknown column '{name}'{_nearest(name, COLUMNS)}; the columns are "
                f"{', '.join(COLUMNS)}, and any other must begin with meta_"
            )
    missing = [name for name in REQUIRED if name not in header]
    return faults + [f"row 1: the column '{name}' is missing; add it" for name in missing]


def _row_faults(record: Record, header: list[str], folder: Path, absent: Collection[str] | None) -> list[str]:
    """Faults of one row by itself."""
    number, v = record
    faults = []

    def fault(column: str, message: str) -> None:
        faults.append(f"row {number}, column {column}: {message}")

    if "fields" in v:
        faults.append(f"row {number} has {v['fields']} fields, the header has {len(header)}; check its separators")
    for column in REQUIRED:
        if column in header and not v[column]:
            fault(column, "is empty; fill it in")
    for column in COLUMNS:
        if any(unicodedata.category(sign) == "Cc" for sign in v[column]):
            fault(column, f"{v[column]!r} holds a line break or another control character; take it out")
    for column in ("cell", "assay"):
        if v[column] and not NAME.fullmatch(v[column]):
            fault(column, f"'{v[column]}' cannot name a file; use letters, digits, '.', '_', '-'{_such_as(v[column])}")
    if not re.fullmatch("0*[1-9][0-9]*", v["replicate"]):
        fault("replicate", f"'{v['replicate']}' is not a whole number above 0; number the replicates 1, 2, ...")
    if v["file"] and v["assay"]:
        if message := _file_fault(v["file"], v["assay"], folder, absent):
            fault("file", message)
        if message := _column_fault(v["column"], v["file"], v["assay"]):
            fault("column", message)
    return faults


def _file_fault(file: str, assay: str, folder: Path, absent: Collection[str] | None) -> str | None:
    if encode.ACCESSION.fullmatch(file):
        if encode.address(file, assay):
            return None
        return f"give the URL of {file}, or its format behind it ({file}.bam): ENCODE has {assay} in several formats"
    if re.fullmatch("(?i)ENC[A-Z0-9]+", file):
        return f"'{file}' is no accession of an ENCODE file (these look like ENCFF070LLG); give that of a file"
    if match := re.fullmatch(r"(.+\.mcool)::.*", file, re.IGNORECASE):
        return f"'{file}' names a resolution; give '{match[1]}', of which --loop_bin_size takes one"
    allowed = SUFFIXES.get(assay) or tracks.suffixes()
    suffix = suffix_of(file)
    if suffix not in allowed or (suffix in BINARY and file.lower().endswith(".gz")):
        kind = "" if assay in SUFFIXES else " (taken for a track)"
        return f"'{file}' does not fit the assay {assay}{kind}, which takes {', '.join(allowed)}"
    missing = _is_missing(file, folder, absent)
    if not missing or _address(file, assay, missing):
        return None
    return f"'{file}' does not exist, or is a folder; give a path relative to the sheet, or a full path or URL"


def _is_missing(file: str, folder: Path, absent: Collection[str] | None) -> bool:
    if absent is not None:
        return file in absent
    return not URL.fullmatch(file) and not any((base / file).is_file() for base in (folder, Path()))


def _address(file: str, assay: str, missing: bool) -> str | None:
    """Where ENCODE has a file; a file of one's own that is named like one of theirs (ENCFF070LLG.bam) goes before."""
    return encode.address(file, assay) if missing or encode.ACCESSION.fullmatch(file) else None


def _column_fault(column: str, file: str, assay: str) -> str | None:
    suffix = suffix_of(file)
    if assay == "cage" and suffix in BIGWIG:
        right = column in ("+", "-")
        return None if right else f"'{file}' holds one strand; say here which, + or -, and give both strands"
    if column and suffix not in WITH_COLUMN.get(assay, ()):
        return f"'{column}' names a column, but '{file}' is no rna or cage table; leave it empty"
    return None


def _repeat_faults(records: Iterable[Record]) -> list[str]:
    """The same replicate, the same file or the same cell in another case, twice."""
    faults = []
    seen: dict[tuple[str, ...], int] = {}
    spelled: dict[str, str] = {}
    for number, v in records:
        cell, assay, file = (v[column] for column in REQUIRED)
        if assay and cell:
            first = seen.setdefault(("replicate", cell, assay, v["replicate"].lstrip("0")), number)
            if first != number:
                faults.append(
                    f"row {number}, column replicate: {cell} has replicate {v['replicate']} of {assay} "
                    f"in row {first} already; number the replicates 1, 2, ..."
                )
        if file:
            first = seen.setdefault(("file", file, v["column"], *([cell, assay] if assay in SHARED else [])), number)
            if first != number:
                faults.append(f"row {number}, column file: '{file}' is in row {first} already; give each file once")
        if cell and (other := spelled.setdefault(cell.lower(), cell)) != cell:
            faults.append(f"row {number}, column cell: '{cell}' and '{other}' differ only in case; spell it one way")
    return faults


def _roles(records: Iterable[Record], target: str, holdout_cells: Sequence[str]) -> dict[str, str]:
    """Role of every cell: train, holdout, or predict when it has no row of the target quantity."""
    roles: dict[str, str] = {}
    for _, v in records:
        roles.setdefault(v["cell"], PREDICT)
        if v["assay"] == target:
            roles[v["cell"]] = HOLDOUT if v["cell"] in holdout_cells else TRAIN
    roles.pop("", None)
    return roles


def _sheet_faults(
    records: list[Record],
    roles: dict[str, str],
    tracks: Sequence[str],
    target: str,
    holdout_cells: Sequence[str],
    allow_missing_tracks: bool,
    training: bool,
) -> list[str]:
    """What is missing in the sheet as a whole: tracks, held-out cells, a cell to train on."""
    faults = []
    for cell in roles:
        assays = {v["assay"]: number for number, v in records if v["cell"] == cell}
        lacking = [track for track in tracks if track not in assays]
        if allow_missing_tracks and len(lacking) < len(tracks):
            continue
        for track in lacking:
            close = difflib.get_close_matches(track, set(assays) - {*SUFFIXES, *tracks}, n=1, cutoff=0.8)
            hint = f" (is '{close[0]}' in row {assays[close[0]]} meant?)" if close else ""
            faults.append(
                f"column assay: {cell} has no {track} file{hint}, and the model needs {','.join(tracks)}; "
                "add a row, choose other --tracks, or give --allow-missing-tracks"
            )
    for cell in holdout_cells:
        if cell not in roles:
            known = ", ".join(sorted(roles))
            faults.append(f"--holdout-cells: '{cell}' is no cell of the sheet{_nearest(cell, roles)}; it has {known}")
    if training and TRAIN not in roles.values():
        held = [cell for cell, role in roles.items() if role == HOLDOUT]
        other = EXPRESSION[target == "rna"]
        if held:
            mend = f"all with {target} are held out ({', '.join(held)}); hold out fewer"
        elif any(v["assay"] == other for _, v in records):
            mend = f"the sheet has {other} only; choose --target {other}"
        else:
            applied = "to apply a trained model give --model pretrained (of check-samplesheet: --no-training)"
            mend = f"add a row with the assay {target}; {applied}"
        faults.append(f"column assay: no cell is left to train on: {mend}")
    return faults


def suffix_of(file: str) -> str:
    """Lower-case extension of a path or URL, ".gz" apart; "fragments.tsv" of a fragment file."""
    name = re.sub("[?#].*", "", file) if URL.fullmatch(file) else file
    name = name.lower().removesuffix(".gz")
    return "fragments.tsv" if name.endswith("fragments.tsv") else Path(name).suffix


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.5)
    return next((f" (did you mean '{name}'?)" for name in known if [name.lower()] == close), "")


def read_list(path: str | Path) -> set[str]:
    """Lines of a text file, empty ones left out."""
    return {line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()}
