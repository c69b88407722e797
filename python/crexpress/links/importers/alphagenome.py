"""AlphaGenome's scored variants (tidy_scores: one row a variant, gene and track) as links of their positions."""

from pathlib import Path

import polars as pl

from crexpress.core.errors import InputError
from crexpress.links.importers.base import Format

_VARIANT = r"^(?<chrom>[^:]+):(?<position>\d+):(?<reference>[ACGTN]*)>"


def _intervals(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Variants as intervals, each with the absolute effect; a table of intervals stays as it is."""
    if "variant_id" not in frame.columns:
        return frame
    variant = frame["variant_id"].str.extract_groups(_VARIANT).struct.unnest()
    bad = variant["chrom"].is_null().arg_true()
    if len(bad):
        at = int(bad[0])
        raise InputError(f"{path} line {frame['line'][at]}: '{frame['variant_id'][at]}' is no variant (chr1:1000:A>T)")
    start = variant["position"].cast(pl.Int64) - 1
    score = next((name for name in FORMAT.score if name in frame.columns), None)
    if score is None:
        raise InputError(f"{path} has none of the columns {', '.join(FORMAT.score)}")
    effect = frame[score].cast(pl.Float64, strict=False).abs()
    end = start + variant["reference"].str.len_bytes().cast(pl.Int64).clip(lower_bound=1)
    return frame.with_columns(
        variant["chrom"].alias("chrom"), start.alias("start"), end.alias("end"), effect.alias(score)
    )


FORMAT = Format(
    "alphagenome",
    "AlphaGenome (published)",
    score=("raw_score", "quantile_score", "Score", "score"),
    aggregate="max",
    fill=0,
    note="largest absolute effect of the variants in an element, 0 where there is none",
    prepare=_intervals,
)
