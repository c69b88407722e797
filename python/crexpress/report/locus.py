"""One gene's locus: which gene to show, what lies around it, and its picture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import polars as pl
from crexpress.errors import InputError
from crexpress.evaluate import crispr
from crexpress.report import style
from crexpress.report.inputs import Inputs, Loaded
from crexpress.report.plots import WIDTH, styled
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

STRONGEST = 10  # elements a score that get an arc
LOOPS = 150  # loops drawn at most, strongest first
CLASS_COLOURS = {"PLS": style.VERMILLION, "pELS": style.ORANGE, "dELS": style.BLUE}


@dataclass(frozen=True)
class Locus:
    """What one picture shows: `view` is 0-based half-open; `tracks` maps (cell, track) to a value per element."""

    cell: str
    gene: Mapping[str, object]
    view: tuple[int, int]
    linked: pl.DataFrame
    elements: pl.DataFrame
    tracks: Mapping[tuple[str, str], np.ndarray]
    loops: np.ndarray
    loops_left_out: int
    tested: pl.DataFrame | None
    genes: pl.DataFrame


def score_names(links: Loaded[pl.DataFrame]) -> list[str]:
    """The model's own scores in a links table; distance and what is made of it are not pictured."""
    names = [score["name"] for score in links.header["parameters"]["scores"]]
    return [name for name in names if name in links.data.columns and "distance" not in name]


def choose(
    inputs: Inputs, cell: str, pairs: pl.DataFrame | None, symbol: str | None = None
) -> Mapping[str, object]:
    """The gene to show: `symbol`, else the one with most CRISPR-confirmed elements among its links, unseen genes
    first, else the unseen gene with the highest prediction. InputError for a symbol without links.
    """
    links, genes = inputs.links[cell].data, inputs.genes.data
    candidates = genes.join(links.select("gene_id").unique(), on="gene_id", how="semi", maintain_order="left")
    if symbol is not None:
        found = candidates.filter((pl.col("gene_name") == symbol) | (pl.col("gene_id") == symbol))
        if found.is_empty():
            raise InputError(
                f"--gene {symbol}: {inputs.links[cell].name} holds no link of a gene of that name"
            )
        return found.row(0, named=True)
    predictions = inputs.predictions[cell].data.select("gene_id", "split", "predicted")
    ranked = candidates.join(predictions, on="gene_id", how="left", maintain_order="left")
    if pairs is not None:
        hits = overlapping(links, pairs).group_by("gene_id").agg(
            pl.col("regulated").sum().alias("positives"), pl.len().alias("pairs")
        )  # fmt: skip
        ranked = ranked.join(hits, on="gene_id", how="left", maintain_order="left")
    else:
        ranked = ranked.with_columns(positives=pl.lit(0), pairs=pl.lit(0))
    order = ranked.with_columns(
        unseen=pl.col("split") == "test", positives=pl.col("positives").fill_null(0), pairs=pl.col("pairs").fill_null(0)
    ).sort(
        [(pl.col("positives") > 0), "unseen", "positives", "pairs", "predicted"],
        descending=True, nulls_last=True, maintain_order=True,
    )  # fmt: skip
    return order.row(0, named=True)


def screen(paths: Iterable[Path], genes: pl.DataFrame) -> pl.DataFrame:
    """Tested pairs of known genes in several screens: `gene_id`, `chrom`, `start`, `end`, `regulated`, `cell`."""
    tables = []
    for path in paths:
        pairs = crispr.pairs(crispr.read(path), genes)
        cell = pl.col("CellType") if "CellType" in pairs.columns else pl.lit(None, pl.String)
        tables.append(
            pairs.filter(pl.col("gene_id").is_not_null()).select(
                "gene_id", "chrom", pl.col("chromStart").cast(pl.Int64).alias("start"),
                pl.col("chromEnd").cast(pl.Int64).alias("end"), pl.col("Regulated").alias("regulated"),
                cell.alias("cell"),
            )
        )  # fmt: skip
    return pl.concat(tables)


