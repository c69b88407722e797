"""What the run was: its cells and genes, how training went, and where every file comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from crexpress.core import splits
from crexpress.report import facts, style, training_plots
from crexpress.report.card import scored
from crexpress.report.inputs import Inputs, ReportedModel
from crexpress.report.page import Code, Section, Table, TableCell, Text
from crexpress.report.study import Blocks, Study

_USE = {
    splits.TRAIN: "weights are fitted on these",
    splits.VAL: "decides which weights are kept",
    splits.TEST: "never looked at in training",
}


def data(study: Study) -> Section:
    """Cells, tracks, genes: what was trained on what, and what was missing."""
    inputs = study.inputs
    blocks: Blocks = [Text(_reads(inputs)), _cells(inputs)]
    if inputs.predictions:
        frame = next(iter(inputs.predictions.values())).data
        counts = dict(frame.group_by("split").len().iter_rows())
        rows = [
            [
                TableCell(name),
                TableCell(facts.place(inputs, name)),
                TableCell(style.count(counts[name]), numeric=True),
                TableCell(use + (": accuracy is measured on these" if name == splits.TEST and scored(study) else "")),
            ]
            for name, use in _USE.items()
            if name in counts
        ]
        caption = "How the genes were split, by the place of their main transcription start."
        blocks.append(Table(caption, ["Split", "Place", "Genes", "Use"], rows))
    return Section("data", "Data and model", blocks)


def _cells(inputs: Inputs) -> Table:
    tracks = list(facts.channels(inputs)["tracks"])
    for file in inputs.signals.values():
        tracks += [track for track in file.header["parameters"]["tracks"] if track not in tracks]
    shown = tracks if inputs.signals else []
    rows = []
    for cell in facts.cells(inputs):
        has = inputs.signals[cell].header["parameters"]["tracks"] if cell in inputs.signals else []
        target, measured = style.DASH, style.DASH
        if cell in inputs.expression:
            target = facts.quantity(inputs, cell)
            measured = style.count(inputs.expression[cell].data["expression"].count())
        row = [
            TableCell(cell),
            TableCell(facts.role(inputs, cell)),
            TableCell(target),
            TableCell(measured, numeric=True),
        ]
        row += [TableCell("yes" if track in has else "missing") for track in shown]
        rows.append([*row, TableCell("yes" if cell in inputs.contacts else "none")])
    columns = ["Cell", "Role", "Target", "Genes measured", *map(style.track, shown), "Loops"]
    return Table("Cells of this run, and the tracks each of them has.", columns, rows)


def _reads(inputs: Inputs) -> str:
    """One paragraph: what the model reads of every element, and which channels it does without."""
    channels = facts.channels(inputs)
    sentences = []
    if channels["neighbours"]:
        near = f"the {channels['neighbours']} nearest cCREs"
        if channels["window"]:
            near += f" within {channels['window'] / 2000:,g} kb of its TSS"
        sentences.append(f"For every gene the model reads its promoter and {near}.")
    if channels["tracks"]:
        names = facts.track_names(channels["tracks"])
        sentences.append(f"Of each of them it reads {len(channels['tracks'])} tracks: {names}.")
    if facts.besides(inputs):
        sentences.append(f"It reads {facts.besides(inputs)}.")
    return " ".join([*sentences, facts.absent(inputs)]).strip()


def training(study: Study) -> Section | None:
    """Loss and learning rate over the steps of training."""
    models = study.inputs.models
    first = next((model for model in models if model.history is not None), None)
    if first is None or first.history is None or len(first.history) < 2:  # one point is no course
        return None
    picture = study.picture(
        training_plots.history(first.history, first.config.get("best_step")),
        "training",
        "Loss, correlation on validation genes and learning rate over the steps of training",
        "Mean squared error on training and validation genes, Pearson's r on validation genes, and the learning "
        "rate. The weights with the lowest validation loss are the ones kept."
        + (f" Shown: {first.name}." if len(models) > 1 else ""),
    )
    return Section("training", "Training", [picture, *([_models(models)] if len(models) > 1 else [])], folded=True)


def _models(models: Sequence[ReportedModel]) -> Table:
    """Where training left each of several models."""
    rows = []
    for model in models:
        best = model.config.get("best_step")
        kept = model.history.filter(pl.col("step") == best) if model.history is not None else None
        figures = [
            kept[name].item() if kept is not None and len(kept) else None for name in ("val_loss", "val_pearson")
        ]
        shown = [
            TableCell(style.count(best), numeric=True),
            *(TableCell(style.number(value), numeric=True) for value in figures),
        ]
        rows.append([TableCell(model.name), *shown])
    columns = ["Model", "Weights of step", "Validation loss", "Validation r"]
    return Table("The models of this report, at the step whose weights were kept.", columns, rows)


def provenance(study: Study) -> Section:
    """Which tool made what, with which parameters, from which files."""
    inputs = study.inputs
    files = inputs.files()
    own = {file.name for file in files}
    made = [
        [
            TableCell(file.name),
            TableCell(f"{file.header['tool']} {file.header['version']}"),
            TableCell(
                "; ".join(f"{name} {value}" for name, value in _flat(_told(file.header["parameters"]))) or style.DASH
            ),
        ]
        for file in files
    ]
    sources = {
        (source["name"], source["bytes"], source["sha256"])
        for file in files
        for source in file.header["sources"]
        if source["name"] not in own
    }
    blocks: Blocks = [
        Table(
            f"Artefacts this report was made from{_aligned(inputs)}.",
            ["File", "Made by", "Parameters"],
            made,
        )
    ]
    if sources:
        lines = "\n".join(f"{sha}  {size:>14,}  {name}" for name, size, sha in sorted(sources))
        blocks.append(Code("files", "Files they were made from: SHA-256, bytes, name", lines))
    blocks += beside_preset(inputs.config)
    if inputs.config:
        shown = {name: value for name, value in inputs.config.items() if name not in ("sources", "digests", "reached")}
        settings = [[TableCell(name), TableCell(value)] for name, value in _flat(shown)]
        caption = "All settings of the model (config.json)."
        blocks.append(Table(caption, ["Setting", "Value"], settings, folded=True))
    return Section("provenance", "Where this comes from", blocks, folded=True)


def beside_preset(config: Mapping[str, Any]) -> Blocks:
    """The model's settings that differ from those of its preset, where it is one that ships; what the data give is no
    setting of a preset.
    """
    from crexpress.training import presets  # as late as this, because it reads all that can be set

    name = config.get("preset")
    if name not in presets.presets():
        return []
    rows = []
    for part, preset in zip(("model", "training"), presets.read_preset(name), strict=True):
        of_preset = preset.to_json()
        for key, declared in preset.declared().items():
            here, there = (_brief(values.get(key)) for values in (config.get(part, {}), of_preset))
            if not declared.source and key in config.get(part, {}) and here != there:
                rows.append([TableCell(declared.place), TableCell(here), TableCell(there)])
    if not rows:
        return [Text(f"Every setting of model and training is that of the preset {name}.")]
    return [Table(f"Settings that differ from the preset {name}.", ["Setting", "Here", "Preset"], rows)]


def _aligned(inputs: Inputs) -> str:
    """The sets of elements and genes that all files were checked to share."""
    header = inputs.genes.header
    sets = [f"{what[:-1]} set {header[what]}" for what in ("elements", "genes") if header[what]]
    return f", all for {style.join(sets)}" if sets else ""


def _told(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without a link model's card, whose figures stand with the links."""
    return {name: value for name, value in parameters.items() if name != "card"}


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (name, value in few words)."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, _brief(value)))
    return found


def _brief(value: Any) -> str:
    """A setting in few words: long lists are counted."""
    if not isinstance(value, list | tuple):
        return "none" if value is None else str(value)
    if len(value) > 8:
        return f"{len(value)} values"
    return ", ".join(str(item.get("name", item) if isinstance(item, Mapping) else item) for item in value) or "none"
