"""A sweep: named points, each a set of training settings, laid out as runs (a point and a seed) for the pipeline.

A plain run is the sweep of one point. Every fault of the YAML is collected and reported in one message, held against
the options of `train` itself, the presets and the samplesheet.
"""

import csv
import itertools
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import yaml

from crexpress.core import model_config, splits
from crexpress.core.errors import InputError, InputErrors
from crexpress.core.names import listed
from crexpress.core.schemas import NAME
from crexpress.formats.samplesheet import EXPRESSION, SHARED
from crexpress.models.config import INPUTS
from crexpress.models.folder import build
from crexpress.pipeline import hidden_tracks
from crexpress.training import checks, preset_file

PIPELINES = (  # options of train that the pipeline gives itself: no setting of a point
    *("elements", "genes", "signals", "sequence", "motifs", "expression", "contacts", "profiles", "holdout_cells"),
    *("study", "cells", "device", "threads", "data", "outdir", "checkpoint", "checkpoint_every", "import_weights"),
    *("help", "version"),
)
PREPARATION = {"width": click.IntRange(min=1), "bin_size": click.IntRange(min=1)}  # of elements and their tracks
SPLIT = ("val", "test", "fold")  # options of the baselines too
KEYS = ("description", "settings", "seeds", "points", "grid")

Settings = dict[str, Any]


class Point(NamedTuple):
    """A named set of settings, spelled with underscores; `model` is the folder of a trained one, else None.

    A point whose settings have `anchored` is two models: a direct one, and an anchored one beside it.
    """

    name: str
    settings: Settings
    model: Path | None = None


class Sweep(NamedTuple):
    """Points in the order of the file, and its own seeds (none: the run's)."""

    points: list[Point]
    seeds: list[int]


class Cells(NamedTuple):
    """What the samplesheet has: all cells, those with expression, the tracks of each, and those with loops."""

    names: list[str]
    measured: list[str]
    tracks: Mapping[str, set[str]]
    looped: Collection[str] = ()


def read_cells(sheet: Path, read: Sequence[str] = ()) -> Cells:
    """Cells of a samplesheet that check-samplesheet wrote, with those of their tracks that are `read` (none: all)."""
    with sheet.open(newline="", encoding="utf-8") as file:
        every = list(csv.DictReader(file))
    rows = [row for row in every if row["assay"] not in SHARED]
    tracks: dict[str, set[str]] = {row["cell"]: set() for row in rows}
    measured = []
    for row in rows:
        if row["assay"] in EXPRESSION:
            measured.append(row["cell"])
        elif not read or row["assay"] in read:
            tracks[row["cell"]].add(row["assay"])
    looped = {row["cell"] for row in every if row["assay"] == "loops"}
    return Cells(list(tracks), list(dict.fromkeys(measured)), tracks, looped)


def read_models(given: Sequence[str]) -> list[Point]:
    """Trained models given as [NAME=]DIR, each a point of its own; InputError for what is no model or no name."""
    points = []
    for text in given:
        bare = "=" not in text or Path(text).is_dir()
        name, _, folder = (Path(text).name, "", text) if bare else text.partition("=")
        model_config.read_config(folder)
        if not NAME.fullmatch(name):
            raise InputError(f"--model {text}: '{name}' cannot name a point; give NAME=DIR")
        points.append(Point(name, {}, Path(folder)))
    return points


