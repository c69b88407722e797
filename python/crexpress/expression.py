"""Gene expression of one cell: tables of many programs, replicates averaged, on a log scale."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from crexpress import cage, cli, genes, genome
from crexpress.errors import InputError

Scale = Literal["log10", "ln", "log2"]
Combination = Literal["mean", "sum"]
COMBINATIONS: tuple[Combination, ...] = ("mean", "sum")
SCALES: tuple[Scale, ...] = ("log10", "ln", "log2")
SPECIFIC_LOG2 = 2.0
_VERSION = r"\.\d+(_PAR_Y)?$"
_PAR_Y = r"^(ENS[GT])R(\d{10})\b.*$"  # how GENCODE named the genes of chrY's pseudoautosomal regions before release 25
_ID_COLUMNS = ("gene_id", "geneid", "ensembl_gene_id", "ensembl_id", "gene", "id", "name")
_SYMBOL_COLUMNS = ("gene_name", "gene_symbol", "symbol", "hgnc_symbol")
_NOT_VALUES = {
    "start",
    "end",
    "length",
    "effective_length",
    "tss",
    "tss_5p",
    "tss_main",
    "entrez_id",
    "entrezid",
}


class Format(NamedTuple):
    """A kind of quantification table, known by the columns its header must have."""

    name: str
    header: frozenset[str]
    names: str  # column with the gene or transcript names
    value: str | None  # column with the TPM; None where it is computed or must be chosen


FORMATS = (
    Format("RSEM isoforms", frozenset({"transcript_id", "gene_id", "TPM"}), "gene_id", "TPM"),
    Format("RSEM genes", frozenset({"gene_id", "transcript_id(s)", "TPM"}), "gene_id", "TPM"),
    Format("Salmon", frozenset({"Name", "EffectiveLength", "TPM", "NumReads"}), "Name", "TPM"),
    Format("kallisto", frozenset({"target_id", "eff_length", "est_counts", "tpm"}), "target_id", "tpm"),
    Format("featureCounts", frozenset({"Geneid", "Chr", "Strand", "Length"}), "Geneid", None),
)
TWO_COLUMNS = Format("two columns", frozenset(), "column_1", "column_2")


class Quantification(NamedTuple):
    """Values of one file in the order of the genes (null = not measured), its format and the column read."""

    values: pl.Series
    format: str
    column: str


def file_and_column(text: str) -> tuple[Path, str | None]:
    """ "FILE" or "FILE:COLUMN" -> the existing file and its column; InputError when there is no such file."""
    if Path(text).is_file():
        return Path(text), None
    for colon in re.finditer(":", text):  # both may have some of their own
        path, column = text[: colon.start()], text[colon.end() :]
        if column and Path(path).is_file():
            return Path(path), column
    raise InputError(f"{text.rpartition(':')[0] or text} does not exist; give FILE or FILE:COLUMN")


def quantify(
    table: pl.DataFrame,
    files: Sequence[tuple[Path, str | None]],
    gtf: Path | None = None,
) -> list[Quantification]:
    """What each replicate file of one cell says of the genes of genes.parquet.

    files: path and value column (None: the only one). gtf: names the gene of each transcript, for tables of
    transcripts that do not say it. Raises InputError for an unknown header, a value that is no finite number
    from 0 on, or no gene in common.
    """
    return [read_values(table, path, column, gtf) for path, column in files]


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
            read.append(read_values(table, path, column))
            continue
        values = cage.at_genes(table, path, column, per_million, lengths)
        cli.say(f"{path}: CAGE signal at {(values > 0).sum():,} of {values.count():,} TSSs")
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


def mark_specific(table: pl.DataFrame, others: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add `specific`: is the gene's log2 fold change against the mean of the other cells above 2?

    log2((1 + value) / (1 + mean of the others)), as ScPGE compares two cells (Methods, "cell-type-specific
    genes"). Null where this cell or every other one did not measure the gene. All tables are of the same genes.
    """
    mean = pl.DataFrame({str(number): other["value"] for number, other in enumerate(others)})
    change = ((1 + table["value"]) / (1 + mean.mean_horizontal(ignore_nulls=True))).log(2)
    return table.with_columns(specific=change > SPECIFIC_LOG2)


