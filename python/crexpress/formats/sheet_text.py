"""The samplesheet as text: its header and rows, whichever spreadsheet wrote it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from crexpress.core.errors import InputError
from crexpress.formats import assays, spreadsheets, text_tables

REQUIRED = ("cell", "assay", "file")
COLUMNS = (*REQUIRED, "replicate", "column")


class Record(NamedTuple):
    number: int  # as a spreadsheet shows it: the header is row 1
    values: dict[str, str]


def cells_and_assays(path: str | Path) -> list[tuple[str, str]]:
    """The (cell, assay) of every row that has both, whatever else is wrong; InputError when it is no table."""
    _, records = parse(Path(path))
    return [(v["cell"], v["assay"]) for _, v in records if v["cell"] and v["assay"]]


def parse(path: Path) -> tuple[list[str], list[Record]]:
    """Header and records (values stripped, assays by our names); InputError unless it is a table in UTF-8 or Excel's.

    Commas, semicolons and tabs are told apart; empty outer columns and rows, R's unnamed first column and what Excel
    leaves out at the end of a row are no fault.
    """
    data = path.read_bytes()
    if spreadsheets.is_workbook(data):
        data = "\n".join("\t".join(map(_field, row)) for row in spreadsheets.rows(path)).encode()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is UTF-16 text; save it as 'CSV UTF-8'")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, row {line}: not UTF-8 text; save the sheet as 'CSV UTF-8'") from None
    if "\0" in text:
        raise InputError(f"{path} is no text file (it holds zero bytes); save the sheet as 'CSV UTF-8'")
    try:
        lines = list(enumerate(text.splitlines(), 1))
        table = text_tables.parse(path, lines, _is_header, least=1, ragged=True)
        if table.names is None:  # nor is there a header behind "#"
            table = text_tables.parse(path, lines, lambda first: True, least=1, ragged=True)
    except InputError as error:
        if str(error).startswith((f"{path} is empty", f"{path} holds a header")):
            needed = f"it needs the header {','.join(COLUMNS)} and one row a file"
            raise InputError(f"{path} is empty: {needed}") from None
        raise
    names = [_column_name(name) for name in table.names or []]
    header = [name for name in names if name]
    defaults = dict.fromkeys(COLUMNS, "") | {"replicate": "1"}
    records = []
    for number, *row in table.rows.iter_rows():
        fields = [(field or "").strip() for field in row]
        named = [(name, field) for name, field in zip(names, fields, strict=True) if name]
        values = defaults | {name: field for name, field in named if field}
        values |= {name: "" for name in header if name not in values}
        values["assay"] = assays.name_of(values["assay"])
        values["replicate"] = re.sub(r"[.,]0+$", "", values["replicate"])  # as spreadsheets and pandas write 1
        if any(fields[len(header) + (not (names or [""])[0]) :]):
            values["fields"] = str(max(at for at, field in enumerate(fields, 1) if field))
        records.append(Record(number, values))
    return header, records


def _field(text: str) -> str:
    """A cell of a workbook as a field between tabs."""
    return '"' + re.sub(r"[\t\r\n]+", " ", text).replace('"', '""') + '"'


def _column_name(name: str) -> str:
    """Our columns in any case; others as they are."""
    plain = name.strip().lower()
    return plain if plain in COLUMNS else f"meta_{name.strip()[5:]}" if plain.startswith("meta_") else name


def _is_header(first: Sequence[str]) -> bool:
    return bool({name.strip().lower() for name in first} & set(REQUIRED))
