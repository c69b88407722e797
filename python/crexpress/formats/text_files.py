"""Text files of users: plain, gzipped or bgzipped lines, tables and intervals, each fault with its line."""

import gzip
import itertools
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

import polars as pl

from crexpress.core.errors import InputError
from crexpress.core.names import listed

if TYPE_CHECKING:
    pass


_GZIP_MAGIC = b"\x1f\x8b"
# An empty block ends every complete BGZF file (SAM specification, section 4.1.2).
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_LONGEST_LINE = 2**26  # characters; a table of a million cells has a sixth of that
_LARGE, _MOST_PACKED = 2**30, 300  # characters of a file, from which on they are no more than this times its bytes
_START, _END = (re.compile(rf"\"?(chrom|peak|ccre)?[_. ]?{word}\"?", re.IGNORECASE) for word in ("start", "(end|stop)"))
MISSING = ["", "NA", "N/A", ".", "-"]  # how tables say "not measured"


@contextmanager
def open_text(path: str | Path) -> Iterator[TextIO]:
    """Open plain, gzipped or bgzipped text, without its byte-order mark; InputError when cut off, damaged or binary."""
    compression = compression_of(Path(path))
    if compression == "bgzip":
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - len(_BGZF_END)))
            if file.read() != _BGZF_END:  # cut between two blocks, which gzip alone would not notice
                raise InputError(f"{path} is cut off (no closing bgzip block); copy or download it again")
    try:
        with (gzip.open if compression else open)(path, "rt", encoding="utf-8-sig") as text:
            yield text
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path} is cut off or damaged; copy or download it again") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} {_why_no_text(Path(path))}") from None


def numbered(path: str | Path, file: TextIO) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, from 1; InputError for a line, or a compressed file, that would fill the memory."""
    packed = Path(path).stat().st_size * _MOST_PACKED
    number, characters = 0, 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        characters += len(line)
        if len(line) == _LONGEST_LINE and not line.endswith("\n"):
            raise InputError(
                f"{path} line {number} is longer than {_LONGEST_LINE:,} characters; give a text with lines"
            )
        if characters > _LARGE and characters > packed:
            raise InputError(f"{path} unpacks to more than {_MOST_PACKED} times its size: it is no table; check it")
        yield number, line


def _why_no_text(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is UTF-16 text; save it as UTF-8"
    if head.startswith(b"PK\x03\x04"):
        return "is a workbook of a spreadsheet or a zip file; save its table as 'CSV UTF-8'"
    if b"\0" not in head and sum(byte > 127 for byte in head) < len(head) / 4:
        return "is not UTF-8 text (its letters are of another code, such as Latin-1); save it as UTF-8"
    return "is not a text file; give plain or gzipped text"


def read_lines(path: str | Path, keep: Callable[[str], bool] | None = None, empty: bool = False) -> pl.DataFrame:
    """Lines of a text file as columns `line` (number, from 1) and `text`, without blank and # lines.

    `keep` drops lines as they are read, so that a large annotation is never held whole. Browser and
    track lines of BED files are dropped too. Raises InputError when nothing is left, unless that may be (`empty`).
    """
    numbers, texts = [], []
    for number, line in _lines(path):
        if keep is None or keep(line):
            numbers.append(number)
            texts.append(line)
    if not numbers and not empty:
        raise InputError(f"{path} holds no line that can be used; it is empty or of another format")
    return pl.DataFrame({"line": numbers, "text": texts}, schema={"line": pl.Int64, "text": pl.String})


def first_line(path: str | Path) -> str:
    """The first line that is neither blank nor a comment; InputError when there is none."""
    for _, line in _lines(path):
        return line
    raise InputError(f"{path} is empty")


def first_fields(path: str | Path) -> list[str]:
    """Fields of the first line, separated as `read_table` does it."""
    line = first_line(path)
    return [field.strip(" ") for field in line.split("\t")] if "\t" in line else line.split()


def comments(path: str | Path) -> list[str]:
    """The # lines that a text begins with."""
    with open_text(path) as file:
        return [line for _, line in itertools.takewhile(lambda one: one[1].startswith("#"), numbered(path, file))]


