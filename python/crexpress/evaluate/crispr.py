"""Perturbation screens: tested interval, measured gene, regulated or not.

Read in the layout of EngreitzLab/CRISPR_comparison, whose rules are kept: pairs that are no valid connection,
or without a verdict, are left out; elements that overlap any 500-bp TSS interval do not count; intervals that
touch overlap; a gene that is not known keeps its pairs, which nothing then links.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from crexpress.elements import TSS
from crexpress.errors import InputError

_OTHER_NAMES = {  # the layout of ScPGE's Integration.hg38.bed
    "chr": "chrom",
    "start": "chromStart",
    "end": "chromEnd",
    "Gene": "measuredGeneSymbol",
    "Gene TSS": "startTSS",
    "Cell type": "CellType",
    "Significant": "Regulated",
}
_REQUIRED = ("chrom", "chromStart", "chromEnd", "Regulated")
_GENE = ("measuredGeneEnsemblId", "measuredGeneSymbol")
_NUMBERS = ("chromStart", "chromEnd", "startTSS", "distanceToTSS", "DHS.RPM", "H3K27ac.RPM.expandedRegion")
_TRUTH = {"TRUE": True, "T": True, "1": True, "FALSE": False, "F": False, "0": False}
_TSS_HALF = 250  # half of the TSS interval of CRISPR_comparison, bp


def parse(values: Sequence[str]) -> dict[str, Path]:
    """[NAME=]FILE options as {name: file}; without a name it is the file's, up to its first dot."""
    files: dict[str, Path] = {}
    for value in values:
        bare = "=" not in value or Path(value).is_file()
        name, _, file = ("", "", value) if bare else value.partition("=")
        path = Path(file)
        name = name or path.name.split(".")[0]
        if not path.is_file():
            raise InputError(f"--crispr {value}: there is no file {path}")
        if name in files:
            raise InputError(f"--crispr {value}: '{name}' is given twice; name them, as in first={path}")
        files[name] = path
    return files


def read(path: Path) -> pl.DataFrame:
    """Pairs of a screen to be scored: columns as in CRISPR_comparison, numbers and verdicts parsed.

    Optional columns are there when the file has them. Raises InputError when a required column is missing or
    a value is no number or verdict.
    """
    try:
        frame = pl.read_csv(path, separator="\t", infer_schema=False, null_values=["", "NA", "NaN", "nan"])
    except (pl.exceptions.PolarsError, OSError) as error:  # OSError: a gzip that is cut off
        raise InputError(f"{path} is not a readable tab-separated table: {error}; fetch it again") from None
    names = {old: new for old, new in _OTHER_NAMES.items() if old in frame.columns and new not in frame.columns}
    frame = frame.rename(names)
    missing = [name for name in _REQUIRED if name not in frame.columns]
    if missing or not any(name in frame.columns for name in _GENE):
        wanted = ", ".join(missing) or " or ".join(_GENE)
        raise InputError(f"{path} has no column {wanted}; needed are {', '.join(_REQUIRED)} and {' or '.join(_GENE)}")
    frame = frame.with_row_index("line", offset=2)
    verdict = pl.col("Regulated").str.to_uppercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    _require(path, frame, "Regulated", verdict, "TRUE, FALSE or NA")
    frame = frame.with_columns(verdict)
    for name in _NUMBERS:
        if name in frame.columns:
            number = pl.col(name).cast(pl.Float64, strict=False)
            _require(path, frame, name, number, "a number or NA")
            frame = frame.with_columns(number)
    kept = pl.col("Regulated").is_not_null()
    if "ValidConnection" in frame.columns:  # TRUE, or the reason why not
        kept &= pl.col("ValidConnection").str.to_uppercase().eq_missing("TRUE")
    frame = frame.filter(kept)
    bad = frame.filter(pl.any_horizontal(pl.col(_REQUIRED).is_null()) | (pl.col("chromStart") >= pl.col("chromEnd")))
    if len(bad):
        raise InputError(f"{path}, line {bad['line'][0]}: chromStart and chromEnd are no interval")
    return frame.drop("line")


