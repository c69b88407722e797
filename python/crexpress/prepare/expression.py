"""Gene expression of one cell: tables of many programs, replicates averaged, on a log scale."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.formats import text_tables
from crexpress.prepare import cage, genes

Scale = Literal["log10", "ln", "log2"]
Combination = Literal["mean", "sum"]
COMBINATIONS: tuple[Combination, ...] = ("mean", "sum")
SCALES: tuple[Scale, ...] = ("log10", "ln", "log2")
SPECIFIC_LOG2 = 2.0
_ID_COLUMNS = ("gene_id", "geneid", "ensembl_gene_id", "ensembl_id", "ensembl", "gene_stable_id",
               "gene_stable_id_version", "gene", "genes", "id", "name")  # fmt: skip
_SYMBOL_COLUMNS = ("gene_name", "gene_symbol", "genename", "genesymbol", "symbol", "hgnc_symbol", "external_gene_name",
                   "gene_short_name", "description")  # fmt: skip
_ROW_NAMES = ("", "x", "unnamed:_0", "_1", "index", "row_names", "rownames")  # what R and pandas call a first column
_NOT_VALUES = {
    *("start", "end", "length", "effective_length", "tss", "tss_5p", "tss_main", "entrez_id", "entrezid"),
    "coverage",
}
_LOCUS = {"start", "end", "locus", "transcript_id", "tx_id"}  # columns of tables in which a gene may have several rows
_ENSEMBL_ID = r"ENS[A-Z]*[GT]\d{11}"
_COUNTERS = r"^(__[A-Za-z_]+|N_(unmapped|multimapping|noFeature|ambiguous))$"  # lines of htseq-count and STAR
_STAR = ("unstranded", "first_strand", "second_strand")
_COUNT_NAMES = r"(?i)(^|[._ ])(raw_?)?(counts?|numreads|est_counts|expected_count|reads?)($|[._ ])|readcount"
_COUNT_UNITS = ("count", "counts", "reads")
_OTHER_UNITS = r"(?i)(^|[._ ])(f|r)pkm($|[._ ])|(^|[._ ])cpm($|[._ ])"
_ENOUGH = 10  # values above 0 from which on it is told whether a column holds counts
MATCHED_AT_LEAST, MATCHED_FEW = 0.1, 0.5  # share of names below which a table is refused, and warned of


class Format(NamedTuple):
    """A kind of quantification table, known by the columns its header must have."""

    name: str
    header: frozenset[str]
    names: str  # column with the gene or transcript names; "" where it is looked for
    value: str | None  # column with the TPM; None where it is computed or must be chosen
    additive: bool = False  # a gene has a row for each of its loci or transcripts, which are summed


FORMATS = (
    Format("RSEM isoforms", frozenset({"transcript_id", "gene_id", "TPM"}), "gene_id", "TPM", True),
    Format("RSEM genes", frozenset({"gene_id", "transcript_id(s)", "TPM"}), "gene_id", "TPM"),
    Format("Salmon", frozenset({"Name", "EffectiveLength", "TPM", "NumReads"}), "Name", "TPM"),
    Format("kallisto", frozenset({"target_id", "eff_length", "est_counts", "tpm"}), "target_id", "tpm"),
    Format("featureCounts", frozenset({"Geneid", "Length"}), "Geneid", None),
    Format("StringTie", frozenset({"Reference", "Start", "End", "Coverage", "FPKM", "TPM"}), "", "TPM", True),
    Format("Cufflinks", frozenset({"tracking_id", "gene_id", "locus", "FPKM"}), "", None, True),
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


def mark_specific(table: pl.DataFrame, others: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add `specific`: is the gene's log2 fold change against the mean of the other cells above 2?

    log2((1 + value) / (1 + mean of the others)), as ScPGE compares two cells (Methods, "cell-type-specific
    genes"). Null where this cell or every other one did not measure the gene. All tables are of the same genes.
    """
    mean = pl.DataFrame({str(number): other["value"] for number, other in enumerate(others)})
    change = ((1 + table["value"]) / (1 + mean.mean_horizontal(ignore_nulls=True))).log(2)
    return table.with_columns(specific=change > SPECIFIC_LOG2)


