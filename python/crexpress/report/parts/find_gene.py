"""Find a gene: its expression in every cell, its locus, its links with the evidence for each."""

from crexpress.report import embed, first_gene
from crexpress.report.page import Finder, Section, Text
from crexpress.report.parts.part import Part
from crexpress.report.study import Study


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
    """The gene shown first: that of the first cell with a recommended link."""
    for cell in study.inputs.links:
        if gene := first_gene.of_cell(study.inputs, cell, study.genes):
            return gene
    genes = study.inputs.genes.data
    return str(genes["gene_name"][0] or genes["gene_id"][0]) if len(genes) else ""


PART = Part(section)
