"""Building blocks shared by the model families: convolution stems, relative positions, attention, head."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv1x1Residual(nn.Module):
    """x + Conv1x1(GELU(BatchNorm(x))); x is [elements, channels, positions]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.BatchNorm1d(channels), nn.GELU(), nn.Conv1d(channels, channels, kernel_size=1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class Stem(nn.Sequential):
    """First convolution over one modality: [elements, in, L] -> [elements, channels, (L - kernel + 1) // pool]."""

    def __init__(self, inputs: int, channels: int, kernel: int, pool: int, dropout: float) -> None:
        super().__init__(
            nn.Conv1d(inputs, channels, kernel),
            Conv1x1Residual(channels),
            nn.MaxPool1d(pool) if pool > 1 else nn.Identity(),
            nn.Dropout(dropout),
        )


class TowerBlock(nn.Sequential):
    """BatchNorm, GELU, convolution, residual, max-pool by 2 (ScPGE Methods, "residual convolutional blocks")."""

    def __init__(self, inputs: int, channels: int, kernel: int, dropout: float) -> None:
        super().__init__(
            nn.BatchNorm1d(inputs),
            nn.GELU(),
            nn.Conv1d(inputs, channels, kernel, padding=kernel // 2),
            Conv1x1Residual(channels),
            nn.MaxPool1d(2),
            nn.Dropout(dropout),
        )


def log_buckets(distance: Tensor, buckets: int, largest: float, exact: float) -> Tensor:
    """Signed bucket of a relative position, as T5: linear up to `exact`, logarithmic to `largest`, then one bucket.

    Half of the `buckets` serve each sign. Units are those of `distance` (rank or bp).
    """
    half = buckets // 2
    linear = half // 2
    size = distance.abs().float()
    small = size * (linear / exact)
    grown = linear + torch.log(size.clamp(min=exact) / exact) / math.log(largest / exact) * (half - linear)
    bucket = torch.where(size < exact, small, grown.clamp(max=half - 1)).long()
    return bucket + half * (distance < 0)


def bucket_distances(buckets: int, largest: float, exact: float) -> Tensor:
    """Distance in the middle of each bucket of `log_buckets`, without sign: [buckets]."""
    half = buckets // 2
    linear = half // 2
    middle = torch.arange(half) + 0.5
    grown = exact * (largest / exact) ** ((middle - linear) / (half - linear))
    return torch.where(middle < linear, middle * (exact / linear), grown).repeat(2)


class PositionBias(nn.Module):
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

    def forward(self, relative: Tensor) -> Tensor:
        """relative [..., queries, keys] -> bias [..., heads, queries, keys]."""
        bias = self.table(log_buckets(relative, self.buckets, self.largest, self.exact))
        return bias.movedim(-1, -3)


class Attention(nn.Module):
    """Multi-head attention without biases (ScPGE equation 1); the queries may be a part of the keys' tokens."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.drop_weights = nn.Dropout(dropout)
        self.drop_out = nn.Dropout(dropout)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def forward(self, queries: Tensor, keys: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed [B, q, d], weights [B, heads, q, k] of queries [B, q, d] over keys [B, k, d]; bias as the weights."""
        q, k, v = self._split(self.query(queries)), self._split(self.key(keys)), self._split(self.value(keys))
        weights = functional.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias, dim=-1)
        mixed = (self.drop_weights(weights) @ v).transpose(-3, -2).flatten(-2)
        return self.drop_out(self.out(mixed)), weights

    def swap_each_key(self, query: Tensor, keys: Tensor, other: Tensor, bias: Tensor) -> Tensor:
        """What `forward` gives for one query when the key in each column, one at a time, is replaced by `other`.

        query [B, 1, d], keys [B, k, d], other [1, d], bias [B, heads, 1, k] -> [B, k, d]. Keys and values are computed
        once for all k replacements, which makes this k times cheaper than k calls.
        """
        q, k, v = self._split(self.query(query)), self._split(self.key(keys)), self._split(self.value(keys))
        k_other, v_other = self._split(self.key(other)), self._split(self.value(other))
        scale = math.sqrt(q.shape[-1])
        kept = q @ k.transpose(-1, -2) / scale + bias  # [B, heads, 1, k]
        swapped = q @ k_other.transpose(-1, -2) / scale + bias
        itself = torch.eye(keys.shape[1], dtype=torch.bool, device=keys.device)
        weights = functional.softmax(torch.where(itself, swapped, kept), dim=-1)  # [B, heads, k replacements, k]
        own = weights.diagonal(dim1=-2, dim2=-1).unsqueeze(-1)
        mixed = (weights @ v + own * (v_other - v)).transpose(-3, -2).flatten(-2)
        out: Tensor = self.out(mixed)
        return out


class TransformerLayer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.norm_feedforward = nn.LayerNorm(width)
        self.feedforward = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor, bias: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """Update only the tokens in `rows` (all, or the gene's in the last layer); bias has those rows too."""
        normed = self.norm_attention(x)
        update, weights = self.attention(normed[:, rows], normed, bias)
        x = x[:, rows] + update
        return x + self.feedforward(self.norm_feedforward(x)), weights

    def swap_each(self, x: Tensor, other: Tensor, bias: Tensor, gene: slice) -> Tensor:
        """The gene's row when the token in each column, one at a time, is replaced by `other` [1, d]: [B, n, d]."""
        normed = self.norm_attention(x)
        update = self.attention.swap_each_key(normed[:, gene], normed, self.norm_attention(other), bias)
        x = x[:, gene] + update
        out: Tensor = x + self.feedforward(self.norm_feedforward(x))
        return out


class Mixed(NamedTuple):
    """A gene's vector [B, d], and its attention over the tokens [B, layers, heads, tokens]."""

    gene: Tensor
    attention: Tensor


class TokenMixer(nn.Module):
    """Transformer over a gene's tokens; the last layer computes the gene's row alone, as nothing else is read."""

    def __init__(self, width: int, layers: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TransformerLayer(width, heads, hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, bias: Tensor, bias_gene: Tensor, gene: int) -> Mixed:
        """Mix tokens [B, n, d], of which the gene's is in column `gene`.

        `bias` is broadcast to [B, heads, n, n], -inf for masked keys; `bias_gene` [B, heads, 1, n] is its gene row, and
        all that a single layer reads.
        """
        own = slice(gene, gene + 1)
        attention = []
        for number, layer in enumerate(self.layers, 1):
            if number < len(self.layers):
                tokens, weights = layer(tokens, bias, slice(None))
                attention.append(weights[:, :, gene])
            else:
                tokens, weights = layer(tokens, bias_gene, own)
                attention.append(weights[:, :, 0])
        vector = tokens[:, 0] if self.layers else tokens[:, gene]
        stacked = torch.stack(attention, dim=1) if attention else tokens.new_zeros(len(tokens), 0, 1, tokens.shape[1])
        return Mixed(self.norm(vector), stacked)

    def swap_each(self, tokens: Tensor, other: Tensor, bias_gene: Tensor, gene: slice) -> Tensor:
        """Gene vectors [B, n, d] of a mixer of one layer, with the token in each column replaced by `other` [1, d]."""
        (layer,) = self.layers
        vectors: Tensor = self.norm(layer.swap_each(tokens, other, bias_gene, gene))  # type: ignore[operator]
        return vectors


class ExpressionHead(nn.Sequential):
    """A gene's vector [B, d] -> expression [B], never negative (softplus)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 1),
            nn.Softplus(),
            nn.Flatten(0),
        )