def read_values(
    table: pl.DataFrame, path: Path, column: str | None = None, gtf: Path | None = None, unit: str | None = "TPM"
) -> Quantification:
    """Values of one quantification table for the genes of `table`; see `quantify`. unit None: any."""
    form, rows, separator = _recognise(path)
    names = _name_columns(form, rows)
    counters = rows[names[0]].str.contains(_COUNTERS).fill_null(False)
    if counters.any():
        rows = rows.filter(~counters)
        form = form._replace(name="counts of STAR" if form.name == "STAR" else "counts of htseq")
    counts, refused = (unit or "").lower() in _COUNT_UNITS, (unit or "").lower() == "tpm"
    if refused and form.name in ("counts of STAR", "counts of htseq"):
        raise _not_tpm(path, f"its lines such as {'N_unmapped' if 'STAR' in form.name else '__no_feature'} say that "
                       f"it holds {form.name}", form)  # fmt: skip
    if column is not None and column not in rows.columns[1:]:
        raise InputError(f"{path} has no column '{column}'; it has {', '.join(rows.columns[1:31])}")
    if form.name == "featureCounts":
        column, values = _of_feature_counts(path, rows, column, separator, counts)
    elif form.name == "Cufflinks" and column is None:
        column, values = "FPKM", text_tables.measurements(rows, path, "FPKM", separator)
        values = _to_million(path, values, column)
        log.say(f"{path}: TPM made of Cufflinks' FPKM (their share of the sum, times a million)")
    else:
        column = column or form.value or _only_value_column(path, names, rows)
        values = text_tables.measurements(rows, path, column, separator)
        if refused and (column != form.value or form is TWO_COLUMNS):
            _refuse_counts(path, form, rows.columns[1], column, values)
    if form.name in ("Salmon", "kallisto"):
        named = pl.DataFrame({"name": rows[names[0]], "value": values})
        form, named = _as_genes(path, form, named, table, gtf)
        return Quantification(_match(path, form, [named["name"]], named["value"], table), form.name, column)
    return Quantification(_match(path, form, [rows[name] for name in names], values, table), form.name, column)


def _recognise(path: Path) -> tuple[Format, pl.DataFrame, str]:
    """The table's format by its header, its rows as strings with `line` first, and its separator."""
    read = text_tables.read(path, _is_header)
    if read.names is None:
        if len(read.rows.columns) == 3:
            return TWO_COLUMNS, read.rows, read.separator
        if (special := read.rows["column_1"].str.extract(_COUNTERS).drop_nulls()).len():
            star = special[0].startswith("N_") and len(read.rows.columns) == 5
            names = dict(zip(("column_2", "column_3", "column_4"), _STAR, strict=True)) if star else {}
            form = Format("STAR" if star else "htseq", frozenset(), "column_1", None)
            return form, read.rows.rename(names), read.separator
        raise InputError(
            f"{path} line {read.rows['line'][0]}: a header is needed, which names the column of the genes (gene_id or "
            "gene_name) and those of the values; only a table of two columns may do without"
        )
    rows = read.named()
    header = rows.columns[1:]
    for form in FORMATS:
        if form.header <= set(header):
            return form, rows, read.separator
    plain = [_plain(name) for name in header]
    for kind, known in (("table of gene ids", _ID_COLUMNS), ("table of symbols", _SYMBOL_COLUMNS)):
        if set(known) & set(plain) or (kind == "table of gene ids" and plain[0] in (*_ROW_NAMES, "column_1")):
            additive = bool(_LOCUS & set(plain))
            return Format(kind, frozenset(), "", None, additive), rows, read.separator
    seen = ", ".join(header[:12]) + (f" and {len(header) - 12} more" if len(header) > 12 else "")
    raise InputError(
        f"{path}: no known header (its columns are {seen}); it must be that of RSEM, Salmon, kallisto, StringTie, "
        "Cufflinks or featureCounts, or name a column gene_id or gene_name (a table of two columns may do without)"
    )


def _is_header(first: Sequence[str]) -> bool:
    """Names, not values, behind the first field; samples may be called by numbers beside a known first name."""
    if re.match(_ENSEMBL_ID, first[0]) or re.match(_COUNTERS, first[0]):
        return False
    known = {*_ID_COLUMNS, *_SYMBOL_COLUMNS, *_ROW_NAMES}
    return _plain(first[0]) in known or not all(map(text_tables.is_number, first[1:]))


def _plain(name: str) -> str:
    """A column's name without case and marks: "Gene ID", "Gene.ID" and "gene_id" are one."""
    return re.sub(r"[ .-]+", "_", name.strip().lower())


def _name_columns(form: Format, rows: pl.DataFrame) -> list[str]:
    """Columns that may name the genes, the likeliest first: ids, R's row names, symbols."""
    if form.names:
        return [form.names]
    columns = rows.columns[1:]
    by_plain = {_plain(name): name for name in reversed(columns)}
    ids = [by_plain[name] for name in _ID_COLUMNS if name in by_plain]
    row_names = [columns[0]] if _plain(columns[0]) in (*_ROW_NAMES, "column_1") else []
    return [*ids, *row_names, *(by_plain[name] for name in _SYMBOL_COLUMNS if name in by_plain)]


