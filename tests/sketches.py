"""Element stores and gene tables of which a test says only what it is about; the rest is filled in."""

from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.prepare.elements import element_digest
from crexpress.prepare.genes import gene_digest


def whole_elements(elements: pl.DataFrame) -> pl.DataFrame:
    """With all columns: ids by row, the cCRE as wide as the element, or a window of 600 bp around the cCRE."""
    if "start" not in elements.columns:
        elements = elements.with_columns(start=(pl.col("ccre_start") + pl.col("ccre_end")) // 2 - 300)
    rest = {
        "element_id": pl.format("E{}", pl.int_range(pl.len())),
        "end": pl.col("start") + 600,
        "ccre_start": pl.col("start"),
        "ccre_end": pl.col("start") + 1,
        "class": pl.lit("dELS"),
    }
    return elements.with_columns(value.alias(name) for name, value in rest.items() if name not in elements.columns)


def write_elements(path: Path, elements: pl.DataFrame, width: int = 600, chromosomes: object = None) -> str:
    """elements.parquet of these rows; their digest."""
    if "end" not in elements.columns and "start" in elements.columns:
        elements = elements.with_columns(end=pl.col("start") + width)
    elements = whole_elements(elements)
    listed = chromosomes or [[name, None] for name in elements["chrom"].unique(maintain_order=True)]
    digest = element_digest(elements)
    about = {"width": width, "chromosomes": listed}
    artifacts.write_table(path, elements, artifacts.make_header("elements", "test", elements=digest, parameters=about))
    return digest


def write_genes(path: Path, genes: pl.DataFrame, elements: str = "none") -> str:
    """genes.parquet of these rows, beside elements of this digest; the digest of the genes."""
    rest = {
        "gene_name": pl.col("gene_id"),
        "start": pl.col("tss"),
        "end": pl.col("tss") + 1,
        "strand": pl.lit("+"),
        "element": pl.int_range(pl.len()),
    }
    genes = genes.with_columns(value.alias(name) for name, value in rest.items() if name not in genes.columns)
    digest = gene_digest(genes)
    artifacts.write_table(path, genes, artifacts.make_header("genes", "test", elements=elements, genes=digest))
    return digest


def write_store(folder: Path, elements: pl.DataFrame, genes: pl.DataFrame) -> dict[str, str]:
    """Both, of elements of one width; genes without an `element` get TSS windows behind the cCREs. Their digests."""
    elements = whole_elements(elements)
    (width,) = (elements["end"] - elements["start"]).unique()
    if "element" not in genes.columns:
        windows = genes.select(
            pl.lit("TSS").alias("class"),
            "chrom",
            element_id=pl.format("TSS:{}", "gene_id"),
            start=pl.col("tss") - width // 2,
            end=pl.col("tss") - width // 2 + width,
            ccre_start="tss",
            ccre_end=pl.col("tss") + 1,
        )
        genes = genes.with_columns(element=len(elements) + np.arange(len(genes)))
        elements = pl.concat([elements, windows], how="diagonal_relaxed")
    digest = write_elements(folder / "elements.parquet", elements, width)
    return {"elements": digest, "genes": write_genes(folder / "genes.parquet", genes, digest)}
