"""Simple models that a network must beat: a mean, ridge regression, boosted trees, and those of `known_cells`.

They see the same tracks as the network, each element reduced to its mean signal, and train on the same genes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from crexpress.baselines import added, known_cells
from crexpress.core import artifacts, methods
from crexpress.core.artifacts import Header, Table
from crexpress.core.errors import InputError
from crexpress.core.tracks import element_means
from crexpress.data.neighbours import PAD, distances
from crexpress.prepare.profile_bins import MAP, log_length, matched

TRAIN_MEAN = "train mean"
TREES_PROFILE = "boosted trees, profile"  # told all that the others see, the gene's own profile and its length
_PROMOTER = "promoter"


@dataclass(frozen=True)
class BaselineCell:
    """What the baselines know of one cell.

    `signals` {track: mean signal, float32 [elements]}; `expression` float64 [genes], NaN where not measured,
    or None; `trained` is False for a cell whose expression may only be scored against. `profiles` are the genes' own,
    {track: float32 [genes, columns]}, empty where they are not given; `unit` that of the expression.
    """

    name: str
    signals: Mapping[str, np.ndarray]
    expression: np.ndarray | None
    trained: bool
    profiles: Mapping[str, np.ndarray] = field(default_factory=dict)
    unit: str = ""


def read_cells(
    signals: Sequence[Path],
    expression: Sequence[Path],
    holdout: Collection[str],
    genes: Path,
    like: Table,
    tracks: Collection[str] = (),
    profiles: Sequence[Path] = (),
) -> list[BaselineCell]:
    """Cells of signals and expression artefacts, in the order of `signals`, with these `tracks` (none: all).

    All must be aligned to the gene table `genes`, which is `like`. Raises InputError when a file
    belongs to other elements or genes, a cell comes twice, signals or units cannot be compared, no cell has a track
    that is asked for, a held-out cell is unknown, or no cell is left to train on.
    """
    targets: dict[str, tuple[np.ndarray, str]] = {}
    for path in expression:
        table, header = artifacts.read_table(path, "expression")
        artifacts.require_same("genes", path, header, genes, like.header)
        artifacts.require_genes(path, table, genes, like.frame)
        if header["cell"] in targets:
            raise InputError(f"{path} is a second table of {header['cell']}'s expression; give each cell once")
        targets[header["cell"]] = table["expression"].cast(pl.Float64).to_numpy(), header["units"]["expression"]

    cells: dict[str, BaselineCell] = {}
    transforms: dict[str, str] = {}
    for path in signals:
        header, tensors = artifacts.open_arrays(path, "signals")
        artifacts.require_same("elements", path, header, genes, like.header)
        name = header["cell"]
        if name in cells:
            raise InputError(f"{path} is a second file of {name}'s signals; give each cell once")
        transforms[name] = header["parameters"]["transform"]
        values, unit = targets.get(name, (None, ""))
        means = {
            track: element_means(tensor, dtype=np.float32)
            for track, tensor in tensors.items()
            if not tracks or track in tracks
        }
        artifacts.require_finite(path, means)
        cells[name] = BaselineCell(name, means, values, values is not None and name not in holdout, unit=unit)
    for path in profiles:
        header, own = read_profiles(path, genes, like.header, tracks)
        name = header["cell"]
        if name not in cells or cells[name].profiles:
            raise InputError(f"{path} holds profiles of {name}: give each cell's once, beside its signals")
        if header["parameters"]["transform"] != transforms[name]:
            raise InputError(
                f"{path} and the signals of {name} have different transforms; prepare both in the same way"
            )
        cells[name] = replace(cells[name], profiles=own)
    without = [name for name, cell in cells.items() if profiles and not cell.profiles]
    if without:
        raise InputError(f"the profiles of {without[0]} are not given, but others are; add --profiles")

    lacking = sorted(set(tracks) - {track for cell in cells.values() for track in cell.signals})
    if lacking:
        raise InputError(f"no cell has the track {', '.join(lacking)}; name tracks of the signals files")
    unknown = sorted(set(holdout) - set(cells))
    if unknown:
        raise InputError(f"held-out cell {', '.join(unknown)} has no signals; cells with signals: {', '.join(cells)}")
    trained = [cell.name for cell in cells.values() if cell.trained]
    if not trained:
        raise InputError("no cell is left to train on: give signals and expression of one that is not held out")
    for what, of in (
        ("signal transforms", transforms),
        ("units", {name: targets[name][1] for name in trained}),
    ):
        odd = [name for name in of if of[name] != of[trained[0]]]
        if odd:
            raise InputError(
                f"{trained[0]} and {odd[0]} have different {what} ({of[trained[0]]} and {of[odd[0]]}); "
                "prepare both in the same way"
            )
    return list(cells.values())


def read_profiles(
    path: Path, genes: Path, like: Header, tracks: Collection[str] = ()
) -> tuple[Header, dict[str, np.ndarray]]:
    """Header and profiles {track: [genes, columns]} of a profiles artefact, matched where it says how."""
    header, tensors = artifacts.open_arrays(path, "profiles")
    for what in ("elements", "genes"):
        artifacts.require_same(what, path, header, genes, like)
    names = [name for name in header["parameters"]["tracks"] if not tracks or name in tracks]
    return header, {
        name: matched(tensors[name], tensors[MAP + name]) if MAP + name in tensors else np.asarray(tensors[name])
        for name in names
    }


def features(
    signals: Mapping[str, np.ndarray],
    tracks: Sequence[str],
    elements: pl.DataFrame,
    genes: pl.DataFrame,
    index: np.ndarray,
) -> np.ndarray:
    """Features of every gene, float32 [genes, tracks + m x (tracks + 1)], NaN where there is nothing.

    First the mean signals of the gene's TSS window, then those of its m neighbours, then the signed
    log10(1 + distance) of each in bp. `index` is the result of `neighbours.nearest`; slots run along the gene
    here, so that the first is the one farthest upstream. A track that the cell lacks is NaN.
    """
    minus = (genes["strand"] == "-").to_numpy()
    middle = index.shape[1] // 2
    distance = distances(genes, elements, index) * np.where(minus, -1, 1)[:, None]
    along = np.where(minus[:, None], index[:, ::-1], index)
    distance = np.where(minus[:, None], distance[:, ::-1], distance)
    around, distance = np.delete(along, middle, axis=1), np.delete(distance, middle, axis=1)

    missing = np.full(len(elements), np.nan, np.float32)
    by_track = [signals.get(track, missing) for track in tracks]
    blocks = [signal[index[:, middle], None] for signal in by_track]
    blocks += [np.where(around == PAD, np.nan, signal[around]) for signal in by_track]
    blocks.append(np.where(around == PAD, np.nan, np.sign(distance) * np.log10(1 + np.abs(distance))))
    return np.concatenate(blocks, axis=1, dtype=np.float32)


def predict(
    cells: Sequence[BaselineCell],
    elements: pl.DataFrame,
    genes: pl.DataFrame,
    index: np.ndarray,
    training: np.ndarray,
    seed: int,
    threads: int | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Fit every baseline on the `training` genes (bool [genes]) of the trained cells, apply it to every cell.

    Returns {cell: {method: float32 [genes], NaN where the method knows nothing of a gene}}. `index` is the
    result of `neighbours.nearest`. Raises InputError when no training gene is measured.
    """
    tracks = sorted({track for cell in cells for track in cell.signals})
    tables = {cell.name: features(cell.signals, tracks, elements, genes, index) for cell in cells}
    known = {cell.name: cell.expression for cell in cells if cell.trained and cell.expression is not None}
    rows = {name: training & np.isfinite(values) for name, values in known.items()}
    target = np.concatenate([values[rows[name]] for name, values in known.items()])
    if not len(target):
        raise InputError(f"no training gene is measured in {', '.join(known)}; choose other --val and --test")

    predicted = {name: {TRAIN_MEAN: np.full(len(genes), target.mean(), np.float32)} for name in tables}
    for method, width, model in _regressions(len(tracks), index.shape[1] - 1, seed):
        with threadpool_limits(threads, user_api="openmp"):
            model.fit(np.concatenate([tables[name][rows[name], :width] for name in known]), target)
            fitted = {name: model.predict(table[:, :width]) for name, table in tables.items()}
        for name, values in fitted.items():
            predicted[name][method] = values.round(5).astype(np.float32)  # the same bytes on any number of threads
    signals = {cell.name: cell.signals for cell in cells}
    width = len(tracks) * index.shape[1]
    if cells[0].profiles:
        tables, width = with_profiles(cells, tracks, genes, tables, width)
        trees = boosted_trees(seed)
        with threadpool_limits(threads, user_api="openmp"):
            trees.fit(np.concatenate([tables[name][rows[name]] for name in known]), target)
            for name, table in tables.items():
                predicted[name][TREES_PROFILE] = trees.predict(table).round(5).astype(np.float32)
    for name in predicted:
        predicted[name] |= known_cells.repeat(name, known, signals)
    if len(known) > 1:
        changed = known_cells.trees_change(boosted_trees(seed), tables, width, known, training, threads)
        for name, values in changed.items():
            predicted[name][known_cells.TREES_CHANGE] = values
    for name, values_of in added.predict(added.Task(cells, elements, genes, index, training, seed)).items():
        predicted[name] |= values_of
    return predicted


