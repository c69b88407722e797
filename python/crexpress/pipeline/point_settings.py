"""Settings of a point of a sweep, held against the options of train, the presets and the samplesheet."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from crexpress.core import splits
from crexpress.core.errors import InputError, InputErrors
from crexpress.core.names import listed
from crexpress.formats.samplesheet import EXPRESSION, SHARED
from crexpress.formats.sheet_text import cells_and_assays
from crexpress.models.config import INPUTS
from crexpress.training import preset_file

PIPELINES = (  # options of train that the pipeline gives itself: no setting of a point
    *("elements", "genes", "signals", "sequence", "motifs", "expression", "contacts", "profiles", "holdout_cells"),
    *("study", "cells", "device", "data", "outdir", "checkpoint", "checkpoint_every", "import_weights"),
    *("help", "version"),
)
PREPARATION = {"width": click.IntRange(min=1), "bin_size": click.IntRange(min=1)}  # of elements and their tracks
SPLIT = ("val", "test", "fold")  # options of the baselines too
Settings = dict[str, Any]


class Cells(NamedTuple):
    """What the samplesheet has: all cells, those with expression, the tracks of each, and those with loops."""

    names: list[str]
    measured: list[str]
    tracks: Mapping[str, set[str]]
    looped: Collection[str] = ()


def read_cells(sheet: Path, read: Sequence[str] = ()) -> Cells:
    """Cells of a samplesheet that check-samplesheet wrote, with those of their tracks that are `read` (none: all)."""
    return cells_of(cells_and_assays(sheet), read)


def cells_of(rows: Sequence[tuple[str, str]], read: Sequence[str] = ()) -> Cells:
    """Cells of the (cell, assay) rows of a samplesheet, as `read_cells` finds them."""
    tracks: dict[str, set[str]] = {cell: set() for cell, assay in rows if assay not in SHARED}
    for cell, assay in rows:
        if assay not in (*SHARED, *EXPRESSION) and (not read or assay in read):
            tracks[cell].add(assay)
    measured = dict.fromkeys(cell for cell, assay in rows if assay in EXPRESSION)
    looped = {cell for cell, assay in rows if assay == "loops"}
    return Cells(list(tracks), list(measured), tracks, looped)


def check(
    given: Mapping[Any, Any], command: click.Command, cells: Cells, *, seed: bool = False
) -> tuple[Settings, list[str]]:
    """Settings as text with names spelled with underscores, and what is wrong with them, in words.

    A point has no `seed` of its own, a run has.
    """
    options = {option_name(option): option for option in command.params if option_name(option) not in PIPELINES}
    known = [*(name for name in options if seed or name != "seed"), "holdout_cells", *PREPARATION]
    settings: Settings = {}
    faults: list[str] = []
    for spelled, value in given.items():
        name = str(spelled).replace("-", "_")
        if name == "seed" and not seed:
            faults.append("'seed' is no setting of a point; give seeds: beside points:")
            continue
        if name not in known:
            faults.append(f"'{spelled}' is no setting; there are {', '.join(sorted(known))}")
            continue
        if value is None or (value in ("", []) and name != "holdout_cells"):  # to hold out none is a choice
            faults.append(f"{name}: has no value; give one, or leave it out")
            continue
        if name in settings:
            faults.append(f"'{name}' is given twice, with '-' and with '_'")
        option = options.get(name)
        if isinstance(option, click.Option) and option.is_flag:
            if not isinstance(value, bool):
                faults.append(f"{name}: must be true or false, found '{value}'")
            settings[name] = value
            continue
        settings[name] = as_text(value)
        kind = PREPARATION.get(name) or (option.type if option else click.STRING)
        try:
            kind.convert(settings[name], option, None)
        except click.BadParameter as error:
            faults.append(f"{name}: {error.message}")
    lists = [name for name in ("val", "test") if name in settings]
    if lists and "fold" in settings:
        faults.append(f"fold stands for both val and test; leave out {' and '.join(lists)}, or fold")
    return settings, faults + list(_unknown_values(settings, cells))


def option_name(option: click.Parameter) -> str:
    """Name of an option as a user writes it, with underscores."""
    return option.opts[-1].lstrip("-").replace("-", "_")


def as_text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _unknown_values(settings: Settings, cells: Cells) -> Iterator[str]:
    """Names that no option's type knows: presets, inputs, tracks, cells, regions."""
    preset = settings.get("preset")
    if preset is not None:
        try:
            preset_file.read(preset)
        except InputErrors as error:
            yield from (f"preset {preset}: {fault}" for fault in error.faults)
        except InputError as error:
            yield f"preset: {error}"
    for name in listed(settings.get("inputs")):
        if name not in INPUTS:
            yield f"inputs: '{name}' is no input; choose from {', '.join(INPUTS)}"
    some = {track for tracks in cells.tracks.values() for track in tracks}
    tracks = listed(settings.get("tracks"))
    for name in dict.fromkeys(tracks):
        if name not in some:
            yield f"tracks: no cell of the samplesheet has '{name}'; there are {', '.join(sorted(some))}"
        if tracks.count(name) > 1:
            yield f"tracks: '{name}' is given twice"
    holdout = listed(settings.get("holdout_cells"))
    for name in holdout:
        if name not in cells.names:
            yield f"holdout_cells: '{name}' is no cell of the samplesheet; it has {', '.join(cells.names)}"
    if holdout and cells.measured and not set(cells.measured) - set(holdout):
        yield "holdout_cells: no cell with expression is left to train on; hold out fewer"
    for name in ("val", "test"):
        try:
            splits.parse(settings.get(name, ""))
        except InputError as error:
            yield f"{name}: {error}"
    if "/" in settings.get("fold", ""):  # else a chromosome, which only the genes know
        try:
            splits.dealt(settings["fold"])
        except InputError as error:
            yield f"fold: {error}"


def base_settings(words: Sequence[str], command: click.Command, cells: Cells) -> Settings:
    """Settings in a command line of train, as the pipeline's parameters give them; unset ones are left out.

    Raises InputErrors with all that is wrong with them.
    """
    context = click.Context(command, info_name=command.name)
    try:
        parsed, _, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        raise InputError(f"the run's own settings are wrong: {error.format_message()}") from None
    given = {option_name(option): parsed[option.name] for option in command.params if option.name in parsed}
    settings, faults = check(given, command, cells, seed=True)
    if faults:
        raise InputErrors("the run's own settings are wrong:", faults)
    return settings
