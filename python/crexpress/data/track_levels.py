"""What the tracks of cells are like, kept in a model's config.json: by this a cell with tracks of another kind is told.

Peak-level tracks, fold changes and coverages all read alike; a model learns the numbers of one of them.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from crexpress.core import artifacts
from crexpress.core.tracks import Level, element_means, unlike, unlike_height
from crexpress.prepare.elements import TSS

Levels = Mapping[str, Mapping[str, Level]]


def measure(signals: Sequence[Path], elements: pl.DataFrame, tracks: Collection[str]) -> dict[str, dict[str, Level]]:
    """{track: {cell: its level over the cCREs}} of signals files of these elements."""
    ccres = (elements["class"] != TSS).to_numpy()
    found: dict[str, dict[str, Level]] = {track: {} for track in tracks}
    for path in signals:
        header, tensors = artifacts.open_arrays(path, "signals")
        for track in tracks:
            if track in tensors:
                values = element_means(tensors[track], header["parameters"]["transform"])
                found[track][str(header["cell"])] = Level.of(values[ccres])
    return found


def to_json(levels: Levels) -> dict[str, dict[str, dict[str, float]]]:
    """As config.json has them."""
    return {track: {cell: level.rounded() for cell, level in cells.items()} for track, cells in levels.items() if cells}


def notes(seen: Mapping[str, Mapping[str, Mapping[str, Any]]], cell: str, levels: Levels) -> list[str]:
    """Sentences on the tracks of a cell that are of another kind than those that a model was trained on (`seen`)."""
    told = []
    for track, cells in levels.items():
        there = list(seen.get(track, {}).values())
        if not there or cell not in cells:
            continue
        text = unlike(track, cells[cell].with_signal, [level["with_signal"] for level in there])
        if text := text or unlike_height(track, cells[cell].median, [level["median"] for level in there]):
            told.append(
                f"{cell}: {text}. The model takes its numbers as they are; give the track as in training, or bring it "
                "to that scale (match-quantiles with the quantiles.npz of the training cells)"
            )
    return told
