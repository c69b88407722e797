"""The plan of a run: the samplesheet and the settings, checked whole and laid out for the pipeline.

Here is decided what there is to do, which files each task may read, in which folder its result is published, and under
which name. Nextflow (subworkflows/) only hands files on. What a task does not read is no part of its `meta`, which is a
part of its key: then nothing re-runs for it under -resume.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import click

from crexpress.core.errors import InputError, InputErrors
from crexpress.core.names import listed
from crexpress.formats import samplesheet
from crexpress.formats.samplesheet import EXPRESSION, SHARED, TABLES, Row, suffix_of
from crexpress.models.config import INPUTS
from crexpress.pipeline import sweep
from crexpress.prepare.genes import read_genes
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
    named = samplesheet.cells_and_assays(sheet)
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
    runs = None
    if rows is None:
        faults.of(_settings, asked, command, sweep.cells_of(named, choice.tracks))
    else:
        cells = sweep.cells_of([(row.cell, row.assay) for row in rows], choice.tracks)
        runs = faults.of(lay_out_runs, asked, command, cells)
    faults.stop()
    assert rows is not None  # else there was a fault
    assert runs is not None
    return rows, runs


def lay_out_runs(asked: Learning, command: click.Command, cells: sweep.Cells) -> list[Entry]:
    """Runs as `sweep.runs` lays them out (runs.json); InputError with every fault of the settings, sweep and models."""
    base, points, seeds = _settings(asked, command, cells)
    if asked.leave_out:
        chromosomes = []
        if asked.leave_out == "chromosomes":
            if not asked.gtf:
                raise click.UsageError("--leave-out chromosomes needs --gtf")
            genes = read_genes(asked.gtf, "gene", asked.biotypes, asked.exclude_chromosomes)
            chromosomes = genes["chrom"].unique(maintain_order=True).to_list()
        points = sweep.leave_out(points, base, asked.leave_out, cells, chromosomes)
    return sweep.runs(points, base, seeds, command, cells, asked.lacking)


def _settings(
    asked: Learning, command: click.Command, cells: sweep.Cells
) -> tuple[sweep.Settings, list[sweep.Point], list[int]]:
    """Settings of every point that does not set its own, points, and seeds."""
    unknown = [name for name in asked.lacking if name not in INPUTS]
    if unknown:
        raise click.UsageError(f"--lacking: '{unknown[0]}' is no input; choose from {', '.join(INPUTS)}")
    faults = Faults()
    base = faults.of(sweep.base_settings, asked.words, command, cells) or {}
    chosen = faults.of(sweep.read, asked.grid, command, cells) if asked.grid else None
    points = faults.of(sweep.read_models, asked.models) or []
    seeds = faults.of(sweep.read_seeds, asked.seeds)
    faults.stop()
    base |= {"preset": base.get("preset", "scpge-small"), "width": str(asked.width)}
    base |= {"holdout_cells": asked.holdout_cells} | ({"bin_size": str(asked.bin_size)} if asked.bin_size else {})
    points += chosen.points if chosen else [] if points else [sweep.Point(preset_file.label(base["preset"]), {})]
    return base, points, seeds or (chosen.seeds if chosen else []) or [int(base.get("seed", 1))]


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


def make(rows: Sequence[Row], runs: Sequence[Entry], choice: Choice) -> Entry:
    """The plan as a JSON object (docs/artifacts.md): files of each cell, what is shared, points, and runs with tasks.

    `rows` and `runs` are those of `check`. Raises InputErrors for presets that tasks could not find.
    """
    mend = "without its folder, and give the file by --preset_files"
    away = {run["point"]: Path(run["preset"]).name for run in runs if "/" in run["preset"]}
    if away:
        faults = [f"point '{point}': name the preset '{name}' {mend}" for point, name in away.items()]
        raise InputErrors("tasks see presets by their names alone:", faults)
    cells = [_cell(name, rows, choice.tracks) for name in dict.fromkeys(row.cell for row in rows)]
    signals = [cell["cell"] for cell in cells if cell["tracks"]]
    measured = [cell["cell"] for cell in cells if cell["expression"]]
    ranked = [cell for cell in signals if not choice.interpret_cells or cell in choice.interpret_cells]
    stores = _unique(_store(run) for run in runs)
    return {
        "notes": [*_unread(rows, choice.tracks), *_tracks_read(runs)],
        "ccres": [row.file for row in rows if row.assay == "ccres"],
        "tables": [_file(row, "cell", "assay", "file", "column") for row in rows if _is_table(row)],
        "screened": ranked,
        "cells": cells,
        "references": _unique(run["reference"] for run in runs),
        "stores": stores,
        "scenes": [_scene(cell, store, ranked) for store in stores for cell in cells if cell["tracks"]],
        "protocols": [
            protocol for protocol in _unique(_protocol(run) for run in runs) if set(measured) - {*protocol["holdout"]}
        ],  # of the others baselines have nothing to learn from
        "points": _unique(_point(run) for run in runs),
        "runs": [_run(run, runs, signals, measured, ranked) for run in runs],
    }


def _cell(name: str, rows: Iterable[Row], tracks: Collection[str]) -> Entry:
    """A cell with its role and the files that a run reads of it, each kind in the order of the samplesheet."""
    own = [row for row in rows if row.cell == name]
    return {
        "cell": name,
        "role": own[0].role,
        "tracks": [_file(row, "assay", "file") for row in own if row.assay in tracks],
        "expression": [_file(row, "assay", "file", "column") for row in own if row.assay in EXPRESSION],
        "loops": [_file(row, "file") for row in own if row.assay == "loops"],
    }


def _file(row: Row, *names: str) -> Entry:
    return {name: getattr(row, name) for name in names}


def _is_table(row: Row) -> bool:
    """Expression in tables of text, which are read before the start; alignments and signals are large."""
    return row.assay in EXPRESSION and suffix_of(row.file) in (*TABLES, ".bed")


def _unread(rows: Iterable[Row], tracks: Collection[str]) -> list[str]:
    unread = sorted({row.assay for row in rows} - {*tracks, *EXPRESSION, *SHARED})
    return [f"Not in --tracks and so not read: {', '.join(unread)}."] if unread else []


def _tracks_read(runs: Iterable[Entry]) -> list[str]:
    """Which tracks the models read, once for the points that read the same."""
    by_tracks: dict[tuple[str, ...], list[str]] = {}
    for run in runs:
        by_tracks.setdefault(tuple(run["tracks"]), []).append(run["point"])
    notes = []
    for tracks, points in by_tracks.items():
        names = list(dict.fromkeys(points))
        whose = f"Point{'s' * (len(names) > 1)} {', '.join(names)}" if len(by_tracks) > 1 else "The model"
        what = f"the tracks {', '.join(tracks)}" if tracks else "no track"
        notes.append(f"{whose} reads {what}.")
    return notes


def _scene(cell: Entry, store: Entry, ranked: Collection[str]) -> Entry:
    """What a link model `reads` of a cell; its expression where that is no secret."""
    name = cell["cell"]
    sees = [name] if cell["role"] == "train" else []
    reads = {"signals": [name], "expression": sees, "contacts": [name]}
    return {"meta": {"cell": name, "store": store}, "reads": reads, "links": name in ranked}


def _store(run: Entry) -> Entry:
    """What tracks of one bin size are a part of: [width, bin_size, folder, reference]."""
    return {**run["store"], "reference": run["reference"]}


def _protocol(run: Entry) -> Entry:
    """A split of genes and cells in one store, which baselines are fitted to once."""
    return {**run["protocol"], "store": _store(run)}


def _point(run: Entry) -> Entry:
    """What the runs of a point, which differ by their seeds and modes, have in common."""
    return {"name": run["point"], "folder": run["place"], "store": _store(run), "protocol": _protocol(run)}


def _run(
    run: Entry, runs: Sequence[Entry], signals: Sequence[str], measured: Sequence[str], ranked: Collection[str]
) -> Entry:
    """A run: `meta` of its training, the saved `model` in place of one, cells that it `reads`, and tasks of cells.

    A task's `meta` is what it has besides its run's, or in its place; `links` tells whether links are ranked, too.
    `signals` are the cells with tracks, `measured` those with expression, `ranked` those whose links are ranked.
    """
    order = 2 * run["seed"] + (run["mode"] == "anchored")  # by seed, direct before anchored
    meta = {name: run[name] for name in ("label", "folder", "preset", "batch_size", "args", "split")}
    meta |= {"point": _point(run), "order": order, "mean": _mean(run, runs)}
    seen = [cell for cell in measured if cell not in run["holdout"]]
    direct = run["mode"] == "direct"

    def task(cell: str, own: Mapping[str, Any], *, links: bool) -> Entry:
        # expression that may be seen tells the factors of a cell
        sees = [cell] if "--expressed-factors" in run["args"].split() and cell not in run["holdout"] else []
        reads = {"signals": [cell], "profiles": [cell], "expression": sees, "contacts": [cell]}
        return {"meta": {"cell": cell, **own}, "reads": reads, "links": links}

    tasks = [task(cell, {}, links=direct and cell in ranked) for cell in signals]
    for number, hidden in enumerate(run["hidden"], 1):  # what the tracks that a new cell lacks are worth
        without = f"without.{'.'.join(hidden['tracks'])}"
        blind = {
            "hidden": ",".join(hidden["tracks"]),
            "folder": f"{run['folder']}{without}/",
            "label": f"{run['label']} {without}".strip(),
            "order": order + number / 1000,
            "mean": None,
        }
        tasks += [task(cell, blind, links=False) for cell in hidden["cells"]]
    return {
        "meta": meta,
        "model": run["point"] if run["trained"] else None,
        "reads": {kind: seen for kind in ("signals", "profiles", "expression", "contacts")},
        "tasks": tasks,
    }


def _mean(run: Entry, runs: Iterable[Entry]) -> Entry | None:
    """The mean over the seeds of a point and mode, a model of its own, before the others of its point; None of one."""
    alike = [other for other in runs if (other["point"], other["mode"]) == (run["point"], run["mode"])]
    if len(alike) < 2:
        return None
    folder = run["place"] + run["of_mode"]
    return {"point": _point(run), "label": "", "folder": folder, "order": -2 if run["mode"] == "direct" else -1}


def _unique(entries: Iterable[Entry]) -> list[Entry]:
    found: list[Entry] = []
    for entry in entries:
        if entry not in found:
            found.append(entry)
    return found
