"""Tables of text as users have them: exports of R, Python and spreadsheets, with tabs, commas, semicolons or blanks.

One reader for every table that a user gives: byte-order marks, line ends, `sep=` lines, quotes, headers behind "#" or
one name short (R's row names), empty outer columns and rows, GCT's first lines. What a table means is the caller's.
Above 300 lines, because its rules are tried on one table in one order, and share their forms of numbers.
"""

import csv
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.formats import text_files

MISSING = [*text_files.MISSING, "#N/A"]
_NO_PROSE = 3  # fields from which on a line behind # is a header, not a remark
_LONGEST = 80  # characters of a user's text in a message
_SEP_LINE = re.compile(r'"?sep=(.?)"?[,;\t]*', re.IGNORECASE)  # how Excel is told the separator
_MARKS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
_GCT = re.compile(r"#1\.[23]\s*")
_THOUSANDS = re.compile(
    r"^-?(\d{1,3}(,\d{3})+(\.\d+)?|\d{1,3}(\.\d{3})+,\d+|\d{1,3}([ '\u00a0\u202f]\d{3})+([.,]\d+)?)$"
)
_COMMA = re.compile(r"^-?\d+,\d+([eE][-+]?\d+)?$")
_DECIMAL_COMMA = re.compile(r"^-?(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{4,},\d+|\d+,\d+[eE][-+]?\d+)$")  # else maybe thousands
_NAMES_ROWS = re.compile(r"gene|transcript|target|name|symbol|id\b", re.IGNORECASE)  # a column of names, by its heading
_EXCEL_ERROR = re.compile(r"^#(DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!)$")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
# what spreadsheets make of SEPTIN5, MARCHF2, DEC1 and of RIKEN's 2310009E13
_EXCEL_DATES = rf"^(\d{{1,2}}-({_MONTHS})|({_MONTHS})-\d{{1,2}}|\d{{4}}-\d\d-\d\d( 00:00:00)?|\d(\.\d+)?E\+\d+)$"


class TextTable(NamedTuple):
    """A table of strings: `line` and `column_1`, ... (null where a line is shorter), under their names if it has any.

    An unnamed column ("" in `names`) is R's row names.
    """

    path: Path
    names: list[str] | None
    rows: pl.DataFrame
    separator: str

    def named(self) -> pl.DataFrame:
        """The rows under the names of the header; unnamed columns keep their number. InputError for a name twice."""
        names = [name or f"column_{number}" for number, name in enumerate(self.names or [], 1)]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{self.path}: the column {twice} stands twice in the header; rename one")
        if "line" in names:  # ours
            names[names.index("line")] = "line "
        return _table(["line", *names], self.rows.get_columns())


def read(
    path: str | Path, is_header: Callable[[Sequence[str]], bool], least: int = 2, ragged: bool = False
) -> TextTable:
    """A user's table. `is_header` tells whether the first line is one; a line behind "#" is one where it is not.

    least: columns that a line must have. ragged: shorter lines are filled with null. Raises InputError for a file that
    is no text or holds no row, and for a line that has more or fewer fields than the others.
    """
    with text_files.open_text(path) as file:
        return parse(path, text_files.numbered(path, file), is_header, least, ragged)


