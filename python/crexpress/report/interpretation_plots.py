"""Figures of what is read out of a model: classes of active elements, tracks around genes by category, clusters."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crexpress.report import style
from crexpress.report.plots import WIDTH, styled

_NUMBERED = 0.02  # of all points: a cluster of so many has its number, which would hide a smaller one
_FEWEST = 5  # genes of a category that is drawn; the tables have all
CATEGORIES = {
    "TP": (style.BLUE, "high, predicted high (TP)"),
    "FP": (style.VERMILLION, "low, predicted high (FP)"),
    "TN": (style.GREY, "low, predicted low (TN)"),
    "FN": (style.ORANGE, "high, predicted low (FN)"),
}


@styled
def class_shares(table: pl.DataFrame) -> Figure:
    """Share of each class among active elements and among all in reach, and the odds ratio between them."""
    figure = Figure(figsize=(WIDTH, 1.4 + 0.32 * len(table)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    y = np.arange(len(table))[::-1]
    left.barh(y + 0.2, 100 * table["share_of_active"], 0.36, color=style.BLUE, label="active elements")
    left.barh(y - 0.2, 100 * table["share_in_reach"], 0.36, color=style.GREY, label="all in reach")
    left.set_yticks(y, table["class"].to_list())
    left.set(xlabel="share of elements, %")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=2)  # beside bars it hides some
    right.set(xlabel="odds ratio (95 % interval)")
    if table["odds_ratio"].is_null().all():  # all links are active, or none
        right.text(0.5, 0.5, "not defined", transform=right.transAxes, ha="center", color=style.MUTED)
        right.set_xticks([])
        return figure
    ratio, low, high = (table[name].to_numpy().astype(float) for name in ("odds_ratio", "low", "high"))
    right.axvline(1, color=style.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    right.hlines(y, low, high, color=style.BLUE, linewidth=1.6)
    right.plot(ratio, y, "o", color=style.BLUE, markersize=4.5)
    right.set(xscale="log")
    least, most = right.get_xlim()
    _plain(right, (1, 2, 5) if most < 200 * least else (1,))  # more would run into each other
    return figure


def shown(counts: dict[str, int]) -> bool:
    """Whether some category has so many genes that a figure of it says something."""
    return max(counts.values()) >= _FEWEST


@styled
def around_genes(table: pl.DataFrame, counts: dict[str, int]) -> Figure:
    """Mean signal of each track by distance from the TSS, a line with its interval for each category."""
    tracks = table["track"].unique(maintain_order=True).to_list()
    columns = min(2, len(tracks))
    rows = -(-len(tracks) // columns)
    figure = Figure(figsize=(WIDTH, 2.6 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    for axis in axes[len(tracks) :]:
        axis.set_visible(False)
    for axis, track in zip(axes, tracks, strict=False):
        for name, (colour, title) in CATEGORIES.items():
            part = table.filter((pl.col("track") == track) & (pl.col("category") == name))
            if len(part) and counts.get(name, 0) >= _FEWEST:
                middle = (part["from"] + part["to"]).to_numpy() / 2000
                _band(axis, middle, part, "mean", colour, f"{title}, {counts.get(name, 0):,} genes")
        axis.set(title=style.track(track), ylabel="mean signal")
        axis.set_ylim(bottom=0)
    for axis in axes[max(0, len(tracks) - columns) : len(tracks)]:
        axis.set_xlabel("kb from the TSS, along the gene")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@styled
def decay(table: pl.DataFrame, counts: dict[str, int]) -> Figure:
    """Mean size of the perturbation effect by distance, a line with its interval for each category."""
    figure = Figure(figsize=(WIDTH * 0.7, 3.4), layout="constrained")
    axis = figure.subplots()
    for name, (colour, title) in CATEGORIES.items():
        part = table.filter((pl.col("category") == name) & (pl.col("mean_effect") > 0))
        if len(part) and counts.get(name, 0) >= _FEWEST:
            middle = np.sqrt(part["from"].clip(500).to_numpy() * part["to"].to_numpy().astype(float)) / 1000
            _band(axis, middle, part, "mean_effect", colour, title)
    axis.set(xscale="log", yscale="log", xlabel="kb from the TSS", ylabel="mean size of the effect")
    _plain(axis)
    axis.legend()
    return figure


def _plain(axis: Axes, places: Sequence[int] = (1, 2, 5)) -> None:
    """Numbers of a logarithmic axis as people write them, at these places of each decade."""
    axis.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=places))
    axis.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def _band(axis: Axes, x: np.ndarray, part: pl.DataFrame, value: str, colour: str, label: str) -> None:
    values, low, high = (part[name].to_numpy().astype(float) for name in (value, "low", "high"))
    axis.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    axis.plot(x, values, color=colour, label=label)


@styled
def clusters(places: np.ndarray, groupings: Sequence[tuple[str, Sequence[str]]]) -> Figure:
    """UMAP places [n, 2], one panel a grouping: its title and the group of each point."""
    figure = Figure(figsize=(WIDTH, WIDTH / max(2, len(groupings)) + 0.4), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(groupings)))
    palette = [*style.COLOURS.values(), *style.SPARE]
    palette = list(dict.fromkeys([style.BLUE, style.ORANGE, style.GREEN, style.VERMILLION, style.PURPLE, *palette]))
    for axis, (title, groups) in zip(axes, groupings, strict=True):
        names = sorted(set(groups), key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
        for number, name in enumerate(names):
            own = places[np.array([group == name for group in groups])]
            colour = palette[number % len(palette)]
            size = max(0.4, min(8.0, 6_000 / len(places)))
            axis.scatter(*own.T, s=size, color=colour, linewidths=0, rasterized=True, label=name)
            if name.isdigit() and len(own) >= _NUMBERED * len(places):
                axis.text(
                    *np.median(own, axis=0), name, fontsize=7.5, ha="center", va="center",
                    bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1},
                )  # fmt: skip
        if not names[0].isdigit():
            axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=4, markerscale=16 / (2 + size))
        axis.set(title=title, xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    return figure
