"""What the tracks of a cell look like: figures that tell a good experiment from a poor one."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.tracks import FLOOR, element_means
from crexpress.report import style
from crexpress.report.inputs import Inputs

SAMPLE = 50_000  # elements that are looked at
_ACCESS = ("dnase", "atac")
# Share of elements with signal above which promoters are not held against them: the elements are then the track's own
# peaks, of which silent genes have none (K562's H3K27ac: 0.76 times over its peaks, 1.5 times over cCREs of all cells).
_CHOSEN_BY = 0.8
_ACTIVE = (*_ACCESS, "h3k27ac", "h3k4me3", "polr2a", "h3k9ac")  # higher at promoters of expressed genes


class Track(NamedTuple):
    """One track of a cell over its elements, on the linear scale: share of elements with signal, quartiles and 99th
    percentile of those, mean at promoters over the mean elsewhere, Spearman's correlation of signal at the TSS with
    expression (None: not measured).
    """

    cell: str
    name: str
    share: float
    quantiles: tuple[float, float, float, float]
    promoters: float
    expression: float | None


def tracks(inputs: Inputs, cell: str) -> list[Track]:
    """Every track of a cell, in the order of its file; of very many elements an even sample."""
    if ("quality", cell) not in inputs.known:
        inputs.known["quality", cell] = list(_tracks(inputs, cell))
    return inputs.known["quality", cell]


def _tracks(inputs: Inputs, cell: str) -> Iterator[Track]:
    signals = inputs.signals[cell]
    about = signals.header["parameters"]
    for name in about["tracks"]:
        tensor = signals.data.tensors[name]
        means = element_means(tensor, about["transform"], np.float32, sample(len(tensor)))
        loud = means >= FLOOR
        values = np.quantile(means[loud], (0.25, 0.5, 0.75, 0.99)) if loud.any() else np.zeros(4)
        own = element_means(tensor, about["transform"], np.float32, inputs.genes.data["element"].to_numpy())
        ratio = float(own.mean()) / float(means.mean()) if means.any() else float("nan")
        measured = _with_expression(inputs, cell, own)
        first, middle, third, top = (float(value) for value in values)
        yield Track(cell, name, float(loud.mean()), (first, middle, third, top), ratio, measured)


def sample(number: int) -> np.ndarray:
    """Rows of elements, evenly spaced, at most SAMPLE: base-level signals of a genome are gigabytes a cell."""
    return np.unique(np.linspace(0, number - 1, min(number, SAMPLE)).astype(np.int64))


def _with_expression(inputs: Inputs, cell: str, at_tss: np.ndarray) -> float | None:
    if cell not in inputs.expression:
        return None
    table = inputs.expression[cell].data.select("gene_id", "expression")
    known = inputs.genes.data.select("gene_id").with_columns(signal=at_tss)
    both = known.join(table, on="gene_id", how="left", maintain_order="left").drop_nulls("expression")
    if len(both) < 10 or both["expression"].n_unique() < 2 or both["signal"].n_unique() < 2:
        return None
    return float(both.select(pl.corr("signal", "expression", method="spearman")).item())


def warnings(found: list[Track]) -> list[str]:
    """What is odd about tracks, and what to expect of it."""
    told = []
    for track in found:
        what = f"{track.cell}, {style.track(track.name)}"
        if track.share < 0.01:
            told.append(
                f"{what}: only {style.percent(track.share)} of the elements have signal. Is it the right genome "
                f"build, and "
                "the signal file? Predictions and links that rest on this track are worth little."
            )
        elif track.name in _ACTIVE and track.promoters < 1 and track.share < _CHOSEN_BY:
            told.append(
                f"{what}: signal at promoters is {style.number(track.promoters, 2)} times that of all elements, "
                f"where it "
                "should be higher. Is it this assay?"
            )
        if track.name in _ACTIVE and track.expression is not None and track.expression < 0.2:
            told.append(
                f"{what}: signal at the TSS has a rank correlation of {style.number(track.expression, 2)} with "
                f"expression; "
                "0.5 and more is usual. Do tracks and expression come from the same cells?"
            )
    return told


def between(inputs: Inputs, first: str, second: str) -> dict[str, float]:
    """Correlation over all elements of the tracks that two cells share, as stored."""
    one, other = inputs.signals[first], inputs.signals[second]
    shared = [name for name in one.header["parameters"]["tracks"] if name in other.header["parameters"]["tracks"]]
    found = {}
    for name in shared:
        rows = sample(len(one.data.tensors[name]))
        a, b = (element_means(file.data.tensors[name], dtype=np.float32, rows=rows) for file in (one, other))
        found[name] = float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else float("nan")
    return found
