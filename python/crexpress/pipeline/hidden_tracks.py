"""Tracks that some cells lack: what keeps a model from being used there, and where to measure what that costs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from crexpress.core.names import listed
from crexpress.models.config import INPUTS


def to_hide(
    model_tracks: Sequence[str], trained_on: Collection[str], measured: Collection[str], tracks: Mapping[str, set[str]]
) -> list[dict[str, Any]]:
    """For each set of the model's tracks that a cell not trained on lacks: {"tracks": [...], "cells": [...]}.

    `tracks` are those of every cell, in the order of the cells; `measured` the cells with expression. Hiding the same
    tracks costs in "cells" what lacking them costs: they have all, and were not trained on where there are such.
    """
    sets = []
    for cell, own in tracks.items():
        missing = [track for track in model_tracks if track not in own]
        if cell not in trained_on and 0 < len(missing) < len(model_tracks) and missing not in sets:
            sets.append(missing)
    whole = [cell for cell in tracks if cell in measured and tracks[cell] >= set(model_tracks)]
    chosen = [cell for cell in whole if cell not in trained_on] or whole
    return [{"tracks": missing, "cells": chosen} for missing in sets if chosen]


def unusable(
    model_tracks: Collection[str], dropout: float, tracks: Mapping[str, set[str]], trained: bool
) -> Iterator[str]:
    """Which cells a model that reads `model_tracks` cannot be used in, and what to do; `trained`: it is as it is.

    Said before anything starts: without a chance to hide a track (`dropout`) a track that one cell lacks would be left
    out of all cells, or stop the run after training.
    """
    lacking: dict[str, list[str]] = {}
    for cell, own in tracks.items():
        missing = [track for track in model_tracks if track not in own]
        if missing and (not dropout or len(missing) == len(model_tracks)):
            lacking.setdefault(" and ".join(missing), []).append(cell)
    for names, cells in lacking.items():
        text = f"there is no {names} of {', '.join(cells)}, and "
        if dropout:
            yield f"{text}the model reads no other track; add one of them to the samplesheet"
        elif trained:
            yield f"{text}the model, trained without track_dropout, needs all its tracks; add rows to the samplesheet"
        else:
            yield (
                f"{text}a model trained without track_dropout needs all its tracks in every cell; give track_dropout "
                "0.1, with which it learns to do without some, or only tracks that every cell has"
            )


def read_by(
    settings: Mapping[str, Any], dropout: float, trained_on: Sequence[str], tracks: Mapping[str, set[str]]
) -> list[str]:
    """Tracks that a model to be trained reads: those that its settings name, or those of every cell it is trained on.

    With a chance to hide a track (`dropout`) it can do without some of them: those of any cell.
    """
    if "tracks" not in (listed(settings.get("inputs")) or INPUTS):
        return []
    own = [tracks[cell] for cell in trained_on] or [set()]
    return listed(settings.get("tracks")) or sorted((set.union if dropout else set.intersection)(*own))
