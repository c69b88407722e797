"""The one sheet of an Excel workbook as rows of text: a samplesheet that was never saved as CSV.

An .xlsx is a ZIP archive of XML (ECMA-376); only texts and numbers are read, no formulas, no formats.
"""

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from crexpress.core.errors import InputError

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_MOST = 20_000_000  # bytes of a part, unpacked: a samplesheet has thousands


def is_workbook(data: bytes) -> bool:
    """Whether these are the first bytes of a workbook: a ZIP archive."""
    return data.startswith(b"PK\x03\x04")


def rows(path: str | Path) -> list[list[str]]:
    """Rows of the one sheet that holds anything, from the first on, empty cells as "".

    Raises InputError for a file that is no workbook, and where several sheets hold something: which one is meant is not
    guessed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            texts = _texts(archive)
            names = sorted(name for name in archive.namelist() if re.fullmatch(r"xl/worksheets/\w+\.xml", name))
            sheets = [_sheet(_xml(archive, name), texts) for name in names]
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, IndexError, ValueError) as error:
        raise InputError(f"{path} is no Excel workbook that can be read ({error}); save the sheet as CSV") from None
    filled = [sheet for sheet in sheets if any(any(row) for row in sheet)]
    if len(filled) > 1:
        raise InputError(f"{path} has {len(filled)} sheets with something in them; save the one that is meant as CSV")
    return filled[0] if filled else []


def _xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if archive.getinfo(name).file_size > _MOST:
        raise ValueError(f"{name} is larger than a samplesheet can be")
    text = archive.read(name)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:  # no spreadsheet program writes them
        raise ValueError(f"{name} declares entities")
    return ElementTree.fromstring(text)


def _texts(archive: zipfile.ZipFile) -> list[str]:
    """Texts that cells refer to by number."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    found = _xml(archive, "xl/sharedStrings.xml")
    return ["".join(part.text or "" for part in item.iter(f"{_MAIN}t")) for item in found.iter(f"{_MAIN}si")]


def _sheet(sheet: ElementTree.Element, texts: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for number, row in enumerate(sheet.iter(f"{_MAIN}row"), 1):
        place = int(row.get("r", number))
        found += [[] for _ in range(place - len(found))]
        for cell in row.iter(f"{_MAIN}c"):
            letters = re.match("[A-Z]+", cell.get("r", ""))
            column = _column(letters[0]) if letters else len(found[place - 1])
            found[place - 1] += [""] * (column + 1 - len(found[place - 1]))
            found[place - 1][column] = _value(cell, texts)
    width = max(map(len, found), default=0)
    return [row + [""] * (width - len(row)) for row in found]


def _column(letters: str) -> int:
    """0 of "A", 26 of "AA"."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: ElementTree.Element, texts: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{_MAIN}t"))
    value = cell.findtext(f"{_MAIN}v") or ""
    return texts[int(value)] if cell.get("t") == "s" and value else value
