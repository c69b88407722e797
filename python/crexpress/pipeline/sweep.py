"""A sweep: named points, each a set of training settings, read from a YAML; `sweep_runs` lays them out as runs.

A plain run is the sweep of one point. Every fault of the YAML is collected and reported in one message, held against
the options of `train` itself, the presets and the samplesheet.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import yaml

from crexpress.core import methods, model_config
from crexpress.core.errors import InputError, InputErrors
from crexpress.core.names import NAME, is_whole, listed
from crexpress.pipeline.point_settings import SPLIT, Cells, Settings, as_text, check

KEYS = ("description", "settings", "seeds", "points", "grid")


class Saved(NamedTuple):
    """A trained model: the name that it was given by, and its config.json."""

    name: str
    config: dict[str, Any]

    @property
    def mode(self) -> str:
        """Direct or anchored."""
        return methods.ANCHORED if self.config["model"].get("anchored") else methods.DIRECT

    @property
    def reads(self) -> tuple[Any, ...]:
        """What tracks it needs, and in which form."""
        return tuple(self.config["model"].get(name) for name in ("width", "bin_size", "tracks", "track_dropout"))


class Point(NamedTuple):
    """A named set of settings, spelled with underscores; `saved` are the trained models that it is, of others none.

    A point whose settings have `anchored` is two models: a direct one, and an anchored one beside it.
    """

    name: str
    settings: Settings
    saved: tuple[Saved, ...] = ()


class Sweep(NamedTuple):
    """Points in the order of the file, and its own seeds (none: the run's)."""

    points: list[Point]
    seeds: list[int]


def read_models(given: Sequence[str]) -> list[Point]:
    """Trained models given as [NAME=]DIR, each a point of its own; InputError for what is no model or no name.

    An anchored model called NAME-anchored beside a direct one called NAME, which reads the same tracks, is the second
    model of that point, as if both had been trained in one run.
    """
    points: dict[str, Point] = {}
    for text in given:
        bare = "=" not in text or Path(text).is_dir()
        name, _, folder = (Path(text).name, "", text) if bare else text.partition("=")
        model = Saved(name, model_config.read_config(folder))
        if not NAME.fullmatch(name):
            raise InputError(f"--model {text}: '{name}' cannot name a point; give NAME=DIR")
        points[name] = Point(name, {}, (model,))
    for name, point in list(points.items()):
        beside = points.get(f"{name}-{methods.ANCHORED}")
        both = (*point.saved, *(beside.saved if beside else ()))
        if [model.mode for model in both] == [*methods.MODES] and both[0].reads == both[1].reads:
            points[name] = point._replace(saved=both)
            del points[f"{name}-{methods.ANCHORED}"]
    return list(points.values())


def read_seeds(given: Sequence[str]) -> list[int]:
    """Seeds as numbers; InputError for one that is none or comes twice."""
    for text in given:
        if not is_whole(text) or int(text) >= 2**32 or given.count(text) > 1:
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
        settings, wrong = check(over(common, own), command, cells)
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
    except RecursionError:
        raise InputError(f"{path} is no readable YAML: its lists or mappings lie too deep in each other") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: what looks like a date or number and is none
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
        parts = (f"{option}-{re.sub('[^A-Za-z0-9.]+', '-', as_text(value))}" for option, value in settings.items())
        yield "_".join(parts), settings


def over(base: Mapping[Any, Any], own: Mapping[Any, Any]) -> dict[Any, Any]:
    """Settings with those of a point in their place; its own way to split genes stands for the other, too."""
    other = ("val", "test") if "fold" in own else ("fold",) if "val" in own or "test" in own else ()
    return {name: value for name, value in base.items() if name not in other} | dict(own)


def leave_out(
    points: Sequence[Point], base: Settings, what: str, cells: Cells, chromosomes: Sequence[str]
) -> list[Point]:
    """Each point once for every measured cell, or for every one of `chromosomes`, that it leaves out of training.

    Cells that a point holds out anyway stay so. InputError when nothing is left to train on.
    """
    found = []
    for point in points:
        if point.saved:
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
