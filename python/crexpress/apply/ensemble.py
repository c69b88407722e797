"""The mean of what several models say of one cell, predictions or link scores; of predictions also with trees."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import artifacts, splits
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.core.methods import DIRECT, MODELS, SEEDS, TREES


def average(paths: Sequence[Path], kind: str) -> tuple[pl.DataFrame, Header]:
    """Table and header of the mean over files of one cell, kind ("predictions" or "links") and set of rows.

    Predictions are averaged in the unit of the target, link scores each in its own. Raises InputError when the files
    differ in more than their values: cell, genes, elements, split, pairs or scores.
    """
    frames, headers = zip(*(artifacts.read_table(path, kind) for path in paths), strict=True)
    first, like = frames[0], headers[0]
    columns = ["predicted"] if kind == "predictions" else [score["name"] for score in like["parameters"]["scores"]]
    spreads = [name for name in ("spread", "expected_error") if name in first.columns]
    rest = [name for name in first.columns if name not in columns + spreads]
    for path, frame, header in zip(paths[1:], frames[1:], headers[1:], strict=True):
        for what in ("genes", "elements"):
            artifacts.require_same(what, paths[0], like, path, header)
        if header["cell"] != like["cell"]:
            raise InputError(f"{paths[0]} is of {like['cell']}, {path} of {header['cell']}; average one cell at a time")
        _require_unit(paths[0], like, path, header)
        if frame.columns != first.columns or not frame.select(rest).equals(first.select(rest)):
            raise InputError(f"{path} does not have the rows of {paths[0]}: another split, or other neighbours")
        if _about(header) != _about(like):
            raise InputError(
                f"{path} and {paths[0]} come from models trained on other cells or in other modes; they have "
                "no common mean"
            )
    means = pl.DataFrame(
        {
            name: sum((frame[name].cast(pl.Float64) for frame in frames[1:]), first[name].cast(pl.Float64))
            / len(frames)
            for name in columns
        }
    ).with_columns(pl.all().cast(pl.Float32))
    # a model's own spread, and that between the models; the error of the mean is at most the mean of their errors
    for name in spreads:
        within = [frame[name].cast(pl.Float64) ** 2 for frame in frames]
        square = sum(within[1:], within[0]) / len(frames)
        if name == "spread":
            square += pl.Series(np.var([frame["predicted"].cast(pl.Float64).to_numpy() for frame in frames], axis=0))
        means = means.with_columns(square.sqrt().cast(pl.Float32).alias(name))
    table = pl.concat([first.select(rest), means], how="horizontal").select(first.columns)
    return table, _header(paths, headers, kind)


def with_trees(mean: tuple[pl.DataFrame, Header], paths: Sequence[Path], path: Path) -> tuple[pl.DataFrame, Header]:
    """Predictions of a model, or of a mean of several, averaged with the boosted trees of a baselines file, half and
    half: trees that see each gene's own profile, or of an anchored model those for the change. `paths` held `mean`.

    Raises InputError when the trees are of another cell or unit, or learned from other genes or cells than the model.
    """
    table, header = mean
    trees, like = artifacts.read_table(path, "baselines")
    about, of_trees = header["parameters"], like["parameters"]
    for what in ("genes", "elements"):
        artifacts.require_same(what, paths[0], header, path, like)
    if about.get("classes") or about.get("hidden_tracks"):
        raise InputError(f"{path}: trees predict expression from all tracks; the predictions are of something else")
    learned, theirs = (
        (part.get("cell_seen", False), sorted(part.get("training_cells", []))) for part in (about, of_trees)
    )
    _require_unit(paths[0], header, path, like)
    split = splits.assign(table, of_trees["val"], of_trees["test"])
    if like["cell"] != header["cell"] or learned != theirs:
        raise InputError(f"{path} has trees of other cells than the predictions, or for another; fit them to the same")
    if (split != table["split"].to_numpy()).any():
        raise InputError(f"{path} has trees that learned from other genes; run fit-baselines with the model's split")
    score = TREES[about.get("mode", DIRECT)]
    names = [method["method"] for method in of_trees["methods"] if method["score"] == score]
    if not names:
        raise InputError(f"{path} has no {score.replace('_', ' ')}; run fit-baselines with --profiles of all its cells")
    values = trees.filter(pl.col("method") == names[0])
    if not values["gene_id"].equals(table["gene_id"]):
        raise InputError(f"{path} does not have the genes of the predictions, in their order; run fit-baselines again")
    both = (table["predicted"].cast(pl.Float64) + values["predicted"].cast(pl.Float64)) / 2
    # the heads' spread, and the error that it tells of, are not those of the mean
    table = table.with_columns(both.cast(pl.Float32).alias("predicted")).drop("spread", "expected_error", strict=False)
    new = {"preset": f"{about['preset']} + boosted trees", "seed": None, "mean_of": 2, "mean_over": MODELS}
    same = {name: header[name] for name in ("elements", "genes", "cell", "units")}
    about = {**about, **new}
    return table, artifacts.make_header("predictions", "ensemble", **same, parameters=about, sources=[*paths, path])


def _require_unit(path: Path, like: Header, other: Path, header: Header) -> None:
    if header["units"] != like["units"]:
        units = (", ".join(one["units"].values()) or "an unknown unit" for one in (like, header))
        raise InputError(f"{path} is in {next(units)}, {other} in {next(units)}; average one unit at a time")


def _about(header: Header) -> tuple[object, ...]:
    parameters = header["parameters"]
    return (
        parameters.get("cell_seen"),
        parameters.get("training_cells"),
        parameters.get("mode"),
        parameters.get("hidden_tracks"),
        parameters.get("mean_of"),
        parameters.get("classes"),
        parameters.get("shuffled_negatives"),
    )


def _header(paths: Sequence[Path], headers: Sequence[Header], kind: str) -> Header:
    like = headers[0]
    presets = list(dict.fromkeys(header["parameters"]["preset"] for header in headers))
    seeds = [header["parameters"]["seed"] for header in headers]
    parameters = {
        **like["parameters"],
        "preset": " + ".join(presets),
        "seed": None,
        "seeds": seeds,
        "mean_of": len(paths),
        "mean_over": SEEDS if len(presets) == 1 else MODELS,
    }
    return artifacts.make_header(
        kind,
        "ensemble",
        elements=like["elements"],
        genes=like["genes"],
        cell=like["cell"],
        parameters=parameters,
        units=like["units"],
        sources=paths,
    )
