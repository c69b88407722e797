"""How methods, numbers and figures look: one name, one colour and one way to write a number, everywhere."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from crexpress.core.methods import COPY, EXPRESSION, PUBLISHED, Method, one_of_several

DASH, MINUS = "\u2013", "\u2212"  # for what was not measured, and for negative numbers

# Okabe and Ito's palette, told apart by colour-blind readers.
BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#1a1a1a", "#8a8f98"
INK, MUTED, RULE = "#1f2430", "#5d6573", "#d9dde3"

# By the score of a method (`core.methods`). One family, one hue; what divides by distance or adds elements is a shade.
COLOURS = {
    "train_mean": GREY,
    "mean_over_cells": "#b58a5a",
    "nearest_cell": "#d9a7c9",
    COPY: PURPLE,
    "ridge_promoter": "#f3cd7a",
    "ridge_elements": ORANGE,
    "boosted_trees_promoter": "#7fcdb4",
    "boosted_trees_elements": GREEN,
    "boosted_trees_profile": "#1b7a5a",
    "boosted_trees_change": "#00664d",
    "attention": BLUE,
    "attention_minmax": "#a9cbe3",
    "attention_distance": SKY,
    "attention_log_distance": "#7a9cc6",
    "attention_logit": "#3f5f8a",
    "perturbation": VERMILLION,
    "perturbation_distance": "#f0a26b",
    "distance": BLACK,
    "activity/distance": GREEN,
    "ABC": "#1b7a5a",
    "activity/distance (screen's read counts)": "#b5cf6b",
    "H3K27ac/distance": "#7fcdb4",
}
ONE_SEED = "#a9cbe3"
SPARE = ("#8c6bb1", "#c2a5cf", "#a6761d", "#66a61e")
TRACKS = {"dnase": "DNase", "atac": "ATAC", "ctcf": "CTCF", "polr2a": "POLR2A"}

FIGURE_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": [
        "DejaVu Sans",
        "Verdana",
        "sans-serif",
    ],  # ships with matplotlib: the same glyphs on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9aa1ac",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e8ebef",
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",  # text stays text: to be searched, and edited in a drawing program
    "svg.hashsalt": "crexpress",  # ids inside an SVG depend on nothing but its content
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def sentence(name: str) -> str:
    """A name at the beginning of a line: "train mean" becomes "Train mean", "scpge-small" stays."""
    return name if "-" in name.split(" ")[0] else name[:1].upper() + name[1:]


def track(name: str) -> str:
    """A track as the field writes it: "h3k27ac" becomes "H3K27ac", "dnase" "DNase"."""
    if re.fullmatch(r"h\d[a-z]{0,2}\d*k\d+(ac|me\d|ub)?\d*", name):
        return re.sub(r"^(h)(.*?)(k)", lambda m: m[1].upper() + m[2].upper() + m[3].upper(), name)
    return TRACKS.get(name, name)


def on_page(colour: str) -> str:
    """The colour in CSS: black is the page's ink, which is pale in the dark."""
    return "var(--ink)" if colour == BLACK else colour


def scale(transform: str) -> str:
    """The scale that tracks are stored on: "log10(1 + signal)" for "log10p1"."""
    names = {"log10p1": "log10(1 + signal)", "log1p": "ln(1 + signal)", "arcsinh": "arcsinh of the signal"}
    names |= {"none": "signal", "quantile": "log10(1 + signal), matched between cells"}
    return names[transform.partition(":")[0]]


def colours(methods: Mapping[str, Method], first: str | None = None) -> dict[str, str]:
    """A colour for every method, by its name: the `first` model is blue, single seeds are light blue, a known score has
    its own, the others take turns.
    """
    chosen: dict[str, str] = {}
    spare = 0
    several = one_of_several(("", method) for method in methods.values())
    for name, method in methods.items():
        if name == first:
            chosen[name] = BLUE
        elif method.score == EXPRESSION and method in several:
            chosen[name] = ONE_SEED
        elif method.kind != PUBLISHED and method.score in COLOURS:
            chosen[name] = COLOURS[method.score]
        else:
            chosen[name] = SPARE[spare % len(SPARE)]
            spare += 1
    return chosen


def number(value: float | None, digits: int = 3) -> str:
    """ "0.831"; a dash for what could not be computed."""
    if value is None or value != value:
        return DASH
    return f"{value:.{digits}f}".replace("-", MINUS)


def digits(values: pl.Series) -> int:
    """Decimals that leave the largest of some numbers three digits that mean something."""
    most = float(values.abs().max() or 0)  # type: ignore[arg-type]
    return 3 if most == 0 else min(max(3, 2 - math.floor(math.log10(most))), 8)


def signed(value: float, decimals: int) -> str:
    """ "+0.250"; what is shown as 0 has no sign."""
    value = round(value, decimals) + 0.0
    return ("+" if value > 0 else "") + number(value, decimals)


def significant(value: float | None) -> str:
    """Three significant digits: "0.0123"."""
    return DASH if value is None or value != value else f"{value:.3g}".replace("-", MINUS)


def count(value: float | None) -> str:
    """ "10,356"."""
    return DASH if value is None else f"{int(value):,}"


def percent(value: float | None) -> str:
    """Share between 0 and 1 as "4.5 %"."""
    return DASH if value is None or value != value else f"{100 * value:.1f} %"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """ "[0.812, 0.850]", or nothing when there is none."""
    if low is None or high is None or low != low or high != high:
        return ""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def base_pairs(value: float) -> str:
    """Signed distance in bp, kb or Mb, as short as it can be."""
    size = abs(value)
    for unit, scale in (("Mb", 1e6), ("kb", 1e3)):
        if size >= scale:
            return f"{value / scale:.3g} {unit}".replace("-", MINUS)
    return f"{value:.0f} bp".replace("-", MINUS)


def join(words: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    listed = list(words)
    return " and ".join(filter(None, [", ".join(listed[:-1]), *listed[-1:]]))


def clips_in_order(svg: str, name: str) -> str:
    """An SVG whose clip paths are numbered: matplotlib names them by floats whose last bits its layout leaves open."""
    found = dict.fromkeys(re.findall(r'<clipPath id="(p[0-9a-f]{10})"', svg))
    numbers = {old: f"{name}-clip{number}" for number, old in enumerate(found)}
    return re.sub(r'(?<=["#])p[0-9a-f]{10}(?=[")])', lambda match: numbers.get(match[0], match[0]), svg)