def parse(
    path: str | Path,
    numbered: Iterable[tuple[int, str]],
    is_header: Callable[[Sequence[str]], bool],
    least: int = 2,
    ragged: bool = False,
) -> TextTable:
    """As `read`, from numbered lines."""
    path = Path(path)
    comments, lines, separator = _lines(path, numbered)
    metadata = None
    if comments and _GCT.fullmatch(comments[0]):
        metadata = _gct_metadata(path, lines)
    if not lines:
        raise InputError(f"{path} is empty")
    separator = separator or _separator(lines[0][1])
    table, found = _split(path, lines, separator)
    short = (found < least).arg_true()
    if len(short):
        number, line = lines[int(short[0])]
        marks = (
            "separated by tabs or commas" if separator == " " else f"separated by {_MARKS.get(separator, separator)}"
        )
        raise InputError(f"{path} line {number}: {least} columns are needed, {marks}, found '{line[:_LONGEST]}'")
    first = [field or "" for field in table.row(0)[1 : 1 + found[0]]]
    names = None
    if is_header(first):
        names, table, found = first, table[1:], found[1:]
        if metadata:
            table, found = table[metadata[1] :], found[metadata[1] :]
        if table.is_empty():
            raise InputError(f"{path} holds a header and nothing else; give the whole table")
    else:
        names = _behind_hash(path, comments, separator, len(_trimmed(first)))
    names, table = _aligned(path, names, table, found, separator, ragged)
    if metadata and names:
        table, names = table.drop(table.columns[2 : 2 + metadata[0]]), [names[0], *names[1 + metadata[0] :]]
    return TextTable(path, names, table, separator)


def _gct_metadata(path: Path, lines: list[tuple[int, str]]) -> list[int]:
    """How many columns, and rows, of a GCT are no values: its second line, which is taken off, says so."""
    number, line = lines.pop(0) if lines else (2, "")
    sizes = re.fullmatch(r"\s*[0-9]{1,9}\s+[0-9]{1,9}(?:\s+([0-9]{1,9})\s+([0-9]{1,9}))?\s*", line)
    if not sizes:
        told = "how many rows and columns the GCT has (and, in format 1.3, how many of each are no values)"
        raise InputError(f"{path} line {number} should say {told}, and is '{line[:_LONGEST]}'")
    return [int(size) for size in sizes.groups() if size]


def measurements(table: pl.DataFrame, path: str | Path, column: str, separator: str = "\t") -> pl.Series:
    """A column of strings as f64, null where not measured ("NA", "."), for rows with a `line`.

    Decimal commas are read where they can be nothing else. Raises InputError, naming line and column, at the first
    value that is no finite number from 0 on, and says so where a spreadsheet has made it so.
    """
    text = table[column].str.strip_chars()
    missing = text.is_in(MISSING) | text.is_null()
    text = text.set(missing, None)
    if _has_decimal_commas(text, separator):
        log.say(f"{path}: column {column} is read with decimal commas")
        text = text.str.replace(",", ".", literal=True)
    values = text.cast(pl.Float64, strict=False)
    good = (values.is_finite() & (values >= 0)).fill_null(False) | missing
    if not good.all():
        row = int((~good).arg_true()[0])
        found = str(text[row])
        if _THOUSANDS.search(found):
            why = "has thousands separators; save the table without them (in a spreadsheet: cells of format General)"
        elif _EXCEL_ERROR.search(found):
            why = "is a spreadsheet's error; mend the formula, or write NA"
        else:
            why = "is not a measured value (a finite number from 0 on, or NA)"
        raise InputError(f"{path} line {table['line'][row]}: '{found[:_LONGEST]}' in column {column} {why}")
    return values


def is_numeric(column: pl.Series) -> bool:
    """Whether a column means numbers, also where they are written as spreadsheets do, and has any."""
    text = column.str.strip_chars()
    present = text.filter(~(text.is_in(MISSING) | text.is_null()))
    odd = present.filter(present.cast(pl.Float64, strict=False).is_null())
    meant = [text for text in odd if is_number(text)]
    return len(present) > 0 and len(meant) == len(odd)


def is_number(text: str | None) -> bool:
    """Whether a field is a number, also as spreadsheets write them, or says that there is none."""
    text = (text or "").strip()
    try:
        float(text)
    except ValueError:
        written = (_THOUSANDS, _DECIMAL_COMMA, _EXCEL_ERROR, _COMMA)
        return text in MISSING[1:] or any(form.search(text) for form in written)
    return True


