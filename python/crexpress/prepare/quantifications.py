"""Tables of quantified genes or transcripts, of many programs: known by their headers, values read and refused."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.formats import gene_files, text_tables
from crexpress.prepare import genes
from crexpress.prepare.gene_names import MATCHED_AT_LEAST, matched, share_of

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
_COUNT_NAMES = (  # base means are DESeq2's, "unstranded" and the like GDC's
    r"(?i)(^|[._ ])(raw_?)?(counts?|numreads|est_counts|expected_count|reads?)($|[._ ])|readcount|^basemean"
    r"|^unstranded$|^stranded_(first|second)$"
)
_LOG_NAMES = r"(?i)(^|[^a-z])(log(2|10|1p|e)?|ln|vst|rlog|rld)($|[^a-z0-9]|(?=tpm|[fr]pkm|cpm|fold))"
_COUNT_UNITS = ("count", "counts", "reads")
_OTHER_UNITS = r"(?i)(^|[^a-z])([fr]pkm|[cr]pm)(uq)?($|[^a-z])"
_WHOLE = 10_000  # values of which TPM make up the most of a million
_ENOUGH = 10  # values above 0 from which on it is told whether a column holds counts


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
    """Values of one file in the order of the genes (null = not measured), its format and the column read; how many of
    its names are no gene's, and some of them.
    """

    values: pl.Series
    format: str
    column: str
    strange: int = 0
    examples: tuple[str, ...] = ()


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
    if column is not None and _plain(column) in _NOT_VALUES:
        raise InputError(f"{path}: column {column} holds no expression by its name; give the one that holds TPM")
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
        columns, values = [named["name"]], named["value"]
    else:
        columns = [rows[name] for name in names]
    _note_odd_values(path, column, values, unit)
    found = matched(path, form.name, columns, values, table, form.additive)
    return Quantification(found.values, form.name, column, found.strange, found.examples)


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
    for kind, known in (("table of genes", _ID_COLUMNS), ("table of symbols", _SYMBOL_COLUMNS)):
        if set(known) & set(plain) or (kind == "table of genes" and plain[0] in (*_ROW_NAMES, "column_1")):
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
    """InputError where a column taken for TPM holds logarithms by its name, or counts by that or its values; other
    units are told.
    """
    if re.search(_LOG_NAMES, column):
        raise InputError(
            f"{path}: column {column} holds logarithms by its name; give the one that holds TPM, of which logarithms "
            "are made here, or name the unit by --unit"
        )
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


def _note_odd_values(path: Path, column: str, values: pl.Series, unit: str | None) -> None:
    """Say where values are all one, or too small for TPM of a whole genome, which are a million in all."""
    present = values.cast(pl.Float64).drop_nulls().to_numpy()
    smallest, largest = present.min(initial=np.inf), present.max(initial=0)
    if len(present) > 1 and smallest == largest:
        log.say(f"warning: {path}: every value of column {column} is {largest:g}; is it the right column?")
    elif (unit or "").lower() == "tpm" and len(present) >= 1000 and largest < 25:
        log.say(f"Note: {path}: no value of column {column} is above {largest:.3g}; if they are logarithms, give TPM")
    elif (unit or "").lower() == "tpm" and len(present) >= _WHOLE and not 1e5 < present.sum() < 2e6:
        log.say(f"Note: {path}: the values of column {column} are {present.sum():,.0f} in all, TPM of a whole genome a "
                "million; are they TPM?")  # fmt: skip


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
    if by_id or share_of(first.is_in(table["gene_name"].implode())) >= MATCHED_AT_LEAST:
        return form._replace(name=f"{form.name} genes"), named
    if named["name"].str.contains("|", literal=True).any():  # GENCODE FASTA names: transcript|gene|...
        gene = pl.col("name").str.split("|").list.get(1, null_on_oob=True)
        return of_transcripts, named.with_columns(gene).drop_nulls("name")  # spike-ins have no gene
    if gtf is None:
        raise InputError(f"{path} holds transcripts (first {named['name'][0]}); give --gtf to sum them to genes")
    transcripts = gene_files.read_transcripts(gtf)
    owners = pl.DataFrame({"name": genes.bare_ids(transcripts["transcript_id"]), "gene": transcripts["gene_id"]})
    joined = named.with_columns(genes.bare_ids(named["name"])).join(owners.unique("name"), on="name", how="inner")
    if joined.is_empty():
        raise InputError(f"{path}: none of its transcripts (first {named['name'][0]}) is in {gtf}")
    if len(joined) < len(named):
        log.say(f"{path}: {len(named) - len(joined):,} of {len(named):,} transcripts are not in {gtf}")
    return of_transcripts, joined.select(name="gene", value="value")
