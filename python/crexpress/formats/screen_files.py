"""Perturbation screens: tested interval, measured gene, regulated or not.

Read in the layout of EngreitzLab/CRISPR_comparison and others (`screen_layouts`), by the former's rules: pairs that are
no valid connection, or without a verdict, are left out. A line that cannot be used is left out as well, counted and
listed: one of thousands must not cost the others.
"""

import csv
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from crexpress.core import chromosome_names
from crexpress.core.errors import InputError
from crexpress.core.files import require_no_copies
from crexpress.core.names import GENE_ID
from crexpress.formats import screen_layouts, text_files

_OTHER_NAMES = {"chr": "chrom", "start": "chromStart", "end": "chromEnd", "gene": "measuredGeneSymbol",
                "gene_name": "measuredGeneSymbol", "gene_id": "measuredGeneEnsemblId", "cell": "CellType",
                "regulated": "Regulated", "tss": "startTSS"}  # fmt: skip
_REQUIRED = ("chrom", "chromStart", "chromEnd", "Regulated")
GENE_COLUMNS = ("measuredGeneEnsemblId", "measuredGeneSymbol")
_NUMBERS = ("chromStart", "chromEnd", "startTSS", "distanceToTSS", "DHS.RPM", "H3K27ac.RPM.expandedRegion")
_TRUTH = {"TRUE": True, "T": True, "1": True, "FALSE": False, "F": False, "0": False}
_MISSING = [*text_files.MISSING, "NaN", "nan"]
_LISTED = 5  # line numbers that a message names

# why a line is left out; the first two by the field's rules, which is no fault of the file
NO_CONNECTION = "no valid connection (ValidConnection is not TRUE)"
NO_VERDICT = "without a verdict (Regulated is NA)"
NOT_TESTED = "rows of controls, which its authors leave out"
BY_RULE = (NO_CONNECTION, NO_VERDICT, *(f"{layout.name}: {NOT_TESTED}" for layout in screen_layouts.LAYOUTS))


class Table(NamedTuple):
    """Pairs of a screen that can be scored, with their `line`, the lines that cannot, {reason: numbers}, and the genome
    build that its layout is of, where that is known.
    """

    pairs: pl.DataFrame
    left_out: Mapping[str, Sequence[int]]
    build: str | None = None

    def without(self, reason: str, bad: pl.Expr) -> "Table":
        """The table less the pairs that are `bad`, which are listed under `reason`."""
        unusable = bad.fill_null(False)
        lines = self.pairs.filter(unusable)["line"].to_list()
        return Table(self.pairs.filter(~unusable), {**self.left_out, reason: lines}, self.build) if lines else self


def parse(values: Sequence[str], option: str = "--crispr") -> dict[str, Path]:
    """[NAME=]FILE options as {name: file}; without a name it is the file's, up to its first dot. Of each screen one."""
    files: dict[str, Path] = {}
    for value in values:
        bare = "=" not in value or Path(value).is_file()
        name, _, file = ("", "", value) if bare else value.partition("=")
        path = Path(file)
        name = name or path.name.split(".")[0]
        if not path.is_file():
            raise InputError(f"{option} {value}: there is no file {path}")
        if name in files:
            raise InputError(f"{option} {value}: '{name}' is given twice; name them, as in first={path}")
        files[name] = path
    require_no_copies(files.values())
    return files


