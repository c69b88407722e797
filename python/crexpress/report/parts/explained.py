"""The answers of `--explain`: the largest as tables, and where all of them lie."""

from crexpress.report import answers_network
from crexpress.report.answers import TABLES
from crexpress.report.page import Section, Table, TableCell, Text
from crexpress.report.parts.part import Part
from crexpress.report.study import Blocks, Study

FILES = {  # word of --explain: what it answers, and where; a test holds the words against nextflow_schema.json
    "contributions": ("What bases, track bins and motifs contribute to a gene", "explained/contributions.CELL.tsv"),
    "motifs": ("Which motifs active elements have more often", "explained/motifs.CELL/enriched_motifs.tsv"),
    "variants": ("What variants and edits change in genes", "explained/variants.CELL.tsv"),
    "attention": ("What the elements of a gene attend to in each other", "map-attention/"),
    "active": ("Which elements are active, by class", "find-active/"),
    "categories": ("Which genes are rightly and wrongly predicted", "classify-genes/"),
    "embeddings": ("How elements and genes cluster in the network", "embed/"),
    "mutations": ("What each base of an element changes", "mutate-elements/"),
    "together": ("What elements do when silenced together", "silence-together/"),
}


def section(study: Study) -> Section | None:
    """Tables of the answers that this page was given, and the files of what was asked; nothing where nothing was."""
    blocks: Blocks = []
    for kind, (title, tables) in TABLES.items():
        for cell, file in study.inputs.explained.get(kind, {}).items():
            blocks += [Text(f"{title}: {cell}", tone="heading"), *tables(study.inputs, cell, file)]
    for cell in study.inputs.links if study.attended else ():
        table = answers_network.attention(study.inputs, cell, study.attended)
        blocks += [Text(f"What genes attend to: {cell}", tone="heading"), table] if table else []
    for cell, file in study.inputs.explained.get("embedding", {}).items():
        blocks += [Text(f"Elements as the network sees them: {cell}", tone="heading")]
        blocks += answers_network.embedding(study, cell, file)
    rows = [
        [TableCell(word), TableCell(FILES[word][0]), TableCell(FILES[word][1])]
        for word in FILES
        if word in study.explained
    ]
    if rows:
        caption = "Questions asked, and the files beside this page that have the whole answers."
        blocks.append(Table(caption, ["--explain", "Question", "Where"], rows))
    if not blocks:
        return None
    intro = Text(
        "What else was read out of the models (--explain). It tells what a model has learned; whether it is so in the "
        "cell, only an experiment can tell."
    )
    return Section("explained", "Interpretation", [intro, *blocks])


PART = Part(section)