def overlapping(links: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Tested pairs (see `screen`) that touch a linked element of their gene: one row a pair, with its first such
    `element_id`.
    """
    tested = pairs.select("chrom", "gene_id", "regulated", pair_start="start", pair_end="end").with_row_index(
        "pair"
    )
    return (
        links.select("gene_id", "chrom", "element_id", "start", "end")
        .join(tested, on=["gene_id", "chrom"])
        .filter((pl.col("start") < pl.col("pair_end")) & (pl.col("end") > pl.col("pair_start")))
        .sort("pair", "start")
        .unique("pair", keep="first", maintain_order=True)
    )


def gather(inputs: Inputs, cell: str, gene: Mapping[str, object], pairs: pl.DataFrame | None) -> Locus:
    """Collect what the picture of `gene` in `cell` shows."""
    links = inputs.links[cell]
    linked = links.data.filter(pl.col("gene_id") == gene["gene_id"]).sort("start")
    tss, chrom = int(gene["tss"]), gene["chrom"]  # type: ignore[call-overload]
    tested = None
    if pairs is not None:
        reach_low, reach_high = int(linked["start"].min()), int(linked["end"].max())  # type: ignore[arg-type]
        of_gene = pl.col("gene_id") == gene["gene_id"]
        tested = pairs.filter(of_gene & (pl.col("end") > reach_low) & (pl.col("start") < reach_high)).sort(
            "start"
        )

    strongest = [
        linked.sort(name, descending=True, nulls_last=True).head(STRONGEST) for name in score_names(links)
    ]
    shown = pl.concat([frame.select("start", "end") for frame in [*strongest, linked.head(0)]])
    edges = [tss, int(gene["start"]), int(gene["end"]), *shown["start"], *shown["end"]]  # type: ignore[call-overload]
    if tested is not None:
        edges += [*tested["start"], *tested["end"]]
    pad = max(2_000, (max(edges) - min(edges)) // 25)
    view = (min(edges) - pad, max(edges) + pad)

    inside = (pl.col("chrom") == chrom) & (pl.col("end") > view[0]) & (pl.col("start") < view[1])
    elements, tracks = linked.head(0), {}
    if inputs.elements is not None:
        elements = inputs.elements.data.with_row_index("row").filter(inside)
        rows = elements["row"].to_numpy()
        for name, signals in inputs.signals.items():
            for track in signals.header["parameters"]["tracks"]:
                values = signals.data.tensors[track][rows].astype(np.float32)
                tracks[name, track] = values.mean(axis=1) if len(rows) else np.zeros(0, np.float32)
    loops, left_out = _loops(inputs.contacts.get(cell), str(chrom), view)
    return Locus(
        cell=cell, gene=gene, view=view, linked=linked, elements=elements, tracks=tracks, loops=loops,
        loops_left_out=left_out, tested=tested, genes=inputs.genes.data.filter(inside),
    )  # fmt: skip


def _loops(contacts: Loaded | None, chrom: str, view: tuple[int, int]) -> tuple[np.ndarray, int]:
    """Midpoints [n, 2] of the strongest loops with both feet in view, and how many more there are."""
    if contacts is None:
        return np.zeros((0, 2)), 0
    tensors, size = contacts.data.tensors, contacts.header["parameters"]["bin_size"]
    chroms = list(tensors["chroms"])
    if chrom not in chroms:
        return np.zeros((0, 2)), 0
    first, last = tensors["offsets"][chroms.index(chrom)], tensors["offsets"][chroms.index(chrom) + 1]
    row, col = tensors["row"], tensors["col"]
    here = (row >= first) & (col < last) & (col > row)
    feet = (np.stack([row[here], col[here]], axis=1) - first + 0.5) * size
    inside = (feet[:, 0] >= view[0]) & (feet[:, 1] < view[1])
    order = np.argsort(-tensors["count"][here][inside], kind="stable")
    return feet[inside][order[:LOOPS]], max(0, len(order) - LOOPS)


@styled
def draw(locus: Locus, scores: Mapping[str, str]) -> Figure:
    """The picture, from the top: loops, an arc panel a score ({name: label}), screen, elements, tracks, genes."""
    rows: list[tuple[str, float]] = []
    if len(locus.loops):
        rows.append(("loops", 0.75))
    rows += [(f"score:{name}", 0.85) for name in scores]
    if locus.tested is not None and len(locus.tested):
        rows.append(("screen", 0.34))
    rows.append(("elements", 0.3))
    rows += [(f"track:{cell}\t{track}", 0.3) for cell, track in locus.tracks]
    lanes = _lanes(locus)
    rows.append(("genes", 0.26 * (max(lanes, default=0) + 1) + 0.1))

    figure = Figure(figsize=(WIDTH + 1.2, sum(height for _, height in rows) + 0.9), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, hspace=0.03)  # type: ignore[union-attr, call-arg]
    axes = figure.subplots(len(rows), 1, sharex=True, height_ratios=[height for _, height in rows])
    tops = {track: max((v.max(initial=0) for (_, t), v in locus.tracks.items() if t == track), default=1)
            for _, track in locus.tracks}  # fmt: skip
    for axis, (kind, _) in zip(np.atleast_1d(axes), rows, strict=True):
        axis.axvline(int(locus.gene["tss"]), color=style.VERMILLION, linewidth=0.8, alpha=0.55, zorder=0)  # type: ignore[call-overload]
        axis.spines[["left", "bottom"]].set_visible(False)
        axis.tick_params(left=False, labelleft=False, bottom=False, labelbottom=False)
        if kind == "loops":
            _draw_loops(axis, locus)
        elif kind.startswith("score:"):
            name = kind.removeprefix("score:")
            _draw_score(axis, locus, name, scores[name])
        elif kind == "screen":
            _draw_screen(axis, locus)
        elif kind == "elements":
            _draw_elements(axis, locus)
        elif kind.startswith("track:"):
            cell, track = kind.removeprefix("track:").split("\t")
            _draw_track(axis, locus, cell, track, float(tops[track]))
        else:
            _draw_genes(axis, locus, lanes)
    bottom = np.atleast_1d(axes)[-1]
    bottom.set_xlim(*locus.view)
    bottom.spines["bottom"].set_visible(True)
    bottom.tick_params(bottom=True, labelbottom=True)
    bottom.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: f"{x / 1e6:.2f}"))
    bottom.set_xlabel(f"{locus.gene['chrom']} (Mb)")
    return figure


def _name(axis: Axes, text: str) -> None:
    axis.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=8)


def _add_arcs(
    axis: Axes,
    feet: np.ndarray,
    heights: np.ndarray,
    colours: list[str],
    widths: list[float],
    alphas: list[float],
) -> None:
    """Arcs between `feet` [n, 2], each peaking at its height: cubic curves with vertical ends."""
    t = np.linspace(0, 1, 33)
    x = feet[:, :1] + (feet[:, 1:] - feet[:, :1]) * (3 * t**2 - 2 * t**3)
    y = heights[:, None] * 4 * t * (1 - t)
    lines = LineCollection(list(np.stack([x, y], axis=2)), colors=colours, linewidths=widths)
    lines.set_alpha(alphas)
    axis.add_collection(lines)


def _draw_loops(axis: Axes, locus: Locus) -> None:
    tss = int(locus.gene["tss"])  # type: ignore[call-overload]
    span = np.diff(locus.loops, axis=1).ravel()
    at_tss = (np.abs(locus.loops - tss) <= 5_000).any(axis=1)
    order = np.argsort(at_tss, kind="stable")
    _add_arcs(
        axis,
        locus.loops[order],
        np.sqrt(span[order] / span.max()),
        [style.BLACK if at_tss[i] else style.GREY for i in order],
        [1.1 if at_tss[i] else 0.6 for i in order],
        [0.9 if at_tss[i] else 0.4 for i in order],
    )
    axis.set_ylim(0, 1.08)
    _name(axis, f"Loops\n{locus.cell}")


def _draw_score(axis: Axes, locus: Locus, name: str, label: str) -> None:
    """Bars: the score of every linked element, scaled to the gene's own largest; arcs: the strongest ten."""
    tss = int(locus.gene["tss"])  # type: ignore[call-overload]
    colour = style.colours([name])[name]
    linked = locus.linked.filter(pl.col(name).is_not_null() & pl.col(name).is_finite())
    middle = ((linked["start"] + linked["end"]) / 2).to_numpy()
    values = np.clip(linked[name].to_numpy().astype(float), 0, None)
    scaled = values / values.max() if len(values) and values.max() > 0 else values
    axis.vlines(middle, 0, scaled, color=colour, linewidth=1.6)
    best = np.array([i for i in np.argsort(-scaled, kind="stable")[:STRONGEST] if scaled[i] > 0], dtype=int)
    feet = np.stack([middle[best], np.full(len(best), tss)], axis=1)
    _add_arcs(
        axis, feet, scaled[best], [colour] * len(best), [0.9] * len(best), list(0.25 + 0.6 * scaled[best])
    )
    axis.axhline(0, color=style.RULE, linewidth=0.8)
    axis.set_ylim(0, 1.08)
    _name(axis, f"{label}\n{locus.cell}")


def _draw_screen(axis: Axes, locus: Locus) -> None:
    if locus.tested is None:
        return
    for hit, face, height in ((False, "white", 0.34), (True, style.VERMILLION, 0.66)):
        rows = locus.tested.filter(pl.col("regulated") == hit)
        middle = (rows["start"] + rows["end"]) / 2
        axis.plot(
            middle, [height] * len(rows), "v", markersize=6 if hit else 4.5, markerfacecolor=face,
            markeredgecolor=style.VERMILLION if hit else style.MUTED, markeredgewidth=0.8, clip_on=False,
        )  # fmt: skip
    axis.set_ylim(0, 1)
    _name(axis, "CRISPR screen")


def _draw_elements(axis: Axes, locus: Locus) -> None:
    """cCREs by class; those linked to the gene in full colour, the others faint. Drawn at least 0.15 % wide."""
    least = (locus.view[1] - locus.view[0]) * 0.0015
    frame = locus.elements if len(locus.elements) else locus.linked
    linked = set(locus.linked["element_id"])
    start = "ccre_start" if "ccre_start" in frame.columns else "start"
    end = "ccre_end" if "ccre_end" in frame.columns else "end"
    for row in frame.filter(pl.col("class") != "TSS").iter_rows(named=True):
        width = max(row[end] - row[start], least)
        left = (row[start] + row[end] - width) / 2
        axis.add_patch(
            Rectangle(
                (left, 0.15), width, 0.7, facecolor=CLASS_COLOURS.get(row["class"], style.GREY), linewidth=0,
                alpha=1.0 if row["element_id"] in linked else 0.3,
            )
        )  # fmt: skip
    axis.set_ylim(0, 1)
    _name(axis, "cCREs")


def _draw_track(axis: Axes, locus: Locus, cell: str, track: str, top: float) -> None:
    """Mean of the track in every element, on one scale for all cells."""
    values = locus.tracks[cell, track]
    middle = ((locus.elements["ccre_start"] + locus.elements["ccre_end"]) / 2).to_numpy()
    axis.vlines(middle, 0, values, color=style.INK if cell == locus.cell else style.SKY, linewidth=1.3)
    axis.axhline(0, color=style.RULE, linewidth=0.8)
    axis.set_ylim(0, max(top, 1e-6) * 1.05)
    _name(axis, f"{track}  {cell}")


def _lanes(locus: Locus) -> list[int]:
    """A lane for every gene in view, so that names do not touch: the first lane whose last gene has ended."""
    room = (locus.view[1] - locus.view[0]) * 0.012
    ends: list[float] = []
    lanes = []
    for row in locus.genes.sort("start").iter_rows(named=True):
        left = max(row["start"], locus.view[0])
        right = max(min(row["end"], locus.view[1]), left + room * len(row["gene_name"] or row["gene_id"]))
        lane = next((index for index, end in enumerate(ends) if end < left), len(ends))
        ends[lane : lane + 1] = [right + room]
        lanes.append(lane)
    return lanes


def _draw_genes(axis: Axes, locus: Locus, lanes: list[int]) -> None:
    genes = locus.genes.sort("start")
    bodies = []
    for lane, row in zip(lanes, genes.iter_rows(named=True), strict=True):
        own = row["gene_id"] == locus.gene["gene_id"]
        colour = style.VERMILLION if own else style.MUTED
        left, right = max(row["start"], locus.view[0]), min(row["end"], locus.view[1])
        bodies.append(
            Rectangle((left, -lane - 0.34), max(right - left, 1), 0.14, facecolor=colour, linewidth=0)
        )
        forward = row["strand"] == "+"
        if locus.view[0] <= row["tss"] <= locus.view[1]:
            axis.plot(
                row["tss"],
                -lane - 0.27,
                ">" if forward else "<",
                color=colour,
                markersize=5,
                markeredgewidth=0,
            )
        axis.text(
            left, -lane - 0.12, row["gene_name"] or row["gene_id"], fontsize=7, va="bottom", color=colour, clip_on=True,
            fontweight="bold" if own else "normal", fontstyle="italic",
        )  # fmt: skip
    axis.add_collection(PatchCollection(bodies, match_original=True))
    axis.set_ylim(-max(lanes, default=0) - 0.6, 0.4)
    _name(axis, "Genes")
