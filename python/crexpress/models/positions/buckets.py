"""Relative positions in T5's buckets: linear for near ones, logarithmic for far ones."""

import math

import torch
from torch import Tensor, nn


def log_buckets(distance: Tensor, buckets: int, largest: float, exact: float) -> Tensor:
    """Signed bucket of a relative position, as T5: linear up to `exact`, logarithmic to `largest`, then one bucket.

    Half of the `buckets` serve each sign. Units are those of `distance` (rank or bp).
    """
    half = buckets // 2
    linear = half // 2
    size = distance.abs().float()
    small = (size * (linear / exact)).long()
    # cut off before `linear` is added, as the released code does: the sum would round up at a bucket's edge
    grown = (torch.log(size.clamp(min=exact) / exact) / math.log(largest / exact) * (half - linear)).long() + linear
    return torch.where(size < exact, small, grown.clamp(max=half - 1)) + half * (distance < 0)


def bucket_distances(buckets: int, largest: float, exact: float) -> Tensor:
    """Distance in the middle of each bucket of `log_buckets`, without sign: [buckets]."""
    half = buckets // 2
    linear = half // 2
    middle = torch.arange(half) + 0.5
    grown = exact * (largest / exact) ** ((middle - linear) / (half - linear))
    return torch.where(middle < linear, middle * (exact / linear), grown).repeat(2)


class BucketBias(nn.Module):
    """Additive attention bias by relative position; one learnt value a bucket and head.

    With `decay` above 0 it starts as the contact power law exp(bias) = (1 + distance / (2 exact)) ** -decay, so that
    a softmax over activity times contact is where training begins rather than what it must find.
    """

    def __init__(self, heads: int, buckets: int, largest: float, exact: float, decay: float) -> None:
        super().__init__()
        self.buckets, self.largest, self.exact = buckets, largest, exact
        self.table = nn.Embedding(buckets, heads)
        if decay:
            start = -decay * torch.log1p(bucket_distances(buckets, largest, exact) / (2 * exact))
            self.table.weight.data[:] = start.unsqueeze(1)

    def bias(self, relative: Tensor) -> Tensor:
        """relative [..., queries, keys] -> bias [..., heads, queries, keys]."""
        looked_up: Tensor = self.table(log_buckets(relative, self.buckets, self.largest, self.exact))
        return looked_up.movedim(-1, -3)
