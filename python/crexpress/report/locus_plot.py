"""The picture of one gene's locus: loops, scores, screen, elements, tracks and genes over one stretch."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from crexpress.prepare.elements import TSS
from crexpress.report import style
from crexpress.report.cell_facts import PROMOTER
from crexpress.report.known_elements import SIMPLE
from crexpress.report.locus import STRONGEST, Locus
from crexpress.report.plots import WIDTH, styled

CLASS_COLOURS = {"PLS": "#8e2a7e", "pELS": style.ORANGE}  # the others grey


@styled
def draw(locus: Locus, scores: Mapping[str, str]) -> Figure:
    """The picture, from the top: loops, a panel a score ({column: label}), known elements, screen, cCREs, tracks,
    genes.
    """
    tracks = list(dict.fromkeys(track for _, track in locus.tracks))
    cells = sorted({cell for cell, _ in locus.tracks}, key=lambda cell: (cell != locus.cell, cell))
    lanes = _lanes(locus)
    heights: dict[tuple[str, ...], float] = {}
    if len(locus.loops):
        heights["loops",] = 0.7
    heights |= {("score", name): 0.8 for name in scores}
    if locus.beside.simple is not None:
        heights["simple",] = 0.8
    heights |= {("known", name): 0.22 for name in locus.beside.known}
    if locus.tested is not None and len(locus.tested):
        heights["screen",] = 0.32
    heights["elements",] = 0.26
    heights |= {("track", cell, track): 0.26 for track in tracks for cell in cells if (cell, track) in locus.tracks}
    heights["genes",] = 0.25 * (max(lanes, default=0) + 1) + 0.1

    figure = Figure(figsize=(WIDTH, sum(heights.values()) + 0.8), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, hspace=0.03)  # type: ignore[union-attr, call-arg]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=list(heights.values()), squeeze=False).ravel()
    for axis, (kind, *names) in zip(axes, heights, strict=True):
        axis.axvline(locus.gene["tss"], color=style.MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
        axis.spines[["left", "bottom"]].set_visible(False)
        axis.tick_params(left=False, labelleft=False, bottom=False, labelbottom=False)
        if kind == "loops":
            _draw_loops(axis, locus)
        elif kind == "score":
            _draw_score(axis, locus, locus.linked, names[0], scores[names[0]])
        elif kind == "simple":
            assert locus.beside.simple is not None
            _draw_score(axis, locus, locus.beside.simple, SIMPLE, SIMPLE)
        elif kind == "known":
            _draw_known(axis, locus, names[0])
        elif kind == "screen":
            _draw_screen(axis, locus)
        elif kind == "elements":
            _draw_elements(axis, locus)
        elif kind == "track":
            top = max(locus.tracks[cell, names[1]].max(initial=0) for cell in cells if (cell, names[1]) in locus.tracks)
            _draw_track(axis, locus, names[0], names[1], float(top))
        else:
            _draw_genes(axis, locus, lanes)
    axes[-1].set_xlim(*locus.view)
    axes[-1].spines["bottom"].set_visible(True)
    axes[-1].tick_params(bottom=True, labelbottom=True)
    decimals = 2 if locus.view[1] - locus.view[0] > 60_000 else 3
    axes[-1].xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes[-1].xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: f"{x / 1e6:.{decimals}f}"))
    axes[-1].set_xlabel(f"{locus.gene['chrom']} (Mb)")
    return figure


def _name(axis: Axes, text: str) -> None:
    axis.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=8)


def _add_arcs(
    axis: Axes, feet: np.ndarray, heights: np.ndarray, colours: list[str], widths: list[float], alphas: list[float]
) -> None:
    """Arcs between `feet` [n, 2], each peaking at its height: cubic curves with vertical ends."""
    if not len(feet):  # matplotlib takes no empty list of alphas
        return
    t = np.linspace(0, 1, 33)
    x = feet[:, :1] + (feet[:, 1:] - feet[:, :1]) * (3 * t**2 - 2 * t**3)
    y = heights[:, None] * 4 * t * (1 - t)
    lines = LineCollection(list(np.stack([x, y], axis=2)), colors=colours, linewidths=widths)
    lines.set_alpha(alphas)
    axis.add_collection(lines)


def _draw_loops(axis: Axes, locus: Locus) -> None:
    """Measured loops; those at the promoter dark and on top."""
    tss = locus.gene["tss"]
    on_tss = ((locus.loops[:, ::2] <= tss) & (tss < locus.loops[:, 1::2])).any(axis=1)
    loops, dark = (values[np.argsort(on_tss, kind="stable")] for values in (locus.loops, on_tss))
    feet = np.stack([loops[:, :2].mean(axis=1), loops[:, 2:].mean(axis=1)], axis=1)
    span = np.diff(feet, axis=1).ravel()
    colours, widths = list(np.where(dark, style.BLACK, style.GREY)), list(np.where(dark, 1.1, 0.7))
    alphas = np.where(dark, 0.9, 0.5)
    _add_arcs(axis, feet, np.sqrt(span / span.max()), colours, widths, list(alphas))
    anchors = [[(start, 0), (end, 0)] for start, end in loops.reshape(-1, 2)]
    axis.add_collection(LineCollection(anchors, colors=list(np.repeat(colours, 2)), linewidths=2))
    axis.set_ylim(-0.05, 1.08)
    _name(axis, f"Loops, {locus.cell}")


def _scale(axis: Axes, text: str, height: float) -> None:
    """What this height of a lane stands for, at its right end."""
    axis.text(1, height, text, transform=axis.get_yaxis_transform(), fontsize=6.5, ha="right", va="top", zorder=4)


def _shade_unscored(axis: Axes, locus: Locus, linked: pl.DataFrame) -> None:
    """Grey ground where none of the elements has the score."""
    first, last = (linked["start"].min(), linked["end"].max()) if len(linked) else (locus.view[1], locus.view[1])
    for low, high in ((locus.view[0], first), (last, locus.view[1])):
        if low < high:  # type: ignore[operator]
            axis.axvspan(low, high, color=style.RULE, alpha=0.6, linewidth=0, zorder=-1)  # type: ignore[arg-type]


def _draw_score(axis: Axes, locus: Locus, linked: pl.DataFrame, name: str, label: str) -> None:
    """Bars: the score of every linked element over the gene's largest beyond its promoter; arcs: the strongest.

    Crosses: elements without any signal in the cell, whatever the score makes of them.
    Ground in grey: beyond the farthest elements that have the score; a place without a bar there is not 0.
    An element on the promoter often outweighs all others: its bar is cut off at the top and pale.
    """
    colour = style.COLOURS.get(name, style.SPARE[0])
    linked = linked.filter(pl.col(name).is_not_null() & pl.col(name).is_finite())
    quiet = linked["silent"].to_numpy()
    middle = ((linked["start"] + linked["end"]) / 2).to_numpy()
    values = np.clip(linked[name].to_numpy().astype(float), 0, None)
    far = linked["distance"].abs().to_numpy() >= PROMOTER
    top = values[far & ~quiet].max(initial=0) or values[far].max(initial=0)
    scaled = np.minimum(values / top, 1.08) if top > 0 else np.zeros(len(values))
    axis.vlines(middle[far & ~quiet], 0, scaled[far & ~quiet], color=colour, linewidth=1.6)
    axis.plot(middle[far & quiet], scaled[far & quiet], "x", color=style.GREY, markersize=3, markeredgewidth=0.7)
    axis.vlines(middle[~far], 0, scaled[~far], color=colour, linewidth=1.6, alpha=0.3)
    order = np.argsort(np.where(far & ~quiet, -scaled, 0), kind="stable")[:STRONGEST]
    best = order[far[order] & (scaled[order] > 0) & ~quiet[order]]
    feet = np.stack([middle[best], np.full(len(best), locus.gene["tss"])], axis=1)
    _add_arcs(axis, feet, scaled[best], [colour] * len(best), [0.9] * len(best), list(0.25 + 0.6 * scaled[best]))
    axis.axhline(0, color=style.RULE, linewidth=0.8)
    _shade_unscored(axis, locus, linked)
    if top > 0:
        _scale(axis, style.significant(float(top)), 1)
    axis.set_ylim(-0.07, 1.17)  # so that crosses at either edge are whole
    _name(axis, f"{label},\n{locus.cell}")


def _draw_screen(axis: Axes, locus: Locus) -> None:
    """Tested elements: filled and above where the gene responded, open below where it did not."""
    assert locus.tested is not None
    for hit, face, height, size in ((False, "white", 0.3, 4.5), (True, style.INK, 0.7, 6)):
        rows = locus.tested.filter(pl.col("regulated") == hit)
        axis.plot(
            (rows["start"] + rows["end"]) / 2, [height] * len(rows), "v", markersize=size, markerfacecolor=face,
            markeredgecolor=style.INK if hit else style.MUTED, markeredgewidth=0.8,
        )  # fmt: skip
    axis.set_ylim(0, 1)
    _name(axis, "CRISPR screen")


def _draw_known(axis: Axes, locus: Locus, name: str) -> None:
    """The elements of a list that the user gave, at least 0.3 % of the view wide."""
    least = (locus.view[1] - locus.view[0]) * 0.003
    for start, end in locus.beside.known[name].select("start", "end").iter_rows():
        width = max(end - start, least)
        place = ((start + end - width) / 2, 0.1)
        axis.add_patch(Rectangle(place, width, 0.8, facecolor=style.VERMILLION, linewidth=0))
    axis.set_ylim(0, 1)
    _name(axis, name)


def _draw_elements(axis: Axes, locus: Locus) -> None:
    """cCREs by class, at least 0.15 % of the view wide; faint where the network has not read them for the gene."""
    least = (locus.view[1] - locus.view[0]) * 0.0015
    read = set(locus.linked.filter("read")["element_id"])
    for row in locus.elements.filter(pl.col("class") != TSS).iter_rows(named=True):
        width = max(row["ccre_end"] - row["ccre_start"], least)
        left = (row["ccre_start"] + row["ccre_end"] - width) / 2
        colour = CLASS_COLOURS.get(row["class"], style.GREY)
        alpha = 1.0 if row["element_id"] in read else 0.3
        axis.add_patch(Rectangle((left, 0.1), width, 0.8, facecolor=colour, linewidth=0, alpha=alpha))
    axis.set_ylim(0, 1)
    _name(axis, "cCREs")


def _draw_track(axis: Axes, locus: Locus, cell: str, track: str, top: float) -> None:
    """Mean of the track in every element, on one scale for all cells."""
    middle = ((locus.elements["ccre_start"] + locus.elements["ccre_end"]) / 2).to_numpy()
    colour = style.INK if cell == locus.cell else "#7a8699"
    axis.vlines(middle, 0, locus.tracks[cell, track], color=colour, linewidth=1.3)
    axis.axhline(0, color=style.RULE, linewidth=0.8)
    _scale(axis, f"{top:.3g}", top)
    axis.set_ylim(0, max(top, 1e-6) * 1.05)
    _name(axis, f"{style.track(track)}, {cell}")


def _letter(locus: Locus) -> float:
    """Width of a letter of a gene's name, bp."""
    return (locus.view[1] - locus.view[0]) * 0.011


