"""Workbooks of Excel for tests."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(path: Path, *sheets: Sequence[Sequence[str | int]], shared: bool = True) -> Path:
    """A workbook as Excel writes it: texts in a table of their own, empty cells left out."""
    texts = sorted({str(value) for sheet in sheets for row in sheet for value in row if isinstance(value, str)})
    with zipfile.ZipFile(path, "w") as archive:
        if shared:
            items = "".join(f"<si><t>{text}</t></si>" for text in texts)
            archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{items}</sst>')
        for number, sheet in enumerate(sheets, 1):
            lines = ""
            for at, row in enumerate(sheet, 1):
                cells = ""
                for column, value in enumerate(row):
                    place = f"{chr(ord('A') + column)}{at}"
                    if isinstance(value, int):
                        cells += f'<c r="{place}"><v>{value}</v></c>'
                    elif value and shared:
                        cells += f'<c r="{place}" t="s"><v>{texts.index(value)}</v></c>'
                    elif value:
                        cells += f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
                lines += f'<row r="{at}">{cells}</row>'
            text = f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>'
            archive.writestr(f"xl/worksheets/sheet{number}.xml", text)
    return path
