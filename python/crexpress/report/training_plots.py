"""Figures of training: its course, and what settings cost."""

import matplotlib
import polars as pl
from matplotlib.figure import Figure

from crexpress.report import style
from crexpress.report.plots import WIDTH, styled


@styled
def history(frame: pl.DataFrame, best_step: int | None) -> Figure:
    """Training and validation loss, correlation on validation genes and learning rate, over the steps."""
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2, 1])
    marker = "o" if len(frame) < 60 else None
    top.plot(frame["step"], frame["train_loss"], color=style.GREY, label="Training", marker=marker, markersize=3)
    top.plot(frame["step"], frame["val_loss"], color=style.BLUE, label="Validation", marker=marker, markersize=3)
    middle.plot(frame["step"], frame["val_pearson"], color=style.BLUE, marker=marker, markersize=3)
    bottom.plot(frame["step"], frame["learning_rate"], color=style.MUTED, linewidth=1.3)
    if best_step is not None:
        for axis in (top, middle, bottom):
            name = f"Weights kept (step {best_step:,})"
            axis.axvline(best_step, color=style.VERMILLION, linewidth=1, linestyle=(0, (4, 3)), label=name)
    top.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)
    top.set_ylabel("Loss")
    middle.set_ylabel("Validation r")
    bottom.set(xlabel="Step", ylabel="Learning\nrate")
    bottom.set_ylim(bottom=0)
    bottom.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    for axis in (top, middle, bottom):
        axis.grid(axis="y")
    figure.align_ylabels()
    return figure


@styled
def costs(table: pl.DataFrame) -> Figure:
    """Points of a complexity table as bars, one panel a figure: parameters, GFLOP, seconds and memory of a step."""
    titles = {
        "parameters": "Parameters, millions",
        "gflop_per_gene": "GFLOP a gene",
        "seconds_per_step": "Seconds a step",
        "peak_memory_gb": "Peak memory of a step, GB",
    }
    figure = Figure(figsize=(WIDTH, 0.28 * len(table) + 1.0), layout="constrained")
    axes = figure.subplots(1, len(titles), sharey=True)
    for axis, (column, title) in zip(axes, titles.items(), strict=True):
        values = table[column].to_numpy() / (1e6 if column == "parameters" else 1)
        axis.barh(range(len(table)), values, color=style.BLUE, height=0.6)
        for y, value in enumerate(values):
            axis.annotate(style.significant(value), (value, y), xytext=(3, 0), textcoords="offset points", va="center",
                          fontsize=7)  # fmt: skip
        axis.set(title=title, ylim=(len(table) - 0.4, -0.6))
        axis.set_xlim(0, 1.3 * max(values.max(), 1e-9))
        axis.set_yticks(range(len(table)), table["point"].to_list())
        axis.tick_params(axis="y", length=0, labelcolor=style.INK)
        axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3))
        axis.title.set_fontsize(8)
    return figure