def read_values(table: pl.DataFrame, path: Path, column: str | None = None, gtf: Path | None = None) -> Quantification:
    """Values of one quantification table for the genes of `table`; see `quantify`."""
    form, rows = _recognise(path)
    if column is not None and column not in rows.columns:
        raise InputError(f"{path} has no column '{column}'; it has {', '.join(rows.columns[1:])}")
    if form.name == "featureCounts":
        column, values = _tpm_of_counts(path, rows, column)
    else:
        column = column or form.value or _only_value_column(path, form, rows)
        values = genome.measurements(path, rows, column)
    named = pl.DataFrame({"name": rows[form.names], "value": values})
    if form.name in ("Salmon", "kallisto"):
        form, named = _as_genes(path, form, named, table, gtf)
    if form.name.endswith(("isoforms", "transcripts")):
        named = named.group_by("name", maintain_order=True).agg(pl.col("value").sum())
    return Quantification(_match(path, form, named, table), form.name, column)


def _recognise(path: Path) -> tuple[Format, pl.DataFrame]:
    """The table's format by its header, and its rows as strings with `line` first."""
    rows = genome.read_table(path, 2) if "\t" in genome.first_line(path) else _read_csv(path)
    first = [rows[name][0] for name in rows.columns[1:]]
    if len(first) == 2 and _is_number(first[1]):
        return TWO_COLUMNS, rows
    header = [name if name else f"column_{number}" for number, name in enumerate(first, 1)]
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InputError(f"{path} line {rows['line'][0]}: the column {twice} stands twice in the header; rename one")
    if len(rows) == 1:
        raise InputError(f"{path} holds a header and nothing else; give the whole table")
    rows = rows[1:].rename(dict(zip(rows.columns[1:], header, strict=True)))
    for form in FORMATS:
        if form.header <= set(header):
            return form, rows
    lower = {name.lower(): name for name in header}
    for kind, known in (("table of gene ids", _ID_COLUMNS), ("table of symbols", _SYMBOL_COLUMNS)):
        for name in known:
            if name in lower:
                return Format(kind, frozenset(), lower[name], None), rows
    seen = ", ".join(header[:12]) + (f" and {len(header) - 12} more" if len(header) > 12 else "")
    raise InputError(
        f"{path}: no known header (its columns are {seen}); it must be that of RSEM, Salmon, kallisto or "
        "featureCounts, or name a column gene_id or gene_name (a table of two columns may do without)"
    )


def _read_csv(path: Path) -> pl.DataFrame:
    """Comma-separated text as `genome.read_table` gives tabs."""
    lines = genome.read_lines(path)
    fields = list(csv.reader(lines["text"]))
    short = next((number for number, row in enumerate(fields) if len(row) < 2), None)
    if short is not None:
        raise InputError(
            f"{path} line {lines['line'][short]}: 2 columns are needed, separated by tabs or commas, "
            f"found '{lines['text'][short][:80]}'"
        )
    width = max(map(len, fields))
    padded = [[*row, *[None] * (width - len(row))] for row in fields]
    names = [f"column_{number}" for number in range(1, width + 1)]
    return lines.select("line").hstack(pl.DataFrame(padded, schema=dict.fromkeys(names, pl.String), orient="row"))


def _only_value_column(path: Path, form: Format, rows: pl.DataFrame) -> str:
    numeric = [
        name
        for name in rows.columns[1:]
        if name != form.names and name.lower() not in _NOT_VALUES and _all_numbers(rows[name])
    ]
    if len(numeric) == 1:
        return numeric[0]
    if not numeric:
        raise InputError(f"{path} has no column of numbers beside {form.names}")
    raise InputError(
        f"{path} has several value columns; name one of them (FILE:COLUMN, or `column` in the "
        f"samplesheet): {', '.join(numeric)}"
    )


def _tpm_of_counts(path: Path, rows: pl.DataFrame, column: str | None) -> tuple[str, pl.Series]:
    """TPM from featureCounts: reads per bp of the gene, scaled to a million."""
    samples = [name for name in rows.columns[1:] if name not in ("Geneid", "Chr", "Start", "End", "Strand", "Length")]
    if column is None and len(samples) != 1:
        raise InputError(f"{path} has several samples; name one of {', '.join(samples)} (FILE:COLUMN)")
    column = column or samples[0]
    rate = genome.measurements(path, rows, column) / genome.measurements(path, rows, "Length")
    if not rate.drop_nulls().is_finite().all() or rate.sum() == 0:
        raise InputError(f"{path}: no TPM can be made of column {column} (all counts are 0, or a length is 0)")
    return column, rate / rate.sum() * 1e6


