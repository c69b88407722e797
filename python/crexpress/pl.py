"""Pictures for users of Python: `crexpress.pl`. They are those of the report."""

from pathlib import Path

import polars as pl
from matplotlib.figure import Figure

from crexpress.api import Scored
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.study import Study
from crexpress.report import inputs, locus_plot
from crexpress.report import locus as loci


def locus(study: Study, links: Scored, gene: str, *, screen: str | Path | None = None) -> Figure:
    """The surroundings of a gene: its links by each score, elements, tracks of the cells, loops and genes.

    `screen` marks the elements that a perturbation screen tested. Matplotlib's figure; `.savefig("MYC.png")` keeps it.

    Example:
        figure = cx.pl.locus(study, links, "NAME7")
        figure.savefig("locus.svg")
    """
    [cell] = links.source.cells
    name = study.genes["gene_id"][study.gene(gene)]
    table = links.table.drop("cell")
    if name not in table["gene_id"]:
        raise InputError(f"there is no link of {gene}; give links of a cell in which the model sees an element of it")
    header = artifacts.make_header("links", "interpret", cell=cell, parameters=links.about)
    files = inputs.load(
        study.require("genes"),
        study.require("elements"),
        signals=study.paths("signals"),
        contacts=study.paths("contacts"),
    )
    shown = inputs.Inputs(
        genes=files.genes,
        elements=files.elements,
        signals=files.signals,
        contacts=files.contacts,
        links={cell: inputs.Loaded("the links", header, table)},
    )
    pairs = loci.screen([str(screen)], shown) if screen else None
    row = shown.genes.data.filter(pl.col("gene_id") == name).row(0, named=True)
    return locus_plot.draw(loci.gather(shown, cell, row, pairs), loci.scores(shown.links[cell]))
