"""A figure file for each gene that is asked for, in every cell with links, and the text that belongs under it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from crexpress.core import files
from crexpress.report import cell_facts, examples, known_elements, locus, locus_plot, plots
from crexpress.report.inputs import Inputs
from crexpress.report.parts import locus_text


def write(
    inputs: Inputs,
    names: Sequence[str],
    pairs: pl.DataFrame | None,
    folder: Path,
    known: Mapping[str, pl.DataFrame] | None = None,
) -> list[str]:
    """Write locus.GENE.CELL.svg, .png, .pdf and .txt into `folder`; their stems.

    names: symbols or ids. pairs: tested pairs of a screen (`locus.screen`), known: `known_elements.read`. Raises
    InputError, before anything is drawn, for names that no gene or several genes have, and for genes without links in a
    cell.
    """
    wanted = [(cell, row) for cell in inputs.links for row in locus.asked(inputs, cell, names)]
    written = []
    for cell, row in wanted:
        shown = locus.gather(inputs, cell, row, pairs, known)
        labels = locus.scores(inputs.links[cell])
        name = row["gene_name"] or row["gene_id"]
        stem = f"locus.{locus.file_name(inputs, row)}.{cell}"
        plots.save(locus_plot.draw(shown, labels), folder, stem, pdf=True)
        told, _ = examples.verdict(shown, *cell_facts.main_score(inputs, cell))
        text = [
            f"{name} ({row['gene_id']}) in {cell}{locus_text.part_of(inputs, cell, row)}. "
            f"{row['chrom']}:{shown.view[0] + 1:,}-{shown.view[1]:,}.",
            *([told] if told else []),
            *known_elements.told(shown.beside, shown.linked, labels),
            locus_text.legend(inputs, shown),
        ]
        with files.replacing(folder / f"{stem}.txt") as temporary:
            temporary.write_text("\n".join(text) + "\n", encoding="utf-8")
        written.append(stem)
    return written
