"""Where the answers of `--explain` lie: they are made beside the report, which names their files."""

from crexpress.report.page import Section, Table, TableCell, Text
from crexpress.report.parts.part import Part
from crexpress.report.study import Study

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
    """The files of what was asked, beside this page; nothing where nothing was."""
    rows = [
        [TableCell(word), TableCell(FILES[word][0]), TableCell(FILES[word][1])]
        for word in FILES
        if word in study.explained
    ]
    if not rows:
        return None
    intro = Text("What else was read out of the models (--explain). Its figures are in files beside this page.")
    return Section(
        "explained", "Interpretation", [intro, Table("Questions and files.", ["--explain", "Question", "Where"], rows)]
    )


PART = Part(section)
