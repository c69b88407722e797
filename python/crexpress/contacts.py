"""Chromatin loops as binned contacts: read the usual formats, bin them, look up pairs of elements.

Both anchors of a loop are cut into bins by rounding down (the released ScPGE code rounds elements to the
nearest bin, half a bin off its loops). A read count and -log10 q are different strengths and are kept
apart.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import hictkpy
import numpy as np
import polars as pl

from crexpress import artifacts, cli, genome
from crexpress.errors import InputError

Anchors = Literal["span", "start"]
Score = Literal["auto", "count", "neglog10q"]
Value = Literal["count", "neglog10q"]
ANCHORS: tuple[Anchors, ...] = ("span", "start")
SCORES: tuple[Score, ...] = ("auto", "count", "neglog10q")

# header names, in lower case, in the tables of FitHiChIP, cLoops2 and their like
_COUNT_NAMES = ("cc", "sumcc", "pets", "observed", "count", "counts")
_Q_NAMES = ("q-value_bias", "q-value", "qvalue", "q_value", "fdr")


class Loops(NamedTuple):
    """Loops of one file: its format, and a table of six coordinates, `count` and `neglog10q` (f64)."""

    table: pl.DataFrame
    format: str
    lengths: dict[str, int]  # of the chromosomes, where the file tells them


class Contacts:
    """Binned contacts of one cell, made for looking up many pairs of bins at once.

    Bins are numbered through the genome; -1 stands for a place without a bin (padding, unknown chromosome).
    """

    def __init__(self, header: artifacts.Header, tensors: Mapping[str, np.ndarray]) -> None:
        self.header = header
        self.bin_size = int(header["parameters"]["bin_size"])
        self.offsets = tensors["offsets"]
        self.first_bin = dict(zip(tensors["chroms"].tolist(), self.offsets[:-1].tolist(), strict=True))
        self.total = int(self.offsets[-1])
        self.row, self.col = tensors["row"].astype(np.int64), tensors["col"].astype(np.int64)
        self.keys = self.row * self.total + self.col  # ascending: contacts are stored in this order
        self._values = {name: tensors[name] for name in ("count", "neglog10q")}
        self.given: set[str] = {name for name, values in self._values.items() if not np.isnan(values).all()}
        # the furthest partner of each bin, so that most pairs need no search
        self._reach = np.full(self.total, -1)
        np.maximum.at(self._reach, self.row, self.col)

    @classmethod
    def open(cls, path: str | Path) -> "Contacts":
        """Contacts of a contacts.CELL.npz."""
        return cls(*artifacts.read_sparse(path, "contacts"))

    def bins(self, chroms: pl.Series, positions: np.ndarray) -> np.ndarray:
        """Bin (int64) of each 0-based position, -1 where its chromosome has none."""
        first = chroms.replace_strict(self.first_bin, default=None, return_dtype=pl.Int64)
        end = chroms.replace_strict(
            dict(zip(self.first_bin, self.offsets[1:].tolist(), strict=True)),
            default=None,
            return_dtype=pl.Int64,
        )
        bins = first.fill_null(-1).to_numpy() + np.maximum(positions, 0) // self.bin_size
        return np.where(first.is_null().to_numpy() | (bins >= end.fill_null(0).to_numpy()), -1, bins)

    def strengths(self, value: Value) -> np.ndarray:
        """Strength (float32) of every contact, aligned to `keys`; InputError when the loops came without it."""
        if value not in self.given:
            raise InputError(f"the loops of {self.header['cell']} have no {value}; use the other strength")
        return np.nan_to_num(self._values[value])

    def lookup(self, a: np.ndarray, b: np.ndarray, value: Value = "count") -> np.ndarray:
        """Strength (float32) of the contact of bins `a` and `b`, broadcast together; 0 where there is none.

        Raises InputError when the loops came without this strength.
        """
        values = self.strengths(value)
        a, b = np.broadcast_arrays(a, b)
        low, high = np.minimum(a, b), np.maximum(a, b)
        found = np.zeros(low.shape, np.float32)
        near = np.nonzero((low >= 0) & (high <= self._reach[low]))  # a negative `low` reads any bin, and is dropped
        wanted = low[near].astype(np.int64) * self.total + high[near]
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found[near] = np.where(self.keys[place] == wanted, values[place], 0)
        return found


def read_loops(path: str | Path, score: Score = "auto", bin_size: int = 5000, reach: int = 2_000_000) -> Loops:
    """Loops of a FitHiChIP or cLoops2 table, a BEDPE or a WashU longrange file (plain or gzipped), .hic or .cool.

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
    return _read_pairs(path, table, score)


