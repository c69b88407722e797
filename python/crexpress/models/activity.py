"""Activity of elements as a part of attention: with the power law of contacts it makes activity-by-contact."""

import torch
from torch import Tensor, nn

from crexpress.core.tracks import ACTIVITY_TRACKS, FLOOR, linear
from crexpress.models.config import ModelConfig
from crexpress.models.inputs import Features


class Activity(nn.Module):
    """Log activity of elements for each head: a learnt sum of the logarithms of their tracks' mean linear signals.

    It starts as log sqrt(accessibility x H3K27ac) in the first `activity_heads` heads and as 0 in the others.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.transform = config.transform
        start = torch.zeros(len(config.tracks), config.heads)
        for number, track in enumerate(config.tracks):
            start[number, : config.activity_heads] = 0.5 * (track in ACTIVITY_TRACKS)
        self.weight = nn.Parameter(start)

    def forward(self, features: Features) -> Tensor:
        """Log activity [elements, heads]."""
        tracks = slice(len(self.weight))  # an anchored model has further channels
        level = torch.log(
            linear(features.signals[:, tracks].float(), self.transform, torch).mean(-1).clamp(min=0) + FLOOR
        )
        return (level * features.present[:, tracks]) @ self.weight
