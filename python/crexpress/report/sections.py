"""The parts of the report. Each function makes one, or None when the run has nothing for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from crexpress import splits
from crexpress.report import facts, locus, metrics, plots, style
from crexpress.report.inputs import Inputs
from crexpress.report.page import Cell, Picture, Section, Table, Text, figure_table
from matplotlib.figure import Figure

FOLD = 2  # genes differ when abs(log2((1 + a) / (1 + b))) exceeds this, as in evaluate
CHANGED = "changed genes"
ALL_PAIRS = "all pairs"
GROUPS = ("<10 kb", "10-50 kb", "50-100 kb", ">100 kb")


@dataclass(frozen=True)
class Study:
    """The inputs, where figures go, and the choices of the user."""

    inputs: Inputs
    figures: Path
    pairs: pl.DataFrame | None = None
    gene: str | None = None

    def picture(self, figure: Figure, name: str, alt: str, caption: str) -> Picture:
        """Save a figure under `figures` and wrap it for the page."""
        return Picture(name, plots.save(figure, self.figures, name), alt, caption)


def data(study: Study) -> Section:
    """Cells, tracks, genes: what was trained on what, and what was missing."""
    inputs = study.inputs
    names, channels = facts.cells(inputs), facts.channels(inputs)
    tracks = list(channels["tracks"])
    for file in inputs.signals.values():
        tracks += [track for track in file.header["parameters"]["tracks"] if track not in tracks]
    rows = []
    for cell in names:
        has = inputs.signals[cell].header["parameters"]["tracks"] if cell in inputs.signals else []
        measured = (
            style.count(inputs.expression[cell].data["expression"].count())
            if cell in inputs.expression
            else "–"
        )
        row = [Cell(cell), Cell(facts.role(inputs, cell)), Cell(measured, numeric=True)]
        row += [Cell("yes" if track in has else "missing") for track in tracks] if inputs.signals else []
        rows.append([*row, Cell("yes" if cell in inputs.contacts else "none")])
    shown = tracks if inputs.signals else []
    columns = ["Cell", "Role", "Genes measured", *shown, "Loops"]
    blocks: list[Text | Table | Picture] = [
        Text(_reads(inputs)),
        Table("Cells of this run, and the tracks each of them has.", columns, rows),
    ]
    if inputs.predictions:
        cell = names[0]
        counts = dict(inputs.predictions[cell].data.group_by("split").len().iter_rows())
        what = {
            splits.TRAIN: "weights are fitted on these",
            splits.VAL: "decides which weights are kept",
            splits.TEST: "never looked at in training; every figure of this report is about these",
        }
        blocks.append(
            Table(
                "How the genes were split, by the place of their main transcription start.",
                ["Split", "Chromosomes", "Genes", "Use"],
                [
                    [Cell(split), Cell(facts.chromosomes(inputs, split)), Cell(style.count(counts[split]), numeric=True),
                     Cell(use)]
                    for split, use in what.items() if split in counts
                ],
            )
        )  # fmt: skip
    return Section("data", "Data and model", blocks)


def _reads(inputs: Inputs) -> str:
    """One paragraph: what the model reads of every element, and which channels it does without."""
    channels = facts.channels(inputs)
    sentences = []
    if channels["neighbours"]:
        sentences.append(
            f"For every gene the model reads its promoter and the {channels['neighbours']} nearest cCREs."
        )
    if channels["tracks"]:
        sentences.append(
            f"Of each of them it reads {len(channels['tracks'])} tracks: {style.join(channels['tracks'])}."
        )
    sentences.append(absent(inputs) or f"It also reads {_sequence_channels(channels)}.")
    return " ".join(filter(None, sentences))


def _sequence_channels(channels: Mapping[str, Any]) -> str:
    parts = ["the DNA sequence"] if channels["sequence"] else []
    return style.join(parts + ([f"{channels['motifs']} motif scores"] if channels["motifs"] else []))


def absent(inputs: Inputs) -> str:
    """The sentence that says which of the sequence channels the model does without; empty when it has both."""
    if not inputs.config:
        return ""
    channels = facts.channels(inputs)
    if not channels["sequence"] and not channels["motifs"]:
        return "Tracks only: the model has no sequence and no motif channel."
    if not channels["sequence"]:
        return f"It reads {channels['motifs']} motif scores, but no DNA sequence."
    return "" if channels["motifs"] else "It reads the DNA sequence, but no motif scores."


def expression(study: Study) -> Section | None:
    """Predicted against observed expression of test genes, and every method beside the model."""
    inputs = study.inputs
    views = metrics.views(inputs.metrics.data if inputs.metrics else None, "expression")
    models = facts.models(inputs)
    panels = []
    for cell in [
        name for name in facts.cells(inputs) if name in inputs.predictions and name in inputs.expression
    ]:
        genes = facts.scored_genes(inputs, cell).filter(pl.col("split") == splits.TEST)
        if genes.is_empty():
            continue
        view = next((view for view in views if view.cell == cell), None)
        panels.append(
            {
                "title": f"{cell} · {'trained on' if facts.seen(inputs, cell) else 'never seen'}",
                "observed": genes["expression"].to_numpy(),
                "predicted": genes["predicted"].to_numpy(),
                "note": _note(view, models[0], len(genes), ("pearson", "mae")),
            }
        )
    if not panels:
        return None
    unit = facts.unit(inputs, facts.cells(inputs)[0]) if facts.cells(inputs)[0] in inputs.expression else ""
    where = facts.chromosomes(inputs, splits.TEST)
    blocks: list[Text | Table | Picture] = [
        study.picture(
            plots.agreement(panels, f"Observed, {unit}", f"Predicted, {unit}"),
            "expression",
            f"Scatter of predicted against observed expression of test genes in {style.join(sorted(inputs.expression))}",
            f"Genes of {where}, which no part of training has seen. One dot a gene, darker where dots are dense; the "
            f"dashed line is a perfect prediction. r is Pearson's correlation; MAE the mean absolute error in {unit}.",
        )
    ]
    dots = []
    for view in sorted(views, key=lambda view: (not view.seen, view.cell)):
        methods = _by_value(view, view.methods("mae"), splits.TEST, "pearson")
        colours = style.colours(methods, models)
        n = max((figure.n or 0 for figure in view.column(methods, splits.TEST, "mae") if figure), default=0)
        blocks.append(
            figure_table(
                f"{view.cell} ({facts.role(inputs, view.cell)}): {style.count(n)} test genes. 95 % intervals from a "
                f"bootstrap over genes; MAE in {facts.unit(inputs, view.cell)}; best of a column in bold.",
                "Method",
                [(style.sentence(method), colours[method]) for method in methods],
                [
                    ("Pearson r", view.column(methods, splits.TEST, "pearson"), True),
                    ("Spearman", view.column(methods, splits.TEST, "spearman"), True),
                    ("MAE", view.column(methods, splits.TEST, "mae"), False),
                ],
            )
        )
        rows = [
            (method, style.sentence(method), figure.value, figure.low, figure.high)
            for method in methods
            if (figure := view.get(method, splits.TEST, "pearson"))
        ]
        dots.append({"title": f"{view.cell} · {'trained on' if view.seen else 'never seen'}", "rows": rows})
    if dots:
        every = list(dict.fromkeys(row[0] for panel in dots for row in panel["rows"]))
        blocks.insert(
            1,
            study.picture(
                plots.intervals(dots, "Pearson r on test genes", style.colours(every, models)),
                "methods",
                "Correlation of every method with observed expression, with 95 % intervals, one panel a cell",
                "Every method on the same test genes; bars are 95 % bootstrap intervals over genes.",
            ),
        )
    return Section("expression", "Predicted against observed expression", blocks)


def change(study: Study) -> Section | None:
    """What differs between a new cell and those trained on: the part that copying a known cell cannot tell."""
    inputs, models = study.inputs, facts.models(study.inputs)
    views = metrics.views(inputs.metrics.data if inputs.metrics else None, "change")
    if not views:
        return None
    blocks: list[Text | Table | Picture] = [
        Text(
            "Most genes have much the same level in every cell, so copying a known cell looks good over all genes while "
            "it says nothing about what makes the new cell different. The question that counts is whether the predicted "
            "change between two cells agrees with the measured one."
        )
    ]
    panels = []
    for view in views:
        if (
            view.reference in inputs.predictions
            and view.reference in inputs.expression
            and view.cell in inputs.expression
        ):
            panels.append(_change_panel(inputs, view, models[0]))
    if panels:
        blocks.append(
            study.picture(
                plots.agreement(panels, "Observed change, log10", "Predicted change, log10", zero=True),
                "change",
                "Scatter of predicted against observed change of expression between cells",
                f"Test genes whose expression differs between the two cells: |log2((1+a)/(1+b))| above {FOLD}. Right and "
                "up: higher in the cell that was never seen.",
            )
        )
    for view in views:
        methods = list(dict.fromkeys([*view.methods("pearson_change"), *view.methods("pearson_level")]))
        methods = _by_value(view, methods, CHANGED, "pearson_change")
        colours = style.colours(methods, models)
        metrics_shown = (("r of change", "pearson_change", True), ("r of level", "pearson_level", True),
                         ("MAE of change", "mae_change", False))  # fmt: skip
        columns = [
            (title, view.column(methods, subset, metric), higher)
            for subset in (CHANGED, splits.TEST) for title, metric, higher in metrics_shown
        ]  # fmt: skip
        counts = [max((f.n or 0 for f in view.column(methods, s, "pearson_level") if f), default=0)
                  for s in (CHANGED, splits.TEST)]  # fmt: skip
        blocks.append(
            figure_table(
                f"{view.cell} against {view.reference}. A dash: the method predicts no change, or has no value of its own.",
                "Method",
                [(style.sentence(method), colours[method]) for method in methods],
                columns,
                [("", 1), (f"{style.count(counts[0])} genes that differ", 3),
                 (f"All {style.count(counts[1])} test genes", 3)],
            )
        )  # fmt: skip
    return Section("change", "What differs between the cells", blocks)


def _change_panel(inputs: Inputs, view: metrics.View, model: str) -> dict[str, Any]:
    assert view.reference is not None
    new = facts.scored_genes(inputs, view.cell).filter(pl.col("split") == splits.TEST)
    old = facts.scored_genes(inputs, view.reference).select("gene_id", old="predicted", was="expression")
    both = new.join(old, on="gene_id", maintain_order="left").with_columns(
        observed=pl.col("expression").cast(pl.Float64) - pl.col("was"),
        change=pl.col("predicted") - pl.col("old"),
    )
    both = both.filter(pl.col("observed").abs() > FOLD * np.log10(2))
    figure = view.get(model, CHANGED, "pearson_change")
    note = f"n = {style.count(len(both))}" + (f"\nr = {style.number(figure.value)}" if figure else "")
    return {"title": f"{view.cell} − {view.reference}", "note": note,  # noqa: RUF001
            "observed": both["observed"].to_numpy(), "predicted": both["change"].to_numpy()}  # fmt: skip


def training(study: Study) -> Section | None:
    """Loss and learning rate over the steps of training."""
    frame = study.inputs.history
    if frame is None or frame.is_empty():
        return None
    losses = frame.filter(pl.col("val_loss").is_not_null() & pl.col("val_loss").is_finite())
    best = int(losses.sort("val_loss", "step")["step"][0]) if len(losses) else None
    picture = study.picture(
        plots.history(frame, best),
        "training",
        "Training and validation loss and the learning rate over the steps of training",
        "Loss on training and validation genes, and the learning rate. The weights with the lowest validation loss are "
        "the ones kept.",
    )
    return Section("training", "Training", [picture])


def links(study: Study) -> Section | None:
    """Element-gene scores against a perturbation screen, beside distance and activity over distance."""
    views = metrics.views(study.inputs.metrics.data if study.inputs.metrics else None, "links")
    blocks: list[Text | Table | Picture] = []
    for number, view in enumerate(views):
        methods = _by_value(view, view.methods("average_precision"), ALL_PAIRS, "average_precision")
        if methods:
            blocks += _benchmark(study, view, methods, f"-{number + 1}" if len(views) > 1 else "")
    return Section("links", "Element-gene links against the CRISPR screen", blocks) if blocks else None


def _benchmark(
    study: Study, view: metrics.View, methods: list[str], suffix: str
) -> list[Text | Table | Picture]:
    colours = style.colours(sorted(methods))
    names = [(style.sentence(method), colours[method]) for method in methods]
    pairs, positives = view.get("all", ALL_PAIRS, "prevalence"), view.value("all", ALL_PAIRS, "positives")
    prevalence = pairs.value if pairs else None
    total = pairs.n if pairs else None
    unknown = view.value("all", ALL_PAIRS, "unknown_genes")
    blocks: list[Text | Table | Picture] = [
        Text(
            f"{view.reference}, {view.cell}: {style.count(total)} tested pairs, {style.count(positives)} of them "
            f"regulated (prevalence {style.number(prevalence)}). Every pair counts: one without an element in the links "
            "table keeps the worst value of that score, so that a short reach is paid for and not hidden."
            + (f" {style.count(unknown)} pairs name a gene that this gene list lacks." if unknown else "")
        )
    ]
    curves = study.inputs.curves
    if (positives or 0) < facts.FEW_POSITIVES:
        blocks.append(
            Text(f"{style.count(positives)} regulated pairs are too few for a curve; the figures below are for the record.",
                 tone="warning")
        )  # fmt: skip
    elif curves is not None:
        rows = curves.data.filter(
            (pl.col("cell") == view.cell)
            & (pl.col("benchmark") == view.reference)
            & (pl.col("subset") == ALL_PAIRS)
        )
        drawn = {method: rows.filter(pl.col("method") == method) for method in methods}
        drawn = {method: curve for method, curve in drawn.items() if len(curve)}
        if drawn:
            legend = {
                method: f"{style.sentence(method)}  {style.number(view.value(method, ALL_PAIRS, 'average_precision'))}"
                for method in drawn
            }
            blocks.append(
                study.picture(
                    plots.precision_recall(drawn, legend, colours, prevalence),
                    f"precision-recall{suffix}",
                    f"Precision against recall of {style.join(methods)} on {view.reference}",
                    "Precision against recall on all pairs, average precision in the legend; the dotted line is what "
                    "guessing reaches.",
                )
            )
    blocks.append(
        figure_table(
            "All pairs, with 95 % intervals from a bootstrap over genes. auPRC is the trapezoid form of the field's own "
            "benchmark. P at 70 %: precision where 70 % of the regulated pairs are found. Coverage: share of pairs (and "
            "of regulated pairs) that lie within the model's reach.",
            "Score",
            names,
            [
                ("Average precision", view.column(methods, ALL_PAIRS, "average_precision"), True),
                ("auPRC", view.column(methods, ALL_PAIRS, "auprc"), True),
                ("auROC", view.column(methods, ALL_PAIRS, "auroc"), True),
                ("P at 70 %", view.column(methods, ALL_PAIRS, "precision_at_70_recall"), True),
            ],
        )
    )
    coverage = _coverage(view, methods, total, positives)
    groups = [group for group in GROUPS if group in view.subsets()]
    if coverage:
        blocks.append(coverage)
    if groups:
        blocks += _groups(study, view, methods, groups, colours, suffix)
    return blocks


def _coverage(
    view: metrics.View, methods: list[str], total: int | None, positives: float | None
) -> Table | None:
    """What of the screen each model score reaches, how many pairs were filled, and its figures on covered pairs."""
    rows = []
    for method in methods:
        pairs, hits = (view.value(method, ALL_PAIRS, name) for name in ("coverage", "coverage_positives"))
        if pairs is None or hits is None:
            continue
        covered = round(pairs * total) if total else 0
        found = round(hits * positives) if positives else 0
        figure = view.get(method, "covered pairs", "average_precision")
        rows.append(
            [
                Cell(style.sentence(method)),
                Cell(style.count(covered), style.percent(pairs), numeric=True),
                Cell(f"{style.count(found)} of {style.count(positives)}", style.percent(hits), numeric=True),
                Cell(style.count((total or 0) - covered), numeric=True),
                Cell(style.number(figure.value if figure else None), numeric=True),
            ]
        )
    columns = [
        "Score",
        "Pairs covered",
        "Regulated pairs covered",
        "Pairs filled",
        "Average precision, covered only",
    ]
    return Table("Coverage: pairs that have an element of the links table.", columns, rows) if rows else None


def _groups(
    study: Study,
    view: metrics.View,
    methods: list[str],
    groups: list[str],
    colours: Mapping[str, str],
    suffix: str,
) -> list[Text | Table | Picture]:
    floor = [view.value("all", group, "prevalence") for group in groups]
    values = {
        method: [view.value(method, group, "average_precision") for group in groups] for method in methods
    }
    positives = [view.value("all", group, "positives") for group in groups]
    sizes = [figure.n if (figure := view.get("all", group, "prevalence")) else None for group in groups]
    rows: list[list[Cell]] = [
        [Cell("Pairs / regulated"), *(Cell(f"{style.count(n)} / {style.count(p)}", numeric=True)
                                      for n, p in zip(sizes, positives, strict=True))],
        [Cell("Prevalence (chance)"), *(Cell(style.number(value), numeric=True) for value in floor)],
    ]  # fmt: skip
    best = [view.best(methods, group, "average_precision") for group in groups]
    for method in methods:
        figures = [view.get(method, group, "average_precision") for group in groups]
        rows.append(
            [
                Cell(style.sentence(method), colour=colours[method]),
                *(
                    Cell(
                        style.number(f.value if f else None),
                        style.interval(f.low, f.high) if f else "",
                        True,
                        m == method,
                    )
                    for f, m in zip(figures, best, strict=True)
                ),
            ]
        )
    chart = plots.by_group(
        groups,
        values,
        {method: style.sentence(method) for method in methods},
        colours,
        floor,
        "Average precision",
    )
    return [
        study.picture(
            chart,
            f"distance-groups{suffix}",
            "Average precision of every score by distance between element and TSS",
            "By distance from element to TSS. Fewer far pairs are regulated, so every score falls with distance: read "
            "each bar against the dashed prevalence of its group.",
        ),
        Table("Average precision by distance from element to TSS.", ["Score", *groups], rows),
    ]


def gene(study: Study) -> Section | None:
    """One gene's locus: picture, and its strongest elements as a table."""
    inputs = study.inputs
    if not inputs.links:
        return None
    cell = next(name for name in facts.cells(inputs) if name in inputs.links)
    row = locus.choose(inputs, cell, study.pairs, study.gene)
    shown = locus.gather(inputs, cell, row, study.pairs)
    names = locus.score_names(inputs.links[cell])
    labels = {
        s["name"]: s["label"] for s in inputs.links[cell].header["parameters"]["scores"] if s["name"] in names
    }
    parts = ["bars: each element's score over the gene's largest; arcs: its ten highest"]
    if len(shown.loops):
        left = f" ({style.count(shown.loops_left_out)} weaker ones not drawn)" if shown.loops_left_out else ""
        parts.insert(0, f"measured loops, dark where they touch the TSS{left}")
    if shown.tested is not None and len(shown.tested):
        hits = int(shown.tested["regulated"].sum())
        parts.append(
            f"triangles: the {len(shown.tested)} elements tested by CRISPR for this gene, filled where the gene responded ({hits})"
        )
    parts.append("cCREs: promoter-like red, proximal orange, distal blue, faint where not read for this gene")
    split = next(
        iter(inputs.predictions[cell].data.filter(pl.col("gene_id") == row["gene_id"])["split"]), None
    )
    part = {
        "train": "used in training",
        "val": "used to choose the weights",
        "test": "not seen in training",
    }.get(split or "")
    picture = study.picture(
        locus.draw(shown, labels),
        "locus",
        f"Elements, tracks, scores and loops around {row['gene_name']}",
        "From the top: "
        + "; ".join(parts)
        + ". Tracks are means over the element, on one scale for all cells.",
    )
    intro = Text(
        f"{row['gene_name']} ({row['gene_id']}), {row['chrom']}:{shown.view[0] + 1:,}-{shown.view[1]:,}, "
        f"{'plus' if row['strand'] == '+' else 'minus'} strand" + (f"; a gene {part}." if part else ".")
    )
    return Section("locus", f"One locus: {row['gene_name']}", [intro, picture, _elements(shown, labels)])


