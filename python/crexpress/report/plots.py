"""The report's figures. Each function draws one and returns it; `save` writes it as SVG and PNG."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from crexpress.core import files
from crexpress.report import style

WIDTH = 8.8  # inches: the report's text column
RECALL = 0.7  # at which precision is marked
PANEL = 3.6  # inches: one square panel of small multiples


@contextmanager
def _own_style() -> Iterator[None]:
    """The report's own settings, whatever matplotlibrc the machine has."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style.FIGURE_STYLE)
        yield


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw under the report's own settings."""

    def wrapped(*args: Any, **kwargs: Any) -> Figure:
        with _own_style():
            return draw(*args, **kwargs)

    wrapped.__doc__ = draw.__doc__
    return wrapped


def save(figure: Figure, folder: Path, name: str, pdf: bool = False) -> bytes:
    """Write NAME.svg and NAME.png (and NAME.pdf) into `folder`, return the SVG; a figure gives the same bytes."""
    kinds: dict[str, Any] = {"svg": {"Date": None, "Creator": "crexpress"}, "png": {"Software": "crexpress"}}
    if pdf:
        kinds["pdf"] = {"Creator": "crexpress", "Producer": "crexpress", "CreationDate": None}
    with _own_style():
        for kind, metadata in kinds.items():
            with files.replacing(folder / f"{name}.{kind}") as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata, dpi=200)
                if kind == "svg":
                    temporary.write_text(style.clips_in_order(temporary.read_text(), name))
            figure.set_layout_engine("none")  # keeps what the first drawing laid out
    return (folder / f"{name}.svg").read_bytes()


