"""Embeddings of a cell: .h5ad of its elements and genes, and tables of what their clusters have in common."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import torch

from crexpress.apply.cell_model import CellModel
from crexpress.apply.predict import encode
from crexpress.core import artifacts, files
from crexpress.interpret import clusters, embedding
from crexpress.interpret.embedding import Settings
from crexpress.links.closed_forms import linear_signal

if TYPE_CHECKING:
    from anndata import AnnData


class Embedded(NamedTuple):
    """Elements and genes of a cell, clustered, and tables by the name of their file."""

    cell: str
    elements: "AnnData"
    genes: "AnnData"
    tables: dict[str, pl.DataFrame]


def embed(
    loaded: CellModel,
    number: int,
    signals: Path,
    expression: Sequence[Path],
    most: int,
    settings: Settings,
    sets: Mapping[str, Sequence[str]] | None = None,
    tokens: int = 200_000,
) -> Embedded:
    """Embed and cluster one cell of a store, genes of at most `tokens` at once; `expression` may hold that of others,
    too, or nothing.
    """
    cell, store, precision = loaded.cells[number], loaded.store, loaded.precision
    header, tensors = artifacts.open_arrays(signals, "signals")
    tracks = linear_signal(tensors, header["parameters"]["transform"])
    observed = _observed(cell, expression, len(store.genes))
    vectors = encode(loaded.model, store, number, precision)
    # before anything is clustered: umap's Numba sets OpenMP's number of threads, and with it PyTorch's
    of_gene, predicted = embedding.gene_vectors(loaded.model, store, number, vectors, store.genes_of(tokens))
    rows = embedding.element_rows(store, most, settings.seed)
    about = store.elements.select("element_id", "class", "chrom", start="ccre_start", end="ccre_end")[
        rows
    ].with_columns(
        pl.lit(cell).alias("cell"),
        pl.Series("distance_to_tss", _nearest_tss(store.elements[rows], store.genes)),
        *(pl.Series(name, values[rows]) for name, values in tracks.items()),
    )
    own = vectors[torch.from_numpy(rows).to(vectors.device)].cpu().numpy()
    elements = embedding.annotated(own, about, "element_id")
    embedding.cluster(elements, settings)
    of_elements = about.with_columns(pl.Series("cluster", elements.obs["cluster"].astype(str).to_list()))
    genes_about = store.genes.select("gene_id", "gene_name", "chrom", "tss").with_columns(
        pl.lit(cell).alias("cell"), predicted=pl.Series(predicted), observed=observed
    )
    genes = embedding.annotated(
        of_gene, genes_about.with_columns(pl.col("observed").fill_null(float("nan"))), "gene_id"
    )
    embedding.cluster(genes, settings)
    of_genes = genes_about.with_columns(pl.Series("cluster", genes.obs["cluster"].astype(str).to_list()))
    tables = {
        "element_clusters": of_elements,
        "cluster_classes": clusters.composition(of_elements),
        "cluster_tracks": clusters.track_changes(of_elements, list(tracks)),
        "gene_clusters": of_genes,
    }
    if observed.null_count() < len(observed):
        tables["cluster_expression"] = clusters.expression_nearby(of_elements, genes_about)
    if sets:
        tables["cluster_sets"] = clusters.enrichment(of_genes, sets)
    return Embedded(cell, elements, genes, tables)


def write(outdir: Path, found: Embedded, header: dict[str, Any]) -> None:
    """elements.CELL.h5ad, genes.CELL.h5ad, NAME.CELL.tsv of each table, and embedding.CELL.parquet: the elements'
    places and clusters; the header goes into the h5ad's `uns`.
    """
    for name, part in (("elements", found.elements), ("genes", found.genes)):
        part.uns["header"] = json.dumps(header)
        with TemporaryDirectory() as folder:
            made = Path(folder, "embedding.h5ad")
            part.write_h5ad(made)
            with files.replacing(outdir / f"{name}.{found.cell}.h5ad") as temporary:
                shutil.copyfile(made, temporary)
    places = {f"umap_{axis}": pl.Series(found.elements.obsm["X_umap"][:, axis - 1]) for axis in (1, 2)}
    drawn = found.tables["element_clusters"].select("element_id", "class", "cluster").with_columns(**places)
    artifacts.write_table(outdir / f"embedding.{found.cell}.parquet", drawn, header)
    for name, table in found.tables.items():
        files.write_tsv(outdir / f"{name}.{found.cell}.tsv", table)


def _observed(cell: str, expression: Sequence[Path], genes: int) -> pl.Series:
    """Expression of a cell among some files, null where none holds it."""
    for path in expression:
        table, header = artifacts.read_table(path, "expression")
        if header["cell"] == cell:
            return table["expression"].cast(pl.Float64)
    return pl.Series([None] * genes, dtype=pl.Float64)


def _nearest_tss(elements: pl.DataFrame, genes: pl.DataFrame) -> np.ndarray:
    """Distance in bp from the middle of each element to the nearest TSS; -1 on a chromosome without genes."""
    middle = ((elements["start"] + elements["end"]) // 2).to_numpy()
    found = np.full(len(elements), -1)
    for name in elements["chrom"].unique():
        rows = np.flatnonzero((elements["chrom"] == name).to_numpy())
        tss = genes.filter(pl.col("chrom") == name)["tss"].sort().to_numpy()
        if len(tss):
            at = np.searchsorted(tss, middle[rows])
            sides = (tss[np.clip(at + step, 0, len(tss) - 1)] for step in (-1, 0))
            found[rows] = np.min([np.abs(side - middle[rows]) for side in sides], axis=0)
    return found
