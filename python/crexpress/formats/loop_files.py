"""Files of chromatin loops: FitHiChIP, cLoops2, HiCCUPS, Mustache, FitHiC, BEDPE, ChIA-PET, WashU longrange, .hic and
.cool as one table."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.core.native import in_memory, refusing
from crexpress.formats import text_tables
from crexpress.formats.text_tables import TextTable

Score = Literal["auto", "count", "neglog10q"]
NONE = "NONE"  # weights of a contact matrix
SCORES: tuple[Score, ...] = ("auto", "count", "neglog10q")

# names of columns, in lower case, in the tables of the callers of loops; the first that is there is read
_COUNT_NAMES = ("cc", "sumcc", "pets", "observed", "count", "counts", "contactcount", "contact_count", "raw_count",
                "interactions", "reads", "petcount", "pet_count")  # fmt: skip
_Q_NAMES = ("q-value_bias", "q-value", "qvalue", "q_value", "qval", "fdr", "padj", "adj_pvalue", "la_exp.donut.qval")
_NEGLOG_NAMES = ("neglog10q", "-log10(q)", "-log10q", "-log10(qvalue)", "-log10(q-value)", "-log10(fdr)", "-log10fdr")

# the name of a loop in ENCODE's ChIA-PET BED12: chr1:100..200-chr1:900..990,7 (other writers swap the two marks)
_CHIA_PET = r"^([^:\s]+):(\d+)(?:\.\.|-)(\d+)(?:\.\.|-)([^:\s]+):(\d+)(?:\.\.|-)(\d+),(\S+)$"
_JOINED = r"^[^,\s]+,\d+,\d+$"  # an anchor of WashU's pairs, which hichipper writes: chr1,100,200
_LONGRANGE = r"^[^:\s]+:\d+-\d+,"
_FITHIC = ("chr1", "fragmentMid1", "chr2", "fragmentMid2", "contactCount", "p-value", "q-value")
# bytes that reading a matrix may take, and how many more for each byte of the file: a damaged .hic asks for gigabytes
_ROOM, _UNPACKED = 2**29, 256
MATRIX = "matrix"  # the format of a contact matrix
_SIX, _FOUR = 6, 4  # coordinates of a loop: two intervals, or two middles (FitHiC)


class Loops(NamedTuple):
    """Loops of one file: its format, and a table of six coordinates, `count` and `neglog10q` (f64)."""

    table: pl.DataFrame
    format: str
    lengths: dict[str, int]  # of the chromosomes, where the file tells them


def read_loops(
    path: str | Path,
    score: Score = "auto",
    bin_size: int = 5000,
    reach: int = 2_000_000,
    normalization: str = NONE,
) -> Loops:
    """Loops of a table of FitHiChIP, cLoops2, HiCCUPS, Mustache, FitHiC and their like, a BEDPE, ChIA-PET BED or WashU
    longrange file (plain or gzipped), or a contact matrix.

    A table says by its header, also one behind "#", which column is the read count and which the q value. A longrange
    file and a BEDPE without such columns have one number: `score` says what it is; "auto" takes whole numbers for
    counts, others for -log10 q. Without any number each loop counts 1. Infinite -log10 q (q = 0) stay infinite here.

    A contact matrix (.hic, .cool, .mcool) gives its counts as they are stored, whole or not, in bins of `bin_size` up
    to `reach` bp apart; with `normalization` ("weight", "KR", ...) balanced ones, without bins that have no weight.

    Raises InputError, naming file and line.
    """
    if str(path).lower().endswith((".hic", ".cool", ".mcool")):
        return _read_matrix(path, bin_size, reach, normalization)
    read = text_tables.read(path, _is_header, least=3)
    table = read.rows
    if table["column_1"].str.contains(_JOINED).all() and table["column_2"].str.contains(_JOINED).all():
        return _read_joined(path, table, score)
    if "column_4" not in table.columns:
        raise InputError(
            f"{path} line {table['line'][0]}: 4 columns are needed (a BEDPE has 6), found {len(table.columns) - 1}"
        )
    if table["column_4"].str.contains(_LONGRANGE).any():
        return _read_longrange(path, table, score)
    if table["column_4"].str.contains(_CHIA_PET).any():
        return _read_chia_pet(path, table, score)
    return _read_pairs(path, read, score)


def _is_header(first: Sequence[str]) -> bool:
    """Whether no field is a number: also a line that is no loop has coordinates."""
    return not any(re.search(r"^-?\d|:\d", text) for text in first)


def _read_longrange(path: str | Path, table: pl.DataFrame, score: Score) -> Loops:
    # a loop is listed from both ends; binning makes them one
    partner = table["column_4"].str.extract_groups(r"^([^:\s]+):(\d+)-(\d+),(\S+)$").struct.unnest()
    anchor = ["column_1", "column_2", "column_3"]
    coordinates = _both_anchors(path, table, anchor, partner.select("1", "2", "3"))
    values = _numbers(path, table["line"], partner["4"], "score")
    return Loops(coordinates.hstack(_one_strength(path, values, score)), "longrange", {})


def _read_joined(path: str | Path, table: pl.DataFrame, score: Score) -> Loops:
    first, second = (table[f"column_{side}"].str.split_exact(",", 2).struct.unnest() for side in "12")
    coordinates = _both_anchors(path, table.select("line").hstack(first), first.columns, second)
    values = _numbers(path, table["line"], table["column_3"], "score")
    return Loops(coordinates.hstack(_one_strength(path, values, score)), "pairs", {})


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


def _read_matrix(path: str | Path, bin_size: int, reach: int, normalization: str) -> Loops:
    import hictkpy  # not before a matrix is read: its logger starts a thread that may spin

    what = f"{path} is not a readable contact matrix with bins of {bin_size} bp"
    room = _ROOM + _UNPACKED * Path(path).stat().st_size
    with refusing(what, "check it, or fetch it again"), in_memory(room):
        file = hictkpy.File(path, bin_size)
        lengths = dict(file.chromosomes())
        if file.resolution() != bin_size:
            raise InputError(f"{path} has bins of {file.resolution()} bp, not {bin_size}; use --bin-size")
        _require_weights(path, normalization, file.avail_normalizations())
        parts = []
        for chrom in lengths:
            band = reach // bin_size + 1
            pixels = file.fetch(chrom, normalization=normalization, count_type="float64", diagonal_band_width=band)
            matrix = pixels.to_coo(query_span="upper_triangle")
            known = np.isfinite(matrix.data)  # of a bin that balancing left out it is NaN
            counts = matrix.data[known].astype(np.float64)
            start, other = (side[known].astype(np.int64) * bin_size for side in (matrix.row, matrix.col))
            coordinates = {"start_1": start, "end_1": start + bin_size, "start_2": other, "end_2": other + bin_size}
            strengths = _strengths(len(start), count=pl.Series(counts))
            names = pl.repeat(chrom, len(start), eager=True)
            parts.append(pl.DataFrame({"chrom_1": names, "chrom_2": names, **coordinates}).hstack(strengths))
    columns = [f"{what}_{side}" for side in "12" for what in ("chrom", "start", "end")]
    return Loops(pl.concat(parts).select(*columns, "count", "neglog10q"), MATRIX, lengths)


def _require_weights(path: str | Path, wanted: str, stored: Sequence[str]) -> None:
    """Say which counts of a matrix are read; InputError for weights that it does not hold."""
    if wanted == NONE and stored:
        log.say(
            f"{path}: its counts are read as they are stored; it also has weights that balance them "
            f"({', '.join(stored)}), which --normalization applies"
        )
    elif wanted != NONE and wanted not in stored:
        raise InputError(f"{path} has no weights '{wanted}'; it has {', '.join(stored) or 'none'}")
    elif wanted != NONE:
        log.say(f"{path}: its counts are balanced by {wanted}")


def _read_pairs(path: str | Path, read: TextTable, score: Score) -> Loops:
    table = read.rows
    names = table.columns[1:]
    middles = read.names is not None and "mid" in read.names[1].lower()
    found = _find_coordinates(table.row(0)[1:], middles)
    if found is None:
        raise InputError(
            f"{path} line {table['line'][0]} is not a loop: expected BEDPE (chrom, start, end, twice), "
            "a table of FitHiChIP, cLoops2, HiCCUPS, Mustache or FitHiC, or a longrange file"
        )
    first, coordinates = found
    columns = names[first : first + coordinates]
    if coordinates == _FOUR:  # middles: an interval of one bp
        table = table.with_columns(
            (pl.col(columns[at]).cast(pl.Int64, strict=False) + 1).cast(pl.String).alias(f"end {at}") for at in (1, 3)
        )
        columns = [columns[0], columns[1], "end 1", columns[2], columns[3], "end 3"]
    anchors = _both_anchors(path, table, columns[:3], table.select(columns[3:]))
    known = read.names
    if known is None and coordinates == _FOUR:
        known = [*_FITHIC, *("" for _ in names)][: len(names)]
    if known is not None:
        strengths = _named_strengths(path, table, [name.lower() for name in known], score)
        return Loops(anchors.hstack(strengths), "table", {})
    if score == "auto" and (both := _count_and_q(table, names)) is not None:
        return Loops(anchors.hstack(both), "bedpe", {})
    for at in (7, 6):  # BEDPE has its score in column 8; some callers write it in column 7
        if at < len(names) and table[names[at]].cast(pl.Float64, strict=False).is_not_null().any():
            value = _numbers(path, table["line"], table[names[at]], f"column {at + 1}")
            strengths = _one_strength(path, value, score)
            break
    else:
        log.say(f"Note: {path} gives its loops no strength; each counts 1")
        strengths = _strengths(len(table), count=pl.repeat(1.0, len(table), eager=True))
    return Loops(anchors.hstack(strengths), "bedpe", {})


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


def _find_coordinates(row: Sequence[str | None], middles: bool = False) -> tuple[int, int] | None:
    """Place of the first coordinate, in the first column or behind a loop id (cLoops2), and how many there are."""
    numeric = [re.fullmatch(r"-?\d+", (value or "").strip()) is not None for value in row[:7]]
    for first in (0, 1):
        six = numeric[first : first + 6]
        if len(six) == _SIX and six[1] and six[2] and six[4] and six[5] and not middles:
            return first, _SIX
    if len(row) > _FOUR and numeric[1] and numeric[3] and row[0] == row[2]:
        return 0, _FOUR
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
        log.say(f"{path}: scores are {meaning}")
    return _strengths(len(values), **{score: values})


def _named_strengths(path: str | Path, table: pl.DataFrame, names: Sequence[str], score: Score) -> pl.DataFrame:
    column_of = {name: f"column_{number}" for number, name in reversed(list(enumerate(names, 1)))}
    count, q, neglog = (
        next((name for name in known if name in column_of), None) for known in (_COUNT_NAMES, _Q_NAMES, _NEGLOG_NAMES)
    )
    given = {}
    if count is None and q is None and neglog is None:
        own = column_of.get("score")
        if own and table[own].cast(pl.Float64, strict=False).is_not_null().any():
            return _one_strength(path, _numbers(path, table["line"], table[own], "score"), score)
        log.say(
            f"Note: {path} gives its loops no strength that is known, each counts 1; its columns are "
            f"{', '.join(names[6:18])}; name the column of read counts count, or that of q values fdr"
        )
        given["count"] = pl.repeat(1.0, len(table), eager=True)
    if count is not None:
        given["count"] = _numbers(path, table["line"], table[column_of[count]], count)
    if q is not None:
        values = _numbers(path, table["line"], table[column_of[q]], q)
        if (values > 1).any():
            at = int((values > 1).arg_true()[0])
            raise InputError(f"{path} line {table['line'][at]}: {q} {values[at]:g} is not a q value (0 to 1)")
        given["neglog10q"] = -values.log10() + 0.0  # no -0.0 where q is 1
    elif neglog is not None:
        given["neglog10q"] = _numbers(path, table["line"], table[column_of[neglog]], neglog)
    read = " and ".join(name for name in (count, q or neglog) if name)
    if read:
        log.say(f"{path}: the strength of a loop is read from {read}")
    return _strengths(len(table), **given)


def _strengths(rows: int, **given: pl.Series) -> pl.DataFrame:
    missing = pl.repeat(float("nan"), rows, dtype=pl.Float64, eager=True)
    return pl.DataFrame({name: given.get(name, missing) for name in ("count", "neglog10q")})
