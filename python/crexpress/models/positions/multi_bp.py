"""Relative position in base pairs at several resolutions (CREaTor's released code)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.config import ModelConfig
from crexpress.models.positions.buckets import bucket_distances, log_buckets

RESOLUTIONS = (150, 600, 2_400, 10_000, 40_000)  # bp that are one unit of each table
LARGEST, EXACT = 256.0, 16.0  # units: buckets of one unit up to 16, then logarithmic to 256
CONTACT = 1000.0  # bp at which the contact power law bends, as in BucketBias of BpPosition


class MultiBpPosition(nn.Module):
    """Sum of five tables of biases, one value a bucket and head, each over distances in its own unit.

    The sum is constant between the distances at which any table changes its bucket. So it is laid out once a step, one
    row a stretch, and looked up once a pair of tokens. With `position_decay` it starts as the contact power law: each
    table adds the law's fall over the distances that it, and no finer one, resolves.
    """

    edges: Tensor
    buckets: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        count = config.position_buckets
        self.tables = nn.ModuleList(nn.Embedding(count, config.heads) for _ in RESOLUTIONS)
        units = torch.arange(-int(LARGEST) - 1, int(LARGEST) + 2, device="cpu")  # values, where only shapes are built
        bucket = log_buckets(units, count, LARGEST, EXACT)
        changes = units[1:][bucket.diff() != 0]
        edges = torch.cat([changes * resolution for resolution in RESOLUTIONS]).unique()
        starts = torch.cat([edges[:1] - 1, edges])  # a distance in each stretch
        rows = [
            log_buckets(starts.div(resolution, rounding_mode="floor"), count, LARGEST, EXACT)
            for resolution in RESOLUTIONS
        ]
        self.register_buffer("edges", edges.float(), persistent=False)  # exact: below 2**24
        self.register_buffer("buckets", torch.stack(rows), persistent=False)
        if config.position_decay:
            self._start(count, config.position_decay)

    def _start(self, count: int, decay: float) -> None:
        ends = [EXACT * resolution for resolution in RESOLUTIONS[1:]] + [float("inf")]
        start = 0.0
        for table, resolution, end in zip(self.tables, RESOLUTIONS, ends, strict=True):
            distance = bucket_distances(count, LARGEST, EXACT) * resolution
            law = torch.log1p(distance.clamp(start, end) / CONTACT) - torch.log1p(torch.tensor(start / CONTACT))
            table.weight.data[:] = -decay * law.unsqueeze(1)  # type: ignore[operator]
            start = end

    def forward(self, distance: Tensor, rows: slice) -> Tensor:
        apart = distance[:, rows].unsqueeze(-1) - distance.unsqueeze(-2)
        stretch = torch.bucketize(apart, self.edges, right=True)
        table = sum(table(bucket) for table, bucket in zip(self.tables, self.buckets, strict=True))
        return functional.embedding(stretch, table).movedim(-1, -3)
