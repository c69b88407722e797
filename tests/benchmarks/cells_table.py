"""The table of docs/results-tables.md about cells never seen, from a leave-one-cell-out run (make table-cells)."""

import argparse
from pathlib import Path

import polars as pl
from marked_page import put

from crexpress.core import artifacts

MARKS = "<!-- cells: made by make table-cells -->", "<!-- end of cells -->"
KNOWN = "mean over training cells"
METHODS = (KNOWN, "nearest cell", "ridge promoter", "boosted trees promoter + 20 elements", "boosted trees change")
SUBSETS = (("test", "changed genes", "unseen"), ("train", "changed genes (train)", "seen"))


def table(figures: pl.DataFrame) -> list[str]:
    """Markdown rows: a cell that was left out, a kind of genes and a method each, with Pearson, Spearman, MAE and r of
    the change of the genes that differ. `figures` are the rows of sweep.parquet; of several seeds the mean is shown.
    """
    new = figures.filter(pl.col("cell") == pl.col("point"), ~pl.col("cell_seen"))
    if new["mean_of"].is_not_null().any():
        new = new.filter(~pl.col("model") | pl.col("mean_of").is_not_null())
    lines = [
        "| left out | genes | method | r | Spearman | MAE | genes that differ: r of change |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in new["cell"].unique(maintain_order=True):
        models = new.filter(pl.col("model"), pl.col("cell") == cell)["method"].unique(maintain_order=True)
        for subset, differing, name in SUBSETS:
            for method in (*METHODS, *models):
                row = new.filter(cell=cell, method=method)
                level = [_value(row, metric, subset) for metric in ("pearson", "spearman", "mae")]
                change = _value(row.filter(reference=KNOWN), "pearson_change", differing)
                if level != ["-"] * 3:
                    lines.append(f"| {' | '.join([cell, name, method, *level, change])} |")
    return lines


def _value(rows: pl.DataFrame, metric: str, subset: str) -> str:
    """The figure as ".831", a dash where there is none."""
    found = rows.filter(metric=metric, subset=subset)["value"]
    return f"{found.item():.3f}".replace("0.", ".", 1) if len(found) else "-"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path, help="sweep.parquet of the run")
    parser.add_argument("page", type=Path, help="page that holds the marks")
    given = parser.parse_args()
    put(given.page, "\n".join(table(artifacts.read_table(given.sweep, "comparison")[0])), MARKS)
