"""The headline figures as MultiQC custom content: a table, and a plot of precision against recall."""

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crexpress.core import files, splits
from crexpress.evaluate.links import ALL_PAIRS, FEW_POSITIVES
from crexpress.report import card, style
from crexpress.report.accuracy import CHANGED
from crexpress.report.linkage import reached
from crexpress.report.study import Study

PARENT = {
    "parent_id": "crexpress",
    "parent_name": "crexpress",
    "parent_description": "Gene expression and element-gene links predicted from candidate cis-regulatory elements.",
}
POINTS = 200  # a curve of ten thousand thresholds would fill the MultiQC page


def table(study: Study) -> dict[str, Any] | None:
    """Custom content of type table: one row a cell and method on test genes, one a link score and benchmark.

    None without metrics: MultiQC takes an empty table for a fault.
    """
    rows: dict[str, dict[str, float]] = {}
    for view in study.views("expression"):
        for method in view.methods("mae"):
            names = {"pearson": "pearson_r", "mae": "mae"}
            values = {key: view.value(method, splits.TEST, name) for name, key in names.items()}
            rows[f"{view.cell} | {method}"] = {key: value for key, value in values.items() if value is not None}
    for view in study.views("change"):
        for method in view.methods("pearson_change"):
            value = view.value(method, CHANGED, "pearson_change")
            if value is not None and f"{view.cell} | {method}" in rows:
                rows[f"{view.cell} | {method}"].setdefault("r_of_change", value)
    for view in study.views("links"):
        for method in view.methods("average_precision"):
            names = {
                "average_precision": "average_precision",
                "auroc": "auroc",
                "coverage_positives": "coverage",
            }
            values = {key: view.value(method, ALL_PAIRS, name) for name, key in names.items()}
            found = {key: value for key, value in values.items() if value is not None}
            if found:
                rows[_sample(f"{view.cell} | {view.reference} | {method}")] = found
    if not rows:
        return None
    number = {"format": "{:,.3f}", "min": 0, "max": 1}
    return {
        "id": "crexpress_metrics",
        **PARENT,
        "section_name": "Headline figures",
        "description": "Test genes and tested pairs only. MAE in the unit of the target, log10(1 + x).",
        "plot_type": "table",
        "pconfig": {"id": "crexpress_metrics_table", "title": "crexpress: headline figures"},
        "headers": {
            "pearson_r": {"title": "r", "description": "Pearson correlation, test genes", "scale": "Blues", **number},
            "mae": {"title": "MAE", "description": "Mean absolute error, test genes", "scale": "Oranges-rev",
                    "format": "{:,.3f}", "min": 0},
            "r_of_change": {"title": "r of change", "description": "Predicted and observed change, genes that differ",
                            "scale": "Blues", **number},
            "average_precision": {"title": "Average precision", "description": "CRISPR screen, all pairs",
                                  "scale": "Greens", **number},
            "auroc": {"title": "auROC", "description": "CRISPR screen, all pairs", "scale": "Greens", **number},
            "coverage": {"title": "Regulated pairs covered", "description": "Share within the reach of the links table",
                         "scale": "Greys", **number},
        },
        "data": rows,
    }  # fmt: skip


def predicted(study: Study) -> dict[str, Any]:
    """Custom content of type table for a run that measured nothing: what was predicted in each cell, and what the
    models reached where they were trained.
    """
    rows: dict[str, dict[str, float]] = {
        cell: {
            "genes_predicted": len(file.data["predicted"].drop_nulls()),
            "tracks_read": len(file.header["parameters"].get("tracks", [])),
        }
        for cell, file in study.inputs.predictions.items()
    }
    number, where = {"format": "{:,.3f}"}, "Where the model was trained, test genes"
    return {
        "id": "crexpress_predicted",
        **PARENT,
        "section_name": "Predicted cells",
        "description": "No expression was given, so nothing was measured here; figures are of the models' own folders.",
        "plot_type": "table",
        "pconfig": {"id": "crexpress_predicted_table", "title": "crexpress: predicted cells"},
        "headers": {
            "genes_predicted": {"title": "Genes predicted", "format": "{:,.0f}", "scale": "Greys"},
            "tracks_read": {"title": "Tracks read", "format": "{:,.0f}", "scale": "Greys"},
            "pearson_r": {"title": "r", "description": where, "scale": "Blues", **number},
            "mae": {"title": "MAE", "description": where, "scale": "Oranges-rev", **number},
            "auroc": {"title": "auROC", "description": where, "scale": "Blues", **number},
        },
        "data": rows | card.multiqc_rows(study),
    }


def curves(study: Study) -> dict[str, Any] | None:
    """Custom content of type linegraph: precision against recall of every score on the first benchmark."""
    views = study.views("links")
    if study.inputs.curves is None or not views:
        return None
    view = views[0]
    rows = study.inputs.curves.data.filter(
        (pl.col("cell") == view.cell) & (pl.col("benchmark") == view.reference) & (pl.col("subset") == ALL_PAIRS)
    )
    methods = sorted(name for name in rows["method"].unique() if name in view.about)
    if not methods or reached(view) < FEW_POSITIVES:
        return None
    colours = style.colours({name: view.about[name] for name in methods})
    data = {}
    for method in methods:
        curve = rows.filter(pl.col("method") == method)
        kept = np.unique(np.linspace(0, len(curve) - 1, POINTS).astype(int))
        data[_sample(method)] = {
            f"{recall:.5f}": round(precision, 5) for recall, precision in curve[kept]["recall", "precision"].iter_rows()
        }
    return {
        "id": "crexpress_precision_recall",
        **PARENT,
        "section_name": "Element-gene links",
        "description": f"Precision against recall on {view.reference}, all pairs, misses filled with the worst value.",
        "plot_type": "linegraph",
        "pconfig": {
            "id": "crexpress_precision_recall_plot",
            "title": "crexpress: precision against recall",
            "xlab": "Recall",
            "ylab": "Precision",
            "xmin": 0,
            "xmax": 1,
            "ymin": 0,
            "ymax": 1,
            "colors": {_sample(method): colour for method, colour in colours.items()},
        },
        "data": data,
    }


def _sample(name: str) -> str:
    """A name that MultiQC keeps: it takes what stands before a slash for a folder and drops it."""
    return name.replace(" / ", " over ").replace("/", " over ")


def _escaped(content: Any) -> Any:
    """All texts as text of a page: MultiQC takes names for markup as they are."""
    if isinstance(content, dict):
        return {_escaped(name): _escaped(value) for name, value in content.items()}
    return html.escape(content, quote=False) if isinstance(content, str) else content


def write(study: Study, folder: Path) -> None:
    """Write crexpress_mqc.json and, given curves, crexpress_curves_mqc.json: MultiQC reads one part a file."""
    for name, content in (("crexpress", table(study) or predicted(study)), ("crexpress_curves", curves(study))):
        if content is not None:
            with files.replacing(folder / f"{name}_mqc.json") as temporary:
                temporary.write_text(json.dumps(_escaped(content), indent=1) + "\n", encoding="utf-8")