def read_seeds(given: Sequence[str]) -> list[int]:
    """Seeds as numbers; InputError for one that is none or comes twice."""
    for text in given:
        if not text.isdecimal() or int(text) >= 2**32 or given.count(text) > 1:
            raise InputError(f"--seeds: '{text}' is no whole number, or comes twice; give them as 1,2,3")
    return [int(text) for text in given]


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice: the first would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"'{key}' is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read(path: Path, command: click.Command, cells: Cells) -> Sweep:
    """Points of a YAML: `points` by name, and the product of `grid`; each with the common `settings` first.

    `command` is train's. Raises InputErrors with every fault: unknown keys and options, wrong values, cells and tracks
    that the samplesheet lacks, names that are no file names or come twice.
    """
    content = _load(path)
    faults = [f"'{key}' is no part of a sweep; it has {', '.join(KEYS)}" for key in content if key not in KEYS]
    common = _mapping(content, "settings", faults)
    listed = [
        (str(name), _point(name, own, faults)) for name, own in _mapping(content, "points", faults).items()
    ] + list(_grid(_mapping(content, "grid", faults), faults))
    points: list[Point] = []
    for name, own in listed:
        if not NAME.fullmatch(name):
            faults.append(f"point '{name}': cannot name a folder; use letters, digits, '.', '_', '-'")
        if name in (point.name for point in points):
            faults.append(f"point '{name}' comes twice; give each its own name")
        settings, wrong = check(_over(common, own), command, cells)
        faults += [f"point '{name}': {fault}" for fault in wrong]
        points.append(Point(name, settings))
    if not listed and not faults:
        faults.append("there is no point; give points: (name: settings) or grid: (option: list of values)")
    seeds = content.get("seeds", [])
    if not isinstance(seeds, list) or not all(type(s) is int and 0 <= s < 2**32 for s in seeds):  # True is an int
        faults.append("seeds must be a list of whole numbers, as [1, 2, 3]")
    elif len(set(seeds)) < len(seeds):
        faults.append("seeds: one comes twice")
    if faults:
        raise InputErrors(f"{path} has {len(faults)} fault{'s' if len(faults) > 1 else ''}:", faults)
    return Sweep(points, seeds)


def _load(path: Path) -> Mapping[Any, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no readable YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} must be a mapping with points: or grid:")
    return content


def _mapping(content: Mapping[Any, Any], key: str, faults: list[str]) -> Mapping[Any, Any]:
    part = content.get(key) or {}
    if isinstance(part, dict):
        return part
    faults.append(f"{key}: must be a mapping, found {type(part).__name__}")
    return {}


def _point(name: Any, own: Any, faults: list[str]) -> Mapping[Any, Any]:
    if own is None or isinstance(own, dict):
        return own or {}
    faults.append(f"point '{name}': must be a mapping of options, found '{own}'")
    return {}


def _grid(grid: Mapping[Any, Any], faults: list[str]) -> Iterator[tuple[str, Settings]]:
    """Every combination of the values, named by them: "layers-0_neighbours-20"."""
    for option, values in grid.items():
        if not isinstance(values, list) or not values:
            faults.append(f"grid: {option} must be a list of values, found '{values}'")
            return
    for chosen in itertools.product(*grid.values()) if grid else ():
        settings = dict(zip(map(str, grid), chosen, strict=True))
        parts = (f"{option}-{re.sub('[^A-Za-z0-9.]+', '-', _text(value))}" for option, value in settings.items())
        yield "_".join(parts), settings


def _over(base: Mapping[Any, Any], own: Mapping[Any, Any]) -> dict[Any, Any]:
    """Settings with those of a point in their place; its own way to split genes stands for the other, too."""
    other = ("val", "test") if "fold" in own else ("fold",) if "val" in own or "test" in own else ()
    return {name: value for name, value in base.items() if name not in other} | dict(own)


def check(
    given: Mapping[Any, Any], command: click.Command, cells: Cells, *, seed: bool = False
) -> tuple[Settings, list[str]]:
    """Settings as text with names spelled with underscores, and what is wrong with them, in words.

    A point has no `seed` of its own, a run has.
    """
    options = {_spelled(option): option for option in command.params if _spelled(option) not in PIPELINES}
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
        settings[name] = _text(value)
        kind = PREPARATION.get(name) or (option.type if option else click.STRING)
        try:
            kind.convert(settings[name], option, None)
        except click.BadParameter as error:
            faults.append(f"{name}: {error.message}")
    lists = [name for name in ("val", "test") if name in settings]
    if lists and "fold" in settings:
        faults.append(f"fold stands for both val and test; leave out {' and '.join(lists)}, or fold")
    return settings, faults + list(_unknown_values(settings, cells))


def _spelled(option: click.Parameter) -> str:
    """Name of an option as a user writes it, with underscores."""
    return option.opts[-1].lstrip("-").replace("-", "_")


def _text(value: Any) -> str:
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


