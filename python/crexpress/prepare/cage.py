"""CAGE signal at the TSS of every gene, on its strand, from tag tables, alignments or strand bigWigs."""

from array import array
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl

from crexpress.core import chromosome_names, log
from crexpress.core.errors import InputError
from crexpress.core.intervals import CHROM_STEP
from crexpress.core.native import refusing
from crexpress.formats import genome_files, text_files, text_tables
from crexpress.formats.bigwig_index import open_bigwig

_MANY = 20  # tags, or genes with some, that say something of strands
WINDOW = 384  # bp around the TSS (ScPGE, Methods)


def at_genes(
    genes: pl.DataFrame,
    path: Path,
    column: str | None = None,
    per_million: bool = False,
    lengths: Mapping[str, int | None] = MappingProxyType({}),
) -> pl.Series:
    """Sum of the signal on each gene's strand in the 384 bp around its TSS; null where the file cannot tell.

    A file says nothing about a chromosome that it lacks; 0 is where it looked and found nothing.

    path: a BED of single TSSs (CTSS) or of peaks (strand in column 6, `column` the number of the value column,
    the score by default; an entry counts where its midpoint lies), a .ctss table (chromosome, 1-based position,
    strand, count), a BAM (5' ends of primary alignments, per million), or a bigWig, of which `column` says the
    strand, + or -, and which measures only the genes on that strand.
    per_million: scale the values of a table so that the whole file sums to a million.
    lengths: of the chromosomes, in bp, as far as they are known.

    Raises InputError for a file that cannot be read, holds no count, or was made for another genome build.
    """
    suffix = path.suffix.lower()
    if suffix in (".bw", ".bigwig"):
        if per_million:
            raise InputError(f"{path} holds one strand only and cannot be scaled to a million; scale it beforehand")
        return _from_bigwig(genes, path, column, lengths)
    tags, sizes = _read_bam(path) if suffix == ".bam" else (_read_tags(path, column), {})
    if per_million or suffix == ".bam":
        total = tags["value"].sum()
        if not total:
            raise InputError(f"{path} holds no CAGE tag")
        tags = tags.with_columns(pl.col("value") / total * 1e6)
    names = genes["chrom"].unique(maintain_order=True)
    spelling = chromosome_names.reconcile(tags["chrom"].unique(maintain_order=True), names, path)
    chromosome_names.require_same_build(
        {spelling[name]: size for name, size in sizes.items() if name in spelling}, lengths, path
    )
    tags = tags.with_columns(pl.col("chrom").replace_strict(spelling, default=None)).drop_nulls("chrom")
    end = pl.col("chrom").replace_strict(dict(lengths), default=None, return_dtype=pl.Int64)
    beyond = tags.filter(pl.col("position") >= end)
    if len(beyond):
        place = f"{beyond['chrom'][0]}:{beyond['position'][0]:,}"
        raise InputError(
            f"{path} has a tag at {place}, behind the end of the chromosome; is it of another genome build?"
        )
    sums = _window_sums(genes, tags)
    _doubt_strands(genes, tags, path, sums)
    return sums


def _doubt_strands(genes: pl.DataFrame, tags: pl.DataFrame, path: Path, sums: pl.Series) -> None:
    """Say where strands are lost, or swapped: then more of a promoter's tags lie on the other one than its gene's."""
    if len(tags) >= _MANY and tags["strand"].n_unique() == 1:
        log.say(f"warning: all CAGE tags of {path} are on strand {tags['strand'][0]}; were strands lost on the way?")
        return
    swapped = genes.with_columns(pl.col("strand").replace_strict({"+": "-", "-": "+"}))
    at, against = sums.sum(), _window_sums(swapped, tags).sum()
    if against > at and (sums > 0).sum() >= _MANY:
        log.say(f"warning: {path} has {at:,.4g} on the strand of the TSSs and {against:,.4g} on the other; swapped?")