def _lanes(locus: Locus) -> list[int]:
    """A lane for every gene in view, so that names do not touch: the first lane whose last gene has ended."""
    letter = _letter(locus)
    ends: list[float] = []
    lanes = []
    for row in locus.genes.sort("start").iter_rows(named=True):
        left = max(row["start"], locus.view[0])
        right = max(min(row["end"], locus.view[1]), left + letter * len(row["gene_name"] or row["gene_id"]))
        lane = next((index for index, end in enumerate(ends) if end < left), len(ends))
        ends[lane : lane + 1] = [right + letter]
        lanes.append(lane)
    return lanes


def _draw_genes(axis: Axes, locus: Locus, lanes: list[int]) -> None:
    """Gene bodies with an arrow at the TSS; the gene of the picture in dark and bold."""
    for lane, row in zip(lanes, locus.genes.sort("start").iter_rows(named=True), strict=True):
        own = row["gene_id"] == locus.gene["gene_id"]
        colour = style.INK if own else "#7a8699"
        left, right = max(row["start"], locus.view[0]), min(row["end"], locus.view[1])
        axis.add_patch(Rectangle((left, -lane - 0.34), max(right - left, 1), 0.14, facecolor=colour, linewidth=0))
        if locus.view[0] <= row["tss"] <= locus.view[1]:
            marker = ">" if row["strand"] == "+" else "<"
            axis.plot(row["tss"], -lane - 0.27, marker, color=colour, markersize=5.5, markeredgewidth=0)
        name = row["gene_name"] or row["gene_id"]
        at = min(left, locus.view[1] - _letter(locus) * len(name))
        axis.text(
            at, -lane - 0.12, name, fontsize=7, va="bottom", color=colour,
            clip_on=True, fontweight="bold" if own else "normal", fontstyle="italic",
        )  # fmt: skip
    axis.set_ylim(-max(lanes, default=0) - 0.6, 0.4)
    _name(axis, "Genes")
