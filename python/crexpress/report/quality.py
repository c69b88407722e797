"""What the tracks and the expression of a cell look like: figures that tell a good experiment from a poor one."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.tracks import FLOOR, element_means
from crexpress.report import style
from crexpress.report.inputs import Inputs

SAMPLE = 50_000  # elements that are looked at
_EXPRESSION_AGREES, _TRACKS_AGREE = 0.8, 0.5  # correlations of replicates below which a word is said
_COMBINED = {"mean": "mean", "max": "maximum", "sum": "sum"}  # replicates, as people say it
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
    files: int | None = None
    agreement: float | None = None  # of the two replicates that agree least
    combination: str = "mean"  # of replicates


class Expression(NamedTuple):
    """A cell's expression: its files, genes with a value and without (some of these by name), names of the files that
    are no gene of the run (and some of them), Spearman's correlation of the two replicates that agree least.
    """

    cell: str
    files: int
    format: str
    measured: int
    missing: int
    missing_examples: tuple[str, ...]
    strange: int | None
    strange_examples: tuple[str, ...]
    agreement: float | None
    combination: str = "mean"  # of replicates


def expression(inputs: Inputs, cell: str) -> Expression:
    """Of a cell that has any; what a file of an earlier version does not say is None, or empty."""
    file = inputs.expression[cell]
    about = file.header["parameters"]
    forms = [form for form in _listed(about.get("format")) if form]
    strange = about.get("strange")
    both = inputs.genes.data.select("gene_id", "gene_name").join(
        file.data.select("gene_id", "expression"), on="gene_id", how="left", maintain_order="left"
    )
    without = both.filter(pl.col("expression").is_null())
    return Expression(
        cell,
        max(len(forms), 1),
        style.join(dict.fromkeys(forms)),
        len(both) - len(without),
        len(without),
        tuple(without["gene_name"].head(3)),
        None if strange is None else max(strange, default=0),
        tuple(name for names in about.get("strange_examples") or () for name in names)[:3],
        about.get("agreement"),
        about.get("replicates", "mean"),
    )


def _listed(value: object) -> list[str]:
    """Of a header of one file or several."""
    return [str(one) for one in value] if isinstance(value, list) else [str(value or "")]


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
        files, agreed = about.get("replicates", {}).get(name), about.get("agreement", {}).get(name)
        how = about.get("combination", "mean")
        yield Track(cell, name, float(loud.mean()), (first, middle, third, top), ratio, measured, files, agreed, how)


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


def warnings_of_expression(found: Iterable[Expression]) -> list[str]:
    """What is odd about expression, and what to expect of it."""
    told = []
    for own in found:
        every = own.measured + own.missing
        if own.missing > every / 2:
            told.append(
                f"{own.cell}, expression: {own.missing:,} of {every:,} genes have no value, such as "
                f"{style.join(own.missing_examples)}; names of its files that are no gene's are like "
                f"{style.join(own.strange_examples) or style.DASH}. "
                "Is it the same annotation? Genes without a value are neither learned from nor scored."
            )
        if own.agreement is not None and own.agreement < _EXPRESSION_AGREES:
            told.append(
                f"{own.cell}, expression: its replicates have a rank correlation of {style.number(own.agreement, 2)}, "
                "where ENCODE asks for 0.9, and of two donors for 0.8. Are they of the same cells? What is learned "
                f"is their {_COMBINED[own.combination]}."
            )
    return told


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
        if track.agreement is not None and track.agreement < _TRACKS_AGREE:
            told.append(
                f"{what}: its replicates have a correlation of {style.number(track.agreement, 2)} over the elements, "
                "no more than different cells often have. Is one of them of another cell or assay? What is read is "
                f"their {_COMBINED[track.combination]}."
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
