"""ScPGE's encoder: a convolution stem for each kind of input, joined by a tower of convolutions."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.config import ModelConfig
from crexpress.models.inputs import Features, one_hot


class Convolution(nn.Conv1d):
    """Conv1d; where the kernel covers the whole input it is one matrix product, which a CPU does much faster."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.kernel_size[0] or self.padding != (0,):
            return super().forward(x)
        return functional.linear(x.flatten(1), self.weight.flatten(1), self.bias).unsqueeze(-1)


class Conv1x1Residual(nn.Module):
    """x + Conv1x1(GELU(BatchNorm(x))); x is [elements, channels, positions]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.BatchNorm1d(channels), nn.GELU(), Convolution(channels, channels, kernel_size=1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class Stem(nn.Sequential):
    """First convolution over one kind of input: [elements, in, L] -> [elements, channels, (L - kernel + 1) // pool]."""

    def __init__(self, inputs: int, channels: int, kernel: int, pool: int, dropout: float) -> None:
        super().__init__(
            Convolution(inputs, channels, kernel),
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
            self.sequence = Stem(4, channels, stem.kernel, stem.pool, drop)
            parts += 1
        if config.motifs:
            if self.motif_convolution:
                self.motifs = Stem(1, channels, stems["motifs"].kernel, stems["motifs"].pool, drop)
            else:
                self.motifs = nn.Sequential(nn.Linear(len(config.motifs), channels), nn.GELU(), nn.Dropout(drop))
            parts += 1
        if "signals" in stems:
            # with track dropout each track also has a presence channel, so that "missing" is not "zero"
            inputs = config.signal_channels * (2 if config.track_dropout else 1)
            stem = stems["signals"]
            self.signals = Stem(inputs, channels, stem.kernel, stem.pool, drop)
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
            if self.motif_convolution:
                missing = self.width - features.motifs.shape[1]
                parts.append(self.motifs(functional.pad(features.motifs, (0, missing)).unsqueeze(1)))
            else:
                positions = parts[0].shape[-1] if parts else 1
                parts.append(self.motifs(features.motifs).unsqueeze(-1).expand(-1, -1, positions))
        return self.project(self.tower(torch.cat(parts, dim=1)).flatten(1))

    def _with_presence(self, features: Features) -> Tensor:
        if not self.track_dropout:
            return features.signals
        present = features.present.unsqueeze(-1).to(features.signals.dtype)
        return torch.cat([features.signals * present, present.expand_as(features.signals)], dim=1)
