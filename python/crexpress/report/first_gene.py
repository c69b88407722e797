"""The gene of a cell that the page, and the IGV session beside it, show first."""

from collections.abc import Sequence

import polars as pl

from crexpress.report import cell_facts
from crexpress.report.inputs import Inputs

_KNOWN = ("GATA1", "MYC", "HBG1", "TAL1", "LMO2")  # genes that many readers know the enhancers of


def of_cell(inputs: Inputs, cell: str, asked: Sequence[str] = ()) -> str:
    """One asked for, one that many know, else that with most recommended links; "" where no link is recommended."""
    called = cell_facts.candidates(inputs, cell).filter("called").group_by("gene_id").len()
    here = inputs.genes.data.join(called, on="gene_id").sort("len", "gene_id", descending=[True, False])
    for name in (*asked, *_KNOWN):
        if len(here.filter((pl.col("gene_name") == name) | (pl.col("gene_id") == name))):
            return name
    return str(here["gene_name"][0] or here["gene_id"][0]) if len(here) else ""