def _elements(shown: locus.Locus, labels: Mapping[str, str]) -> Table:
    """The elements that rank highest by any score, nearest first, with what the screen says of them."""
    top = {
        element
        for name in labels
        for element in shown.linked.sort(name, descending=True, nulls_last=True)["element_id"].head(5)
    }
    frame = shown.linked.filter(pl.col("element_id").is_in(list(top))).sort(pl.col("distance").abs())
    tested = shown.tested if shown.tested is not None else pl.DataFrame()
    rows = []
    for row in frame.iter_rows(named=True):
        cells = [
            Cell(row["element_id"]),
            Cell(row["class"]),
            Cell(style.base_pairs(row["distance"]), numeric=True),
        ]
        cells += [Cell(_significant(row[name]), numeric=True) for name in labels]
        if len(tested):
            touching = tested.filter((pl.col("start") < row["end"]) & (pl.col("end") > row["start"]))[
                "regulated"
            ]
            cells.append(
                Cell("not tested" if touching.is_empty() else "responds" if touching.any() else "no response")
            )
        rows.append(cells)
    columns = ["Element", "Class", "Distance", *labels.values(), *(["CRISPR"] if len(tested) else [])]
    return Table("The five highest elements by each score, nearest first.", columns, rows)


def _significant(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3g}".replace("-", "−")  # noqa: RUF001


