"""The page of a sweep: every point side by side, seeds as spread."""

from pathlib import Path
from statistics import fmean, stdev

import polars as pl

from crexpress import __version__
from crexpress.core import splits
from crexpress.core.methods import CLOSED_FORM, DIRECT
from crexpress.evaluate import labels
from crexpress.evaluate.compare import Compared, Spread, spread
from crexpress.evaluate.links import ALL_PAIRS
from crexpress.report import linkage, plots, style
from crexpress.report.accuracy import CHANGED
from crexpress.report.page import Page, Picture, Section, Table, TableCell, Text
from crexpress.report.study import Blocks

_SCORES = ("attention", "perturbation", "attention_distance", "perturbation_distance")
Spreads = dict[tuple[str, str], Spread | None]  # by point and mode: direct, or anchored


def build(compared: Compared, figures: Path, title: str | None) -> Page:
    """Everything the page shows; pictures are written to `figures` on the way."""
    sections = [_points(compared)]
    for make in (_expression, _change, _links):
        section = make(compared, figures)
        sections += [section] if section else []
    names = list(compared.settings)
    return Page(
        title=title or f"Sweep of {len(names)} points",
        lead=f"The points {style.join(names)}, each trained, predicted and evaluated alike.",
        tiles=[],
        findings=_findings(compared),
        sections=sections,
        version=__version__,
    )


def _points(compared: Compared) -> Section:
    rows = []
    for point, settings in compared.settings.items():
        told = ", ".join(f"{name} {value}" for name, value in settings.items()) or "as the run"
        seeds = compared.table.filter(pl.col("point") == point)["seed"].drop_nulls().unique().sort().to_list()
        rows.append(
            [TableCell(point), TableCell(told), TableCell(style.join(map(str, seeds)) if len(seeds) > 1 else "one")]
        )
    return Section("points", "Points", [Table("What each point sets.", ["Point", "Settings", "Seeds"], rows)])


def _panels(rows: pl.DataFrame, beside: str = "·") -> list[tuple[str, pl.DataFrame]]:
    """Rows of each cell (and reference), those that every point has not trained on last."""
    keys = rows.select("cell", "reference").unique(maintain_order=True).iter_rows()
    return [
        (
            cell if reference is None else f"{cell} {beside} {reference}",
            rows.filter(cell=cell).filter(pl.col("reference").eq_missing(reference)),
        )
        for cell, reference in keys
    ]


def _figures(
    compared: Compared, figures: Path, panels: list[tuple[str, Spreads, dict[str, float]]], name: str, axis: str,
    caption: str, mark: bool = True,
) -> Blocks:  # fmt: skip
    """A picture and a table of one figure: panels are (title, spreads, {yardstick: value}); `mark` the best."""
    alt = f"{axis} of every point, one panel a cell, one dot a seed"
    drawn = [(title, {labels.point(*key): of for key, of in own.items()}, sticks) for title, own, sticks in panels]
    picture = Picture(name, plots.save(plots.spreads(drawn, axis), figures, name), alt, f"{caption} {_LEGEND}")
    rows = []
    best = [
        max((_centre(s) for s in spreads.values() if s), default=None) if mark else None for _, spreads, _ in panels
    ]
    shown = dict.fromkeys(key for _, spreads, _ in panels for key in spreads)
    for point in compared.settings:
        for key in [key for key in shown if key[0] == point] or [(point, DIRECT)]:
            row = [TableCell(labels.point(*key))]
            for (_, spreads, _), top in zip(panels, best, strict=True):
                row.append(_cell(spreads.get(key), top))
            rows.append(row)
    for yardstick in dict.fromkeys(stick for _, _, sticks in panels for stick in sticks):
        values = [sticks.get(yardstick) for _, _, sticks in panels]
        rows.append(
            [TableCell(style.sentence(yardstick)), *(TableCell(style.number(value), numeric=True) for value in values)]
        )
    table = Table(f"{caption} {_TABLE}{_MARKED if mark else ''}.", ["Point", *(title for title, _, _ in panels)], rows)
    return [picture, table]


_LEGEND = (
    "Small dots: seeds; large: their mean; diamond: the mean of their predictions; lines: 95 % bootstrap intervals."
)
_TABLE, _MARKED = (
    "Mean over seeds (standard deviation; mean of the seeds' predictions)",
    "; the best point of a column in bold",
)


def _centre(figure: Spread) -> float:
    return fmean(figure.seeds)