def read(path: Path, chromosomes: Collection[str]) -> Table:
    """Pairs of a screen to be scored: columns as in CRISPR_comparison, numbers and verdicts parsed.

    Optional columns are there when the file has them. `chromosomes` are those of the run, whose spelling the pairs
    take ("1", "chr1"). Raises InputError when a required column is missing or no line can be used.
    """
    table = _fields(path)
    frame, left_out, layout = screen_layouts.normalised(table.pairs)
    if len(left_out):
        reason = f"{layout.name if layout else ''}: {NOT_TESTED}"
        table = table._replace(left_out={**table.left_out, reason: left_out["line"].to_list()})
    table = table._replace(pairs=frame, build=layout.build if layout else None)
    columns = table.pairs.columns
    names = {old: new for old, new in _OTHER_NAMES.items() if old in columns and new not in columns}
    table = table._replace(pairs=table.pairs.rename(names))
    columns = table.pairs.columns
    if "measuredGeneSymbol" in columns and "measuredGeneEnsemblId" not in columns:  # ids in the column of symbols
        symbol = pl.col("measuredGeneSymbol")
        is_id = symbol.str.contains(GENE_ID).fill_null(False)
        apart = (pl.when(is_id).then(symbol).alias("measuredGeneEnsemblId"), pl.when(~is_id).then(symbol))
        table = table._replace(pairs=table.pairs.with_columns(apart))
        columns = table.pairs.columns
    missing = [name for name in _REQUIRED if name not in columns]
    genes = [name for name in GENE_COLUMNS if name in columns]
    if missing or not genes:
        wanted = ", ".join(missing) or " or ".join(GENE_COLUMNS)
        raise InputError(
            f"{path} has no column {wanted}; needed are {', '.join(_REQUIRED)} and {' or '.join(GENE_COLUMNS)}"
        )
    if "ValidConnection" in columns:  # TRUE, or the reason why not
        table = table.without(NO_CONNECTION, pl.col("ValidConnection").str.to_uppercase().ne_missing("TRUE"))
    table = table.without(NO_VERDICT, pl.col("Regulated").is_null())
    verdict = pl.col("Regulated").str.to_uppercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    table = _parsed(table, "Regulated", verdict, "Regulated is neither TRUE nor FALSE")
    for name in _NUMBERS:
        if name in columns:
            number = pl.col(name).cast(pl.Float64, strict=False)
            finite = pl.when(number.is_finite()).then(number)
            table = _parsed(table, name, finite, f"{name} is no number")
    table = table.without("chrom is empty", pl.col("chrom").is_null())
    start, end = pl.col("chromStart"), pl.col("chromEnd")
    interval = (start >= 0) & (start < end)
    table = table.without("no interval (chromStart must be before chromEnd)", ~interval.fill_null(False))
    table = table.without("no gene is named", pl.all_horizontal(pl.col(genes).is_null()))
    if "CellType" in columns:
        table = table.without("CellType is empty", pl.col("CellType").is_null())
    table = _respelt(path, table, chromosomes)
    if table.pairs.is_empty():
        raise InputError(f"{path} has no line that can be scored: {'; '.join(told(table.left_out)) or 'it is empty'}")
    return table


def told(left_out: Mapping[str, Sequence[int]]) -> list[str]:
    """Every reason with the number of its lines and the first of them."""
    sentences = []
    for reason, lines in left_out.items():
        first = ", ".join(map(str, lines[:_LISTED])) + (", ..." if len(lines) > _LISTED else "")
        sentences.append(f"{reason}: {len(lines):,} line{'s' * (len(lines) > 1)} ({first})")
    return sentences


def _fields(path: Path) -> Table:
    """Strings of a tab-separated table with a header, null where they say that nothing is known, each with its line."""
    lines = text_files.read_lines(path)
    header, *rows = ([field.strip() for field in next(csv.reader([text], delimiter="\t"))] for text in lines["text"])
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InputError(f"{path} line {lines['line'][0]}: the column '{twice}' stands twice in the header; rename one")
    numbers = lines["line"][1:].to_list()
    whole = [(number, row) for number, row in zip(numbers, rows, strict=True) if len(row) == len(header)]
    broken = [number for number, row in zip(numbers, rows, strict=True) if len(row) != len(header)]
    frame = pl.DataFrame([row for _, row in whole], dict.fromkeys(header, pl.String), orient="row")
    known = pl.when(~pl.all().is_in(_MISSING)).then(pl.all())
    frame = frame.select(known).with_columns(pl.Series("line", [number for number, _ in whole], pl.Int64))
    return Table(frame, {f"another number of fields than the header ({len(header)})": broken} if broken else {})


def _parsed(table: Table, name: str, parsed: pl.Expr, reason: str) -> Table:
    """The table with a column as numbers or verdicts, less the lines where it holds something else."""
    table = table.without(reason, pl.col(name).is_not_null() & parsed.is_null())
    return table._replace(pairs=table.pairs.with_columns(parsed.alias(name)))


def _respelt(path: Path, table: Table, chromosomes: Collection[str]) -> Table:
    """The table with the run's names of chromosomes, less the pairs on others; one odd line never refuses the rest."""
    names = table.pairs["chrom"].unique(maintain_order=True).to_list()
    spelling = {name: name for name in names if name in set(chromosomes)}
    if names and not spelling:
        spelling = chromosome_names.reconcile(names, chromosomes, path)
    respelt = pl.col("chrom").replace_strict(spelling, default=None, return_dtype=pl.String)
    elsewhere = sorted(set(names) - set(spelling))
    reason = f"on a chromosome that this run does not have ({chromosome_names.shown(elsewhere)})"
    table = table.without(reason, ~pl.col("chrom").is_in(list(spelling)))
    return table._replace(pairs=table.pairs.with_columns(respelt.alias("chrom")))
