"""Files of chromatin loops: FitHiChIP, cLoops2, BEDPE, ChIA-PET, WashU longrange, .hic and .cool as one table."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from crexpress import cli, genome
from crexpress.errors import InputError
from crexpress.native import refusing

Score = Literal["auto", "count", "neglog10q"]
SCORES: tuple[Score, ...] = ("auto", "count", "neglog10q")

# header names, in lower case, in the tables of FitHiChIP, cLoops2 and their like
_COUNT_NAMES = ("cc", "sumcc", "pets", "observed", "count", "counts")
_Q_NAMES = ("q-value_bias", "q-value", "qvalue", "q_value", "fdr")


# the name of a loop in ENCODE's ChIA-PET BED12: chr1:100..200-chr1:900..990,7 (other writers swap the two marks)
_CHIA_PET = r"^([^:\s]+):(\d+)(?:\.\.|-)(\d+)(?:\.\.|-)([^:\s]+):(\d+)(?:\.\.|-)(\d+),(\S+)$"


class Loops(NamedTuple):
    """Loops of one file: its format, and a table of six coordinates, `count` and `neglog10q` (f64)."""

    table: pl.DataFrame
    format: str
    lengths: dict[str, int]  # of the chromosomes, where the file tells them


def read_loops(path: str | Path, score: Score = "auto", bin_size: int = 5000, reach: int = 2_000_000) -> Loops:
    """Loops of a FitHiChIP or cLoops2 table, a BEDPE, ChIA-PET BED or WashU longrange file (plain or gzipped), or
    a contact matrix.

    A table says by its header which column is the read count and which the q value. A longrange file and a
    BEDPE without a header have one number: `score` says what it is; "auto" takes whole numbers for counts,
    others for -log10 q. Without any number each loop counts 1. Infinite -log10 q (q = 0) stay infinite
    here.

    A contact matrix (.hic, .cool, .mcool) gives its raw counts in bins of `bin_size` up to `reach` bp
    apart.

    Raises InputError, naming file and line.
    """
    if str(path).lower().endswith((".hic", ".cool", ".mcool")):
        return _read_matrix(path, bin_size, reach)
    table = genome.read_table(path, 4)
    if table["column_4"].str.contains(r"^[^:\s]+:\d+-\d+,").any():
        return _read_longrange(path, table, score)
    if table["column_4"].str.contains(_CHIA_PET).any():
        return _read_chia_pet(path, table, score)
    return _read_pairs(path, table, score)


def _read_longrange(path: str | Path, table: pl.DataFrame, score: Score) -> Loops:
    # a loop is listed from both ends; binning makes them one
    partner = table["column_4"].str.extract_groups(r"^([^:\s]+):(\d+)-(\d+),(\S+)$").struct.unnest()
    anchor = ["column_1", "column_2", "column_3"]
    coordinates = _both_anchors(path, table, anchor, partner.select("1", "2", "3"))
    values = _numbers(path, table["line"], partner["4"], "score")
    return Loops(coordinates.hstack(_one_strength(path, values, score)), "longrange", {})


def _read_chia_pet(path: str | Path, table: pl.DataFrame, score: Score) -> Loops:
    named = table["column_4"].str.extract_groups(_CHIA_PET).struct.unnest()
    bad = table.filter(named["1"].is_null())
    if len(bad):
        raise InputError(
            f"{path} line {bad['line'][0]}: '{bad['column_4'][0]}' does not name a loop as the other lines do "
            "(chr1:100..200-chr1:900..990,7)"
        )
    coordinates = _both_anchors(path, table.select("line").hstack(named), ["1", "2", "3"], named.select("4", "5", "6"))
    values = _numbers(path, table["line"], named["7"], "score")
    return Loops(coordinates.hstack(_one_strength(path, values, score)), "chia-pet", {})


def _read_matrix(path: str | Path, bin_size: int, reach: int) -> Loops:
    import hictkpy  # not before a matrix is read: its logger starts a thread that may spin

    with refusing(f"{path} is not a readable contact matrix with bins of {bin_size} bp", "check it, or fetch it again"):
        file = hictkpy.File(path, bin_size)
        lengths = dict(file.chromosomes())
        if file.resolution() != bin_size:
            raise InputError(f"{path} has bins of {file.resolution()} bp, not {bin_size}; use --bin-size")
        parts = []
        for chrom in lengths:
            pixels = file.fetch(chrom, diagonal_band_width=reach // bin_size + 1)
            matrix = pixels.to_coo(query_span="upper_triangle")
            start, other = matrix.row.astype(np.int64) * bin_size, matrix.col.astype(np.int64) * bin_size
            coordinates = {"start_1": start, "end_1": start + bin_size, "start_2": other, "end_2": other + bin_size}
            strengths = _strengths(len(start), count=pl.Series(matrix.data.astype(np.float64)))
            names = pl.repeat(chrom, len(start), eager=True)
            parts.append(pl.DataFrame({"chrom_1": names, "chrom_2": names, **coordinates}).hstack(strengths))
    columns = [f"{what}_{side}" for side in "12" for what in ("chrom", "start", "end")]
    return Loops(pl.concat(parts).select(*columns, "count", "neglog10q"), "matrix", lengths)


def _read_pairs(path: str | Path, table: pl.DataFrame, score: Score) -> Loops:
    names = [name for name in table.columns if name.startswith("column_")]
    first = _find_coordinates(table.row(0)[1:])
    has_header = first is None and len(table) > 1
    if has_header:
        first = _find_coordinates(table.row(1)[1:])
    if first is None:
        raise InputError(
            f"{path} line {table['line'][0]} is not a loop: expected BEDPE (chrom, start, end, twice), "
            "a FitHiChIP or cLoops2 table, or a longrange file"
        )
    head = [str(name).lower() for name in table.row(0)[1:]]
    table = table[1:] if has_header else table
    partner = table.select(names[first + 3 : first + 6])
    coordinates = _both_anchors(path, table, names[first : first + 3], partner)
    if has_header:
        strengths = _named_strengths(path, table, dict(zip(head, names, strict=True)))
        return Loops(coordinates.hstack(strengths), "table", {})
    if score == "auto" and (both := _count_and_q(table, names)) is not None:
        return Loops(coordinates.hstack(both), "bedpe", {})
    for at in (7, 6):  # BEDPE has its score in column 8; some callers write it in column 7
        if at < len(names) and table[names[at]].cast(pl.Float64, strict=False).is_not_null().any():
            value = _numbers(path, table["line"], table[names[at]], f"column {at + 1}")
            strengths = _one_strength(path, value, score)
            break
    else:
        cli.say(f"Note: {path} gives its loops no strength; each counts 1")
        strengths = _strengths(len(table), count=pl.repeat(1.0, len(table), eager=True))
    return Loops(coordinates.hstack(strengths), "bedpe", {})


def _count_and_q(table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame | None:
    """Column 7 whole numbers and column 8 from 0 to 1: read counts and q values, as Mango writes them."""
    if len(names) < 8:
        return None
    count, q = (table[names[at]].cast(pl.Float64, strict=False) for at in (6, 7))
    if not (count == count.floor()).fill_null(False).all() or not q.is_between(0, 1).fill_null(False).all():
        return None
    if (q == q.floor()).all():  # 0 and 1 alone are no q values
        return None
    return _strengths(len(table), count=count, neglog10q=-q.log10() + 0.0)


def _find_coordinates(row: Sequence[str | None]) -> int | None:
    """Place of the first of six coordinate columns: the first column, or the second behind a loop id (cLoops2)."""
    number = re.compile(r"-?\d+")
    for first in (0, 1):
        numeric = [number.fullmatch(value or "") is not None for value in row[first : first + 6]]
        if len(numeric) == 6 and numeric[1] and numeric[2] and numeric[4] and numeric[5]:
            return first
    return None


def _both_anchors(path: str | Path, table: pl.DataFrame, names: Sequence[str], partner: pl.DataFrame) -> pl.DataFrame:
    """The six coordinate columns; InputError names the first line with an anchor that is none."""
    sides = []
    for number, texts in (("1", table.select(names)), ("2", partner)):
        chrom, start, end = texts.iter_columns()
        anchor = pl.DataFrame(
            {
                f"chrom_{number}": chrom,
                f"start_{number}": start.cast(pl.Int64, strict=False),
                f"end_{number}": end.cast(pl.Int64, strict=False),
            }
        )
        low, high = anchor[f"start_{number}"], anchor[f"end_{number}"]
        bad = (chrom.is_null() | low.is_null() | high.is_null() | (low < 0) | (high < low)).arg_true()
        if len(bad):
            at = int(bad[0])
            found = " ".join(str(value) for value in texts.row(at) if value is not None)
            raise InputError(
                f"{path} line {table['line'][at]}: '{found}' is not a loop anchor "
                "(chromosome, start from 0, end not before start)"
            )
        sides.append(anchor)
    return sides[0].hstack(sides[1])


def _numbers(path: str | Path, lines: pl.Series, texts: pl.Series, what: str) -> pl.Series:
    """A strength column as f64; InputError for text, NaN or a negative number (infinite is allowed)."""
    values = texts.cast(pl.Float64, strict=False).fill_nan(None)
    bad = (values.is_null() | (values < 0)).arg_true()
    if len(bad):
        at = int(bad[0])
        raise InputError(f"{path} line {lines[at]}: {what} '{texts[at]}' must be a number that is not negative")
    return values


def _one_strength(path: str | Path, values: pl.Series, score: Score) -> pl.DataFrame:
    if score == "auto":
        whole = bool((values.is_finite() & (values == values.floor())).all())
        score = "count" if whole else "neglog10q"
        meaning = "whole numbers, taken for counts" if whole else "not all whole, taken for -log10 q"
        cli.say(f"{path}: scores are {meaning}")
    return _strengths(len(values), **{score: values})


def _named_strengths(path: str | Path, table: pl.DataFrame, column_of: Mapping[str, str]) -> pl.DataFrame:
    given = {}
    count = next((name for name in _COUNT_NAMES if name in column_of), None)
    q = next((name for name in _Q_NAMES if name in column_of), None)
    if count is None and q is None:
        cli.say(f"Note: {path} gives its loops no strength that is known; each counts 1")
        given["count"] = pl.repeat(1.0, len(table), eager=True)
    if count is not None:
        given["count"] = _numbers(path, table["line"], table[column_of[count]], count)
    if q is not None:
        values = _numbers(path, table["line"], table[column_of[q]], q)
        if (values > 1).any():
            at = int((values > 1).arg_true()[0])
            raise InputError(f"{path} line {table['line'][at]}: {q} {values[at]:g} is not a q value (0 to 1)")
        given["neglog10q"] = -values.log10() + 0.0  # no -0.0 where q is 1
    return _strengths(len(table), **given)


def _strengths(rows: int, **given: pl.Series) -> pl.DataFrame:
    missing = pl.repeat(float("nan"), rows, dtype=pl.Float64, eager=True)
    return pl.DataFrame({name: given.get(name, missing) for name in ("count", "neglog10q")})
