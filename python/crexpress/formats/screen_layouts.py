"""Layouts in which perturbation screens were published, as the columns of CRISPR_comparison's.

A layout is known by columns that no other has. Its build is the one its authors' coordinates are of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class Layout:
    """`names` {its column: ours}, `made` our columns computed from its own; `kept` rows, others are controls."""

    name: str
    marks: tuple[str, ...]
    names: Mapping[str, str]
    made: Mapping[str, pl.Expr] = field(default_factory=dict)
    kept: pl.Expr | None = None
    build: str | None = None


def _number(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64, strict=False)


def _verdict(regulated: pl.Expr) -> pl.Expr:
    """TRUE, FALSE, or null where not known, as text."""
    return pl.when(regulated).then(pl.lit("TRUE")).when(~regulated).then(pl.lit("FALSE"))


_SCPGE = {"chr": "chrom", "start": "chromStart", "end": "chromEnd", "Gene": "measuredGeneSymbol",
          "Gene TSS": "startTSS",           "Cell type": "CellType", "Significant": "Regulated"}  # fmt: skip
LAYOUTS = (
    # Gasperini et al. 2019, GSE120861_all_deg_results.at_scale.txt.gz; regulated at the authors' 10 % empirical FDR
    Layout(
        "Gasperini 2019",
        ("target_site.chr", "target_site.start", "target_site.stop", "pvalue.empirical.adjusted"),
        {"target_site.chr": "chrom", "target_site.start": "chromStart", "target_site.stop": "chromEnd",
         "gene_short_name": "measuredGeneSymbol", "ENSG": "measuredGeneEnsemblId"},
        {
            "Regulated": _verdict(
                (_number("pvalue.empirical.adjusted") < 0.1) & (_number("fold_change.transcript_remaining") < 1)
            ),
            "EffectSize": (_number("fold_change.transcript_remaining") - 1).cast(pl.String),
        },
        (pl.col("site_type") == "DHS") & (pl.col("quality_rank_grna") == "top_two"),
        "hg19",
    ),
    # Fulco et al. 2019, Supplementary Table 6a: a significant decrease is a link
    Layout(
        "Fulco 2019",
        ("Fraction change in gene expr", "Significant"),
        {name: ours for name, ours in _SCPGE.items() if ours != "Regulated"},
        {
            "Regulated": _verdict(
                (pl.col("Significant").str.to_uppercase() == "TRUE") & (_number("Fraction change in gene expr") < 0)
            ),
            "EffectSize": pl.col("Fraction change in gene expr"),
        },
        None,
        "hg19",
    ),
    # Schraivogel et al. 2020 (TAP-seq), differential expression per enhancer; chromosomes without "chr"
    Layout(
        "Schraivogel 2020",
        ("enh_chr", "enh_start", "enh_end", "manual_lfc"),
        {"enh_chr": "chrom", "enh_start": "chromStart", "enh_end": "chromEnd", "gene": "measuredGeneSymbol"},
        {
            "Regulated": _verdict((_number("pval_adj_allTests") < 0.05) & (_number("manual_lfc") < 0)),
            "EffectSize": (2 ** _number("manual_lfc") - 1).cast(pl.String),
        },
    ),
    # the merged tables of comparePredictorsToCRISPRData (Nasser et al. 2021)
    Layout(
        "Nasser 2021",
        ("chrPerturbationTarget", "startPerturbationTarget", "endPerturbationTarget"),
        {"chrPerturbationTarget": "chrom", "startPerturbationTarget": "chromStart", "endPerturbationTarget": "chromEnd",
         "GeneSymbol": "measuredGeneSymbol"},
        {},
        pl.col("IncludeInModel").str.to_uppercase() == "TRUE",
        "hg19",
    ),
    Layout("ScPGE", ("chr", "start", "end", "Gene", "Significant"), _SCPGE, build="hg38"),
)  # fmt: skip


def of(columns: list[str]) -> Layout | None:
    """The layout that has these columns; None for CRISPR_comparison's own and plain tables."""
    return next((layout for layout in LAYOUTS if set(layout.marks) <= set(columns)), None)


def normalised(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, Layout | None]:
    """A screen's table of strings with our columns, the rows that its layout leaves out, and the layout."""
    layout = of(frame.columns)
    if layout is None:
        return frame, frame.clear(), None
    missing = [name for name in layout.names if name not in frame.columns]
    names = {old: new for old, new in layout.names.items() if old not in missing and new not in frame.columns}
    kept = (
        pl.lit(True)
        if layout.kept is None or not set(layout.kept.meta.root_names()) <= set(frame.columns)
        else layout.kept
    )
    made = {ours: value for ours, value in layout.made.items() if set(value.meta.root_names()) <= set(frame.columns)}
    stays = frame.select(kept.fill_null(False)).to_series()
    frame = frame.with_columns(value.alias(f"made {ours}") for ours, value in made.items())
    frame = frame.drop(name for name in made if name in frame.columns).rename(names)
    frame = frame.rename({f"made {ours}": ours for ours in made})
    return frame.filter(stays), frame.filter(~stays), layout