@styled
def agreement(panels: Sequence[Mapping[str, Any]], x_label: str, y_label: str, zero: bool = False) -> Figure:
    """Predicted against observed, one square panel a cell.

    A panel has `title`, `observed`, `predicted` (arrays), `note` (lines of figures) and may have `others`, points
    [n, 2] that are grey, and `calibration`, points [n, 2] on a line. With `zero`, axes cross
    at 0 and are symmetric: for changes between cells.
    """
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    size = min(PANEL, WIDTH / columns)
    figure = Figure(figsize=(size * columns, (size + 0.25) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, panel in zip(axes, panels, strict=False):
        observed, predicted = np.asarray(panel["observed"]), np.asarray(panel["predicted"])
        others = np.asarray(panel.get("others", np.zeros((0, 2))))
        both = np.concatenate([observed, predicted, others.ravel()])
        reach = float(np.abs(both).max()) if len(both) else 1.0
        low, high = (-reach, reach) if zero else (min(0.0, float(both.min(initial=0.0))), reach)
        pad = 0.04 * (high - low)
        axis.plot(*others.T, "o", color=style.GREY, alpha=0.3, markersize=2.2, markeredgewidth=0, rasterized=True)
        _points(axis, observed, predicted)
        axis.plot([low, high], [low, high], color=style.MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        of_groups = np.asarray(panel.get("calibration", np.zeros((0, 2))))
        axis.plot(*of_groups.T, "o-", color=style.VERMILLION, linewidth=1.2, markersize=3.2, zorder=3)
        if zero:
            axis.axhline(0, color=style.RULE, linewidth=0.8, zorder=0)
            axis.axvline(0, color=style.RULE, linewidth=0.8, zorder=0)
        axis.set(xlim=(low - pad, high + pad), ylim=(low - pad, high + pad), aspect="equal")
        axis.set(title=panel["title"], xlabel=x_label, ylabel=y_label)
        axis.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
        axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
        axis.text(
            0.04, 0.96, panel["note"], transform=axis.transAxes, va="top", fontsize=8, linespacing=1.4,
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure


def _points(axis: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Scatter, coloured by local density so that thousands of genes stay readable; rasterised to stay small."""
    if len(x) < 3:
        axis.plot(x, y, "o", color=style.BLUE, markersize=4)
        return
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=60)
    smooth = gaussian_filter(counts, 1.5)
    column = np.clip(np.searchsorted(x_edges, x, side="right") - 1, 0, 59)
    row = np.clip(np.searchsorted(y_edges, y, side="right") - 1, 0, 59)
    density = np.sqrt(smooth[column, row])
    order = np.argsort(density, kind="stable")
    size = float(np.clip(2500 / len(x), 4, 18))
    axis.scatter(x[order], y[order], c=density[order], cmap=_blues(), s=size, linewidths=0, rasterized=True, zorder=2)


def _blues() -> matplotlib.colors.Colormap:
    return matplotlib.colors.LinearSegmentedColormap.from_list("crexpress", ["#9ecae9", "#2c7fb8", "#08306b"])


@styled
def heat_maps(panels: Sequence[tuple[str, np.ndarray, str]], rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Maps side by side, cells by tracks: (title, values [rows, columns] with NaN where there is none, format); each
    has its own colours from its smallest to its largest value, and its values in words.
    """
    size = (WIDTH, 0.3 * len(rows) + 1.1)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False).ravel()
    for axis, (title, values, form) in zip(axes, panels, strict=True):
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        axis.imshow(values, cmap=_blues(), vmin=low, vmax=high, aspect="auto")
        for row, column in np.ndindex(*values.shape):
            value = values[row, column]
            dark = np.isfinite(value) and value > (low + high) / 2
            text = format(value, form).replace("-", style.MINUS) if np.isfinite(value) else style.DASH
            ink = "white" if dark else style.INK
            axis.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
        axis.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
        axis.set_yticks(range(len(rows)), rows)
        axis.tick_params(length=0, labelcolor=style.INK)
        axis.spines[:].set_visible(False)
        axis.set_title(title)
    return figure


@styled
def intervals(panels: Sequence[Mapping[str, Any]], x_label: str, colours: Mapping[str, str]) -> Figure:
    """Methods as dots with 95 % intervals, one panel a cell, two in a row; panels of a row share its methods.

    A panel has `title` and `rows`: [(method, label, value, low, high)], best first in no particular order.
    """
    columns = min(len(panels), 2)
    lines = [panels[at : at + columns] for at in range(0, len(panels), columns)]
    methods = [list(dict.fromkeys(row[:2] for panel in line for row in panel["rows"])) for line in lines]
    heights = [0.32 * len(of_line) + 0.85 for of_line in methods]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    axes = figure.subplots(len(lines), columns, squeeze=False, sharex=True, sharey="row", height_ratios=heights)
    for number, (axis, panel) in enumerate(zip(axes.ravel(), panels, strict=False)):
        of_line = methods[number // columns]
        for method, name, value, low, high in panel["rows"]:
            y = of_line.index((method, name))
            if low is not None and high is not None:
                axis.plot([low, high], [y, y], color=colours[method], linewidth=2.2, solid_capstyle="round")
            axis.plot(value, y, "o", color=colours[method], markersize=6, markeredgecolor="white")
            axis.annotate(
                style.number(value),
                (value, y),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
        axis.set_yticks(range(len(of_line)), [name for _, name in of_line])
        axis.set_ylim(len(of_line) - 0.5, -0.7)
        axis.grid(axis="x")
        axis.tick_params(axis="y", length=0, labelcolor=style.INK)
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="x", labelbottom=True)
        axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(6))
        axis.set_title(panel["title"])
        if number // columns == len(lines) - 1:
            axis.set_xlabel(x_label)
    for axis in axes.ravel()[len(panels) :]:
        axis.set_visible(False)
    return figure


@styled
def spreads(panels: Sequence[tuple[str, Mapping[str, Any], Mapping[str, float]]], x_label: str) -> Figure:
    """Points of a sweep, one panel a cell, two in a row: seeds, their mean, and what their mean prediction reaches.

    A panel is (title, {point: `compare.Spread` or None}, {yardstick: value}); yardsticks are dashed lines.
    """
    columns = min(len(panels), 2)
    lines = -(-len(panels) // columns)
    names = list(dict.fromkeys(point for _, spreads, _ in panels for point in spreads))
    height = 0.26 * len(names) + 0.95
    figure = Figure(figsize=(WIDTH, height * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axis, (title, of_points, sticks) in zip(axes, panels, strict=False):
        for name, found in of_points.items():
            if found is None:
                continue
            y, mean = names.index(name), float(np.mean(found.seeds))
            if found.low is not None and found.high is not None:
                axis.plot([found.low, found.high], [y, y], color=style.RULE, linewidth=2.2, solid_capstyle="round")
            if len(found.seeds) > 1:
                axis.plot(found.seeds, [y] * len(found.seeds), "o", color=style.SKY, markersize=3.5)
            axis.plot(mean, y, "o", color=style.BLUE, markersize=6, markeredgecolor="white")
            if found.together is not None:
                axis.plot(found.together, y, "D", color=style.VERMILLION, markersize=5, markeredgecolor="white")
        for number, (stick, value) in enumerate(sticks.items()):
            axis.axvline(value, color=style.MUTED, linewidth=1, linestyle=(0, (4, 3 + 3 * number)), label=stick)
        if sticks:
            axis.legend(loc="lower left", fontsize=6.5, borderaxespad=0.2)
        axis.set(title=title, xlabel=x_label)
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.4, -0.6)
        axis.grid(axis="x")
        axis.tick_params(axis="y", length=0, labelcolor=style.INK)
        axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure


@styled
def precision_recall(
    curves: Mapping[str, pl.DataFrame],
    legend: Mapping[str, str],
    colours: Mapping[str, str],
    ours: Sequence[str],
    prevalence: float | None,
) -> Figure:
    """Precision against recall of every score (tables with `recall`, `precision` and maybe a band, `low` to `high`).

    Scores of the model (`ours`) are thick and drawn last, what they are measured against is thin and dashed.
    """
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    axis = figure.subplots()
    for method, curve in curves.items():
        own = method in ours
        axis.plot(
            curve["recall"], curve["precision"], color=colours[method], label=legend[method],
            linewidth=2.2 if own else 1.5, linestyle="-" if own else (0, (5, 1.5)), zorder=3 if own else 2,
        )  # fmt: skip
        if {"low", "high"} <= set(curve.columns) and curve["low"].count():
            axis.fill_between(
                curve["recall"], curve["low"], curve["high"], color=colours[method], alpha=0.13, linewidth=0
            )
        there = curve.filter(pl.col("recall") >= RECALL)
        if len(there):
            axis.plot(RECALL, there["precision"][0], "o", color=colours[method], markersize=6, markeredgecolor="white",
                      zorder=4)  # fmt: skip
    axis.axvline(RECALL, color=style.RULE, linewidth=1, zorder=1)
    if prevalence is not None:
        axis.axhline(prevalence, color=style.MUTED, linewidth=1, linestyle=(0, (1, 2)))
        axis.annotate(
            f"prevalence {style.number(prevalence)}", (0, prevalence), xytext=(4, 3), textcoords="offset points",
            fontsize=7.5, color=style.MUTED,
        )  # fmt: skip
    axis.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="Recall", ylabel="Precision")
    axis.grid()
    figure.legend(loc="outside right upper", title="Average precision", alignment="left", title_fontsize=8.5)
    return figure


@styled
def by_group(
    groups: Sequence[str],
    values: Mapping[str, Sequence[tuple[Any, ...] | None]],
    legend: Mapping[str, str],
    colours: Mapping[str, str],
    floor: Sequence[float | None],
    y_label: str,
) -> Figure:
    """One value of every score by distance group, side by side, over each group's prevalence as a dashed step.

    A value is (value, low, high, ...); None where there is none.
    """
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / max(1, len(values))
    for index, (method, series) in enumerate(values.items()):
        x = np.arange(len(groups)) - 0.4 + width * (index + 0.5)
        heights, low, high = np.array([value[:3] if value else (np.nan,) * 3 for value in series], dtype=float).T
        axis.bar(x, heights, width * 0.88, color=colours[method], label=legend[method])
        axis.vlines(x, low, high, color=style.INK, linewidth=1)
    for index, value in enumerate(floor):
        if value is not None:
            axis.plot(
                [index - 0.44, index + 0.44], [value, value], color=style.INK, linewidth=1.2,
                linestyle=(0, (2, 1.5)), label="Prevalence (chance)" if index == 0 else None,
            )  # fmt: skip
    axis.set_xticks(range(len(groups)), groups)
    axis.tick_params(axis="x", length=0, labelcolor=style.INK)
    axis.set(ylabel=y_label, ylim=(0, 1))
    axis.grid(axis="y")
    figure.legend(loc="outside right upper")
    return figure
