"""Contributions drawn: the bases of an element as a logo, its ranked factors, and its mutations as a heat map."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from crexpress.core import artifacts
from crexpress.interpret.extras import needed
from crexpress.report import plots, style

ZOOM = 60  # bp drawn as letters: more cannot be read
FACTORS = 12  # shown at each end of a ranking


def draw_links(
    folder: Path, cell: str, links: pl.DataFrame, channels: pl.DataFrame, count: int, sequence: Path | None = None
) -> list[Path]:
    """FOLDER/logos.CELL/GENE.ELEMENT.svg and .png of the `count` links with the largest effects."""
    arrays = artifacts.open_arrays(folder / f"contributions.{cell}.safetensors", "contribution_arrays").tensors
    codes = artifacts.open_arrays(sequence, "sequence").tensors["codes"] if sequence else None
    strongest = links.with_row_index("row").sort(pl.col("effect").abs(), descending=True, maintain_order=True)
    made = []
    for link in strongest.head(count).iter_rows(named=True):
        own = channels.filter((pl.col("gene_id") == link["gene_id"]) & (pl.col("element") == link["element"]))
        ranked = own.filter(pl.col("kind") == ("motif" if "motif" in own["kind"] else "site"))
        bases = None
        if "bases" in arrays:
            bases = np.asarray(arrays["bases"][link["row"]] * arrays["hypothetical"][link["row"]])
        if "motif_bases" in arrays and codes is not None:
            own = np.eye(5, 4, dtype=np.float32)[codes[link["element"]]].T * arrays["motif_bases"][link["row"]]
            bases = own if bases is None else bases + own
        if bases is None and not len(ranked):
            continue
        name = name_of(link)
        plots.save(link_figure(link, bases, ranked), folder / f"logos.{cell}", name)
        made.append(folder / f"logos.{cell}" / f"{name}.svg")
    return made


def name_of(link: Mapping[str, Any]) -> str:
    """What the figure of a link is called."""
    return f"{link['gene_name']}.{link['element_id']}".replace("/", "_").replace(":", "_")


@plots.styled
def link_figure(link: dict[str, Any], bases: np.ndarray | None, ranked: pl.DataFrame) -> Figure:
    """Bases [4, width] of one link: all of them, the stretch that matters most as letters; and its ranked factors."""
    rows = (2 if bases is not None else 0) + (1 if len(ranked) else 0)
    heights = ([0.9, 1.3] if bases is not None else []) + ([2.2] if len(ranked) else [])
    figure = Figure(figsize=(plots.WIDTH, sum(heights) + 0.6), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(rows, 1, height_ratios=heights)))
    figure.suptitle(
        f"{link['element_id']} ({link['class']}, {style.base_pairs(link['distance'])}) and {link['gene_name']}: "
        f"effect {style.significant(link['effect'])}",
        fontsize=10,
    )
    if bases is not None:
        overview, zoom = axes[:2]
        place = link["window"] + np.arange(bases.shape[1])
        overview.bar(place, bases.sum(0), width=1.0, color=style.BLUE)
        overview.set_xlim(place[0], place[-1])
        start = strongest_window(bases.sum(0), ZOOM)
        overview.axvspan(place[start], place[min(start + ZOOM, len(place)) - 1], color=style.RULE, zorder=0)
        overview.ticklabel_format(style="plain", useOffset=False)
        overview.set_ylabel("contribution")
        logo(zoom, bases[:, start : start + ZOOM], int(place[start]))
        zoom.set_xlabel(f"position on {link['chrom']} (0-based)")
    if len(ranked):
        _ranking(axes[-1], ranked)
    return figure


@plots.styled
def mutation_figure(title: str, effect: np.ndarray, codes: np.ndarray, start: int) -> Figure:
    """Effects [4, width] of single-base changes as a heat map, the bases that are there as dots; below, what losing
    each base costs on average. `start` is the first base on the chromosome.
    """
    figure = Figure(figsize=(plots.WIDTH, 3.4), layout="constrained")
    heat, mean = figure.subplots(2, 1, height_ratios=[1.4, 1], sharex=True)
    most = float(np.abs(effect).max()) or 1.0
    ends = (start - 0.5, start + effect.shape[1] - 0.5, 3.5, -0.5)
    shown = heat.imshow(effect, aspect="auto", cmap="RdBu_r", vmin=-most, vmax=most, extent=ends, interpolation="none")
    known = np.flatnonzero(codes < len(effect))
    heat.plot(start + known, codes[known], ".", color=style.INK, markersize=1)
    heat.set_yticks(range(4), list("ACGT"))
    heat.set_title(title)
    figure.colorbar(shown, ax=heat, label="effect", pad=0.01)
    mean.bar(start + np.arange(effect.shape[1]), -effect.sum(0) / 3, width=1.0, color=style.BLUE)
    mean.set_ylabel("mean fall")
    mean.set_xlabel("position (0-based)")
    mean.ticklabel_format(style="plain", useOffset=False)
    return figure


def strongest_window(values: np.ndarray, width: int) -> int:
    """Where the `width` bases begin that together weigh most, by absolute value."""
    total = np.concatenate([[0.0], np.abs(values).cumsum()])
    width = min(width, len(values))
    return int(np.argmax(total[width:] - total[: len(values) - width + 1]))


def logo(axis: Any, bases: np.ndarray, start: int) -> None:
    """Letters as high as their contributions [4, n]; the first stands at `start`."""
    with needed("logomaker"):
        import logomaker
    import pandas as pd

    table = pd.DataFrame(bases.T, columns=list("ACGT"), index=range(start, start + bases.shape[1]))
    logomaker.Logo(table, ax=axis, color_scheme="colorblind_safe", font_name="DejaVu Sans")
    axis.ticklabel_format(style="plain", useOffset=False)
    axis.set_ylabel("contribution")


def _ranking(axis: Any, ranked: pl.DataFrame) -> None:
    """Factors from the highest contribution to the lowest; beside each its expression, where it is known."""
    table = ranked.sort("rank")
    if len(table) > 2 * FACTORS:
        table = pl.concat([table.head(FACTORS), table.tail(FACTORS)])
    label = [
        f"{factor or name}" + ("" if level is None else f"  ({level:.2f})")
        for factor, name, level in table["factor", "name", "expression"].iter_rows()
    ]
    place = np.arange(len(table))
    values = table["contribution"].to_numpy()
    axis.bar(place, values, color=[style.VERMILLION if value > 0 else style.GREY for value in values])
    axis.set_xticks(place, label, rotation=90, fontsize=7)
    axis.set_ylabel("contribution")
    known = table["expression"].null_count() < len(table)
    axis.set_title("Factors, with their expression in the cell" if known else "Factors", fontsize=9)
