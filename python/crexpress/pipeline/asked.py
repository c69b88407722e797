"""What a run is asked for: the samplesheet and the settings, held against each other before anything starts."""

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import click

from crexpress.core.chromosome_names import usable
from crexpress.core.errors import InputError, InputErrors
from crexpress.core.names import listed
from crexpress.formats import chromosome_table, samplesheet, sheet_text
from crexpress.formats.genome_files import chromosome_sizes
from crexpress.formats.samplesheet import Row
from crexpress.models.config import INPUTS
from crexpress.pipeline import point_settings, sweep, sweep_runs
from crexpress.prepare.genes import on_chromosomes, read_genes
from crexpress.training import preset_file

Entry = dict[str, Any]
P = ParamSpec("P")
T = TypeVar("T")


class Learning(NamedTuple):
    """What models a run is asked for; the fields are the options of check-sweep."""

    words: Sequence[str]  # options of train for every point that does not set its own
    grid: Path | None = None
    seeds: Sequence[str] = ()
    models: Sequence[str] = ()
    width: int = 600
    bin_size: int | None = None
    holdout_cells: str = ""
    leave_out: str | None = None
    gtf: Path | None = None
    chrom_sizes: Path | None = None
    chromosome_names: Path | None = None
    biotypes: Sequence[str] = ()
    exclude_chromosomes: Sequence[str] = ()
    lacking: Sequence[str] = ()


class Choice(NamedTuple):
    """What a run reads of the samplesheet, and which links it ranks and scores."""

    tracks: Sequence[str]
    interpret_cells: Sequence[str] = ()  # none: every cell
    crispr_cell: str | None = None
    shared_ccres: bool = False  # cCREs are given beside the samplesheet
    fit_links: str | None = None  # name of the screen that a link model is fitted to, in crispr_cell
    benchmarks: Path | None = None  # benchmarks.csv


class Faults:
    """Keeps what is wrong until all has been looked at."""

    def __init__(self) -> None:
        self.found: list[InputError] = []

    def of(self, step: Callable[P, T], *given: P.args, **named: P.kwargs) -> T | None:
        """What `step` returns; None where it finds faults."""
        try:
            return step(*given, **named)
        except InputError as error:
            self.found.append(error)
            return None

    def stop(self) -> None:
        """InputError with everything that was found, if anything was."""
        if self.found:
            raise self.found[0] if len(self.found) == 1 else InputError("\n".join(map(str, self.found)))


def check(
    sheet: Path,
    choice: Choice,
    asked: Learning,
    command: click.Command,
    *,
    target: str = "rna",
    allow_missing_tracks: bool = False,
    absent: Collection[str] | None = None,
) -> tuple[list[Row], list[Entry]]:
    """Rows of the samplesheet and runs (runs.json); InputError with every fault of both. `command` is train's.

    Where the samplesheet is faulty, settings are held against the cells and tracks that it names.
    """
    named = sheet_text.cells_and_assays(sheet)
    faults = Faults()
    rows = faults.of(
        samplesheet.read,
        sheet,
        tracks=choice.tracks,
        target=target,
        holdout_cells=listed(asked.holdout_cells),
        allow_missing_tracks=allow_missing_tracks,
        training=asked.grid is not None or not asked.models,
        absent=absent,
    )
    faults.of(check_choice, choice, named)
    if choice.benchmarks:  # whether its files are there is known where they are, by Nextflow
        from crexpress.evaluate.benchmarks import sheet as benchmark_sheet  # costs a run without them a second

        faults.of(benchmark_sheet.read, choice.benchmarks, cells={cell for cell, _ in named}, look=False)
    runs = None
    if rows is None:
        faults.of(_settings, asked, command, point_settings.cells_of(named, choice.tracks))
    else:
        cells = point_settings.cells_of([(row.cell, row.assay) for row in rows], choice.tracks)
        runs = faults.of(lay_out_runs, asked, command, cells)
    faults.stop()
    assert rows is not None  # else there was a fault
    assert runs is not None
    return rows, runs