def bin_contacts(
    loops: Sequence[Loops],
    paths: Sequence[str | Path],
    chromosomes: Mapping[str, int | None],
    bin_size: int,
    anchors: Anchors = "span",
) -> dict[str, np.ndarray]:
    """Arrays of a contacts artefact (docs/artifacts.md) from the loops of one cell.

    chromosomes: those of the element set, with lengths in bp (None where not known). anchors: "span" links
    every bin under one anchor to every bin under the other; "start" only the bins in which the anchors
    start, as the released ScPGE code does. For anchors of one bin the two agree.

    A pair of bins that is found several times (a loop listed from both ends, two loops, two files) keeps
    the largest value of each strength; the released code keeps the first. Infinite -log10 q become the
    largest finite one. Both, and what is left out, are said. Raises InputError for loops of another genome.
    """
    parts = [_within(part, path, chromosomes) for part, path in zip(loops, paths, strict=True)]
    table = pl.concat(parts).with_columns(pl.Series("neglog10q", _cap_infinite(pl.concat(parts)["neglog10q"])))
    furthest = pl.max_horizontal("end_1", "end_2", pl.col("start_1", "start_2") + 1).max()
    ends = dict(table.group_by("chrom_1").agg(furthest).iter_rows())
    lengths = np.array([length or ends.get(name, 0) for name, length in chromosomes.items()], dtype=np.int64)
    offsets = np.append(0, np.cumsum(-(-lengths // bin_size)))
    first_bin = dict(zip(chromosomes, offsets.tolist(), strict=False))
    binned = pl.concat(
        _bin_one(part, first_bin[str(chrom)], bin_size, anchors)
        for (chrom,), part in table.partition_by("chrom_1", as_dict=True).items()
    ).sort("row", "col")
    cli.say(f"{len(table):,} lines of loops -> {len(binned):,} pairs of {bin_size} bp bins")
    seen = table["chrom_1"].unique().to_list()
    if len(seen) == 1 < len(chromosomes):
        cli.say(f"Note: every loop lies on {seen[0]}; the other {len(chromosomes) - 1} chromosomes have none")
    return {
        **{name: binned[name].to_numpy() for name in binned.columns},
        "chroms": np.array(list(chromosomes), dtype=str),
        "offsets": offsets,
    }


def _bin_one(table: pl.DataFrame, first_bin: int, bin_size: int, anchors: Anchors) -> pl.DataFrame:
    """Pairs of bins of the loops of one chromosome, each once with its largest strengths."""
    low, size = {}, {}
    for side in ("1", "2"):
        low[side] = table[f"start_{side}"].to_numpy() // bin_size
        high = np.maximum(table[f"end_{side}"].to_numpy() - 1, 0) // bin_size
        size[side] = np.maximum(high - low[side] + 1, 1) if anchors == "span" else np.ones_like(high)
    pairs = size["1"] * size["2"]
    loop = np.repeat(np.arange(len(pairs)), pairs)
    place = np.arange(len(loop)) - np.repeat(np.cumsum(pairs) - pairs, pairs)  # 0, 1, ... within each loop
    one = (low["1"][loop] + place // size["2"][loop]).astype(np.int32)
    two = (low["2"][loop] + place % size["2"][loop]).astype(np.int32)
    strengths = table.select(pl.col("count", "neglog10q").cast(pl.Float32).fill_nan(None))
    return (
        strengths[loop]
        .with_columns(
            pl.Series("row", np.minimum(one, two) + np.int32(first_bin)),
            pl.Series("col", np.maximum(one, two) + np.int32(first_bin)),
        )
        .group_by("row", "col")
        .agg(pl.col("count", "neglog10q").max().fill_null(float("nan")))
    )


def _read_longrange(path: str | Path, table: pl.DataFrame, score: Score) -> Loops:
    # a loop is listed from both ends; binning makes them one
    partner = table["column_4"].str.extract_groups(r"^([^:\s]+):(\d+)-(\d+),(\S+)$").struct.unnest()
    anchor = ["column_1", "column_2", "column_3"]
    coordinates = _both_anchors(path, table, anchor, partner.select("1", "2", "3"))
    values = _numbers(path, table["line"], partner["4"], "score")
    return Loops(coordinates.hstack(_one_strength(path, values, score)), "longrange", {})


def _read_matrix(path: str | Path, bin_size: int, reach: int) -> Loops:
    try:
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
    except RuntimeError as error:
        raise InputError(
            f"{path} is not a readable contact matrix with bins of {bin_size} bp: {str(error).splitlines()[0]}"
        ) from None
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
    for at in (7, 6):  # BEDPE has its score in column 8; some callers write it in column 7
        if at < len(names) and table[names[at]].cast(pl.Float64, strict=False).is_not_null().any():
            value = _numbers(path, table["line"], table[names[at]], f"column {at + 1}")
            strengths = _one_strength(path, value, score)
            break
    else:
        cli.say(f"Note: {path} gives its loops no strength; each counts 1")
        strengths = _strengths(len(table), count=pl.repeat(1.0, len(table), eager=True))
    return Loops(coordinates.hstack(strengths), "bedpe", {})


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


def _within(loops: Loops, path: str | Path, chromosomes: Mapping[str, int | None]) -> pl.DataFrame:
    """Loops with both ends on one chromosome of the element set, under its name there."""
    table = loops.table
    if table["count"].is_infinite().any():
        raise InputError(f"{path} holds an infinite count; if its scores are -log10 q, use --score neglog10q")
    inter = table.filter(pl.col("chrom_1") != pl.col("chrom_2"))
    table = table.filter(pl.col("chrom_1") == pl.col("chrom_2"))
    if len(inter):
        cli.say(f"{path}: {len(inter):,} loops between two chromosomes are left out")
    if not len(table):
        raise InputError(f"{path} holds no loop within a chromosome; give intrachromosomal loops")
    known = genome.reconcile(table["chrom_1"].unique(maintain_order=True), chromosomes, path)
    lengths_there = {known[name]: loops.lengths[name] for name in known if name in loops.lengths}
    genome.require_same_build(lengths_there, chromosomes, path)
    unknown = table.filter(pl.col("chrom_1").is_in(list(known)).not_())
    if len(unknown):
        where = ", ".join(unknown["chrom_1"].unique().sort()[:3])
        cli.say(f"{path}: {len(unknown):,} loops on chromosomes without elements are left out ({where})")
    table = table.filter(pl.col("chrom_1").is_in(list(known))).with_columns(
        pl.col("chrom_1", "chrom_2").replace_strict(known)
    )
    lengths = pl.col("chrom_1").replace_strict(dict(chromosomes), return_dtype=pl.Int64)
    beyond = table.filter(pl.max_horizontal("start_1", "start_2") >= lengths)
    if len(beyond):
        row = beyond.row(0, named=True)
        place = max(row["start_1"], row["start_2"])
        raise InputError(
            f"{path}: a loop reaches {row['chrom_1']}:{place:,}, but the chromosome ends at "
            f"{chromosomes[row['chrom_1']]:,}; were the loops called on another genome build?"
        )
    # the last bin of a binned anchor may overhang the chromosome
    return table.with_columns(pl.min_horizontal(name, lengths).alias(name) for name in ("end_1", "end_2"))


def _cap_infinite(column: pl.Series) -> np.ndarray:
    values = column.to_numpy()
    infinite = np.isinf(values)
    if not infinite.any():
        return values
    finite = values[np.isfinite(values)]
    cap = finite.max() if len(finite) else -np.log10(np.finfo(np.float64).tiny)
    cli.say(f"{infinite.sum():,} loops have q = 0 (infinite -log10 q); capped at {cap:g}")
    return np.where(infinite, cap, values)
