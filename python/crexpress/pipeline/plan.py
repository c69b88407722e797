"""The plan of a run: what `asked` has found sound, laid out for the pipeline.

Here is decided what there is to do, which files each task may read, in which folder its result is published, and under
which name. Nextflow (subworkflows/) only hands files on. What a task does not read is no part of its `meta`, which is a
part of its key: then nothing re-runs for it under -resume.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crexpress.core.errors import InputErrors
from crexpress.core.names import plain
from crexpress.formats.samplesheet import EXPRESSION, SHARED, TABLES, Row, suffix_of
from crexpress.formats.tracks import READS
from crexpress.pipeline.asked import Choice, Entry

KNOWN = "known"  # role of a cell that anchored models compare others with, and of which nothing is asked


def make(rows: Sequence[Row], runs: Sequence[Entry], choice: Choice, shipped: Sequence[Row] = ()) -> Entry:
    """The plan as a JSON object (docs/artifacts.md): files of each cell, what is shared, points, and runs with tasks.

    `rows` and `runs` are those of `asked.check`, `shipped` rows of known cells, of which a run has those that its
    models compare with and `rows` lack. Raises InputErrors for presets that tasks could not find, and for models that
    are left with fewer than two known cells.
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
    here = {plain(row.cell) for row in rows}
    lent = [row for row in shipped if plain(row.cell) not in here and any(row.cell in run["known"] for run in runs)]
    known = [_cell(name, lent, choice.tracks) | {"role": KNOWN} for name in dict.fromkeys(row.cell for row in lent)]
    known = [cell for cell in known if cell["tracks"]]
    of_runs = [_run(run, runs, signals, measured, ranked, [cell["cell"] for cell in known]) for run in runs]
    return {
        "notes": [*_unread(rows, choice.tracks, runs), *_tracks_read(runs), *_compared(known)],
        "rows": {row.file: row.number for row in rows},
        "ccres": [row.file for row in rows if row.assay == "ccres"],
        "tables": [_file(row, "cell", "assay", "file", "column") for row in rows if _is_table(row)],
        "opened": [
            _file(row, "cell", "assay", "file")
            for row in rows
            if row.assay in choice.tracks and not suffix_of(row.file).endswith(READS.suffixes)
        ],
        "screened": ranked,
        "cells": [*cells, *known],
        "references": _unique(run["reference"] for run in runs),
        "stores": stores,
        "scenes": [_scene(cell, store, ranked) for store in stores for cell in cells if cell["tracks"]],
        "protocols": [
            protocol for protocol in _unique(_protocol(run) for run in runs) if set(measured) - {*protocol["holdout"]}
        ],  # of the others baselines have nothing to learn from
        "points": _unique(_point(run) for run in runs),
        "runs": of_runs,
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


def _unread(rows: Sequence[Row], tracks: Collection[str], runs: Iterable[Entry]) -> list[str]:
    """Which assays nothing reads, and which tracks no model does: a saved one knows those it was trained on."""
    given = {row.assay for row in rows}
    unread = sorted(given - {*tracks, *EXPRESSION, *SHARED})
    idle = sorted((given & {*tracks}).difference(*(run["tracks"] for run in runs)))
    notes = [f"Not in --tracks and so not read: {', '.join(unread)}."] if unread else []
    return notes + ([f"No model reads {', '.join(idle)}: expression is predicted without."] if idle else [])


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


def _compared(known: Sequence[Entry]) -> list[str]:
    """Which known cells that the user has not given are prepared."""
    names = ", ".join(cell["cell"] for cell in known)
    return [f"The anchored model predicts the change from known cells, which come with it: {names}."] if known else []


def _scene(cell: Entry, store: Entry, ranked: Collection[str]) -> Entry:
    """What a link model `reads` of a cell; its expression where it is not `held_out`."""
    name = cell["cell"]
    sees = cell["role"] == "train"
    reads = {"signals": [name], "expression": [name] * sees, "contacts": [name]}
    secret = bool(cell["expression"]) and not sees
    return {"meta": {"cell": name, "store": store, "held_out": secret}, "reads": reads, "links": name in ranked}


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
    run: Entry,
    runs: Sequence[Entry],
    signals: Sequence[str],
    measured: Sequence[str],
    ranked: Collection[str],
    lent: Sequence[str],
) -> Entry:
    """A run: `meta` of its training, the saved `model` in place of one, cells that it `reads`, and tasks of cells.

    A task's `meta` is what it has besides its run's, or in its place; `links` tells whether links are ranked, too.
    `signals` are the cells with tracks, `measured` those with expression, `ranked` those whose links are ranked, `lent`
    the known cells that are not the user's. A known cell that is the user's own is compared with if its expression may
    be seen, and is no part of its own anchor.
    """
    order = 2 * run["seed"] + (run["mode"] == "anchored")  # by seed, direct before anchored
    meta = {name: run[name] for name in ("label", "folder", "preset", "batch_size", "args", "split")}
    meta |= {"point": _point(run), "order": order, "mean": _mean(run, runs)}
    seen = [cell for cell in measured if cell not in run["holdout"]]
    direct = run["mode"] == "direct"
    known = [name for name in run["known"] if name in lent or (name in seen and name in signals)]

    def task(cell: str, own: Mapping[str, Any], *, links: bool) -> Entry:
        # expression that may be seen tells the factors of a cell
        sees = [cell] if "--expressed-factors" in run["args"].split() and cell not in run["holdout"] else []
        others = [name for name in known if name != cell]
        if run["known"] and len(others) < 2:
            raise InputErrors("a model has too little to compare with:", [_too_few(run, cell, others)])
        all_of = [cell, *others]
        reads = {"signals": all_of, "profiles": all_of, "expression": sees + others, "contacts": [cell]}
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
        "model": run["saved"],
        "reads": {kind: seen for kind in ("signals", "profiles", "expression", "contacts")},
        "tasks": tasks,
    }


def _too_few(run: Entry, cell: str, others: Sequence[str]) -> str:
    have = f"it has {others[0]} alone" if others else "it has none"
    return (
        f"{run['saved']} predicts {cell} as the change from two or more of {', '.join(run['known'])}, and {have}: "
        "cells of these names in the samplesheet stand for them; give those their rna, or other names"
    )


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
