"""Relative position in base pairs."""

from torch import Tensor

from crexpress.models.config import ModelConfig
from crexpress.models.positions.buckets import BucketBias

LARGEST, EXACT = 1e6, 500.0  # bp; one element's width is as near as distances resolve


class BpPosition(BucketBias):
    """Linear to 500 bp, then logarithmic to 1 Mb."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.heads, config.position_buckets, LARGEST, EXACT, config.position_decay)

    def forward(self, distance: Tensor, rows: slice) -> Tensor:
        return self.bias(distance.unsqueeze(-2) - distance[:, rows].unsqueeze(-1))