def spreadsheet_dates(names: pl.Series) -> list[str]:
    """Names that a spreadsheet took for dates or numbers (5-Sep was SEPTIN5)."""
    return names.filter(names.str.contains(f"(?i){_EXCEL_DATES}").fill_null(False)).to_list()


def told_of_dates(names: pl.Series) -> str | None:
    """What to tell of `spreadsheet_dates`, of which the first three are named; None where there are none."""
    dates = list(dict.fromkeys(spreadsheet_dates(names)))
    if not dates:
        return None
    are = "names are dates or numbers" if len(dates) > 1 else "name is a date or number"
    first = ", ".join([*dates[:3], *(["..."] if len(dates) > 3 else [])])
    return f"{len(dates):,} {are} ({first}), which a spreadsheet made of gene symbols such as SEPTIN5"


def _has_decimal_commas(text: pl.Series, separator: str) -> bool:
    commas = [value for value in text.drop_nulls() if "," in value]
    if not commas or text.str.contains(".", literal=True).any():
        return False
    sure = separator == ";" or any(_DECIMAL_COMMA.fullmatch(value) for value in commas)
    return sure and all(_COMMA.fullmatch(value) for value in commas)


def _lines(path: Path, numbered: Iterable[tuple[int, str]]) -> tuple[list[str], list[tuple[int, str]], str | None]:
    """The "#" lines before the first row, the lines of rows, and the separator where a `sep=` line says it."""
    comments: list[str] = []
    lines: list[tuple[int, str]] = []
    separator = None
    for number, line in numbered:
        text = line.rstrip("\r\n")
        if not lines and not comments and (told := _SEP_LINE.fullmatch(text)):
            separator = told[1] or None
        elif not text.strip(' \t,;"'):
            continue
        elif text.startswith("#"):
            if not lines:
                comments.append(text)
        elif not text.startswith(("track ", "browser ")):
            lines.append((number, text))
    if not lines:
        raise InputError(f"{path} is empty: it holds no line that can be used")
    return comments, lines, separator


def _separator(line: str) -> str:
    outside = re.sub(r'"[^"]*"', "", line)
    if "\t" in outside:
        return "\t"
    if ";" in outside and outside.count(";") >= outside.count(","):
        return ";"
    return "," if "," in outside else " "


def _split(path: Path, lines: list[tuple[int, str]], separator: str) -> tuple[pl.DataFrame, pl.Series]:
    """Fields of the lines, quotes taken off, and how many each line has."""
    frame = pl.DataFrame(lines, schema={"line": pl.Int64, "text": pl.String}, orient="row")
    text = frame["text"]
    if text.str.contains('"', literal=True).any():
        fields = pl.Series(_unquoted(path, lines, separator), dtype=pl.List(pl.String))
    elif separator == " ":
        fields = text.str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ")
    else:
        fields = text.str.split(separator)
    names = [f"column_{number}" for number in range(1, int(fields.list.len().to_numpy().max()) + 1)]
    columns = fields.list.to_struct(fields=names).struct.unnest().get_columns()
    return pl.DataFrame([frame["line"], *columns]), fields.list.len()


def _unquoted(path: Path, lines: list[tuple[int, str]], separator: str) -> list[list[str]]:
    texts = [*(text for _, text in lines), ""]  # a line more, so that a quote left open in the last one is seen
    reader = csv.reader(texts, delimiter=separator, skipinitialspace=separator != "\t")
    rows: list[list[str]] = []
    try:
        for row in reader:
            if reader.line_num > len(rows) + 1:
                raise InputError(
                    f"{path} line {lines[len(rows)][0]}: a quote is opened and not closed in its line; "
                    "close it, or write the table without line breaks in its fields"
                )
            rows.append([field for field in row if field] if separator == " " else row)
    except csv.Error as error:
        raise InputError(f"{path} line {lines[len(rows)][0]} cannot be read as a table: {error}") from None
    return rows[:-1]


