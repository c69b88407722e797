"""What other cells express, as evidence on links: from cells of the same run, or from a table that is shipped."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.links.read import read_expression

KIND = "known_expression"


def read(paths: Sequence[Path], genes: pl.DataFrame, genes_file: Path, like: Header) -> dict[str, np.ndarray]:
    """log10(1 + TPM) {cell: float64 [genes]}, NaN where a cell, or all, has nothing of a gene.

    A path is expression.CELL.parquet of these genes, or a table of several cells by gene id without version; of a cell
    in both the former counts. Raises InputError for other files.
    """
    tables: dict[str, np.ndarray] = {}
    own: dict[str, np.ndarray] = {}
    for path in paths:
        told = _told(path)
        if told.get("kind") == KIND:
            tables |= _of_table(path, genes)
        elif told.get("kind") == "expression":
            own[str(told["cell"])] = read_expression(path, genes_file, (genes, like))
        else:
            raise InputError(
                f"{path} holds {told.get('kind', 'no artefact')}; give expression.CELL.parquet, or a table of cells"
            )
    return tables | own


def write(path: Path, cells: dict[str, np.ndarray], genes: pl.DataFrame, sources: Sequence[Path]) -> None:
    """A table of what cells express, log10(1 + TPM) with two decimals, by gene id without version."""
    ids = genes["gene_id"].str.split(".").list.first().alias("gene_id")
    columns = [pl.Series(cell, values.round(2).astype(np.float32)).fill_nan(None) for cell, values in cells.items()]
    table = pl.DataFrame([ids, *columns]).unique("gene_id", keep="first", maintain_order=True)
    header = artifacts.make_header(KIND, "fit-links", parameters={"unit": "log10(1 + TPM)"}, sources=sources)
    artifacts.write_table(path, table, header)


def _of_table(path: Path, genes: pl.DataFrame) -> dict[str, np.ndarray]:
    table, _ = artifacts.read_table(path, KIND)
    ids = genes.select(pl.col("gene_id").str.split(".").list.first())
    joined = ids.join(table, on="gene_id", how="left", maintain_order="left")
    cells = {name: joined[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in table.columns[1:]}
    return {name: values for name, values in cells.items() if np.isfinite(values).any()}


def _told(path: Path) -> Header:
    """An artefact's header, empty for other files."""
    return artifacts.read_header(path) or {}
