"""A trained model together with the cells it is applied to: what predict and interpret start from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from crexpress.core import artifacts, log, model_config
from crexpress.core.device import choose_precision, prepare
from crexpress.core.errors import InputError
from crexpress.data import same_cells, track_levels
from crexpress.data.opening import Inputs, store_for
from crexpress.data.orthology import same_genome
from crexpress.data.store import Store
from crexpress.models.base import Model
from crexpress.models.config import LoopRows
from crexpress.models.folder import load_model, read_settings
from crexpress.training.config import TrainingConfig


@dataclass(frozen=True)
class CellModel:
    """Model and store on one device, and the model's config.json.

    `same_genome`: whether these are genes of the genome that the model was trained on. `notes` {cell: sentences on its
    tracks that are of another kind than in training}; `copies` likewise {cell: on tracks that are another cell's}.
    """

    model: Model
    store: Store
    config: dict[str, Any]
    sources: list[Path]
    precision: str
    same_genome: bool
    notes: Mapping[str, list[str]]
    copies: Mapping[str, list[str]]

    @property
    def cells(self) -> list[str]:
        """Names of the cells, in the order of the store."""
        return [cell.name for cell in self.store.cells]

    @property
    def _classes(self) -> dict[str, float] | None:
        """Of a classifier, the TPM above which it calls a gene expressed and below which silent."""
        training = self.config["training"]
        if training["loss"] != "classification":
            return None
        return {name: training[name] for name in ("expressed_above", "silent_below")}

    def hide(self, tracks: Sequence[str]) -> None:
        """Treat every cell as if it lacked these tracks; InputError when the model does not read them or needs them."""
        known = self.config["model"]["tracks"]
        for track in tracks:
            if track not in known:
                raise InputError(f"--hide-tracks: the model reads no {track}; it reads {', '.join(known)}")
            if not self.model.config.track_dropout:
                raise InputError("--hide-tracks: the model needs all its tracks; train it with --track-dropout")
            for cell in self.store.cells:
                cell.present[known.index(track)] = False
                if not cell.present.any():
                    raise InputError(f"--hide-tracks leaves {cell.name} without any track that the model reads")

    def header(self, kind: str, tool: str, cell: int, **parameters: Any) -> artifacts.Header:
        """Header of what the model says about a cell."""
        data = self.store.cells[cell]
        present = dict(zip(self.config["model"]["tracks"], data.present.tolist(), strict=True))
        about = {
            "preset": self.config["preset"],
            "seed": self.config["training"]["seed"],
            "training_cells": self.config["cells"],
            "cell_seen": self.same_genome and data.name in self.config["cells"],
            "same_genome": self.same_genome,
            "tracks": [track for track, there in present.items() if there],
            "expressed_factors": 0 if data.open_motifs is None else self.model.config.expressed_factors,
            "missing_tracks": [track for track, there in present.items() if not there],
            "loops": data.loops is not None,
            "mode": "direct" if self.store.anchor is None else "anchored",
            "anchor_cells": [] if self.store.anchor is None else self.store.anchor.others(data.name),
            "classes": self._classes,
            "shuffled_negatives": self.config["training"].get("shuffled_negatives") if self._classes else None,
            "precision": self.precision,
            "unlike_training": self.notes.get(data.name, []),
            "same_tracks": self.copies.get(data.name, []),
            **parameters,
        }
        units = {"predicted": self.config["units"]}
        return artifacts.make_header(
            kind,
            tool,
            **self.store.digests,
            cell=data.name,
            parameters=about,
            units=units,
            sources=self.sources,
        )


def load(
    directory: Path,
    *,
    device: str,
    precision: str,
    data: str = "auto",
    loop_rows: LoopRows | None = None,
    cells: Collection[str] = (),
    **inputs: Unpack[Inputs],
) -> CellModel:
    """Load a model directory and the artefacts it needs, both on one device; `cells` are asked for (none: all).

    Expression only tells the factors whose motifs a cell sees, where the model was trained with `expressed_factors`.
    """
    model_config.read_config(directory, model_config.TrainedModel)
    where = prepare(device, read_settings(directory, TrainingConfig).seed)
    return of_cells(load_model(directory).to(where), inputs, precision, data, loop_rows, cells)


def of_cells(
    model: Model,
    inputs: Inputs,
    precision: str = "float32",
    data: str = "auto",
    loop_rows: LoopRows | None = None,
    cells: Collection[str] = (),
) -> CellModel:
    """A loaded model, on its device, with the artefacts in `inputs`, named as `open_store` names them.

    What is odd of the tracks of `cells` (none: all), and of those that an anchored model compares them with, is said.
    """
    if not model.about or model.folder is None:
        raise InputError("this model says nothing of its training; save it, and load it by load_model")
    store = store_for(model, **inputs, data=data, loop_rows=loop_rows)
    used = [*(inputs["contacts"] if store.loop_rows != "none" else []), *(inputs["profiles"] if store.profiles else [])]
    sources = [model.folder / "model.safetensors", *inputs["signals"], *inputs["expression"], *used]
    trained = model.about.get("chromosomes")  # imported weights do not say
    same = not trained or same_genome(trained, store.chromosomes)
    known = store.anchor.cells if store.anchor is not None else []
    read = {cell.name for cell in store.cells if not cells or cell.name in (*cells, *known)}
    notes, copies = _notes(model, store, read, inputs["signals"])
    for note in (note for own in (*notes.values(), *copies.values()) for note in own):
        log.say(f"Warning: {note}")
    return CellModel(model, store, model.about, sources, choose_precision(precision, store.device), same, notes, copies)


def _notes(
    model: Model, store: Store, read: Collection[str], signals: Sequence[Path]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What is to be told of the tracks of each cell that is `read`: of what kind they are, and of which cell else.

    Of models made before `tracks_seen` was kept, nothing is known.
    """
    seen = model.about.get("tracks_seen", {})
    paths = [path for cell, path in zip(store.cells, signals, strict=True) if cell.name in read]
    levels = track_levels.measure(paths, store.elements, seen)
    kinds = {cell: track_levels.notes(seen, cell, levels) for cell in read}
    return kinds, same_cells.notes(store, read, model.config.tracks, seen, levels)
