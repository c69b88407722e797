"""Relative position as the rank of elements along the genome (ScPGE's released code)."""

import torch
from torch import Tensor

from crexpress.models.config import ModelConfig
from crexpress.models.positions.buckets import BucketBias


class RankPosition(BucketBias):
    """64 buckets of the released code: one a rank to 16, then logarithmic to 256."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.heads, config.position_buckets, 256.0, 16.0, config.position_decay)

    def forward(self, distance: Tensor, rows: slice) -> Tensor:
        rank = torch.arange(distance.shape[1], device=distance.device)
        return self.bias((rank[rows].unsqueeze(-1) - rank).unsqueeze(0))