def provenance(study: Study) -> Section:
    """Which tool made what, with which parameters, from which files."""
    inputs = study.inputs
    files = inputs.files()
    made = [
        [
            Cell(file.name),
            Cell(f"{file.header['tool']} {file.header['version']}"),
            Cell(file.header["elements"] or "–"),
            Cell(file.header["genes"] or "–"),
            Cell(_parameters(file.header["parameters"])),
        ]
        for file in files
    ]
    own = {file.name for file in files}
    sources = {
        (source["name"], source["bytes"], source["sha256"])
        for file in files for source in file.header["sources"] if source["name"] not in own
    }  # fmt: skip
    blocks: list[Text | Table | Picture] = [
        Table(
            "Artefacts this report was made from.",
            ["File", "Made by", "Element set", "Gene set", "Parameters"],
            made,
        ),
        Table(
            "Files they were made from, with SHA-256.",
            ["File", "Bytes", "SHA-256"],
            [[Cell(name), Cell(f"{size:,}", numeric=True), Cell(sha)] for name, size, sha in sorted(sources)],
        ),
    ]
    if inputs.config:
        blocks.append(
            Table("Settings of the model (config.json).", ["Setting", "Value"],
                  [[Cell(name), Cell(_value(value))] for name, value in _flat(inputs.config)])
        )  # fmt: skip
    return Section("provenance", "Where this comes from", blocks)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return found


def _parameters(parameters: Mapping[str, Any]) -> str:
    return "; ".join(f"{name} {_value(value)}" for name, value in _flat(parameters)) or "–"


def _value(value: Any) -> str:
    """A setting in few words: long lists are counted."""
    if isinstance(value, list):
        if len(value) > 8:
            return f"{len(value)} values"
        return ", ".join(
            _value(item.get("name", item) if isinstance(item, Mapping) else item) for item in value
        )
    return "none" if value is None else str(value)


def _note(view: metrics.View | None, model: str, n: int, names: tuple[str, ...]) -> str:
    lines = [f"n = {style.count(n)}"]
    for name, title in (("pearson", "r"), ("mae", "MAE")):
        figure = view.get(model, splits.TEST, name) if view and name in names else None
        if figure:
            lines.append(f"{title} = {style.number(figure.value)}")
    return "\n".join(lines)


def _by_value(view: metrics.View, methods: list[str], subset: str, metric: str) -> list[str]:
    """Methods from the highest value down; those without one stay last, in their order."""
    values = {method: view.value(method, subset, metric) for method in methods}
    return sorted(methods, key=lambda method: np.inf if (value := values[method]) is None else -value)
