"""From a batch of the store to a prediction, as training and validation compute it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.data.store import Batch
from crexpress.models import Model
from crexpress.models.inputs import Features, N, Prediction
from crexpress.models.regulatory import RegulatoryModel


def forward(model: Model, batch: Batch) -> Prediction:
    """Expression and attention of a batch, its elements encoded once each."""
    features, profile = batch.features, batch.profile
    if model.training and model.config.track_dropout:
        tracks = len(model.config.tracks)
        kept = torch.rand(tracks, device=features.present.device) >= model.config.track_dropout
        features = features._replace(present=hide_tracks(features.present, kept))
        if profile is not None:
            profile = profile._replace(present=hide_tracks(profile.present, kept))
    if model.config.pads == "encoded":
        tokens = model.embed(_each_token(features, batch.token)).view(*batch.token.shape, -1)
    else:
        vectors = model.embed(features)
        padded = torch.cat([vectors, vectors.new_zeros(1, vectors.shape[1])])
        # an embedding look-up, because its gradient is summed in a fixed order
        tokens = functional.embedding(batch.token, padded)
    return model.predict(tokens, batch.present, batch.distance, batch.loops, profile)


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

    def __init__(self, model: RegulatoryModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Prediction:
        return forward(self.model, batch)
