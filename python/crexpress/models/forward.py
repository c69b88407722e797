"""From a batch to a prediction, as training, validation and `model(batch)` compute it."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.inputs import Batch, Features, N, Prediction, Tokens

if TYPE_CHECKING:
    from crexpress.models.base import Model


def forward(model: "Model", batch: Batch) -> Prediction:
    """Expression and attention of a batch, its elements encoded once each."""
    batch = with_dropout(model, batch)
    return model.predict(gene_tokens(model, batch))


def with_dropout(model: "Model", batch: Batch) -> Batch:
    """The batch as training sees it: some tracks hidden, in the elements and in the genes' profiles alike."""
    if not (model.training and model.config.track_dropout):
        return batch
    features, profile = batch.features, batch.profile
    kept = torch.rand(len(model.config.tracks), device=features.present.device) >= model.config.track_dropout
    features = features._replace(present=hide_tracks(features.present, kept))
    if profile is not None:
        profile = profile._replace(present=hide_tracks(profile.present, kept))
    return batch._replace(features=features, profile=profile)


def gene_tokens(model: "Model", batch: Batch) -> Tokens:
    """The tokens of a batch's genes, their elements encoded."""
    features = batch.features
    if model.config.pads == "encoded":
        vectors = model.embed(_each_token(features, batch.token)).view(*batch.token.shape, -1)
    else:
        own = model.embed(features)
        padded = torch.cat([own, own.new_zeros(1, own.shape[1])])
        # an embedding look-up, because its gradient is summed in a fixed order
        vectors = functional.embedding(batch.token, padded)
    return Tokens(vectors, batch.present, batch.distance, batch.loops, batch.profile)


def _each_token(features: Features, token: Tensor) -> Features:
    """Features of every token, an empty element for a pad: so batch normalisation counts them as ScPGE's code does."""
    empty = Features(*(part.new_zeros(1, *part.shape[1:]) for part in features))
    empty = empty._replace(codes=empty.codes + N, present=torch.ones_like(empty.present))
    rows = token.flatten()
    return Features(*(torch.cat(pair)[rows] for pair in zip(features, empty, strict=True)))


def hide_tracks(present: Tensor, kept: Tensor) -> Tensor:
    """Presence [n, channels] with the tracks (the first channels) hidden that are not `kept`, but never all of a row's.

    With a track goes its difference from the known cells, which an anchored model has after the tracks.
    """
    tracks = len(kept)
    own, anchored = present[:, :tracks], present[:, tracks:]
    left = own & kept
    left = torch.where(left.any(dim=1, keepdim=True), left, own)
    if anchored.shape[1]:
        anchored = torch.cat([anchored[:, :tracks] & left, anchored[:, tracks:]], dim=1)
    return torch.cat([left, anchored], dim=1)


class Forward(nn.Module):
    """`forward` as a module, which DDP and torch.compile need."""

    def __init__(self, model: "Model") -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Prediction:
        return forward(self.model, batch)
