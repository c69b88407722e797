"""The runs of a sweep: a point, a seed and a mode each, with what train is given and where its results go."""

import itertools
import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import click

from crexpress.core import model_config, splits
from crexpress.core.errors import InputError, InputErrors
from crexpress.core.names import listed
from crexpress.models.config import INPUTS
from crexpress.models.folder import build
from crexpress.pipeline import hidden_tracks
from crexpress.pipeline.point_settings import PIPELINES, SPLIT, Cells, Settings, option_name
from crexpress.pipeline.sweep import Point, over
from crexpress.training import checks, preset_file


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
        settings = over(base, point.settings)
        holdout = listed(settings.get("holdout_cells"))
        modes = ["direct", "anchored"] if settings.get("anchored") else ["direct"]
        saved = {model.mode: model for model in point.saved}
        config = point.saved[0].config if point.saved else None
        if config:
            model = config["model"]
            settings |= {"width": model["width"], "bin_size": model["bin_size"]}
            modes = list(saved)
        architecture, training = preset_file.read_with(settings["preset"], settings)
        width, bins = int(settings["width"]), architecture.bin_size
        own_seeds = [0] if point.saved else seeds
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
                    "trained": bool(point.saved),
                    "saved": saved[mode].name if saved else None,
                    "known": model_config.given_cells(saved[mode].config) if saved else [],
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
        name = option_name(option)
        value = settings.get(name)
        if name in PIPELINES or name in without or (only and name not in only) or value in (None, ""):
            continue
        if isinstance(value, bool):
            words += (option.opts if value else option.secondary_opts)[-1:]
        else:
            words += [option.opts[-1], shlex.quote(str(value))]
    return " ".join(words)
