"""Categories of genes: from predictions, expression and tracks to files."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import artifacts, files, methods
from crexpress.core.errors import InputError
from crexpress.interpret import categories, table_files
from crexpress.links.closed_forms import linear_signal


class Case(NamedTuple):
    """What is known of a cell's genes: tables in the order of genes.parquet, and linear tracks [elements]."""

    cell: str
    genes: pl.DataFrame
    elements: pl.DataFrame
    tracks: dict[str, np.ndarray]
    predicted: pl.DataFrame
    observed: np.ndarray
    links: pl.DataFrame | None
    header: dict[str, Any]


class Classified(NamedTuple):
    """Tables of `categories`, of the genes of a split; `decay` is None without links."""

    cell: str
    genes: pl.DataFrame
    counts: dict[str, int]
    around: pl.DataFrame
    explained: pl.DataFrame
    decay: pl.DataFrame | None
    header: dict[str, Any]


def read(predictions: Path, expression: Path, elements: Path, genes: Path, signals: Path, links: Path | None) -> Case:
    """The files of one cell; InputError where they are of different cells, elements or genes, or of changes."""
    (element_table, _), (gene_table, like) = artifacts.read_elements_and_genes(elements, genes)
    predicted, about = artifacts.read_table(predictions, "predictions")
    observed, of_observed = artifacts.read_table(expression, "expression")
    header, tensors = artifacts.open_arrays(signals, "signals")
    links_table, of_links = artifacts.read_table(links, "links") if links else (None, None)
    for path, other in ((expression, of_observed), (signals, header), (links, of_links)):
        if path and other and other["cell"] != about["cell"]:
            raise InputError(f"{path} is of {other['cell']}, {predictions} of {about['cell']}; give files of one cell")
    for path, table, other in ((predictions, predicted, about), (expression, observed, of_observed)):
        artifacts.require_same("genes", path, other, genes, like)
        artifacts.require_genes(path, table, genes, gene_table)
    artifacts.require_same("elements", signals, header, genes, like)
    if links and of_links:
        artifacts.require_same("genes", links, of_links, genes, like)
    artifacts.require_rows(signals, tensors, elements, len(element_table))
    tracks = linear_signal(tensors, header["parameters"]["transform"])
    artifacts.require_finite(signals, tracks)
    if about["parameters"].get("mode", methods.DIRECT) != methods.DIRECT:
        raise InputError(f"{predictions} are of a model that is told other cells; give those of one that is not")
    made = artifacts.make_header(
        "categories", "classify-genes", elements=like["elements"], genes=like["genes"], cell=about["cell"],
        parameters={"predictions_of": methods.model_words(about["parameters"])}, units=about["units"],
        sources=[predictions, expression, signals, *([links] if links else [])],
    )  # fmt: skip
    values = observed["expression"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return Case(about["cell"], gene_table, element_table, tracks, predicted, values, links_table, made)


def classify(case: Case, split: str, at: categories.Thresholds, resamples: int, seed: int) -> Classified:
    """Sort the genes of a split ("all": every gene); InputError where none of them is both predicted and measured."""
    inside = np.ones(len(case.genes), bool) if split == "all" else (case.predicted["split"] == split).to_numpy()
    predicted = case.predicted["predicted"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    both = inside & np.isfinite(predicted) & np.isfinite(case.observed)
    if not both.any():
        raise InputError(f"no {split} gene of {case.cell} is both predicted and measured; choose another --split")
    p, t = (np.where(both, values, np.nan) for values in (predicted, case.observed))
    category = categories.categorise(p, t, at)
    table = case.genes.select("gene_id", "gene_name", "chrom", "tss").with_columns(
        split=case.predicted["split"],
        predicted=pl.Series(predicted),
        observed=pl.Series(case.observed),
        predicted_scaled=pl.Series(categories.scaled(p)),
        observed_scaled=pl.Series(categories.scaled(t)),
        category=pl.Series(category),
    )
    near = categories.around(case.genes, case.elements)
    decay = None if case.links is None else categories.decay(case.links, table, resamples, seed)
    header = case.header | {"parameters": {**case.header["parameters"], "split": split, **at._asdict()}}
    return Classified(
        case.cell,
        table.filter(pl.Series(both)).with_columns(pl.col(pl.Float64).fill_nan(None)),
        {name: int((category == name).sum()) for name in categories.NAMES},
        categories.profiles(category, near, case.tracks, resamples=resamples, seed=seed),
        categories.explained(category, near, case.tracks, resamples, seed),
        decay,
        header,
    )


def write(outdir: Path, found: Classified) -> None:
    """categories.CELL.parquet, the lists genes.CELL.CATEGORY.txt, and category_*.CELL.tsv."""
    table_files.write(outdir / f"categories.{found.cell}.parquet", found.genes, found.header)
    for name in categories.NAMES:
        own = found.genes.filter(pl.col("category") == name)
        lines = [f"{gene}\t{symbol}" for gene, symbol in own.select("gene_id", "gene_name").iter_rows()]
        with files.replacing(outdir / f"genes.{found.cell}.{name}.txt") as temporary:
            temporary.write_text("".join(f"{line}\n" for line in ["# gene_id\tgene_name", *lines]))
    tables = {"tracks": found.around, "explained": found.explained, "decay": found.decay}
    for name, table in tables.items():
        if table is not None:
            files.write_tsv(outdir / f"category_{name}.{found.cell}.tsv", table)
