"""The samplesheet as text: its header and rows, whichever spreadsheet wrote it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from crexpress.core.errors import InputError
from crexpress.formats import text_tables

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
    """Header and records (values stripped, assay in lower case); InputError unless it is a table in UTF-8.

    Commas, semicolons and tabs are told apart; empty outer columns and rows, R's unnamed first column and what Excel
    leaves out at the end of a row are no fault.
    """
    data = path.read_bytes()
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
    header = [name for name in table.names or [] if name]
    defaults = dict.fromkeys(COLUMNS, "") | {"replicate": "1"}
    records = []
    for number, *row in table.rows.iter_rows():
        fields = [(field or "").strip() for field in row]
        named = [(name, field) for name, field in zip(table.names or [], fields, strict=True) if name]
        values = defaults | {name: field for name, field in named if field}
        values |= {name: "" for name in header if name not in values}
        values["assay"] = values["assay"].lower()
        values["replicate"] = re.sub(r"[.,]0+$", "", values["replicate"])  # as spreadsheets and pandas write 1
        if any(fields[len(header) + (not (table.names or [""])[0]) :]):
            values["fields"] = str(max(at for at, field in enumerate(fields, 1) if field))
        records.append(Record(number, values))
    return header, records


def _is_header(first: Sequence[str]) -> bool:
    return bool({name.strip().lower() for name in first} & set(REQUIRED))
