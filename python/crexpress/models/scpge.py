"""ScPGE: convolutions over each element, a transformer over a gene's elements, a head on the gene's row.

Genome Research 2026, Methods "Model architecture"; what differs from the paper and why is in docs/science.md.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.blocks import (
    ExpressionHead,
    PositionBias,
    Stem,
    TokenMixer,
    TowerBlock,
)
from crexpress.models.config import ModelConfig

RANK_SCALE = {"largest": 256.0, "exact": 16.0}  # ScPGE's released code: 64 buckets, linear to 16, log to 256
BP_SCALE = {"largest": 1e6, "exact": 500.0}  # one element's width is as near as distances resolve
N = 4  # code of an unknown base


class Features(NamedTuple):
    """Inputs of a set of elements; a channel that the model does not use has no columns."""

    signals: Tensor  # float [elements, tracks, bins]
    present: Tensor  # bool [elements, tracks]: False where the element's cell lacks the track
    codes: Tensor  # uint8 [elements, width], A 0 C 1 G 2 T 3 N 4
    motifs: Tensor  # float [elements, motifs]


class Prediction(NamedTuple):
    """expression [B] in the unit of the training target; attention [B, layers, heads, tokens] of the gene's row."""

    expression: Tensor
    attention: Tensor


class ElementEncoder(nn.Module):
    """Features of elements -> vectors [elements, d]; every element on its own, so each is encoded once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels, drop = config.channels, config.dropout_encoder
        self.track_dropout = config.track_dropout
        self.sequence = self.motifs = self.signals = None
        parts = 0
        if config.sequence:
            self.sequence = Stem(4, channels, config.sequence_kernel, config.sequence_pool, drop)
            parts += 1
        if config.motifs:
            self.motifs = nn.Sequential(nn.Linear(len(config.motifs), channels), nn.GELU(), nn.Dropout(drop))
            parts += 1
        if config.tracks:
            # with track dropout each track also has a presence channel, so that "missing" is not "zero"
            inputs = len(config.tracks) * (2 if config.track_dropout else 1)
            self.signals = Stem(inputs, channels, config.signal_kernel, config.signal_pool, drop)
            parts += 1
        kernels = config.tower_kernels
        widths = [parts * channels] + [channels] * len(kernels)
        self.tower = nn.Sequential(*(TowerBlock(widths[i], channels, k, drop) for i, k in enumerate(kernels)))
        positions = config.positions // 2 ** len(kernels)
        self.project = nn.Sequential(nn.Linear(widths[-1] * positions, config.width_model), nn.Dropout(drop))

    def forward(self, features: Features) -> Tensor:
        parts = []
        if self.sequence is not None:
            parts.append(self.sequence(one_hot(features.codes)))
        if self.signals is not None:
            parts.append(self.signals(self._with_presence(features)))
        if self.motifs is not None:
            vector = self.motifs(features.motifs)
            positions = parts[0].shape[-1] if parts else 1
            parts.append(vector.unsqueeze(-1).expand(-1, -1, positions))
        return self.project(self.tower(torch.cat(parts, dim=1)).flatten(1))

    def _with_presence(self, features: Features) -> Tensor:
        if not self.track_dropout:
            return features.signals
        present = features.present.unsqueeze(-1).to(features.signals.dtype)
        return torch.cat([features.signals * present, present.expand_as(features.signals)], dim=1)


class ScPGE(nn.Module):
    """Element encoder, token mixer and head, each replaceable; `embed` and `predict` are the two halves."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ElementEncoder(config)
        scale = BP_SCALE if config.position == "bp" else RANK_SCALE
        self.position = PositionBias(config.heads, config.position_buckets, decay=config.position_decay, **scale)
        self.mixer = TokenMixer(
            config.width_model, config.layers, config.heads, config.hidden_mixer, config.dropout_mixer
        )
        self.head = ExpressionHead(config.width_model, config.hidden_head, config.dropout_mixer)

    def embed(self, features: Features) -> Tensor:
        """Vectors [elements, d]; in eval mode independent of the other elements given."""
        return self.encoder(features)

    def predict(self, tokens: Tensor, present: Tensor, distance: Tensor) -> Prediction:
        """Expression from a gene's tokens.

        tokens [B, n, d] in genome order with the TSS window in the middle column; present bool [B, n] (False for
        pads, which nothing attends to); distance [B, n] bp from the TSS, as `Store.batch` gives it.
        """
        gene = tokens.shape[1] // 2
        bias_gene = self.bias(present, distance, slice(gene, gene + 1))
        bias = self.bias(present, distance, slice(None)) if self.config.layers > 1 else bias_gene
        mixed = self.mixer(tokens, bias, bias_gene, gene)
        return Prediction(self.head(mixed.gene), mixed.attention)

    def silence_each(
        self, tokens: Tensor, present: Tensor, distance: Tensor, silent: Tensor, undisturbed: Tensor
    ) -> Tensor:
        """Expression [B, n] when the token in each column, one at a time, is replaced by `silent` [1, d].

        The gene's own column holds the `undisturbed` expression [B]: its TSS window is not one of its elements.
        """
        genes, n, _ = tokens.shape
        gene = n // 2
        if self.config.layers == 1:
            own = slice(gene, gene + 1)
            vectors = self.mixer.swap_each(tokens, silent, self.bias(present, distance, own), own)
            expression = self.head(vectors.flatten(0, 1)).view(genes, n)
        else:
            changed = tokens.unsqueeze(1).repeat(1, n, 1, 1)
            each = torch.arange(n, device=tokens.device)
            changed[:, each, each] = silent
            copies = present.repeat_interleave(n, 0), distance.repeat_interleave(n, 0)
            expression = self.predict(changed.flatten(0, 1), *copies).expression.view(genes, n)
        expression[:, gene] = undisturbed
        return expression

    def bias(self, present: Tensor, distance: Tensor, rows: slice) -> Tensor:
        """Attention bias [B or 1, heads, rows, n]: learnt by relative position, -inf for keys that are masked."""
        n = present.shape[1]
        if self.config.position == "bp":
            relative = distance.unsqueeze(-2) - distance[:, rows].unsqueeze(-1)
        else:
            rank = torch.arange(n, device=present.device)
            relative = (rank[rows].unsqueeze(-1) - rank).unsqueeze(0)
        itself = torch.eye(n, dtype=torch.bool, device=present.device)[rows]
        blocked = ~present.unsqueeze(-2)
        if self.config.mask == "diagonal":
            blocked = blocked | itself
        # a token with nothing left to attend to (a gene without elements) attends to itself
        alone = blocked.all(-1, keepdim=True) & itself
        return self.position(relative).masked_fill((blocked & ~alone).unsqueeze(1), float("-inf"))


def one_hot(codes: Tensor) -> Tensor:
    """uint8 codes [elements, width] -> float [elements, 4, width]; N (4) is all zero."""
    return functional.one_hot(codes.long(), N + 1)[..., :N].transpose(1, 2).float()
