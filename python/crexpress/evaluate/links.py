"""Element-gene link scores against a perturbation screen, beside distance, activity/distance and ABC.

Every pair of the screen counts for every score. A pair takes the best score of the gene's elements that
overlap the tested interval; one that no element of the links table covers is filled with the worst value.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import artifacts, bootstrap, methods, ranking
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.core.methods import Method
from crexpress.core.tracks import ACTIVITY_TRACKS
from crexpress.evaluate import labels
from crexpress.evaluate.metrics import Context, Metric
from crexpress.links.closed_forms import closed_forms, linear_signal
from crexpress.prepare import screening as screenings
from crexpress.prepare.screening import Screening

ALL_PAIRS, COVERED = "all pairs", "covered pairs"
GROUPS = (
    ("<10 kb", 0, 10_000),
    ("10-50 kb", 10_000, 50_000),
    ("50-100 kb", 50_000, 100_000),
    (">100 kb", 100_000, np.inf),
)
FEW_POSITIVES = 10  # regulated pairs below which no curve is drawn, and no score judged


class Links(NamedTuple):
    """Links table of a cell; of each of its scores {column: (name for readers, is higher better, what it is)}."""

    cell: str
    table: pl.DataFrame
    scores: dict[str, tuple[str, bool, Method]]


class Screen(NamedTuple):
    """Pairs of one cell and benchmark with every score: {method: float64 [pairs]}, higher is better.

    `covered` {method of a links table: bool [pairs]}; -inf is the worst value. `methods` says what each method is.
    """

    cell: str
    benchmark: str
    pairs: pl.DataFrame
    scores: dict[str, np.ndarray]
    covered: dict[str, np.ndarray]
    methods: Mapping[str, Method]


def read_links(paths: Sequence[Path], genes: Path, like: Header) -> list[Links]:
    """Links tables; InputError when one was made for other elements or genes than those of `genes`, or when two scores
    of a cell cannot be told apart.
    """
    files = [artifacts.read_table(path, "links") for path in paths]
    found = [methods.of_links(header["parameters"]) for _, header in files]
    for path, (_, header) in zip(paths, files, strict=True):
        artifacts.require_same("elements", path, header, genes, like)
        artifacts.require_same("genes", path, header, genes, like)
    every = [(header["cell"], method) for (_, header), own in zip(files, found, strict=True) for method in own]
    named = iter(labels.names(every))
    tables = []
    for (frame, header), own in zip(files, found, strict=True):
        higher = {score["name"]: score["higher_is_better"] for score in header["parameters"]["scores"]}
        scores = {method.score: (next(named), higher[method.score], method) for method in own}
        tables.append(Links(header["cell"], frame.select("gene_id", "element", *scores), scores))
    return tables


def read_activity(paths: Sequence[Path], genes: Path, like: Header) -> dict[str, dict[str, np.ndarray]]:
    """Mean linear signal of elements: {cell: {track: float64 [elements]}}; InputError as in `read_links`."""
    activity = {}
    for path in paths:
        header, tensors = artifacts.open_arrays(path, "signals")
        artifacts.require_same("elements", path, header, genes, like)
        needed = {track: tensors[track] for track in ACTIVITY_TRACKS if track in tensors}
        activity[header["cell"]] = linear_signal(needed, header["parameters"]["transform"])
        artifacts.require_finite(path, activity[header["cell"]])
    return activity


def screening(
    benchmark: str,
    path: Path,
    elements: pl.DataFrame,
    genes: pl.DataFrame,
    links: Sequence[Links],
    only: str | None,
    build: str | None = None,
) -> Screening:
    """The screen of `path` in each of its cells that has links, or in the cell `only`, as far as it fits this run."""
    ranked = {only} if only else {of_cell.cell for of_cell in links}
    found = screenings.screen(benchmark, path, genes, elements["chrom"].unique(), ranked, build)
    extents = elements.select("chrom", pl.col("ccre_start").alias("start"), pl.col("ccre_end").alias("end"))
    for cell, pairs in list(found.cells.items()):
        touched = np.zeros(len(pairs), bool)
        touched[screenings.overlaps(pairs, elements, genes)[0]] = True
        screenings.fit(found, cell, genes, extents, touched)
    return found


def screens(
    found: Screening,
    elements: pl.DataFrame,
    genes: pl.DataFrame,
    links: Sequence[Links],
    activity: Mapping[str, Mapping[str, np.ndarray]],
) -> Iterator[Screen]:
    """Every cell of a screen with all scores; InputError when two links tables hold the same score."""
    for cell, pairs in found.cells.items():
        overlap = screenings.overlaps(pairs, elements, genes)
        scores = _link_scores(cell, pairs, overlap, [of_cell for of_cell in links if of_cell.cell == cell])
        covered = {method: score > -np.inf for method, score in scores.items()}
        closed = closed_forms(pairs, overlap, elements, genes, activity.get(cell, {}))
        own = [(name, method) for one in links if one.cell == cell for name, _, method in one.scores.values()]
        own += [(name, methods.closed_form(name)) for name in closed]
        labels.require_told_apart([(cell, *named) for named in own])
        yield Screen(cell, found.name, pairs, scores | closed, covered, dict(own))


def _link_scores(
    cell: str, pairs: pl.DataFrame, overlap: tuple[np.ndarray, np.ndarray], links: Sequence[Links]
) -> dict[str, np.ndarray]:
    """Best score of every pair's elements, higher is better, -inf where there is none: {label: [pairs]}."""
    pair, element = overlap
    candidates = pl.DataFrame(
        {"pair": pair, "element": element.astype(np.int32), "gene_id": pairs["gene_id"].gather(pair)}
    )
    scores: dict[str, np.ndarray] = {}
    for _, table, kinds in links:
        hits = candidates.join(table, on=["gene_id", "element"])
        for column, (name, higher_is_better, _) in kinds.items():
            if name in scores:
                raise InputError(f"two links tables of {cell} hold a score '{name}'; give only one of them")
            sign = 1 if higher_is_better else -1
            value = (sign * pl.col(column).cast(pl.Float64)).fill_nan(None).max()
            best = hits.group_by("pair").agg(value.alias("best")).drop_nulls()
            score = np.full(len(pairs), -np.inf)
            score[best["pair"].to_numpy()] = best["best"].to_numpy()
            scores[name] = score
    return scores