def _behind_hash(path: Path, comments: Sequence[str], separator: str, width: int) -> list[str] | None:
    """The last line behind "#" that has a name for each of the columns; InputError for a header of another width."""
    headers = []
    for comment in reversed(comments):
        text = comment.lstrip("#").strip(" ")
        names = _trimmed(text.split() if separator == " " else next(csv.reader([text], delimiter=separator)))
        if len(names) > 1 and not any(map(is_number, names)):
            headers.append(names)
    fitting = next((names for names in headers if len(names) == width), None)
    if fitting is None and separator == "\t" and headers and len(headers[0]) > _NO_PROSE:
        raise InputError(f"{path}: its header behind # has {len(headers[0])} names, its first line {width} fields")
    return fitting


def _trimmed(fields: Sequence[str]) -> list[str]:
    """Without empty fields at the end."""
    filled = [at for at, field in enumerate(fields, 1) if field.strip()]
    return list(fields[: filled[-1] if filled else 0])


def _aligned(
    path: Path, names: Sequence[str] | None, table: pl.DataFrame, found: pl.Series, separator: str, ragged: bool
) -> tuple[list[str] | None, pl.DataFrame]:
    """Names and columns brought to one width: R's row names get an unnamed column, empty outer columns go."""
    columns = table.columns[1:]

    def filled(at: int) -> bool:
        return at < len(columns) and bool((table[columns[at]].str.strip_chars() != "").any())

    longest = int(found.to_numpy().max())
    header = [name.strip() for name in names] if names is not None else [""] * longest
    usual = int(np.bincount(found.to_numpy()).argmax())
    if usual == len(header) + 1 and filled(usual - 1) and not ragged:
        if separator == "," and _NAMES_ROWS.search(header[0]) and _may_be_split(table.select(columns[:usual])):
            raise InputError(
                f"{path} line {table['line'][0]} has {found[0]} fields, the header has {len(header)}: commas part the "
                "fields and may be decimal commas, too; save the table with tabs or semicolons"
            )
        header = ["", *header]
    width = len(header)
    wrong = found < (0 if ragged else width)
    for column in columns[width:] if not ragged else []:
        wrong |= (table[column].str.strip_chars() != "").fill_null(False)
    if wrong.any():
        at = int(wrong.arg_true()[0])
        has = "the header has" if names is not None else "others have"
        raise InputError(f"{path} line {table['line'][at]} has {found[at]} fields, {has} {width}; check its separators")
    if ragged:
        header += [""] * (len(columns) - width)
    series = table.get_columns()[1 : 1 + len(header)]
    nothing = pl.repeat(None, len(table), dtype=pl.String, eager=True)
    series += [nothing] * (len(header) - len(series))
    keep = list(range(len(header)))
    for side in (-1, 0):  # empty outer columns, as spreadsheets leave them
        while keep and not header[keep[side]] and not filled(keep[side]):
            keep.pop(side)
    table = _table(
        ["line", *(f"column_{number}" for number in range(1, len(keep) + 1))],
        [table["line"], *(series[at] for at in keep)],
    )
    return ([header[at] for at in keep] if names is not None else None), table


def _may_be_split(fields: pl.DataFrame) -> bool:
    """Whether two columns side by side may be one of numbers, cut at a decimal comma, and the first no R row names."""
    whole = [
        bool(fields[name].str.strip_chars().str.contains(r"^-?\d+$").fill_null(False).all()) for name in fields.columns
    ]
    counted = whole[0] and not whole[1]  # 1, 2, ... of R, before the names
    return not counted and any(left and right for left, right in itertools.pairwise(whole[1:]))


def _table(names: Sequence[str], columns: Sequence[pl.Series]) -> pl.DataFrame:
    """As select and rename, which take minutes for 20,000 columns."""
    return pl.DataFrame([column.rename(name) for name, column in zip(names, columns, strict=True)])
