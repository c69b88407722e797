"""Find a gene: its expression in every cell, its locus, its links with the evidence for each."""

from collections.abc import Sequence

import polars as pl

from crexpress.report import cell_facts, embed
from crexpress.report.page import Finder, Section, Text
from crexpress.report.parts.part import Part
from crexpress.report.study import Study

_KNOWN = ("GATA1", "MYC", "HBG1", "TAL1", "LMO2")  # genes that many readers know the enhancers of


def section(study: Study) -> Section | None:
    """The search, with all genes in it; what had to be left out is said."""
    inputs = study.inputs
    if not inputs.predictions and not inputs.links:
        return None
    data, notes = embed.of_genes(inputs, study.pairs)
    told = " ".join(notes)
    texts = [Text(f"Links held by this page. {told}")] if told else []
    return Section("find", "Find a gene", [Finder(embed.pack(data), _first(study)), *texts])


def _first(study: Study) -> str:
    """The gene shown first: one asked for, one that many know, else that with most recommended links."""
    wanted: Sequence[str] = [*study.genes, *_KNOWN]
    genes = study.inputs.genes.data
    for cell in study.inputs.links:
        called = cell_facts.candidates(study.inputs, cell).filter("called").group_by("gene_id").len()
        here = genes.join(called, on="gene_id").sort("len", "gene_id", descending=[True, False])
        known = here.filter(pl.col("gene_name").is_in(wanted) | pl.col("gene_id").is_in(wanted))
        for name in wanted:
            own = known.filter((pl.col("gene_name") == name) | (pl.col("gene_id") == name))
            if len(own):
                return name
        if len(here):
            return str(here["gene_name"][0] or here["gene_id"][0])
    return str(genes["gene_name"][0] or genes["gene_id"][0]) if len(genes) else ""


PART = Part(section)
