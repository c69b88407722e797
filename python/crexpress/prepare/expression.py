"""Gene expression of one cell: tables of many programs, replicates averaged, on a log scale."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.core.files import require_no_copies
from crexpress.prepare import cage
from crexpress.prepare.quantifications import Quantification, read_values

Scale = Literal["log10", "ln", "log2"]
Combination = Literal["mean", "sum"]
COMBINATIONS: tuple[Combination, ...] = ("mean", "sum")
SCALES: tuple[Scale, ...] = ("log10", "ln", "log2")
SPECIFIC_LOG2 = 2.0


def file_and_column(text: str) -> tuple[Path, str | None]:
    """ "FILE" or "FILE:COLUMN" -> the existing file and its column; InputError when there is no such file."""
    if Path(text).is_file():
        return Path(text), None
    for colon in re.finditer(":", text):  # both may have some of their own
        path, column = text[: colon.start()], text[colon.end() :]
        if column and Path(path).is_file():
            return Path(path), column
    raise InputError(f"{text.rpartition(':')[0] or text} does not exist; give FILE or FILE:COLUMN")


def require_replicates(files: Sequence[tuple[Path, str | None]]) -> None:
    """InputError for a table given twice, or a copy of one: it would count as two replicates that agree."""
    for number, (path, column) in enumerate(files):
        if (path, column) in files[:number]:
            raise InputError(f"{path} is given twice; give each replicate once")
    require_no_copies(dict.fromkeys(path for path, _ in files))


def quantify(
    table: pl.DataFrame,
    files: Sequence[tuple[Path, str | None]],
    gtf: Path | None = None,
    unit: str = "TPM",
) -> list[Quantification]:
    """What each replicate file of one cell says of the genes of genes.parquet.

    files: path and value column (None: the only one). gtf: names the gene of each transcript, for tables of
    transcripts that do not say it. unit: what the values are; counts are refused where it is TPM. Raises InputError
    for an unknown header, a value that is no finite number from 0 on, or names of which less than a tenth match.
    """
    return [read_values(table, path, column, gtf, unit) for path, column in files]


def quantify_cage(
    table: pl.DataFrame,
    files: Sequence[tuple[Path, str | None]],
    per_million: bool = False,
    lengths: Mapping[str, int | None] = MappingProxyType({}),
) -> list[Quantification]:
    """As `quantify`, from the CAGE signal around each TSS (see `cage.at_genes`).

    A file with a column that is neither a number nor a strand is a table of genes that holds CAGE values.
    """
    read = []
    for path, column in files:
        if column and not column.isdigit() and column not in ("+", "-"):
            if per_million:
                raise InputError(
                    f"{path} holds values of genes and cannot be scaled to a million; leave out --per-million"
                )
            read.append(read_values(table, path, column, unit=None))
            continue
        values = cage.at_genes(table, path, column, per_million, lengths)
        log.say(f"{path}: CAGE signal at {(values > 0).sum():,} of {values.count():,} TSSs")
        read.append(Quantification(values, "CAGE", column or ""))
    return read


def combine(
    table: pl.DataFrame, replicates: Sequence[Quantification], how: Combination = "mean", scale: Scale = "log10"
) -> pl.DataFrame:
    """The columns of expression.CELL.parquet (docs/artifacts.md) from a cell's replicates.

    `value` is the mean over the replicates that measured the gene, or with "sum" their total, as the released
    ScPGE code has it (docs/science.md row 1); `expression` is its logarithm, log10(1 + value) by default.
    """
    measured = pl.DataFrame({str(number): replicate.values for number, replicate in enumerate(replicates)})
    value = measured.mean_horizontal(ignore_nulls=True)
    if how == "sum":
        value = measured.sum_horizontal(ignore_nulls=True).set(value.is_null(), None)
    divisor = {"log10": np.log(10), "ln": 1.0, "log2": np.log(2)}[scale]
    frame = table.select("gene_id").with_columns(value=value)
    return frame.with_columns(expression=(pl.col("value").log1p() / divisor).cast(pl.Float32))


def agreement(replicates: Sequence[Quantification]) -> float | None:
    """Spearman's correlation of the two replicates that agree least, over the genes that both measured; None for one.

    ENCODE asks 0.9 of RNA-seq of one donor, 0.8 of two (encodeproject.org/data-standards/rna-seq/long-rnas).
    """
    pairs = [pl.DataFrame({"a": a.values, "b": b.values}).drop_nulls() for a, b in combinations(replicates, 2)]
    found = [pair.select(pl.corr("a", "b", method="spearman")).item() for pair in pairs if len(pair) > 2]
    return min((round(value, 4) for value in found if value is not None and np.isfinite(value)), default=None)


def mark_specific(table: pl.DataFrame, others: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add `specific`: is the gene's log2 fold change against the mean of the other cells above 2?

    log2((1 + value) / (1 + mean of the others)), as ScPGE compares two cells (Methods, "cell-type-specific
    genes"). Null where this cell or every other one did not measure the gene. All tables are of the same genes.
    """
    mean = pl.DataFrame({str(number): other["value"] for number, other in enumerate(others)})
    change = ((1 + table["value"]) / (1 + mean.mean_horizontal(ignore_nulls=True))).log(2)
    return table.with_columns(specific=change > SPECIFIC_LOG2)
