"""From artefacts and screens to the table of all metrics and the precision-recall curves: what bin/evaluate does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from crexpress.core import artifacts, builds, errors, log
from crexpress.evaluate import expression as accuracy
from crexpress.evaluate import links, metrics
from crexpress.evaluate.benchmarks.run import require, score
from crexpress.evaluate.benchmarks.world import Asked, Reference, world
from crexpress.evaluate.cells import baseline_cells
from crexpress.evaluate.cells import read as read_cells
from crexpress.formats import screen_files
from crexpress.prepare import screening


class Evaluated(NamedTuple):
    """metrics.parquet's table and header, and, given a screen with enough positives, that of curves.parquet; of
    benchmarks, the comparison of all methods and other tables by name.
    """

    metrics: pl.DataFrame
    header: artifacts.Header
    curves: pl.DataFrame | None
    comparison: pl.DataFrame | None = None
    tables: Mapping[str, pl.DataFrame] = {}


def run(
    elements: Path,
    genes: Path,
    predictions: Sequence[Path] = (),
    expression: Sequence[Path] = (),
    baselines: Sequence[Path] = (),
    link_files: Sequence[Path] = (),
    signals: Sequence[Path] = (),
    crispr: Sequence[str] = (),
    crispr_cell: str | None = None,
    resamples: int = 1000,
    seed: int = 1,
    asked: Asked | None = None,
) -> Evaluated:
    """Score predictions against expression, links against the screens [NAME=]FILE, each beside simple methods, and all
    on the benchmarks that are asked for.

    Raises InputError for files of different genes or elements, screens that cannot be read, and nothing to score.
    """
    files = screen_files.parse(crispr)
    (element_table, element_header), (gene_table, gene_header) = artifacts.read_elements_and_genes(elements, genes)

    cells, split = read_cells(predictions, expression, baselines, genes, gene_table, gene_header)
    rows = [
        *accuracy.accuracy(cells, split, resamples, seed),
        *accuracy.classification(cells, split, resamples, seed),
        *accuracy.change(cells, split, resamples, seed),
        *accuracy.across_cells(cells, split, resamples, seed),
    ]
    curves: list[pl.DataFrame] = []
    tables = links.read_links(link_files, genes, gene_header)
    activity = links.read_activity(signals, genes, gene_header)
    for cell, tracks in activity.items():
        artifacts.require_rows(f"signals of {cell}", tracks, elements, len(element_table))
    build = builds.of_header(element_header)
    found = [
        links.screening(name, path, element_table, gene_table, tables, crispr_cell, build)
        for name, path in files.items()
    ]
    screening.require_one(found)
    for of_file in found:
        for warning in of_file.warnings:
            log.say(f"Warning: {warning}")
        for screen in links.screens(of_file, element_table, gene_table, tables, activity):
            seen = cells[screen.cell].seen if screen.cell in cells else None
            of_screen, curves_of_screen = links.evaluate(screen, seen, resamples, seed)
            rows += of_screen
            curves += curves_of_screen
    scored = None
    if asked and asked.entries:
        reference = Reference(element_table, gene_table, element_header)
        known = world(asked, seed, reference, tables, activity, cells, split, [*predictions, *link_files])
        scored = score(asked.entries, known)
        scored = scored if rows else require(scored)  # a run's other figures are worth having by themselves
        rows += scored.rows
        curves += scored.curves
    if not rows:
        raise errors.InputError(
            "there is nothing to evaluate: give --predictions and --expression of a cell, or --crispr"
        )

    header = artifacts.make_header(
        "metrics",
        "evaluate",
        elements=gene_header["elements"],
        genes=gene_header["genes"],
        parameters={
            "units": {cell.name: cell.unit for cell in cells.values()},
            "baselines_trained_on": baseline_cells(cells),
            "baselines_left_out": [cell.name for cell in cells.values() if cell.peeked],
            "screens": {of_file.name: of_file.facts() for of_file in found},
            "resamples": resamples,
            "seed": seed,
            **({"benchmarks": scored.facts, "benchmark_resamples": asked.resamples} if scored and asked else {}),
        },
        sources=[
            *predictions,
            *expression,
            *baselines,
            *link_files,
            *signals,
            *files.values(),
            *(entry.file for entry in (asked.entries if asked else ()) if entry.file),
        ],
    )
    table = pl.concat(curves, how="diagonal") if curves else None
    extra = (scored.comparison, scored.tables) if scored else ()
    return Evaluated(metrics.table(rows), header, table, *extra)


def run_published(asked: Asked, seed: int = 1) -> Evaluated:
    """Published tables on benchmarks, without elements and genes of a run: genes are compared by symbol, else by id."""
    scored = require(score(asked.entries, world(asked, seed)))
    header = artifacts.make_header(
        "metrics",
        "evaluate",
        parameters={"units": {}, "benchmarks": scored.facts, "benchmark_resamples": asked.resamples, "seed": seed},
        sources=[entry.file for entry in asked.entries if entry.file],
    )
    curves = pl.concat(scored.curves, how="diagonal") if scored.curves else None
    return Evaluated(metrics.table(scored.rows), header, curves, scored.comparison, scored.tables)