def _only_value_column(path: Path, names: Sequence[str], rows: pl.DataFrame) -> str:
    numeric = [
        name
        for name in rows.columns[1:]
        if name not in names and _plain(name) not in _NOT_VALUES and text_tables.is_numeric(rows[name])
    ]
    if len(numeric) == 1:
        return numeric[0]
    if not numeric:
        raise InputError(f"{path} has no column of numbers beside {names[0]}")
    shown = ", ".join(numeric[:30]) + (f" and {len(numeric) - 30:,} more" if len(numeric) > 30 else "")
    raise InputError(
        f"{path} has several value columns; name one of them (FILE:COLUMN, or `column` in the samplesheet): {shown}"
    )


def _of_feature_counts(
    path: Path, rows: pl.DataFrame, column: str | None, separator: str, counts: bool
) -> tuple[str, pl.Series]:
    """TPM from featureCounts: reads per bp of the gene, scaled to a million; or its counts themselves."""
    about = ("Geneid", "Chr", "Start", "End", "Strand", "Length")
    samples = [name for name in rows.columns[1:] if name not in about and text_tables.is_numeric(rows[name])]
    if column is None and len(samples) != 1:
        found = f"several samples; name one of {', '.join(samples)} (FILE:COLUMN)" if samples else "no column of counts"
        raise InputError(f"{path} has {found}")
    column = column or samples[0]
    values = text_tables.measurements(rows, path, column, separator)
    if counts:
        return column, values
    return column, _to_million(path, values / text_tables.measurements(rows, path, "Length", separator), column)


def _to_million(path: Path, rate: pl.Series, column: str) -> pl.Series:
    if not rate.drop_nulls().is_finite().all() or rate.sum() == 0:
        raise InputError(f"{path}: no TPM can be made of column {column} (all counts are 0, or a length is 0)")
    return rate / rate.sum() * 1e6


def _refuse_counts(path: Path, form: Format, first: str, column: str, values: pl.Series) -> None:
    """InputError where a column taken for TPM holds counts by its name or its values; other units are told."""
    if re.search(_COUNT_NAMES, column) or first == "Geneid":
        raise _not_tpm(path, f"column {column} holds counts by the table's header", form)
    if re.search(_OTHER_UNITS, column):
        log.say(f"Note: {path}: the values of column {column} are used as they are, though they are not TPM by name")
        return
    if "tpm" in column.lower():
        return
    present = values.drop_nulls()
    above, total = present.filter(present > 0), present.sum()
    if len(above) >= _ENOUGH and (above == above.floor()).all() and not 0.8e6 < total < 1.2e6:
        raise _not_tpm(
            path, f"column {column} holds whole numbers alone, {total:,.0f} in all (TPM are a million in all)", form
        )
    largest = values.cast(pl.Float64).to_numpy()[~values.is_null().to_numpy()].max(initial=0)
    if len(present) >= 1000 and largest < 25:
        log.say(f"Note: {path}: no value of column {column} is above {largest:.3g}; if they are logarithms, give TPM")


def _not_tpm(path: Path, why: str, form: Format) -> InputError:
    columns = f"; its columns behind the gene are {', '.join(_STAR)}" if "STAR" in form.name else ""
    return InputError(
        f"{path}: {why}{columns}. Counts are not TPM: give the table of RSEM, Salmon, kallisto or StringTie, or "
        "featureCounts' with its columns Geneid and Length, of which TPM are made. If counts are what you want, "
        "say so by --unit counts"
    )


def _as_genes(
    path: Path, form: Format, named: pl.DataFrame, table: pl.DataFrame, gtf: Path | None
) -> tuple[Format, pl.DataFrame]:
    """Salmon and kallisto tables hold genes or transcripts under one header; tell by the names."""
    of_transcripts = form._replace(name=f"{form.name} transcripts", additive=True)
    first = named["name"].str.split("|").list.first()
    by_id = genes.bare_ids(first).is_in(genes.bare_ids(table["gene_id"]).implode()).any()
    if by_id or _share(first.is_in(table["gene_name"].implode())) >= MATCHED_AT_LEAST:
        return form._replace(name=f"{form.name} genes"), named
    if named["name"].str.contains("|", literal=True).any():  # GENCODE FASTA names: transcript|gene|...
        gene = pl.col("name").str.split("|").list.get(1, null_on_oob=True)
        return of_transcripts, named.with_columns(gene).drop_nulls("name")  # spike-ins have no gene
    if gtf is None:
        raise InputError(f"{path} holds transcripts (first {named['name'][0]}); give --gtf to sum them to genes")
    transcripts = genes.read_transcripts(gtf)
    owners = pl.DataFrame({"name": genes.bare_ids(transcripts["transcript_id"]), "gene": transcripts["gene_id"]})
    joined = named.with_columns(genes.bare_ids(named["name"])).join(owners.unique("name"), on="name", how="inner")
    if joined.is_empty():
        raise InputError(f"{path}: none of its transcripts (first {named['name'][0]}) is in {gtf}")
    if len(joined) < len(named):
        log.say(f"{path}: {len(named) - len(joined):,} of {len(named):,} transcripts are not in {gtf}")
    return of_transcripts, joined.select(name="gene", value="value")


