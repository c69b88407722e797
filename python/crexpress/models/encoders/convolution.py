"""ScPGE's encoder: a convolution stem for each kind of input, joined by a tower of convolutions."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.config import ModelConfig
from crexpress.models.encoders.layers import (
    AsReleased,
    Convolution,
    Dropout,
    Norm,
    SequenceConvolution,
    activate,
    on_cpu,
)
from crexpress.models.encoders.normalise import add_residual
from crexpress.models.inputs import Features


class Conv1x1Residual(nn.Module):
    """x + Conv1x1(GELU(BatchNorm(x))); x is [elements, channels, 1, positions]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            Norm(channels), nn.GELU(), Convolution(channels, channels, kernel_size=1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        norm, _, convolution = self.block
        assert isinstance(convolution, Convolution)
        if isinstance(norm, Norm) and on_cpu(x) and not norm.training and not torch.is_grad_enabled():
            add_residual(norm, convolution.weight.squeeze(2), x)
            return x
        added: Tensor = convolution(*activate(norm, x))
        return added.add_(x)


class Stem(nn.Sequential):
    """One input up to its pool: [elements, in, 1, L] -> [elements, channels, 1, (L - kernel + 1) // pool]."""

    def __init__(self, first: Convolution, pool: int, dropout: float) -> None:
        super().__init__(
            first,
            Conv1x1Residual(first.out_channels),
            nn.MaxPool2d((1, pool)) if pool > 1 else nn.Identity(),
            Dropout(dropout),
        )


class TowerBlock(nn.Sequential):
    """BatchNorm, GELU, convolution, residual, max-pool by 2 (ScPGE Methods, "residual convolutional blocks")."""

    def __init__(self, inputs: int, channels: int, kernel: int, dropout: float) -> None:
        super().__init__(
            Norm(inputs),
            nn.GELU(),
            Convolution(inputs, channels, kernel, padding=kernel // 2),
            Conv1x1Residual(channels),
            nn.MaxPool2d((1, 2)),
            Dropout(dropout),
        )

    def forward(self, *parts: Tensor) -> Tensor:
        """Of channels in parts, as `activate` and `Convolution` take them."""
        norm, _, convolution, *more = self
        x: Tensor = convolution(*activate(norm, *parts))
        for layer in more:
            x = layer(x)
        return x


class ConvolutionEncoder(nn.Module):
    """Features of elements -> vectors [elements, width_model]; every element on its own, so each is encoded once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels, drop = config.channels, config.dropout_encoder
        self.track_dropout, self.width = config.track_dropout, config.width
        self.sequence = self.signals = None
        self.motifs: nn.Sequential | None = None
        self.motif_convolution = config.motif_encoder == "convolution"
        stems = config.stems
        parts = 0
        if "sequence" in stems:
            stem = stems["sequence"]
            self.sequence = Stem(SequenceConvolution(4, channels, stem.kernel), stem.pool, drop)
            parts += 1
        if config.motifs:
            if self.motif_convolution:
                stem = stems["motifs"]
                self.motifs = Stem(Convolution(1, channels, stem.kernel), stem.pool, drop)
            else:
                self.motifs = nn.Sequential(nn.Linear(len(config.motifs), channels), nn.GELU(), nn.Dropout(drop))
            parts += 1
        if "signals" in stems:
            # with track dropout each track also has a presence channel, so that "missing" is not "zero"
            inputs = config.signal_channels * (2 if config.track_dropout else 1)
            stem = stems["signals"]
            self.signals = Stem(Convolution(inputs, channels, stem.kernel), stem.pool, drop)
            parts += 1
        kernels = config.tower
        widths = [parts * channels] + [channels] * len(kernels)
        self.tower = nn.Sequential(*(TowerBlock(widths[i], channels, k, drop) for i, k in enumerate(kernels)))
        positions = config.positions // 2 ** len(kernels)
        self.project = nn.Sequential(nn.Linear(widths[-1] * positions, config.width_model), nn.Dropout(drop))
        for layer in self.modules():
            if isinstance(layer, AsReleased):
                layer.as_released = config.sums == "released"

    def forward(self, features: Features) -> Tensor:
        parts = []
        if self.sequence is not None:
            parts.append(self.sequence(features.codes))
        if self.signals is not None:
            parts.append(self.signals(self._with_presence(features).unsqueeze(2)))
        if self.motifs is not None and self.motif_convolution:
            missing = self.width - features.motifs.shape[1]
            parts.append(self.motifs(functional.pad(features.motifs, (0, missing))[:, None, None]))
        joined = [torch.cat(parts, dim=1)] if parts else []
        if self.motifs is not None and not self.motif_convolution:
            joined.append(self.motifs(features.motifs)[:, :, None, None])
            if not (parts and self.tower and on_cpu(joined[0])):  # which can do with one position for all
                joined = [torch.cat([part.expand(-1, -1, -1, joined[0].shape[-1]) for part in joined], dim=1)]
        for block in self.tower:
            joined = [block(*joined)]
        return self.project(joined[0].flatten(1))

    def _with_presence(self, features: Features) -> Tensor:
        if not self.track_dropout:
            return features.signals
        present = features.present.unsqueeze(-1).to(features.signals.dtype)
        return torch.cat([features.signals * present, present.expand_as(features.signals)], dim=1)