def leave_out(
    points: Sequence[Point], base: Settings, what: str, cells: Cells, chromosomes: Sequence[str]
) -> list[Point]:
    """Each point once for every measured cell, or for every one of `chromosomes`, that it leaves out of training.

    Cells that a point holds out anyway stay so. InputError when nothing is left to train on.
    """
    found = []
    for point in points:
        if point.model:
            raise InputError(f"--leave-out trains models, and {point.name} is a trained one; give one or the other")
        own_split = [name for name in SPLIT if name in point.settings]
        if what == "chromosomes" and own_split:
            raise InputError(
                f"--leave-out chromosomes gives each run its fold; point '{point.name}' sets "
                f"{' and '.join(own_split)}: give one or the other"
            )
        settings = base | point.settings
        held = listed(settings.get("holdout_cells"))
        names = [cell for cell in cells.measured if cell not in held] if what == "cells" else chromosomes
        if len(names) < 2:
            raise InputError(f"--leave-out {what} needs two or more to train on; there is {', '.join(names) or 'none'}")
        for name in names:
            changed = {"holdout_cells": ",".join([*held, name])} if what == "cells" else {"fold": name}
            found.append(Point(f"{point.name}_{name}" if len(points) > 1 else name, point.settings | changed))
    return found


def runs(
    points: Sequence[Point],
    base: Settings,
    seeds: Sequence[int],
    command: click.Command,
    cells: Cells,
    lacking: Collection[str] = (),
) -> list[dict[str, Any]]:
    """One entry a point, seed and mode (direct, anchored), with all that the pipeline's tasks need to know of it.

    `base` are the settings that a point does not set itself, `lacking` the inputs that no file is given for. Runs share
    what they can: elements of one width (`reference`), tracks of one bin size (`store`), baselines of one split of
    genes and cells (`protocol`). Raises InputErrors with all that keeps points from being trained.
    """
    laid_out: list[dict[str, Any]] = []
    faults: list[str] = []
    for point in points:
        settings = _over(base, point.settings)
        holdout = listed(settings.get("holdout_cells"))
        modes = ["direct", "anchored"] if settings.get("anchored") else ["direct"]
        config = model_config.read_config(point.model) if point.model else None
        if config:
            model = config["model"]
            settings |= {"width": model["width"], "bin_size": model["bin_size"]}
            modes = ["anchored" if model.get("anchored") else "direct"]
        architecture, training = preset_file.read_with(settings["preset"], settings)
        width, bins = int(settings["width"]), architecture.bin_size
        own_seeds = [0] if point.model else seeds
        trained_on = config.get("cells", []) if config else [cell for cell in cells.measured if cell not in holdout]
        if config:
            tracks, dropout = list(config["model"].get("tracks", [])), config["model"].get("track_dropout", 0.0)
            wanted = tracks
        else:
            dropout = architecture.track_dropout
            tracks = hidden_tracks.read_by(settings, dropout, trained_on, cells.tracks)
            wanted = hidden_tracks.read_by(settings, 1, trained_on, cells.tracks)
            wrong = dict.fromkeys(
                fault
                for mode in modes
                for fault in _untrainable(
                    settings | {"anchored": mode == "anchored"}, trained_on, tracks, cells, lacking
                )
            )
            faults += [f"point '{point.name}': {fault}" for fault in wrong]
        lacking_tracks = hidden_tracks.unusable(wanted, dropout, cells.tracks, trained=config is not None)
        faults += [f"point '{point.name}': {fault}" for fault in lacking_tracks]
        # baselines of a trained model learn from its own cells alone, where the sheet has any of them
        shared = [cell for cell in cells.measured if cell in trained_on and cell not in holdout]
        new = [cell for cell in cells.measured if shared and cell not in [*trained_on, *holdout]]
        hidden = hidden_tracks.to_hide(tracks if dropout else [], trained_on, cells.measured, cells.tracks)
        place = f"points/{point.name}/" if len(points) > 1 else ""
        for seed, mode in itertools.product(own_seeds, modes):
            of_run = {**settings, "seed": str(seed), "anchored": mode == "anchored"}
            of_mode = "anchored/" if mode == "anchored" and len(modes) > 1 else ""
            of_seed = (f"seed{seed}/" if len(own_seeds) > 1 else "") + of_mode
            laid_out.append(
                {
                    "point": point.name,
                    "mode": mode,
                    "place": place,
                    "of_mode": of_mode,
                    "folder": place + of_seed,
                    "label": (place + of_seed).removeprefix("points/").strip("/").replace("/", " "),
                    "seed": seed,
                    "trained": point.model is not None,
                    "preset": settings["preset"],
                    "batch_size": training.batch_size,
                    "args": _arguments(of_run, command, without=("preset", "batch_size")),
                    "split": _arguments(of_run, command, only=SPLIT),
                    "holdout": holdout,
                    "unlearned": [*holdout, *new],
                    "store": {"width": width, "bin_size": bins},
                    "tracks": tracks,
                    "hidden": hidden,
                    "settings": point.settings,
                }
            )
    if faults:
        raise InputErrors("not every point can be trained and applied to these cells:", faults)
    _name_folders(laid_out)
    return laid_out


