"""genes.CELL.tsv: one row a gene, with what is known of it in a cell."""

from pathlib import Path

import polars as pl

from crexpress.core import files, splits
from crexpress.report import cell_facts, facts
from crexpress.report.inputs import Inputs

_SPLITS = {splits.TRAIN: "train", splits.VAL: "validation", splits.TEST: "test"}
_FIGURES = 4  # significant


def table(inputs: Inputs, cell: str, pairs: pl.DataFrame | None = None) -> pl.DataFrame:
    """One row a gene, in the order of genes.parquet; null where a thing is not known.

    `observed`, `predicted` (in `unit`, such as log10(1 + TPM)), their percentiles among the cell's genes (% that lie
    below), `spread` (of the model's heads), `split`, `seen` (was this gene's expression in this cell, or in the one
    whose tracks these are, used to fit the model), how far the network saw (`reach_upstream`, `reach_downstream` bp,
    `reach_elements`), `links` recommended and the best of them, and of a screen (`pairs`) the `regulated` elements and
    how many of those lie `within_reach`.
    """
    own = inputs.genes.data.select("gene_id", "gene_name", "chrom", "tss", "strand")
    if cell in inputs.expression:
        observed = inputs.expression[cell].data.select("gene_id", observed=pl.col("expression").fill_nan(None))
        own = own.join(observed.with_columns(_percentile("observed")), on="gene_id", how="left", maintain_order="left")
    if cell in inputs.expression or cell in inputs.predictions:
        own = own.with_columns(unit=pl.lit(_unit(inputs, cell)))
    if cell in inputs.predictions:
        own = own.join(_predicted(inputs, cell), on="gene_id", how="left", maintain_order="left")
    far = cell_facts.reach(inputs, cell)
    if far is not None:
        far = far.rename({name: f"reach_{name}" for name in ("upstream", "downstream", "elements")})
        own = own.join(far, on="gene_id", how="left", maintain_order="left")
    if cell in inputs.links:
        own = own.join(_linked(inputs, cell), on="gene_id", how="left", maintain_order="left")
        own = own.with_columns(pl.col("links").fill_null(0))
    if pairs is not None and far is not None:
        own = own.join(of_screen(inputs, cell, pairs), on="gene_id", how="left", maintain_order="left")
    return own


def _unit(inputs: Inputs, cell: str) -> str:
    """Of what was measured and of what the model predicts; both, where they differ."""
    predicted = inputs.predictions[cell].header["units"].get("predicted") if cell in inputs.predictions else None
    observed = facts.unit(inputs, cell) if cell in inputs.expression else predicted or facts.unit(inputs, cell)
    return observed if predicted in (None, observed) else f"{observed}; predicted: {predicted}"


def _percentile(name: str) -> pl.Expr:
    below = (pl.col(name).rank("min").cast(pl.Int64) - 1) / pl.col(name).count()
    return ((1000 * below).floor() / 10).alias(f"{name}_percentile")


def _predicted(inputs: Inputs, cell: str) -> pl.DataFrame:
    frame = inputs.predictions[cell].data
    used = pl.lit(facts.seen(inputs, cell) or facts.copied(inputs, cell)) & (pl.col("split") == splits.TRAIN)
    return frame.select(
        "gene_id",
        "predicted",
        *(["spread"] if "spread" in frame.columns else []),
        _percentile("predicted"),
        pl.col("split").replace_strict(_SPLITS, default=None),
        used.alias("seen"),
    )


def _linked(inputs: Inputs, cell: str) -> pl.DataFrame:
    """The recommended links of every gene: their number, and the best."""
    score, _ = cell_facts.main_score(inputs, cell)
    called = cell_facts.candidates(inputs, cell).filter("called").sort(score, descending=True, maintain_order=True)
    return called.group_by("gene_id", maintain_order=True).agg(
        pl.len().alias("links"),
        pl.col("element_id").first().alias("best_element"),
        pl.col("distance").first().alias("best_distance"),
        pl.col(score).first().alias(f"best_{score}"),
    )


def of_screen(inputs: Inputs, cell: str, pairs: pl.DataFrame) -> pl.DataFrame:
    """Of each gene of a screen: the elements to which it responds, and how many lie within the network's reach."""
    far = cell_facts.reach(inputs, cell)
    assert far is not None
    tested = pairs.filter("regulated", pl.col("cell").is_null() | (pl.col("cell") == cell))
    genes = inputs.genes.data.select("gene_id", "chrom", "tss", "strand").join(far, on="gene_id")
    near = tested.join(genes, on="gene_id", how="inner", maintain_order="left")
    plus = pl.col("strand") == "+"
    left = pl.col("tss") - pl.when(plus).then("upstream").otherwise("downstream")
    right = pl.col("tss") + pl.when(plus).then("downstream").otherwise("upstream")
    inside = (pl.col("end") > left) & (pl.col("start") <= right)
    return near.group_by("gene_id", maintain_order=True).agg(
        pl.len().alias("regulated"), inside.sum().alias("within_reach")
    )


def write(inputs: Inputs, cell: str, pairs: pl.DataFrame | None, path: Path) -> None:
    """Tab-separated text, numbers rounded; an unknown value is empty."""
    rows = files.significant(table(inputs, cell, pairs), _FIGURES)
    with files.replacing(path) as temporary:
        temporary.write_text(rows.write_csv(separator="\t"), encoding="utf-8")
