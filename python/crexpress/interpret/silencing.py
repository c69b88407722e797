"""What is put in an element's place when a part of it is silenced: its sequence, or one track."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from crexpress.apply.predict import encode
from crexpress.core.errors import InputError
from crexpress.data.store import Store
from crexpress.models.base import Model
from crexpress.models.inputs import Features


class _Seen:
    """A model that sees features changed before it embeds them, as `encode` uses it."""

    def __init__(self, model: Model, track: int) -> None:
        self._model, self._track = model, track

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def embed(self, features: Features) -> Tensor:
        signals = features.signals.clone()
        signals[:, self._track] = 0
        return self._model.embed(features._replace(signals=signals))


def without_track(model: Model, store: Store, cell: int, track: int, precision: str) -> Tensor:
    """Vectors [elements + 1, d] of the elements without signal in one of the model's tracks."""
    return encode(_Seen(model, track), store, cell, precision)  # type: ignore[arg-type]


def shuffled(model: Model, store: Store, cell: int, precision: str) -> Tensor:
    """Vectors [elements + 1, d] of the elements with their bases in another order, and motif scores of another element.

    The order follows from the element alone, as in training with shuffled sequences. InputError for a model that reads
    neither sequence nor motifs.
    """
    if not (model.config.sequence or model.config.motifs):
        raise InputError(
            "the model reads neither sequence nor motifs, so there is nothing to shuffle; silence elements, or tracks"
        )
    return encode(model, replace(store, shuffled_from=0), cell, precision)


def require_tracks(model: Model) -> None:
    """InputError for a model that reads no track."""
    if not model.config.tracks:
        raise InputError(
            "the model reads no track, so none can be silenced; silence elements, or shuffle their sequence"
        )


def gathered(vectors: Tensor, index: Tensor) -> Tensor:
    """Vectors [B, n, d] of the elements of a batch, by index [B, n]; pads are the last."""
    return vectors[torch.where(index < 0, len(vectors) - 1, index.long()).to(vectors.device)]
