"""Element-gene link scores against a perturbation screen, beside distance, activity/distance and ABC.

Every pair of the screen counts for every score. A pair takes the best score of the gene's elements that
overlap the tested interval; one that no element of the links table covers is filled with the worst value.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.core.tracks import ACTIVITY_TRACKS
from crexpress.evaluate import bootstrap, crispr, naming, ranking
from crexpress.evaluate import screening as screenings
from crexpress.evaluate.metrics import Context, Metric
from crexpress.evaluate.screening import Screening
from crexpress.links.closed_forms import closed_forms, linear_signal

ALL_PAIRS, COVERED = "all pairs", "covered pairs"
_GROUPS = (
    ("<10 kb", 0, 10_000),
    ("10-50 kb", 10_000, 50_000),
    ("50-100 kb", 50_000, 100_000),
    (">100 kb", 100_000, np.inf),
)
_FEW = 5  # positives below which no curve is drawn


class Links(NamedTuple):
    """Links table of a cell, and its scores: {name, higher_is_better, label, method, seed} (see `naming.labelled`), and
    `source` where that is not the model.
    """

    cell: str
    table: pl.DataFrame
    scores: list[dict[str, Any]]


class Screen(NamedTuple):
    """Pairs of one cell and benchmark with every score: {method: float64 [pairs]}, higher is better.

    `covered` {method of a links table: bool [pairs]}; -inf is the worst value.
    """

    cell: str
    benchmark: str
    pairs: pl.DataFrame
    scores: dict[str, np.ndarray]
    covered: dict[str, np.ndarray]


def read_links(paths: Sequence[Path], genes: Path, like: Header) -> list[Links]:
    """Links tables; InputError when one was made for other elements or genes than those of `genes`."""
    files = [(path, *artifacts.read_table(path, "links")) for path in paths]
    networks = [file for file in files if not naming.of_link_model(file[2])]
    runs = naming.runs([header for _, _, header in networks])
    of_run = dict(zip((path for path, _, _ in networks), runs, strict=True))
    tables = []
    for path, frame, header in files:
        artifacts.require_same("elements", path, header, genes, like)
        artifacts.require_same("genes", path, header, genes, like)
        scores = header["parameters"]["scores"]
        columns = ["gene_id", "element", *(score["name"] for score in scores)]
        run = of_run.get(path)
        named = [
            score | (naming.labelled(score["label"], run, runs) if run else {"method": score["label"], "seed": None})
            for score in scores
        ]
        tables.append(Links(header["cell"], frame.select(columns), named))
    return tables


def runs(tables: Sequence[Links]) -> dict[str, dict[str, str | int | None]]:
    """What is behind the label of every link score: {label: {"method", "seed", "source"}}."""
    scores = {score["label"]: score for of_cell in tables for score in of_cell.scores}
    return {
        name: {"method": score["method"], "seed": score["seed"], "source": score.get("source", naming.MODEL)}
        for name, score in sorted(scores.items())
    }


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
) -> Screening:
    """The screen of `path` in each of its cells that has links, or in the cell `only`, as far as it fits this run."""
    ranked = {only} if only else {of_cell.cell for of_cell in links}
    found = screenings.screen(benchmark, path, genes, elements["chrom"].unique(), ranked)
    extents = elements.select("chrom", pl.col("ccre_start").alias("start"), pl.col("ccre_end").alias("end"))
    for cell, pairs in list(found.cells.items()):
        touched = np.zeros(len(pairs), bool)
        touched[crispr.overlaps(pairs, elements, genes)[0]] = True
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
        overlap = crispr.overlaps(pairs, elements, genes)
        scores = _link_scores(cell, pairs, overlap, [of_cell for of_cell in links if of_cell.cell == cell])
        covered = {method: score > -np.inf for method, score in scores.items()}
        closed = closed_forms(pairs, overlap, elements, genes, activity.get(cell, {}))
        yield Screen(cell, found.name, pairs, scores | closed, covered)


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
        for kind in kinds:
            if kind["label"] in scores:
                raise InputError(f"two links tables of {cell} hold a score '{kind['label']}'; give only one of them")
            sign = 1 if kind["higher_is_better"] else -1
            value = (sign * pl.col(kind["name"]).cast(pl.Float64)).fill_nan(None).max()
            best = hits.group_by("pair").agg(value.alias("best")).drop_nulls()
            score = np.full(len(pairs), -np.inf)
            score[best["pair"].to_numpy()] = best["best"].to_numpy()
            scores[kind["label"]] = score
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
        context = Context("links", screen.cell, cell_seen, subset, reference=screen.benchmark)
        rows = np.flatnonzero(inside)
        part = screen._replace(
            pairs=screen.pairs[rows],
            scores={method: score[rows] for method, score in screen.scores.items()},
            covered={method: covered[rows] for method, covered in screen.covered.items()},
        )
        metrics += _counts(part, context)
        if not 0 < positive[rows].sum() < len(rows):
            continue
        metrics += _ranked(part, context, drawn[:, gene[rows]])
        if subset == ALL_PAIRS:
            metrics += _by_pairs(part, context, bootstrap.draw(len(rows), resamples, seed))
        if positive[rows].sum() >= _FEW:
            curves += _curves(part, subset)
    return metrics, curves


def _counts(screen: Screen, context: Context) -> Iterator[Metric]:
    positive = screen.pairs["Regulated"].to_numpy()
    n, positives = len(positive), int(positive.sum())
    if not n:
        return
    yield context.metric("all", "positives", positives, n)
    yield context.metric("all", "prevalence", positives / n, n)
    yield context.metric("all", "unknown_genes", screen.pairs["gene_id"].null_count(), n)
    for method, covered in screen.covered.items():
        yield context.metric(method, "coverage", covered.mean(), n)
        if positives:
            yield context.metric(method, "coverage_positives", covered[positive].mean(), positives)


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
        curve = pl.DataFrame({"recall": recall, "precision": precision})
        yield curve.select(*(pl.lit(value).alias(name) for name, value in names.items()), pl.all())


def _subsets(screen: Screen) -> Iterator[tuple[str, np.ndarray]]:
    everything = np.ones(len(screen.pairs), bool)
    yield ALL_PAIRS, everything
    if screen.covered:
        yield COVERED, np.all(list(screen.covered.values()), axis=0)
    distance = screen.pairs["distance"].fill_null(np.nan).to_numpy()
    for name, low, high in _GROUPS:
        yield name, (distance >= low) & (distance < high)