def pairs(screen: pl.DataFrame, genes: pl.DataFrame) -> pl.DataFrame:
    """`screen` with `gene_id` (null if the gene is not in `genes`), `gene` (its name) and `distance`, bp.

    Genes are matched by Ensembl id without version, then by symbol. Distance is the file's distanceToTSS,
    else from the interval's centre to its startTSS, else to the TSS of the gene table; null if none is known.
    """
    named = genes.select("gene_id", "gene_name").with_row_index("row").cast({"row": pl.Int64})
    by_id = named.select(pl.col("gene_id").str.split(".").list.first(), "row").unique("gene_id", keep="first")
    by_symbol = named.filter(pl.col("gene_name").is_unique())
    names = [name for name in _GENE if name in screen.columns]
    keys = {
        "measuredGeneEnsemblId": (
            pl.col("measuredGeneEnsemblId").str.split(".").list.first(),
            by_id["gene_id"],
            by_id["row"],
        ),
        "measuredGeneSymbol": (pl.col("measuredGeneSymbol"), by_symbol["gene_name"], by_symbol["row"]),
    }
    matched = (key.replace_strict(old, new, default=None) for key, old, new in (keys[name] for name in names))
    row = screen.select(pl.coalesce(matched)).to_series()
    centre = (pl.col("chromStart") + pl.col("chromEnd")) / 2
    ways = [pl.col("distanceToTSS")] if "distanceToTSS" in screen.columns else []
    ways += [centre - pl.col("startTSS")] if "startTSS" in screen.columns else []
    ways.append(centre - genes["tss"].gather(row))
    return screen.with_columns(
        pl.coalesce(*names, pl.lit("")).alias("gene"),
        genes["gene_id"].gather(row).alias("gene_id"),
        pl.coalesce(ways).abs().alias("distance"),
    )


def overlaps(pairs: pl.DataFrame, elements: pl.DataFrame, genes: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `pairs` and rows of `elements` that overlap: two int64 arrays of the same length.

    An element is its own extent (ccre_start, ccre_end); TSS windows and elements on a TSS interval are out.
    """
    own = np.flatnonzero((elements["class"] != TSS).to_numpy())
    ccres = elements[own].select("chrom", pl.col("ccre_start").alias("start"), pl.col("ccre_end").alias("end"))
    promoters = genes.select(
        "chrom", (pl.col("tss") - _TSS_HALF + 1).alias("start"), (pl.col("tss") + _TSS_HALF - 1).alias("end")
    )  # a base narrower on each side: these intervals are half-open, touching is no overlap
    _, on_promoter = _overlap(promoters, ccres)
    own = np.delete(own, on_promoter)
    tested = pairs.select("chrom", pl.col("chromStart").alias("start"), pl.col("chromEnd").alias("end"))
    pair, element = _overlap(tested, ccres[np.delete(np.arange(len(ccres)), on_promoter)])
    return pair, own[element]


def _require(path: Path, frame: pl.DataFrame, name: str, parsed: pl.Expr, wanted: str) -> None:
    bad = frame.filter(pl.col(name).is_not_null() & parsed.is_null())
    if len(bad):
        line, value = bad["line"][0], bad[name][0]
        raise InputError(f"{path}, line {line}: {name} is '{value}'; expected {wanted}")


def _overlap(first: pl.DataFrame, second: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two interval tables (chrom, start, end) that overlap or touch."""
    of_first, of_second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    chroms = [frame["chrom"].to_numpy() for frame in (first, second)]
    for chrom in first["chrom"].unique(maintain_order=True):
        a, b = (np.flatnonzero(names == chrom) for names in chroms)
        b = b[np.argsort(second["start"].to_numpy()[b], kind="stable")]
        start, end = second["start"].to_numpy()[b], second["end"].to_numpy()[b]
        left, right = first["start"].to_numpy()[a], first["end"].to_numpy()[a]
        low = np.searchsorted(np.maximum.accumulate(end), left, "left")  # elements may nest: ends are not sorted
        length = np.maximum(np.searchsorted(start, right, "right") - low, 0)
        pair = np.repeat(np.arange(len(a)), length)
        other = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + low[pair]
        kept = end[other] >= left[pair]
        of_first.append(a[pair[kept]])
        of_second.append(b[other[kept]])
    return np.concatenate(of_first), np.concatenate(of_second)
