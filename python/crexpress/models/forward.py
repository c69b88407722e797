"""From a batch to a prediction, as training, validation and `model(batch)` compute it."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.inputs import Batch, Features, N, Prediction

if TYPE_CHECKING:
    from crexpress.models.base import Model


def forward(model: "Model", batch: Batch) -> Prediction:
    """Expression and attention of a batch, its elements encoded once each."""
    return model.predict(gene_tokens(model, batch), batch.present, batch.distance, batch.loops)


def gene_tokens(model: "Model", batch: Batch) -> Tensor:
    """Vectors [B, n, d] of the tokens of a batch's genes."""
    features = batch.features
    if model.training and model.config.track_dropout:
        features = hide_tracks(features, model.config.track_dropout, len(model.config.tracks))
    if model.config.pads == "encoded":
        tokens = model.embed(_each_token(features, batch.token)).view(*batch.token.shape, -1)
    else:
        vectors = model.embed(features)
        padded = torch.cat([vectors, vectors.new_zeros(1, vectors.shape[1])])
        # an embedding look-up, because its gradient is summed in a fixed order
        tokens = functional.embedding(batch.token, padded)
    return tokens


def _each_token(features: Features, token: Tensor) -> Features:
    """Features of every token, an empty element for a pad: so batch normalisation counts them as ScPGE's code does."""
    empty = Features(*(part.new_zeros(1, *part.shape[1:]) for part in features))
    empty = empty._replace(codes=empty.codes + N, present=torch.ones_like(empty.present))
    rows = token.flatten()
    return Features(*(torch.cat(pair)[rows] for pair in zip(features, empty, strict=True)))


def hide_tracks(features: Features, chance: float, tracks: int) -> Features:
    """Hide each of the `tracks` from a whole batch with this chance, but never all of an element's tracks.

    With it goes its difference from the known cells, which an anchored model has after them.
    """
    own, anchored = features.present[:, :tracks], features.present[:, tracks:]
    kept = own & (torch.rand(tracks, device=own.device) >= chance)
    kept = torch.where(kept.any(dim=1, keepdim=True), kept, own)
    if anchored.shape[1]:
        anchored = torch.cat([anchored[:, :tracks] & kept, anchored[:, tracks:]], dim=1)
    return features._replace(present=torch.cat([kept, anchored], dim=1))


class Forward(nn.Module):
    """`forward` as a module, which DDP and torch.compile need."""

    def __init__(self, model: "Model") -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Prediction:
        return forward(self.model, batch)