def lay_out_runs(asked: Learning, command: click.Command, cells: point_settings.Cells) -> list[Entry]:
    """Runs as in runs.json, of `sweep_runs.runs`; InputError with every fault of the settings, sweep and models."""
    base, points, seeds = _settings(asked, command, cells)
    if asked.leave_out:
        chromosomes = _chromosomes(asked) if asked.leave_out == "chromosomes" else []
        points = sweep.leave_out(points, base, asked.leave_out, cells, chromosomes)
    return sweep_runs.runs(points, base, seeds, command, cells, asked.lacking)


def _settings(
    asked: Learning, command: click.Command, cells: point_settings.Cells
) -> tuple[point_settings.Settings, list[sweep.Point], list[int]]:
    """Settings of every point that does not set its own, points, and seeds."""
    unknown = [name for name in asked.lacking if name not in INPUTS]
    if unknown:
        raise click.UsageError(
            f"--lacking: {', '.join(map(repr, unknown))} is no input; choose from {', '.join(INPUTS)}"
        )
    faults = Faults()
    base = faults.of(point_settings.base_settings, asked.words, command, cells) or {}
    chosen = faults.of(sweep.read, asked.grid, command, cells) if asked.grid else None
    points = faults.of(sweep.read_models, asked.models) or []
    seeds = faults.of(sweep.read_seeds, asked.seeds)
    faults.stop()
    base |= {"preset": base.get("preset", preset_file.DEFAULT), "width": str(asked.width)}
    base |= {"holdout_cells": asked.holdout_cells} | ({"bin_size": str(asked.bin_size)} if asked.bin_size else {})
    points += chosen.points if chosen else [] if points else [sweep.Point(preset_file.label(base["preset"]), {})]
    return base, points, seeds or (chosen.seeds if chosen else []) or [int(base.get("seed", 1))]


def _chromosomes(asked: Learning) -> list[str]:
    """Those that have genes, under the names of the genome, where that is given."""
    if not asked.gtf:
        raise click.UsageError("--leave-out chromosomes needs --gtf")
    if asked.chromosome_names and not asked.chrom_sizes:
        raise click.UsageError("--chromosome-names needs --chrom-sizes, whose names are the right ones")
    sizes = chromosome_sizes(asked.chrom_sizes) if asked.chrom_sizes else {}
    aliases = chromosome_table.read(asked.chromosome_names, sizes) if asked.chromosome_names else {}
    genes = read_genes(asked.gtf, "gene", asked.biotypes, asked.exclude_chromosomes, known=sizes, aliases=aliases)
    if sizes:
        genes = on_chromosomes(
            genes, {name: sizes[name] for name in usable(sizes, asked.exclude_chromosomes)}, asked.gtf
        )
    return genes["chrom"].unique(maintain_order=True).to_list()


def check_choice(choice: Choice, rows: Iterable[tuple[str, str]]) -> None:
    """InputErrors when a chosen cell is not among the (cell, assay) rows of a samplesheet, or these have no cCREs."""
    rows = list(rows)
    cells = sorted({cell for cell, _ in rows})
    chosen = {"interpret-cells": choice.interpret_cells, "crispr-cell": listed(choice.crispr_cell)}
    faults = [
        f"--{name}: {', '.join(unknown)} is no cell of the samplesheet; it has {', '.join(cells)}"
        for name, given in chosen.items()
        if cells and (unknown := [cell for cell in given if cell not in cells])
    ]
    if cells and not choice.shared_ccres and all(assay != "ccres" for _, assay in rows):
        faults.append("--ccres is missing: give a BED of cCREs, or rows with the assay ccres in the samplesheet")
    cell = choice.crispr_cell
    if choice.fit_links and cell in cells and not any(row[0] == cell and row[1] in choice.tracks for row in rows):
        whose = f"{cell}, the cell of --crispr-cell"
        faults.append(f"--link-model screen:{choice.fit_links}: the samplesheet has no tracks of {whose}")
    if faults:
        raise InputErrors("what is chosen does not fit the samplesheet:", faults)