def _as_genes(
    path: Path, form: Format, named: pl.DataFrame, table: pl.DataFrame, gtf: Path | None
) -> tuple[Format, pl.DataFrame]:
    """Salmon and kallisto tables hold genes or transcripts under one header; tell by the names."""
    of_transcripts = form._replace(name=f"{form.name} transcripts")
    if named["name"].str.contains("|", literal=True).any():  # GENCODE FASTA names: transcript|gene|...
        gene = pl.col("name").str.split("|").list.get(1, null_on_oob=True)
        return of_transcripts, named.with_columns(gene).drop_nulls("name")  # spike-ins have no gene
    if _bare(named["name"]).is_in(_bare(table["gene_id"]).implode()).any():
        return form._replace(name=f"{form.name} genes"), named
    if gtf is None:
        raise InputError(f"{path} holds transcripts (first {named['name'][0]}); give --gtf to sum them to genes")
    transcripts = genes.read_transcripts(gtf)
    owners = pl.DataFrame({"name": _bare(transcripts["transcript_id"]), "gene": transcripts["gene_id"]})
    joined = named.with_columns(_bare(named["name"])).join(owners.unique("name"), on="name", how="inner")
    if joined.is_empty():
        raise InputError(f"{path}: none of its transcripts (first {named['name'][0]}) is in {gtf}")
    if len(joined) < len(named):
        cli.say(f"{path}: {len(named) - len(joined):,} of {len(named):,} transcripts are not in {gtf}")
    return of_transcripts, joined.select(name="gene", value="value")


def _match(path: Path, form: Format, named: pl.DataFrame, table: pl.DataFrame) -> pl.Series:
    """Values in the order of the genes: by id without version, by symbol only where the table has no ids."""
    ids = _bare(table["gene_id"])
    how, keys, names = "id", ids, _bare(named["name"])
    if not names.is_in(ids.implode()).any():
        how, keys, names = "symbol", table["gene_name"], named["name"]
    values = pl.DataFrame({"name": names, "value": named["value"]})
    largest = values.group_by("name").agg(pl.col("value").max(), pl.len().alias("rows"))
    found = keys.is_in(largest["name"].implode())
    if not found.any():
        raise InputError(
            f"{path} ({form.name}): none of its genes (first {named['name'][0]}) is among the "
            f"{len(table):,} genes of this run (first {table['gene_id'][0]}, {table['gene_name'][0]})"
        )
    note = f"{path}: {form.name}, {int(found.sum()):,} of {len(table):,} genes matched by {how}"
    twice = int((largest["rows"] > 1).sum())
    cli.say(f"{note}; {twice:,} repeated names, the largest value kept" if twice else note)
    return pl.DataFrame({"name": keys}).join(largest, on="name", how="left", maintain_order="left")["value"]


def _bare(names: pl.Series) -> pl.Series:
    """Ensembl ids without their version (ENSG00000186092.4 -> ENSG00000186092); other names as they are.

    A gene of chrY's pseudoautosomal regions keeps apart from its twin on chrX, in either spelling:
    ENSG00000182378.14_PAR_Y and ENSGR0000182378.14 -> ENSG00000182378_PAR_Y.
    """
    return (
        pl.DataFrame({"name": names})
        .select(
            pl.when(pl.col("name").str.starts_with("ENS"))
            .then(pl.col("name").str.replace(_PAR_Y, "${1}0${2}_PAR_Y").str.replace(_VERSION, "$1"))
            .otherwise("name")
            .alias("name")
        )
        .to_series()
    )


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return text in genome.MISSING[1:]
    return True


def _all_numbers(column: pl.Series) -> bool:
    text = column.str.strip_chars()
    present = text.filter(~(text.is_in(genome.MISSING) | text.is_null()))
    return len(present) > 0 and present.cast(pl.Float64, strict=False).null_count() == 0
