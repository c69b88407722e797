"""Layers of the convolution encoder, done on a CPU in the order that suits it; elsewhere they are torch's own.

All work on [elements, channels, 1, positions]. On a CPU the channels of a position lie side by side (torch's
channels_last).
"""

from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.encoders.fourier import TILE, FourierConvolution
from crexpress.models.encoders.normalise import norm_gelu
from crexpress.models.encoders.windows import KmerConvolution, WindowConvolution, by_position
from crexpress.models.inputs import is_one_hot, one_hot

WIDE = 64  # input channels from which a kernel beyond 3 is better applied to the spectrum


def on_cpu(x: Tensor) -> bool:
    """Whether this is float32 on a CPU, computed step by step: what the ways of this file are for."""
    plain = x.device.type == "cpu" and x.dtype == torch.float32
    return plain and not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()


def in_bf16(x: Tensor) -> bool:
    """Whether products are in bfloat16 on a CPU, which torch does many times faster in the order of this file."""
    return x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()


def packed(x: Tensor) -> Tensor:
    """The same with a position's channels side by side."""
    return x.contiguous(memory_format=torch.channels_last)


class AsReleased:
    """A layer that, if asked, keeps to torch's own sums in training, which are those of the released code."""

    as_released: bool = False
    training: bool

    def quick(self, x: Tensor) -> bool:
        """Whether x may take the ways of this file."""
        return on_cpu(x) and not (self.as_released and self.training)


class Norm(AsReleased, nn.BatchNorm2d):
    """Batch normalisation, for `activate`."""


class Convolution(AsReleased, nn.Conv1d):
    """Convolution along the positions."""

    def forward(self, x: Tensor, level: Tensor | None = None) -> Tensor:
        """`level` are further channels [elements, channels, 1, 1] that are the same at all positions."""
        weight = self.weight[:, : x.shape[1]]
        kernel, length, around = self.kernel_size[0], x.shape[-1], int(self.padding[0])
        if length == kernel and around == 0:
            # all is under the kernel: one matrix product, which a CPU does much faster
            return functional.linear(x.flatten(1), weight.flatten(1), self.bias)[:, :, None, None]
        quick = self.quick(x)
        if not quick and not in_bf16(x):
            y = functional.conv1d(x.squeeze(2), weight, self.bias, padding=around).unsqueeze(2)
        elif quick and 3 < kernel == 2 * around + 1 and x.shape[1] >= WIDE and length >= TILE:
            rows = FourierConvolution.apply(by_position(x), weight, self.bias)
            y = rows.unsqueeze(1).permute(0, 3, 1, 2)
        elif quick and kernel > 1 and around == 0:
            y = packed(WindowConvolution.apply(packed(x), weight, self.bias))
        else:
            y = packed(functional.conv2d(packed(x), weight.unsqueeze(2), self.bias, padding=(0, around)))
        return y if level is None else y + self._of_level(level, length)

    def _of_level(self, level: Tensor, length: int) -> Tensor:
        """A tap of the kernel gives the same everywhere, but nothing where it reaches beyond the element."""
        taps = self.weight[:, -level.shape[1] :].permute(2, 0, 1)
        given = functional.linear(level.flatten(1), taps.flatten(0, 1)).unflatten(1, taps.shape[:2])
        place = torch.arange(length).unsqueeze(1) + torch.arange(len(taps)) - int(self.padding[0])
        within = ((place >= 0) & (place < length)).to(given)
        return torch.bmm(within.expand(len(given), -1, -1), given).unsqueeze(1).permute(0, 3, 1, 2)


class SequenceConvolution(Convolution):
    """Convolution along the bases: codes [elements, L], or one-hot [elements, 4, L], to which gradients flow."""

    def forward(self, codes: Tensor) -> Tensor:  # type: ignore[override]
        if not is_one_hot(codes) and self.quick(self.weight) and codes.shape[1] > self.kernel_size[0]:
            return KmerConvolution.apply(codes, self.weight, self.bias)
        return super().forward(one_hot(codes).to(self.weight.dtype).unsqueeze(2))


class Dropout(nn.Dropout):
    """Dropout whose random numbers cost a CPU a quarter: 31 random bits for each value."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0 or not on_cpu(x):
            return super().forward(x)
        kept = torch.empty_like(x, dtype=torch.int32).random_() >= round(self.p * 2**31)
        return x * kept.to(x.dtype).mul_(1 / (1 - self.p))


def activate(norm: nn.Module, *parts: Tensor) -> list[Tensor]:
    """GELU(BatchNorm) of channels that come in parts, of which those after the first may have a single position.

    Several parts are for `on_cpu` alone. Over several GPUs the norm is torch's SyncBatchNorm.
    """
    if not (isinstance(norm, Norm) and norm.quick(parts[0])):
        return [functional.gelu(norm(*parts))]
    count = len(parts[0]) * parts[0].shape[-1]
    bounds = pairwise(accumulate((part.shape[1] for part in parts), initial=0))
    if norm.training and norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    return [norm_gelu(norm, part, slice(*bound), count) for part, bound in zip(parts, bounds, strict=True)]
