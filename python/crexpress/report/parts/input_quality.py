"""Input quality: what tracks and expression of every cell look like, and what to expect of odd ones."""

import numpy as np

from crexpress.report import facts, plots, quality, style
from crexpress.report.page import Picture, Section, Table, TableCell, Text
from crexpress.report.parts.part import Part
from crexpress.report.study import Blocks, Study

_MOST_OPEN = 4  # cells whose table is open
_MOST_PAIRS = 15  # pairs of cells whose tracks are compared


def section(study: Study) -> Section | None:
    """A row for each track of each cell; warnings; how alike the cells are."""
    inputs = study.inputs
    if not inputs.signals:
        return None
    cells = [cell for cell in facts.cells(inputs) if cell in inputs.signals]
    found = [track for cell in cells for track in quality.tracks(inputs, cell)]
    told = findings(study)
    blocks: Blocks = [Text(text, tone="warning") for text in told]
    if not told:
        blocks.append(Text("Nothing about the tracks and the expression is odd."))
    if len(cells) > 1:
        blocks.append(_maps(study, cells, found))
    blocks.append(_table(study, found, folded=len(cells) > _MOST_OPEN))
    pairs = [(a, b) for number, a in enumerate(cells) for b in cells[number + 1 :]]
    if pairs:
        blocks.append(_alike(study, pairs[:_MOST_PAIRS]))
    measured = _measured(study)
    if measured:
        blocks.append(_expression(measured, folded=len(measured) > _MOST_OPEN))
    return Section("input", "Input quality", blocks)


def _maps(study: Study, cells: list[str], found: list[quality.Track]) -> Picture:
    """Cells by tracks: an odd cell stands out among many."""
    names = list(dict.fromkeys(track.name for track in found))
    values = np.full((3, len(cells), len(names)), np.nan)
    for track in found:
        measured = np.nan if track.expression is None else track.expression
        place = cells.index(track.cell), names.index(track.name)
        values[:, *place] = 100 * track.share, track.promoters, measured
    titles = (("With signal, % of elements", ".0f"), ("Promoters over all", ".1f"), ("With expression", ".2f"))
    panels = [(title, own, form) for (title, form), own in zip(titles, values, strict=True)]
    return study.picture(
        plots.heat_maps(panels, cells, [style.track(name) for name in names]),
        "input",
        "Share of elements with signal, signal at promoters and correlation with expression, cells by tracks",
        "Cells by tracks, each map with its own colours. A cell that differs from the others in a column is worth a "
        "look. What the figures are stands over the table.",
    )


def _table(study: Study, found: list[quality.Track], folded: bool) -> Table:
    rows = []
    for track in found:
        cells = [TableCell(track.cell), TableCell(style.track(track.name))]
        cells.append(TableCell(style.count(track.files), numeric=True))
        cells.append(TableCell(style.number(track.agreement, 2), numeric=True))
        cells.append(TableCell(style.percent(track.share), numeric=True))
        cells += [TableCell(style.significant(value), numeric=True) for value in track.quantiles]
        cells.append(TableCell(style.number(track.promoters, 1), numeric=True))
        rows.append([*cells, TableCell(style.number(track.expression, 2), numeric=True)])
    groups = [("", 5), ("Signal of elements that have any", 4), ("", 2)]
    columns = [
        "Cell",
        "Track",
        "Files",
        "Replicates agree",
        "With signal",
        "25 %",
        "50 %",
        "75 %",
        "99 %",
        "At promoters",
        "With expression",
    ]
    caption = (
        "Each track over the elements (an even sample of 50,000), mean of its linear signal. Replicates agree: "
        "correlation of the two files that agree least, log10(1 + signal); a dash for one file. With signal: share of "
        "the elements. At promoters: mean "
        "there over the mean of all elements. With expression: rank correlation of the signal at a gene's TSS with it."
    )
    return Table(caption, columns, rows, groups, folded)


def _measured(study: Study) -> list[quality.Expression]:
    return [
        quality.expression(study.inputs, cell) for cell in facts.cells(study.inputs) if cell in study.inputs.expression
    ]


def _expression(found: list[quality.Expression], folded: bool) -> Table:
    rows = [
        [
            TableCell(own.cell),
            TableCell(own.format or style.DASH),
            TableCell(style.count(own.files), numeric=True),
            TableCell(style.number(own.agreement, 2), numeric=True),
            TableCell(style.count(own.measured), numeric=True),
            TableCell(style.count(own.missing), style.join(own.missing_examples), numeric=True),
            TableCell(style.count(own.strange), style.join(own.strange_examples), numeric=True),
        ]
        for own in found
    ]
    columns = ["Cell", "Format", "Files", "Replicates agree", "Genes with a value", "Genes without", "Other names"]
    caption = (
        "Expression, with examples under the figures. Replicates agree: rank correlation of the two files that agree "
        "least; a dash for one file. Genes without: genes of this run that no file names or measures; they are neither "
        "learned from nor scored. Other names: names in the files that are no gene of this run, most often genes of "
        "other biotypes."
    )
    return Table(caption, columns, rows, folded=folded)


def _alike(study: Study, pairs: list[tuple[str, str]]) -> Table:
    known = {pair: quality.between(study.inputs, *pair) for pair in pairs}
    tracks = list(dict.fromkeys(name for own in known.values() for name in own))
    rows = [
        [TableCell(f"{a} and {b}"), *(TableCell(style.number(own.get(name), 2), numeric=True) for name in tracks)]
        for (a, b), own in known.items()
    ]
    return Table(
        "Correlation of a track between cells, over these elements.", ["Cells", *map(style.track, tracks)], rows
    )


def findings(study: Study) -> list[str]:
    """The warnings, those of tracks that are another cell's or unlike those in training first."""
    of_tracks = [
        f"{note}."
        for kind in ("same_tracks", "unlike_training")
        for file in study.inputs.predictions.values()
        for note in file.header["parameters"].get(kind, [])
    ]
    cells = [cell for cell in facts.cells(study.inputs) if cell in study.inputs.signals]
    told = quality.warnings([track for cell in cells for track in quality.tracks(study.inputs, cell)])
    return of_tracks + told + quality.warnings_of_expression(_measured(study))


PART = Part(section, findings=findings)
