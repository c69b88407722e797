"""Cells that have one file under two names: swapped or repeated rows of a samplesheet, or a known cell given as new."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import numpy as np
import torch

from crexpress.core.tracks import Level
from crexpress.data.store import CellData, Store
from crexpress.data.track_levels import Levels

_COMPARED = 500  # elements over which two cells are compared
_SAME = 0.98  # share of these, of those with signal, that is the same: the ends of peaks may be rounded otherwise
_CLOSE = 2e-3  # relative difference of what is the same, twice that of 16 bits
_TELLING = 10  # elements with signal from which on they tell something


def shared(store: Store, tracks: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """{two cells: the tracks, and "expression", that are the same in both}, where they tell something (two values)."""
    rows = torch.linspace(0, len(store.elements) - 1, min(len(store.elements), _COMPARED)).long()
    sampled = [(cell, cell.signals[rows].float().mean(2).cpu().numpy()) for cell in store.cells]
    found = {}
    for (one, values), (other, others) in combinations(sampled, 2):
        both = (one.present & other.present).tolist()
        names = [
            name
            for number, name in enumerate(tracks)
            if both[number] and _same_signal(values[:, number], others[:, number])
        ]
        if _same_expression(one, other):
            names.append("expression")
        if names:
            found[one.name, other.name] = names
    return found


def _same_signal(one: np.ndarray, other: np.ndarray) -> bool:
    some = (one != 0) | (other != 0)
    one, other = one[some], other[some]
    if len(one) < _TELLING or one.min() == one.max():
        return False
    return bool(np.isclose(one, other, rtol=_CLOSE, atol=0).mean() >= _SAME)


def _same_expression(one: CellData, other: CellData) -> bool:
    if one.expression is None or other.expression is None:
        return False
    known = one.expression[~np.isnan(one.expression)]
    return bool(
        len(known) and known.min() < known.max() and np.array_equal(one.expression, other.expression, equal_nan=True)
    )


def notes(
    store: Store,
    cells: Collection[str],
    tracks: Sequence[str],
    seen: Mapping[str, Mapping[str, Mapping[str, float]]],
    levels: Levels,
) -> dict[str, list[str]]:
    """{cell: sentences} on some cells of a store that have another's tracks: a cell's beside them, or one's that the
    model was trained on, by what is kept of its tracks (`seen`, `levels` as `track_levels.notes` takes them).
    """
    trained = {name for known in seen.values() for name in known}
    beside = {
        (cell, other): [name for name in names if name in tracks]
        for pair, names in shared(store, tracks).items()
        for cell, other in (pair, pair[::-1])
        if cell in cells and (cell not in trained or other in trained)
    }
    told: dict[str, list[str]] = {}
    for cell in sorted(cells):
        own = {other: names for (one, other), names in beside.items() if one == cell and names}
        own = {**_of_level(seen, cell, levels), **own}
        for other, names in own.items():
            what = f"{', '.join(names)} {'are those' if names[1:] else 'is that'} of {other}"
            why = (
                f", which the model was trained on: figures of {cell} are none of a new cell"
                if other in trained
                else ""
            )
            told.setdefault(cell, []).append(f"{cell}: {what}{why}; give each cell files of its own")
    return told


def _of_level(seen: Mapping[str, Mapping[str, Mapping[str, float]]], cell: str, levels: Levels) -> dict[str, list[str]]:
    """{cell of training: tracks} where all tracks of a cell of another name are its, by the level of each: three
    numbers, which no two cells share.
    """
    own = {track: cells[cell] for track, cells in levels.items() if cell in cells and track in seen}
    names = dict.fromkeys(name for track in own for name in seen[track] if name != cell)
    compared = {name: [track for track in own if name in seen[track]] for name in names}
    return {
        name: tracks
        for name, tracks in compared.items()
        if all(_same_level(own[track], seen[track][name]) for track in tracks)
    }


def _same_level(level: Level, other: Mapping[str, float]) -> bool:
    numbers = level._asdict()
    return level.median > 0 and all(np.isclose(numbers[name], other[name], rtol=_CLOSE, atol=0) for name in numbers)
