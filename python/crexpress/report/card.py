"""What the models reached where they were trained: their own figures, for cells in which nothing can be measured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crexpress.core import splits
from crexpress.report import style
from crexpress.report.inputs import ReportedModel
from crexpress.report.page import Section, Table, TableCell, Text
from crexpress.report.study import Study

_FIGURES = {"pearson": "r", "mae": "MAE", "auroc": "auROC"}
Cards = list[tuple[str, Mapping[str, Any]]]


def scored(study: Study) -> list[str]:
    """Cells in which predicted expression was held against what was measured."""
    return list(dict.fromkeys(view.cell for name in ("expression", "classes") for view in study.views(name)))


def trained_elsewhere(study: Study) -> bool:
    """Whether no figure of this run is of a cell that the models were trained on."""
    return not any(view.seen for name in ("expression", "classes") for view in study.views(name))


def reached(study: Study) -> Section | None:
    """The part of the page; none where this run itself measures in the cells that were trained on."""
    models = study.inputs.models
    if not models or not trained_elsewhere(study):
        return None
    cards = _cards(models)
    blocks: list[Text | Table] = [
        Text(
            "None of these figures was measured in this run: train wrote them into the model's folder. They are of "
            "cells that the model was trained on, and say nothing of how good it is in another cell."
        )
    ]
    without = [model.name for model in models if not model.config.get("reached")]
    if without:
        blocks.append(
            Text(
                f"The folder of {style.join(without)} holds none: it was written before train measured them, or by "
                "hand. Evaluate it on cells with known expression to know more."
            )
        )
    several, measures = len(models) > 1, _measures(cards)
    rows = [
        [*([TableCell(name)] if several else []), TableCell(cell), *_row(card, cell, measures)]
        for name, card in cards
        for cell in dict.fromkeys(cell for own in card.values() for cell in own)
    ]
    if rows:
        columns = [
            f"{'Validation' if split == splits.VAL else 'Test'} {what}"
            for split in (splits.VAL, splits.TEST)
            for what in ("genes", *(_FIGURES[name] for name in measures))
        ]
        caption = (
            "On genes kept out of training: the validation genes chose which weights are kept, the test genes had no "
            f"part in anything. MAE in {models[0].config.get('units', 'the unit of the target')}."
        )
        blocks.append(Table(caption, [*(["Model"] if several else []), "Cell", *columns], rows, folded=len(rows) > 12))
    return Section("card", "What the model reached where it was trained", blocks)


def sentences(study: Study) -> Iterator[str]:
    """What is not known of the cells of this run, and what is known of the models instead."""
    measured = scored(study)
    new = [cell for cell in study.inputs.predictions if cell not in measured]
    if new:
        yield (
            f"How near the predicted expression of {style.join(new)} is to the truth is not known: this run was given "
            f"no expression of {'it' if len(new) == 1 else 'them'}. With rows of the assay rna or cage it is scored."
        )
    if not trained_elsewhere(study):
        return
    for name, card in _cards(study.inputs.models):
        measure = _measures([(name, card)])[0]
        own = {cell: figures[measure] for cell, figures in card.get(splits.TEST, {}).items()}
        known = [value for value in own.values() if value is not None]
        if known:
            span = style.number(min(known)) + (f" to {style.number(max(known))}" if len(known) > 1 else "")
            where = style.join(own) if len(own) <= 5 else f"the {len(own)} cells that it was trained on"
            yield (
                f"Where it was trained {name} reached {_FIGURES[measure]} {span} on test genes of {where} (from its "
                "own folder, not measured in this run); in a cell that it never saw it may reach less."
            )


def multiqc_rows(study: Study) -> dict[str, dict[str, float]]:
    """The figures on test genes, by "CELL | MODEL, where it was trained"."""
    names = {"pearson": "pearson_r", "mae": "mae", "auroc": "auroc"}
    return {
        f"{cell} | {name}, where it was trained": {
            names[measure]: value for measure, value in figures.items() if measure in names and value is not None
        }
        for name, card in (_cards(study.inputs.models) if trained_elsewhere(study) else [])
        for cell, figures in card.get(splits.TEST, {}).items()
    }


def _cards(models: Sequence[ReportedModel]) -> Cards:
    return [(model.name, model.config["reached"]) for model in models if model.config.get("reached")]


def _measures(cards: Cards) -> list[str]:
    """Which figures there are, in the order of the columns."""
    there = {name for _, card in cards for cells in card.values() for figures in cells.values() for name in figures}
    return [name for name in _FIGURES if name in there]


def _row(card: Mapping[str, Any], cell: str, measures: Sequence[str]) -> list[TableCell]:
    cells = []
    for split in (splits.VAL, splits.TEST):
        figures = card.get(split, {}).get(cell, {})
        cells.append(TableCell(style.count(figures.get("genes")), numeric=True))
        cells += [TableCell(style.number(figures.get(name)), numeric=True) for name in measures]
    return cells