def read_table(path: str | Path, columns: int) -> pl.DataFrame:
    """Tab-separated text as columns `line`, `column_1`, ... (strings, null where a line is shorter).

    Text without any tab is separated by blanks, which BED allows; blanks beside a tab are no part of a field. Every
    line must have at least `columns` columns; InputError names the first that has fewer.
    """
    return _split(path, read_lines(path), columns)


def _split(path: str | Path, lines: pl.DataFrame, columns: int) -> pl.DataFrame:
    text = lines["text"]
    if not text.str.contains("\t", literal=True).any():
        fields = text.str.extract_all(r"\S+")
    else:
        if any(text.str.contains(pair, literal=True).any() for pair in (" \t", "\t ")):
            text = text.str.replace_all(" *\t *", "\t")
        fields = text.str.split("\t")
    short = lines.filter(fields.list.len() < columns)
    if len(short):
        raise InputError(
            f"{path} line {short['line'][0]}: {columns} tab-separated columns are needed, "
            f"found '{short['text'][0][:80]}'"
        )
    names = [f"column_{number}" for number in range(1, fields.list.len().to_numpy().max() + 1)]
    return lines.select("line").hstack(fields.list.to_struct(fields=names).struct.unnest())


def read_intervals(path: str | Path, columns: int = 3) -> pl.DataFrame:
    """BED lines as `line`, `chrom`, `start`, `end` (0-based half-open), and strings `column_4`, ...

    Raises InputError, naming file and line, for a coordinate that is not a number, a negative start or
    an end that is not behind its start.
    """
    return _as_intervals(path, read_table(path, columns))


def interval_blocks(path: str | Path, lines: int = 500_000) -> Iterator[pl.DataFrame]:
    """As `read_intervals`, some lines at a time, for files larger than memory."""
    numbered = _lines(path)
    while block := list(itertools.islice(numbered, lines)):
        text = pl.DataFrame(block, schema={"line": pl.Int64, "text": pl.String}, orient="row")
        yield _as_intervals(path, _split(path, text, 3))


def _as_intervals(path: str | Path, table: pl.DataFrame) -> pl.DataFrame:
    if _START.fullmatch(table["column_2"][0]) and _END.fullmatch(table["column_3"][0]) and len(table) > 1:
        table = table[1:]  # names of columns, which BED does not have and many tools write
    table = table.rename({"column_1": "chrom"}).with_columns(
        pl.col("column_2").cast(pl.Int64, strict=False).alias("start"),
        pl.col("column_3").cast(pl.Int64, strict=False).alias("end"),
    )
    good = (pl.col("start") >= 0) & (pl.col("end") > pl.col("start"))
    bad = table.filter(~good.fill_null(False))
    if len(bad):
        row = bad.row(0, named=True)
        interval = f"{row['chrom']} {row['column_2']} {row['column_3']}"
        raise InputError(f"{path} line {row['line']}: '{interval}' is not an interval (chromosome, start, larger end)")
    return table.select("line", "chrom", "start", "end", pl.exclude("line", "chrom", "start", "end", "^column_[23]$"))


def compression_of(path: Path) -> Literal["bgzip", "gzip"] | None:
    """bgzip is gzip in blocks, each of which says its length."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[:2] != _GZIP_MAGIC:
        return None
    return "bgzip" if head[12:14] == b"BC" else "gzip"


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    with open_text(path) as file:
        for number, line in numbered(path, file):
            if line.strip() and not line.startswith(("#", "track ", "browser ")):
                yield number, line.rstrip("\r\n")


def names(given: str) -> list[str]:
    """ "A,B" -> its names; the path of a file -> the first word of each line, # lines left out. Each once, in order.

    InputError where nothing is named, such as by the list of a category of classify-genes without genes.
    """
    path = Path(given)
    first = r"^([^\s,;]+)"
    texts = read_lines(path, empty=True)["text"].str.strip_chars().str.extract(first) if path.is_file() else None
    found = listed(given) if texts is None else texts.drop_nulls().to_list()
    if not found:
        raise InputError(
            f"{given!r} names no gene and no element; give names, comma-separated, or a file of them, one a line, or "
            "leave out an option that has a default"
        )
    return list(dict.fromkeys(found))