def _match(path: Path, form: Format, columns: Sequence[pl.Series], values: pl.Series, table: pl.DataFrame) -> pl.Series:
    """Values in the order of the genes: by the first of the columns whose names match, as ids or as symbols."""
    best: tuple[float, str, pl.Series, pl.Series] | None = None
    for how, keys, names in _candidates(columns, table):
        share = max(_share(keys.is_in(names.implode())), _share(names.is_in(keys.implode())))
        if best is None or share > best[0]:
            best = (share, how, keys, names)
        if best[0] >= MATCHED_FEW:
            break
    if best is None:
        raise InputError(f"{path} names no gene")
    share, how, keys, names = best
    for column in columns:
        if dates := text_tables.spreadsheet_dates(column):
            log.say(
                f"Warning: {path}: {len(dates):,} names are dates or numbers ({', '.join(dates[:3])}), which a "
                "spreadsheet made of gene symbols such as SEPTIN5; their genes stay empty; export the table "
                "again without one"
            )
    found = keys.is_in(names.implode())
    examples = (
        f"its names are like {_like(names, keys)}, those of this run like {_like(table['gene_id'], None)} and "
        f"{_like(table['gene_name'], None)}"
    )
    matched = f"{int(found.sum()):,} of {len(table):,} genes"
    if not found.any():
        raise InputError(
            f"{path} ({form.name}): none of its genes is among the {len(table):,} genes of this run; {examples}"
        )
    if share < MATCHED_AT_LEAST:
        raise InputError(
            f"{path} ({form.name}): only {matched} matched, less than a tenth; {examples}. Give a table of the same "
            "annotation"
        )
    grouped = pl.DataFrame({"name": names, "value": values}).group_by("name", maintain_order=True)
    one = pl.col("value").sum() if form.additive else pl.col("value").max()
    largest = grouped.agg(
        pl.when(pl.col("value").count() > 0).then(one).alias("value"),
        pl.len().alias("rows"),
        pl.col("value").n_unique().alias("different"),
    )
    if not form.additive and _share(largest["different"] > 1) > MATCHED_FEW:
        name = largest.filter(pl.col("different") > 1)["name"][0]
        raise InputError(
            f"{path}: most of its genes have several rows with different values ({name} has "
            f"{largest.filter(pl.col('name') == name)['rows'][0]}), as where several cells or samples stand below each "
            "other; give a table with one row per gene"
        )
    note = f"{path}: {form.name}, {matched} matched by {how}"
    twice = int((largest["rows"] > 1).sum())
    if twice:
        note += f"; {twice:,} repeated names, " + ("their rows summed" if form.additive else "the largest value kept")
    log.say(note)
    if share < MATCHED_FEW or _share(found) < MATCHED_AT_LEAST:
        log.say(f"Warning: {path}: only {matched} have a value; {examples}")
    filled = pl.DataFrame({"name": keys}).join(largest, on="name", how="left", maintain_order="left")["value"]
    shared = keys.is_duplicated() & filled.is_not_null()
    if shared.any():
        log.say(
            f"Warning: {path}: {int(shared.sum()):,} genes share their symbol with another gene "
            f"({keys.filter(shared)[0]}) and stay empty, as the table does not say which it means; "
            "give a table of gene ids"
        )
    return filled.set(shared, None)


def _candidates(columns: Sequence[pl.Series], table: pl.DataFrame) -> Iterator[tuple[str, pl.Series, pl.Series]]:
    """How names may be read, with the run's and the table's: ids before symbols, whole names before parts of them."""
    columns = [column.str.strip_chars() for column in columns]
    ids = genes.bare_ids(table["gene_id"])
    for names in columns:
        yield "id", ids, genes.bare_ids(names)
    parts = [
        names.str.split(mark).list.get(at, null_on_oob=True)
        for names in columns
        for mark in ("|", "_")
        if _share(names.str.contains(mark, literal=True)) > MATCHED_FEW
        for at in (0, 1)
    ]
    for how, keys in (("symbol", table["gene_name"]), ("id", ids)):
        for names in (*columns, *parts) if how == "symbol" else parts:
            yield how, keys, names


def _share(mask: pl.Series) -> float:
    return float(mask.sum()) / max(1, len(mask))


def _like(names: pl.Series, known: pl.Series | None) -> str:
    """Two examples, of names that are not known where there are any."""
    strange = (
        names.drop_nulls() if known is None else names.drop_nulls().filter(~names.drop_nulls().is_in(known.implode()))
    )
    return ", ".join(name[:40] for name in (strange if len(strange) else names.drop_nulls())[:2])
