"""Loci that can be read without scripts: the genes asked for, or the best and the worst."""

from crexpress.core.errors import InputError
from crexpress.report import cell_facts, examples, facts, link_model, locus, locus_plot, style
from crexpress.report.inputs import Inputs
from crexpress.report.page import Section, Text
from crexpress.report.parts.locus_text import elements, legend, part_of
from crexpress.report.study import Blocks, Study


def cell_of(inputs: Inputs) -> str:
    """The cell whose loci are drawn: the first with links, trained ones before others."""
    return next(name for name in facts.cells(inputs) if name in inputs.links)


def section(study: Study) -> Section | None:
    """A picture of each locus, where the elements of a screen rank in it, and why it was chosen."""
    inputs = study.inputs
    if not inputs.links:
        if study.genes:
            raise InputError(f"--ask-genes {study.genes[0]}: the picture of a locus needs the --links of a cell")
        return None
    cell = cell_of(inputs)
    found = examples.choose(inputs, cell, study.pairs, study.genes)
    blocks: Blocks = []
    for number, example in enumerate(found, start=1):
        blocks += _locus(study, cell, example, f"-{number}" if len(found) > 1 else "")
    names = style.join(example.gene["gene_name"] or example.gene["gene_id"] for example in found)
    title = f"One locus: {names}" if len(found) == 1 else f"{len(found)} loci: {names}"
    if len(found) > 1 and not study.genes:
        title = f"{len(found)} loci: the best and the worst"
    return Section("locus", title, blocks)


def _locus(study: Study, cell: str, example: examples.Example, suffix: str) -> Blocks:
    inputs, row = study.inputs, example.gene
    shown = locus.gather(inputs, cell, row, study.pairs)
    labels = locus.scores(inputs.links[cell])
    name = row["gene_name"] or row["gene_id"]
    score, label = cell_facts.main_score(inputs, cell)
    told, failed = examples.verdict(shown, score, label) if score in shown.linked.columns else ("", False)
    stem = f"locus-{locus.file_name(inputs, row)}" if study.genes else f"locus{suffix}"
    picture = study.picture(
        locus_plot.draw(shown, labels),
        stem,
        f"Elements, tracks, scores and loops around {name}",
        legend(inputs, shown),
        pdf=bool(study.genes),
    )
    strand = "plus" if row["strand"] == "+" else "minus"
    intro = (
        f"{name} ({row['gene_id']}), {strand} strand{part_of(inputs, cell, row)}. "
        f"Shown: {row['chrom']}:{shown.view[0] + 1:,}-{shown.view[1]:,}. {example.why}"
    )
    blocks: Blocks = [Text(f"{name}, {example.label}", tone="heading")] if suffix else []
    blocks.append(Text(intro))
    if told:
        failing = "This locus fails: " if failed else ""
        blocks.append(
            Text(failing + (told[:1].lower() + told[1:] if failing else told), "warning" if failed else "plain")
        )
    return [*blocks, picture, *link_model.of_gene(shown.linked), elements(shown, labels, folded=bool(suffix))]
