"""The mean of what several models say of one cell: predictions or link scores."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.core.methods import MODELS, SEEDS


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


def _about(header: Header) -> tuple[object, ...]:
    parameters = header["parameters"]
    return (
        parameters.get("cell_seen"),
        parameters.get("training_cells"),
        parameters.get("mode"),
        parameters.get("hidden_tracks"),
        parameters.get("mean_of"),
        parameters.get("classes"),
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