def _window_sums(genes: pl.DataFrame, tags: pl.DataFrame) -> pl.Series:
    """Tags have `chrom`, `strand`, `position` (0-based) and `value`."""
    names = genes["chrom"].unique(maintain_order=True)
    rank = {name: index for index, name in enumerate(names)}

    def key(frame: pl.DataFrame, position: str) -> np.ndarray:
        track = frame["chrom"].replace_strict(rank, return_dtype=pl.Int64).to_numpy() * 2
        return (track + (frame["strand"] == "-").to_numpy()) * CHROM_STEP + frame[position].to_numpy()

    places = key(tags, "position")
    order = np.argsort(places, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(tags["value"].to_numpy()[order])])
    tss = key(genes, "tss")
    first = np.searchsorted(places[order], tss - WINDOW // 2, "left")
    last = np.searchsorted(places[order], tss + WINDOW // 2, "left")
    sums = np.where(last > first, total[last] - total[first], 0.0)
    covered = genes["chrom"].is_in(tags["chrom"].unique().implode())
    return pl.Series("value", sums).set(~covered, None)


def _read_tags(path: Path, column: str | None) -> pl.DataFrame:
    rows = text_files.read_table(path, 4)
    if rows["column_3"].is_in(["+", "-", "."]).all():
        rows = _with_strand(path, rows, "column_3")
        position = rows["column_2"].cast(pl.Int64, strict=False)
        if not (position >= 1).fill_null(False).all():
            bad = rows.filter(~(position >= 1).fill_null(False))
            raise InputError(f"{path} line {bad['line'][0]}: '{bad['column_2'][0]}' is no 1-based position")
        value = text_tables.measurements(rows, path, "column_4")
        return rows.select(chrom="column_1", strand="column_3", position=position - 1, value=value.fill_null(0.0))
    rows = text_files.read_intervals(path, columns=6)
    number = column or "5"
    if not number.isdigit() or f"column_{number}" not in rows.columns:
        raise InputError(f"{path} has no value column '{number}'; give the column's number, for example 5")
    rows = _with_strand(path, rows, "column_6")
    value = text_tables.measurements(rows, path, f"column_{number}").fill_null(0.0)
    return rows.select("chrom", strand="column_6", position=(pl.col("start") + pl.col("end")) // 2, value=value)


def _with_strand(path: Path, rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """The lines with a strand; those without are counted. InputError where none has one."""
    known = rows[column].is_in(["+", "-"]).fill_null(False)
    if not known.any():
        raise InputError(f"{path} line {rows['line'][0]}: the strand must be + or -, not '{rows[column][0]}'")
    if not known.all():
        first = rows.filter(~known)["line"][0]
        log.say(f"{path}: {int((~known).sum()):,} lines without a strand left out (the first is line {first})")
    return rows.filter(known)


def _read_bam(path: Path) -> tuple[pl.DataFrame, dict[str, int]]:
    """5' ends of primary alignments, of paired reads the first; lengths of the chromosomes."""
    import pysam

    chroms, minus, positions = array("i"), array("b"), array("i")
    quiet = pysam.set_verbosity(0)  # a missing index is no fault: the file is read from end to end
    try:
        with (
            refusing(f"{path} is not a readable BAM", "it may be cut off or damaged, fetch it again"),
            pysam.AlignmentFile(str(path), check_sq=False) as file,
        ):
            for read in file:
                if read.is_unmapped or read.is_secondary or read.is_supplementary or read.is_qcfail or read.is_read2:
                    continue
                if read.reference_id < 0:  # no alignment in spite of its flag
                    continue
                chroms.append(read.reference_id)
                minus.append(read.is_reverse)
                positions.append((read.reference_end or 1) - 1 if read.is_reverse else read.reference_start)
            names, sizes = file.references, dict(zip(file.references, file.lengths, strict=True))
    finally:
        pysam.set_verbosity(quiet)
    if not positions:
        raise InputError(f"{path} holds no primary alignment")
    ends = pl.DataFrame({"chrom": np.array(chroms), "minus": np.array(minus, bool), "position": np.array(positions)})
    counts = ends.group_by("chrom", "minus", "position").len()
    tags = counts.select(
        pl.col("chrom").replace_strict(dict(enumerate(names)), return_dtype=pl.String),
        pl.when("minus").then(pl.lit("-")).otherwise(pl.lit("+")).alias("strand"),
        "position",
        pl.col("len").cast(pl.Float64).alias("value"),
    )
    return tags, sizes


def _from_bigwig(genes: pl.DataFrame, path: Path, strand: str | None, lengths: Mapping[str, int | None]) -> pl.Series:
    if strand not in ("+", "-"):
        raise InputError(f"{path}: say the strand of a CAGE bigWig as its column, + or - ({path.name}:+)")
    sizes = genome_files.chromosome_sizes(path)
    wanted = genes["chrom"].unique(maintain_order=True)
    names = {ours: theirs for theirs, ours in chromosome_names.reconcile(sizes, wanted, path).items()}
    chromosome_names.require_same_build({ours: sizes[theirs] for ours, theirs in names.items()}, lengths, path)
    sums: list[float | None] = []
    with refusing(f"{path} is not a readable bigWig", "fetch it again"):
        file = open_bigwig(path)
    with file:
        for chrom, tss, of in genes.select("chrom", "tss", "strand").iter_rows():
            if of != strand or chrom not in names:
                sums.append(None)
                continue
            start, end = max(0, tss - WINDOW // 2), min(tss + WINDOW // 2, sizes[names[chrom]])
            if start >= end:
                raise InputError(
                    f"{path} ends {chrom} at {sizes[names[chrom]]:,} bp, before a TSS at {tss:,}; "
                    "it was made for another genome build"
                )
            # minus strand files often carry their counts with a minus sign
            place = f"{names[chrom]}:{start}-{end}"
            with refusing(f"{path} cannot be read at {place}", "the file is cut short or damaged, fetch it again"):
                sums.append(float(np.abs(file.values(names[chrom], start, end, fillna=0)).sum()))
    values = pl.Series("value", sums, pl.Float64)
    if not values.drop_nulls().is_finite().all():
        raise InputError(f"{path} holds NaN or infinite values; give CAGE counts")
    return values
