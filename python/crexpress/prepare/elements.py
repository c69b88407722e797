"""The element store: candidate cis-regulatory elements (cCREs), merged, and one TSS window for every gene."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import polars as pl

from crexpress.core import chromosome_names, log
from crexpress.core.artifacts import digest
from crexpress.core.columns import DIGESTED
from crexpress.core.errors import InputError
from crexpress.core.files import replacing
from crexpress.core.intervals import any_overlap, end_to_end
from crexpress.formats import text_files

Method = Literal["greedy", "interval", "none"]
METHODS: tuple[Method, ...] = ("greedy", "interval", "none")
TSS = "TSS"
UNCLASSIFIED = "cCRE"
# What SCREEN calls cCREs that are not active in a cell; both papers leave them out of a cell's list.
INACTIVE = ("DNase-only", "Low-DNase")
_SCREENS_UNCLASSIFIED = "Unclassified"  # of cells without the assays that it classifies by
# Colours that SCREEN gives its classes in BED9 files; also used for elements.bed.gz.
_CLASS_OF_COLOUR = {
    "255,0,0": "PLS",
    "255,167,0": "pELS",
    "255,205,0": "dELS",
    "255,170,170": "DNase-H3K4me3",
    "0,176,240": "CTCF-only",
    "6,218,147": "DNase-only",
    "225,225,225": "Low-DNase",
    "140,140,140": _SCREENS_UNCLASSIFIED,
}
# Version 4 of the registry: two classes more, and other names of three that are drawn as they were.
_COLOURS_OF_4 = {"190,40,229": "CA-TF", "216,118,236": "TF"}
_NAMES_OF_4 = {"DNase-only": "CA", "DNase-H3K4me3": "CA-H3K4me3", "CTCF-only": "CA-CTCF"}
_MOST_CLASSES = 100  # of a list; a column with more words is no class
_COLUMNS = (
    "element_id",
    "chrom",
    "start",
    "end",
    "ccre_start",
    "ccre_end",
    "class",
    "members",
    "member_classes",
)


def read_ccres(
    paths: Sequence[str | Path],
    chromosomes: Mapping[str, int | None],
    exclude: Collection[str] = INACTIVE,
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> pl.DataFrame:
    """Union of cCRE lists: `chrom`, `start`, `end`, `element_id`, `class`, `classes`, each interval once.

    Reads SCREEN's BED6 (two accessions and a class) and BED9 (class in column 10, or as SCREEN's colour),
    and any BED; a cCRE without a name is called chrom:start-end, one without a class "cCRE". `class` is that
    of the first list that has the interval, `classes` those of all lists, joined by ";".

    chromosomes: names to keep, with their lengths where known; each file's names are reconciled with them,
    with the help of `aliases` (see `chromosome_names`).
    exclude: classes to leave out of each list before the union, so that the union of cells' lists has what is
    active in any of them, and one cell's list gives cell-specific cCREs (both papers).

    Raises InputError, with file and line, for an interval that is inverted or behind the chromosome's end, and
    for a class to exclude that is neither SCREEN's nor in a list.
    """
    lists = _without_classes([_read_list(path, chromosomes, aliases) for path in paths], paths, exclude)
    union = lists.group_by("chrom", "start", "end", maintain_order=True).agg(
        pl.col("element_id", "class").first(), pl.col("class").unique(maintain_order=True).alias("classes")
    )
    if len(paths) == 1 and len(union) < len(lists):
        log.say(f"{paths[0]}: {len(lists) - len(union):,} repeated intervals counted once")
    place = pl.format("{}:{}-{}", "chrom", "start", "end")
    shared = union["element_id"].is_duplicated()
    if shared.any():
        log.say(f"{shared.sum():,} cCREs share their name with another one and are called chrom:start-end")
    return union.with_columns(
        element_id=pl.when(shared).then(place).otherwise("element_id"),
        classes=pl.col("classes").list.join(";"),
    )


def drop_blacklisted(
    ccres: pl.DataFrame, path: str | Path, aliases: Mapping[str, str] = MappingProxyType({})
) -> pl.DataFrame:
    """The cCREs that overlap no interval of the blacklist (BED)."""
    black = text_files.read_intervals(path)
    rank = {name: index for index, name in enumerate(ccres["chrom"].unique())}
    spelling = chromosome_names.reconcile(black["chrom"].unique(), rank, path, aliases)
    black = black.with_columns(pl.col("chrom").replace_strict(spelling, default=None)).drop_nulls("chrom")
    kept = ccres.filter(~any_overlap(ccres, black))
    log.say(f"{path}: {len(ccres) - len(kept):,} cCREs in blacklisted regions left out")
    return kept


def merge(ccres: pl.DataFrame, method: Method = "greedy", width: int = 600) -> pl.DataFrame:
    """Merge cCREs and lay a window of `width` bp around each; the columns of elements.parquet, sorted.

    "greedy" is ScPGE's rule (Methods, "data pre-processing"; docs/science.md row 4): in the order of their
    midpoints, all cCREs with a midpoint within `width` bp of the first one's form a cluster, which keeps the
    upper median of the midpoints. "interval" joins overlapping and adjacent cCREs, "none" keeps every cCRE.
    The id and class are those of the cCRE whose midpoint is kept (or is nearest to it); `members` and
    `member_classes` list all of the cluster, and `ccre_start`, `ccre_end` span it.
    """
    if width < 1:
        raise InputError(f"an element cannot be {width} bp wide; give a width of at least 1")
    if ccres.is_empty():
        raise InputError("no cCRE is left to merge; give a list with active cCREs outside the blacklist")
    order = {name: index for index, name in enumerate(chromosome_names.natural_order(ccres["chrom"].unique()))}
    rank = pl.col("chrom").replace_strict(order, return_dtype=pl.Int64)
    position = "start" if method == "interval" else "midpoint"
    rows = ccres.with_columns(midpoint=(pl.col("start") + pl.col("end")) // 2)
    rows = rows.sort(rank, position, "start", "end", "element_id")
    offset, midpoint = end_to_end(rows["chrom"], order), rows["midpoint"].to_numpy()
    if method == "greedy":
        first = _greedy_clusters(offset + midpoint, width)
    elif method == "interval":
        first = _overlap_clusters(offset + rows["start"].to_numpy(), offset + rows["end"].to_numpy())
    else:
        first = np.arange(len(rows))
    sizes = np.diff(first, append=len(rows))
    cluster = np.repeat(np.arange(len(first)), sizes)
    clusters = rows.with_columns(cluster=cluster).group_by("cluster", maintain_order=True)
    merged = clusters.agg(
        pl.col("chrom").first(),
        pl.col("start").min().alias("ccre_start"),
        pl.col("end").max().alias("ccre_end"),
        pl.col("element_id").str.join(",").alias("members"),
        pl.col("classes").str.join(",").alias("member_classes"),
    )
    kept = first + sizes // 2
    centre = midpoint[kept]
    if method == "interval":
        centre = (merged["ccre_start"].to_numpy() + merged["ccre_end"].to_numpy()) // 2
        kept = np.lexsort((np.abs(midpoint - centre[cluster]), cluster))[first]  # nearest of each cluster
    merged = merged.with_columns(rows["element_id"][kept], rows["class"][kept], start=centre - width // 2)
    merged = merged.with_columns(end=pl.col("start") + width)
    return merged.sort(rank, "start", "ccre_start", "ccre_end").select(_COLUMNS)


def with_tss_windows(ccres: pl.DataFrame, genes: pl.DataFrame, width: int = 600) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The element store (merged cCREs, then one TSS window a gene) and the genes with their `element` row."""
    tss = pl.col("tss")
    windows = genes.select(
        pl.format("TSS:{}", "gene_id").alias("element_id"),
        "chrom",
        (tss - width // 2).alias("start"),
        (tss - width // 2 + width).alias("end"),
        tss.alias("ccre_start"),
        (tss + 1).alias("ccre_end"),
        pl.lit(TSS).alias("class"),
        pl.lit("").alias("members"),
        pl.lit("").alias("member_classes"),
    )
    element = np.arange(len(ccres), len(ccres) + len(genes), dtype=np.int32)
    return pl.concat([ccres, windows]), genes.with_columns(element=element)


def write_bed(path: str | Path, elements: pl.DataFrame, chromosomes: Mapping[str, int | None]) -> None:
    """Write the windows for genome browsers: a sorted BED9 with the class in column 10, bgzipped.

    Windows are cut at the chromosome's ends, which a browser would refuse.
    """
    import pysam

    length = pl.col("chrom").replace_strict(dict(chromosomes), return_dtype=pl.Int64)
    colours = {name: colour for colour, name in (_CLASS_OF_COLOUR | _COLOURS_OF_4).items()}
    colours |= {new: colours[old] for old, new in _NAMES_OF_4.items()}
    order = {name: index for index, name in enumerate(chromosome_names.natural_order(elements["chrom"].unique()))}
    rows = elements.select(
        "chrom",
        pl.col("start").clip(lower_bound=0),
        pl.min_horizontal("end", length).alias("end"),
        "element_id",
        pl.lit(0).alias("score"),
        pl.lit(".").alias("strand"),
        pl.col("start").clip(lower_bound=0).alias("thick_start"),
        pl.min_horizontal("end", length).alias("thick_end"),
        pl.col("class").replace_strict(colours, default="140,140,140").alias("colour"),
        "class",
    ).sort(pl.col("chrom").replace_strict(order, return_dtype=pl.Int64), "start", "end", "element_id")
    with replacing(path) as temporary, pysam.BGZFile(str(temporary), "w", None) as file:
        file.write(rows.write_csv(include_header=False, separator="\t", quote_style="never").encode())


def element_digest(elements: pl.DataFrame) -> str:
    """Identity of an element set: ids and windows, in order."""
    return digest(elements, DIGESTED["elements"])


def _read_list(path: str | Path, chromosomes: Mapping[str, int | None], aliases: Mapping[str, str]) -> pl.DataFrame:
    rows = text_files.read_intervals(path)
    name, kind = _name_and_class(rows)
    spelling = chromosome_names.reconcile(rows["chrom"].unique(maintain_order=True), chromosomes, path, aliases)
    others = chromosome_names.shown(set(rows["chrom"]) - set(spelling))
    rows = rows.with_columns(
        pl.col("chrom").replace_strict(spelling, default=None),
        element_id=name,
        **{"class": kind.fill_null("")},
    )
    elsewhere = rows["chrom"].null_count()
    if elsewhere:
        log.say(f"{path}: {elsewhere:,} cCREs on other chromosomes and scaffolds left out ({others})")
    rows = rows.drop_nulls("chrom")
    length = pl.col("chrom").replace_strict(dict(chromosomes), return_dtype=pl.Int64)
    beyond = rows.filter(pl.col("end") > length)
    if len(beyond):
        row = beyond.row(0, named=True)
        raise InputError(
            f"{path} line {row['line']}: {row['chrom']}:{row['start']}-{row['end']} lies behind the end of "
            f"{row['chrom']} ({chromosomes[row['chrom']]:,} bp); it was made for another genome build"
        )
    unnamed = pl.col("element_id").is_null() | pl.col("element_id").is_in(["", "."])
    return rows.select(
        "chrom",
        "start",
        "end",
        element_id=pl.when(unnamed).then(pl.format("{}:{}-{}", "chrom", "start", "end")).otherwise("element_id"),
        **{"class": pl.when(pl.col("class").is_in(["", "."])).then(pl.lit(UNCLASSIFIED)).otherwise("class")},
    )


def _without_classes(lists: list[pl.DataFrame], paths: Sequence[str | Path], exclude: Collection[str]) -> pl.DataFrame:
    together = pl.concat(lists)
    known = {*_screens_classes(), *together["class"]}
    for name in exclude:
        if name not in known:
            raise InputError(f"there is no class '{name}' to exclude; the lists have {', '.join(sorted(known))}")
    unwanted = [*exclude, *(name for pair in _NAMES_OF_4.items() if {*pair} & {*exclude} for name in pair)]
    for path, rows in zip(paths, lists, strict=True):
        dropped = rows["class"].filter(rows["class"].is_in(unwanted))
        if len(dropped):
            names = " or ".join(name for name in dict.fromkeys(unwanted) if name in exclude or name in dropped)
            log.say(f"{path}: {len(dropped):,} of {len(rows):,} cCREs are of class {names} and left out")
        if unclassified := int((rows["class"] == _SCREENS_UNCLASSIFIED).sum()):
            log.say(f"{path}: {unclassified:,} of {len(rows):,} cCREs are {_SCREENS_UNCLASSIFIED}; they are kept")
    return together.filter(~pl.col("class").is_in(unwanted))


def _name_and_class(rows: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """Where the file keeps name and class; SCREEN's "pELS,CTCF-bound" is of class pELS.

    A column of numbers (the summit of a narrowPeak, the blocks of a BED12) is no class.
    """
    columns = rows.columns
    name = pl.col("column_4") if "column_4" in columns else pl.lit(None, pl.String)
    kind = pl.lit(None, pl.String)
    six = "column_6" in columns and "column_7" not in columns and _are_classes(rows["column_6"])
    if six and (rows["column_6"].str.split(",").list.first().is_in(_screens_classes())).any():
        name, kind = pl.col("column_5"), pl.col("column_6")  # SCREEN: DNase accession, cCRE accession, class
    elif "column_10" in columns and _are_classes(rows["column_10"]):
        kind = pl.col("column_10")
    elif "column_9" in columns:
        of_4 = rows["column_9"].is_in(list(_COLOURS_OF_4)).any()
        names = {colour: _NAMES_OF_4.get(old, old) if of_4 else old for colour, old in _CLASS_OF_COLOUR.items()}
        kind = pl.col("column_9").str.replace_all(" ", "").replace_strict(names | _COLOURS_OF_4, default=None)
    return name, kind.str.split(",").list.first()


def _screens_classes() -> list[str]:
    return [*_CLASS_OF_COLOUR.values(), *_COLOURS_OF_4.values(), *_NAMES_OF_4.values()]


def _are_classes(column: pl.Series) -> bool:
    """Whether the fields of a column are few words, and neither strands nor numbers."""
    words = column.drop_nulls().unique()
    named = words.filter(~words.is_in(["+", "-", ".", ""]))
    return 0 < len(named) <= _MOST_CLASSES and bool(named.str.contains("^[A-Za-z]").all())


def _greedy_clusters(midpoints: np.ndarray, width: int) -> np.ndarray:
    """First row of each cluster of the sorted midpoints (all chromosomes laid end to end)."""
    following = np.searchsorted(midpoints, midpoints + width, "right").tolist()
    first, row = [], 0
    while row < len(following):  # one step a cluster: where it ends decides where the next begins
        first.append(row)
        row = following[row]
    return np.array(first, dtype=np.int64)


def _overlap_clusters(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """First row of each run of overlapping or adjacent intervals, sorted by start."""
    reach = np.maximum.accumulate(ends)
    return np.flatnonzero(np.concatenate([[True], starts[1:] > reach[:-1]]))