def _cell(figure: Spread | None, top: float | None) -> TableCell:
    if figure is None:
        return TableCell(style.DASH, numeric=True)
    parts = [f"sd {style.number(stdev(figure.seeds))}"] if len(figure.seeds) > 1 else []
    parts += [f"together {style.number(figure.together)}"] if figure.together is not None else []
    interval = style.interval(figure.low, figure.high) if not parts else "; ".join(parts)
    return TableCell(style.number(_centre(figure)), interval, numeric=True, best=_centre(figure) == top)


def _expression(compared: Compared, figures: Path) -> Section | None:
    blocks: Blocks = []
    for metric, title in (("pearson", "Pearson r"), ("mae", "MAE")):
        rows = compared.table.filter(section="expression", subset=splits.TEST, metric=metric)
        if rows.is_empty():
            continue
        panels = [
            (_seen(cell, own), _by_point(own.filter("model")), _baseline(own, metric)) for cell, own in _panels(rows)
        ]
        units = compared.headers[0]["parameters"]["units"]
        unit = f" in {style.join(sorted(set(units.values())))}" if metric == "mae" else ""
        made = _figures(
            compared, figures, panels, f"sweep-{metric}", f"{title} on test genes", f"{title} on test genes{unit}.",
            mark=metric == "pearson",  # of errors the highest is not the best
        )  # fmt: skip
        blocks += made if metric == "pearson" else made[1:]
    return Section("expression", "Expression", blocks) if blocks else None


def _seen(cell: str, rows: pl.DataFrame) -> str:
    seen = rows.filter("model")["cell_seen"].unique().to_list()
    return f"{cell} · {'trained on' if seen == [True] else 'never seen' if seen == [False] else 'seen by some'}"


def _by_point(rows: pl.DataFrame) -> Spreads:
    """Figures of models by point and mode; models that tracks were hidden from are left to their point's report."""
    whole = rows.filter(pl.col("hidden_tracks").fill_null("") == "")
    keys = whole.select("point", "mode").unique(maintain_order=True).iter_rows()
    return {(point, mode): spread(whole.filter(point=point, mode=mode)) for point, mode in keys}


def _baseline(rows: pl.DataFrame, metric: str) -> dict[str, float]:
    """The best baseline of a cell, over the points: those of one split have the same."""
    known = rows.filter(~pl.col("model"))
    if known.is_empty():
        return {}
    row = known.sort("value", descending=metric != "mae", maintain_order=True).row(0, named=True)
    return {f"best baseline ({row['method']})": row["value"]}


def _change(compared: Compared, figures: Path) -> Section | None:
    rows = compared.table.filter(section="change", subset=CHANGED, metric="pearson_change")
    if rows.filter("model").is_empty():
        return None
    panels = [
        (title, _by_point(own.filter("model")), _baseline(own, "pearson")) for title, own in _panels(rows, "against")
    ]
    caption = "r of predicted against observed change, test genes that differ more than fourfold."
    return Section(
        "change", "Change between cells", _figures(compared, figures, panels, "sweep-change", "r of change", caption)
    )


def _links(compared: Compared, figures: Path) -> Section | None:
    rows = compared.table.filter(section="links", subset=ALL_PAIRS, metric="average_precision")
    blocks: Blocks = []
    for title, own in _panels(rows):
        closed = own.filter(pl.col("kind") == CLOSED_FORM, pl.col("score").is_in(linkage.YARDSTICKS))
        values = dict(closed.group_by("method", maintain_order=True).agg(pl.col("value").max()).iter_rows())
        panels = []
        for score in _SCORES:
            of_score = own.filter("model", pl.col("score") == score)
            if len(of_score):
                panels.append((style.sentence(of_score["title"][0]), _by_point(of_score), values))
        if panels:
            name = f"sweep-links-{len(blocks) // 3 + 1}"
            caption = f"Average precision on all pairs of {title}."
            blocks += [
                Text(title, tone="heading"),
                *_figures(compared, figures, panels, name, "Average precision", caption),
            ]
    return Section("links", "Element-gene links", blocks) if blocks else None


def _findings(compared: Compared) -> list[str]:
    """The best point of every cell, by the mean over seeds of r on test genes."""
    rows = compared.table.filter(section="expression", subset=splits.TEST, metric="pearson")
    sentences = []
    for cell, own in _panels(rows):
        figures = _by_point(own.filter("model"))
        centres = {labels.point(*key): _centre(figure) for key, figure in figures.items() if figure}
        if len(centres) > 1:
            best, worst = max(centres, key=lambda p: centres[p]), min(centres, key=lambda p: centres[p])
            sentences.append(
                f"{_seen(cell, own)}: r on test genes from {style.number(centres[worst])} ({worst}) to "
                f"{style.number(centres[best])} ({best})."
            )
    return sentences