def evaluate(
    screen: Screen, cell_seen: bool | None, resamples: int, seed: int
) -> tuple[list[Metric], list[pl.DataFrame]]:
    """Metrics and curves of every score: on all pairs, on those every links table covers, by distance.

    Intervals are of a bootstrap over genes; on all pairs also of one over pairs, as the field reports them.
    """
    metrics: list[Metric] = []
    curves: list[pl.DataFrame] = []
    positive = screen.pairs["Regulated"].to_numpy()
    gene = screen.pairs["gene"].rank("dense").to_numpy().astype(np.int64) - 1
    drawn = bootstrap.draw(int(gene.max()) + 1, resamples, seed)
    for subset, inside in _subsets(screen):
        context = Context("links", screen.cell, cell_seen, subset, screen.benchmark, screen.methods)
        rows = np.flatnonzero(inside)
        part = screen._replace(
            pairs=screen.pairs[rows],
            scores={method: score[rows] for method, score in screen.scores.items()},
            covered={method: covered[rows] for method, covered in screen.covered.items()},
        )
        unknown = part.pairs["gene_id"].null_count()
        metrics += context.counts(positive[rows], part.covered, unknown_genes=unknown)
        if not 0 < positive[rows].sum() < len(rows):
            continue
        metrics += _ranked(part, context, drawn[:, gene[rows]])
        if subset == ALL_PAIRS:
            metrics += _by_pairs(part, context, bootstrap.draw(len(rows), resamples, seed))
        if positive[rows].sum() >= FEW_POSITIVES:
            curves += _curves(part, subset)
    return metrics, curves


def _ranked(screen: Screen, context: Context, counts: np.ndarray) -> Iterator[Metric]:
    """Measures of every score, and how far each link score is from the best score that needs no model."""
    positive = screen.pairs["Regulated"].to_numpy()
    measured = {method: ranking.measures(score, positive, counts) for method, score in screen.scores.items()}
    for method, measures in measured.items():
        for metric, values in measures.items():
            yield context.metric(method, metric, values, len(positive))
    precision = {method: measures["average_precision"] for method, measures in measured.items()}
    best = max(precision.keys() - screen.covered.keys(), key=lambda method: (precision[method][0], method))
    for method in screen.covered:
        difference = precision[method] - precision[best]
        yield context.metric(method, "average_precision_difference", difference, len(positive), best)


def _by_pairs(screen: Screen, context: Context, counts: np.ndarray) -> Iterator[Metric]:
    positive = screen.pairs["Regulated"].to_numpy()
    for method, score in screen.scores.items():
        measures = ranking.measures(score, positive, counts)
        for metric in ("average_precision", "auprc"):
            yield context.metric(method, f"{metric}_by_pairs", measures[metric], len(positive))


def _curves(screen: Screen, subset: str) -> Iterator[pl.DataFrame]:
    positive = screen.pairs["Regulated"].to_numpy()
    for method, score in screen.scores.items():
        recall, precision = ranking.curve(score, positive)
        names = {"cell": screen.cell, "benchmark": screen.benchmark, "method": method, "subset": subset}
        about = screen.methods[method].row()
        curve = pl.DataFrame({"recall": recall, "precision": precision})
        yield curve.select(
            *(pl.lit(value).alias(name) for name, value in names.items()),
            *(pl.lit(about[name], kind).alias(name) for name, kind in methods.SCHEMA.items()),
            pl.all(),
        )


def _subsets(screen: Screen) -> Iterator[tuple[str, np.ndarray]]:
    everything = np.ones(len(screen.pairs), bool)
    yield ALL_PAIRS, everything
    if screen.covered:
        yield COVERED, np.all(list(screen.covered.values()), axis=0)
    distance = screen.pairs["distance"].fill_null(np.nan).to_numpy()
    for name, low, high in GROUPS:
        yield name, (distance >= low) & (distance < high)