def with_profiles(
    cells: Sequence[BaselineCell],
    tracks: Sequence[str],
    genes: pl.DataFrame,
    tables: Mapping[str, np.ndarray],
    width: int,
) -> tuple[dict[str, np.ndarray], int]:
    """The features with the gene's own profile and the gene's length, and the number of those that are of a signal."""
    length = log_length(genes)[:, None]
    found = {}
    for cell in cells:
        shape = next(iter(cell.profiles.values())).shape
        missing = np.full(shape, np.nan, np.float32)
        own = [cell.profiles.get(track, missing) for track in tracks]
        table = tables[cell.name]
        found[cell.name] = np.concatenate([*own, table[:, :width], table[:, width:], length], axis=1)
    return found, width + len(tracks) * shape[1]


def _regressions(tracks: int, m: int, seed: int) -> Iterator[tuple[str, int | None, Any]]:
    """Method name, number of leading features it sees (None for all) and the unfitted model."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for place, width in ((_PROMOTER, tracks), (_elements(m), None)):
        imputer = SimpleImputer(keep_empty_features=True)  # a slot or track that is always missing keeps its column
        yield f"ridge {place}", width, make_pipeline(imputer, StandardScaler(), RidgeCV(np.logspace(0, 4, 9)))
        yield f"boosted trees {place}", width, boosted_trees(seed)


def described(neighbours: int, cells: Collection[str]) -> dict[str, dict[str, Any]]:
    """What a header says of every baseline that `predict` may make, {name: entry}, where `cells` are known."""
    scores = {TRAIN_MEAN: ("train_mean", methods.GENES), TREES_PROFILE: (methods.TREES[methods.DIRECT], methods.TRACKS)}
    for place, of_place in ((_PROMOTER, "promoter"), (_elements(neighbours), "elements")):
        for form in ("ridge", "boosted trees"):
            scores[f"{form} {place}"] = f"{form.replace(' ', '_')}_{of_place}", methods.TRACKS
    own = {name: {"method": name, "score": score, "saw": saw, "cells": []} for name, (score, saw) in scores.items()}
    return own | known_cells.described(cells) | added.described()


def _elements(neighbours: int) -> str:
    return f"{_PROMOTER} + {neighbours} elements"


def boosted_trees(seed: int) -> Any:
    """The regressor, unfitted, of all baselines of trees."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=300, learning_rate=0.05, l2_regularization=1.0, early_stopping=False, random_state=seed
    )
