"""Active elements: from a links file to files."""

from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from crexpress.core import artifacts, files, methods
from crexpress.core.errors import InputError
from crexpress.formats import text_files
from crexpress.interpret import active
from crexpress.prepare import asked_genes


class Found(NamedTuple):
    """Links of some genes of a cell with `active.find`'s columns, and the header of what is made of them."""

    cell: str
    table: pl.DataFrame
    genes: int
    header: dict[str, Any]


def find(links: Path, elements: Path, genes: str | None, k: int, absolute: bool) -> Found:
    """Active elements of the genes asked for (None: all); InputError for genes without links, and other elements."""
    table, header = artifacts.read_table(links, "links")
    if lacking := [name for name in (active.ATTENTION, active.PERTURBATION) if name not in table.columns]:
        raise InputError(f"{links} has no {', '.join(lacking)}; give links that interpret made with --perturbation")
    _, of_elements = artifacts.read_table(elements, "elements")
    artifacts.require_same("elements", links, header, elements, of_elements)
    if genes is not None:
        known = table.select("gene_id", "gene_name").unique(maintain_order=True)
        rows = asked_genes.rows(known, text_files.names(genes))
        table = table.filter(pl.col("gene_id").is_in(known["gene_id"][rows].to_list()))
    if table.is_empty():
        raise InputError(f"{links} holds no link of these genes; name others, or none for all")
    found = active.find(table, k, absolute)
    about = {"k": k, "absolute": absolute, "links_of": methods.model_words(header["parameters"])}
    made = artifacts.make_header(
        "active", "find-active", elements=header["elements"], genes=header["genes"], cell=header["cell"],
        parameters=about, units=header["units"], sources=[links],
    )  # fmt: skip
    return Found(str(header["cell"]), found, found["gene_id"].n_unique(), made)


def write(outdir: Path, found: Found, resamples: int, seed: int) -> pl.DataFrame:
    """active.CELL.parquet (links), active.CELL.tsv (genes) and active_classes.CELL.tsv; the last is returned."""
    artifacts.write_table(outdir / f"active.{found.cell}.parquet", found.table, found.header)
    classes = active.classes(found.table, resamples, seed)
    tables = {"active": active.by_gene(found.table), "active_classes": classes}
    for name, table in tables.items():
        files.write_tsv(outdir / f"{name}.{found.cell}.tsv", table)
    return classes