def _untrainable(
    settings: Settings, trained_on: Sequence[str], tracks: Sequence[str], cells: Cells, lacking: Collection[str]
) -> Iterator[str]:
    """What keeps a model with these settings from being trained on these cells, in words."""
    model, training = preset_file.read_with(settings["preset"], settings)
    asked = listed(settings.get("inputs")) or INPUTS
    inputs = [name for name in asked if name not in lacking]
    model = model.replace(
        tracks=tuple(tracks), motifs=("any",) if "motifs" in inputs else (), sequence="sequence" in inputs
    )
    if not (model.tracks or model.motifs or model.sequence):
        why = ["the cells that it is trained on share no track"] if "tracks" in asked else []
        why += [f"no file is given for {name}" for name in asked if name in lacking]
        yield f"no input is left of {', '.join(asked)}: {', '.join(why)}"
        return
    if not settings.get("fold") and splits.all_tested(settings.get("val", ""), settings.get("test", "")):
        yield f"all of val ({settings['val']}) is tested, too, which counts; there would be no validation gene"
    if model.anchored and len(trained_on) < 2:
        yield "anchored needs two cells with expression to train on; hold out fewer"
    if rest := model.width % model.bin_size:
        yield (
            f"bins of {model.bin_size} bp ({settings['preset']}) do not divide elements of {model.width} bp; give a "
            f"width that is a multiple, such as {model.width + model.bin_size - rest}, or another bin size"
        )
        return
    try:
        checks.check_settings(model, training, imported=False, trials_given=False)
        rows = checks.loops_to_read(model, training)
        build(model)
    except InputError as error:
        yield str(error)
        return
    if rows != "none" and not set(trained_on) & set(cells.looped):
        yield (
            f"the model learns from chromatin loops ({settings['preset']}), but the samplesheet has none of "
            f"{', '.join(trained_on)}; add rows with the assay loops"
        )


def _name_folders(laid_out: Sequence[dict[str, Any]]) -> None:
    """Folders of elements, of tracks and of splits: none for those of the first run, which is most often the only."""
    first = laid_out[0]
    splits_seen: list[tuple[str, list[str]]] = []
    for run in laid_out:
        split = run["split"], run.pop("unlearned")
        if split not in splits_seen:
            splits_seen.append(split)
        number = splits_seen.index(split)
        width, bins = run["store"]["width"], run["store"]["bin_size"]
        same_width = width == first["store"]["width"]
        same = same_width and bins == first["store"]["bin_size"]
        run["reference"] = {"width": width, "folder": "" if same_width else f"width{width}/"}
        run["store"] = {"width": width, "bin_size": bins, "folder": "" if same else f"width{width}.bins{bins}/"}
        run["protocol"] = {
            "split": split[0],
            "holdout": split[1],
            "folder": f"split{number + 1}/" if number else "",
        }


def _arguments(
    settings: Settings, command: click.Command, only: Sequence[str] = (), without: Sequence[str] = ()
) -> str:
    """Options of the command line, in the order of the command's own list.

    A flag that is off is named by its own word for that (--no-x), and left out where it has none.
    """
    words = []
    for option in command.params:
        name = _spelled(option)
        value = settings.get(name)
        if name in PIPELINES or name in without or (only and name not in only) or value in (None, ""):
            continue
        if isinstance(value, bool):
            words += (option.opts if value else option.secondary_opts)[-1:]
        else:
            words += [option.opts[-1], shlex.quote(str(value))]
    return " ".join(words)


def base_settings(words: Sequence[str], command: click.Command, cells: Cells) -> Settings:
    """Settings in a command line of train, as the pipeline's parameters give them; unset ones are left out.

    Raises InputErrors with all that is wrong with them.
    """
    context = click.Context(command, info_name=command.name)
    parsed, _, _ = command.make_parser(context).parse_args(list(words))
    given = {_spelled(option): parsed[option.name] for option in command.params if option.name in parsed}
    settings, faults = check(given, command, cells, seed=True)
    if faults:
        raise InputErrors("the run's own settings are wrong:", faults)
    return settings
