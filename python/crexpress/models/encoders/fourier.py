"""Convolution along positions as products of Fourier transforms: the same sums in 0.4 of the multiplications.

The input is cut into overlapping tiles, each for TILE outputs. The transform is the discrete one at half-integer
frequencies, of which a real tile of even length n has n / 2, all complex. Its sums are circular: what goes around the
end of a tile falls on places that are not used.
"""

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

TILE = 30  # outputs of a tile: best for kernels of about 7


class FourierConvolution(torch.autograd.Function):
    """Convolution with zeros at both ends, as far as k // 2 beyond them; k is odd.

    x [elements, L, in], weight [out, in, k], bias [out] -> [elements, L, out].
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        spectrum = _inputs(x, weight.shape[2])
        ctx.save_for_backward(spectrum, weight)
        return _product(spectrum, weight, x.shape) + bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        spectrum, weight = ctx.saved_tensors
        kernel = weight.shape[2]
        of_input = _product(_inputs(gradient, kernel), weight.transpose(0, 1).flip(2), gradient.shape)
        outputs = _transform(_tiles(gradient, kernel, 0, TILE), kernel)
        return of_input.contiguous(), _correlation(spectrum, outputs, kernel), gradient.sum((0, 1))


@cache
def _waves(kernel: int) -> Tensor:
    """Real and imaginary part of exp(-2 pi i (f + 1/2) t / n) for a tile's n positions t: [n / 2, 2, n]."""
    n = TILE + kernel - 1
    angle = 2 * math.pi / n * torch.outer(torch.arange(n // 2).double() + 0.5, torch.arange(n).double())
    return torch.stack([angle.cos(), -angle.sin()], 1).float()


def _tiles(x: Tensor, kernel: int, before: int, size: int) -> Tensor:
    """Tiles [elements * tiles, size, channels] that begin TILE apart; `before` zeros stand before an element."""
    elements, length, channels = x.shape
    tiles = -(-(length + kernel - 1) // TILE)
    rows = x.new_zeros(elements * tiles * TILE + kernel - 1, channels)  # the last tile reads beyond its element
    rows[: 1 - kernel].view(elements, -1, channels)[:, before : before + length] = x
    return rows.as_strided((elements * tiles, size, channels), (TILE * channels, channels, 1))


def _transform(tiles: Tensor, kernel: int) -> Tensor:
    """Real and imaginary parts [n / 2, tiles, 2 * channels]; a shorter tile is followed by zeros."""
    waves = _waves(kernel)
    some = waves.flatten(0, 1)[:, : tiles.shape[1]].expand(len(tiles), -1, -1)
    return torch.bmm(some, tiles).view(len(tiles), len(waves), -1).transpose(0, 1)


def _inputs(x: Tensor, kernel: int) -> Tensor:
    return _transform(_tiles(x, kernel, kernel // 2, TILE + kernel - 1), kernel)


def _product(spectrum: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
    """Convolution [elements, L, out] of inputs by their spectrum: times the conjugate of the weight's, and back."""
    outputs, inputs, kernel = weight.shape
    elements, length, _ = shape
    waves = _waves(kernel)
    real, imaginary = waves.unbind(1)
    taps = weight.permute(2, 1, 0).reshape(kernel, -1)
    result = torch.zeros((), dtype=spectrum.dtype)
    for own, back in ((waves, real), (torch.stack([-imaginary, real], 1), imaginary)):
        of_weight = (own[..., :kernel].flatten(0, 1) @ taps).view(len(waves), 2 * inputs, outputs)
        part = torch.bmm(spectrum, of_weight).flatten(1)
        result = torch.addmm(result, back[:, :TILE].t(), part, alpha=1 / len(waves))
    return result.view(TILE, elements, -1, outputs).permute(1, 2, 0, 3).flatten(1, 2)[:, :length]


def _correlation(inputs: Tensor, outputs: Tensor, kernel: int) -> Tensor:
    """Gradient [out, in, k] of the weight by the spectra of inputs and of the outputs' gradients."""
    pairs = torch.bmm(inputs.transpose(1, 2), outputs)
    pairs = pairs.view(len(pairs), 2, inputs.shape[2] // 2, 2, -1)
    real = pairs[:, 0, :, 0] + pairs[:, 1, :, 1]
    imaginary = pairs[:, 1, :, 0] - pairs[:, 0, :, 1]
    waves = _waves(kernel)[..., :kernel].flatten(0, 1)
    taps = waves.t() @ torch.stack([real, imaginary], 1).flatten(2).flatten(0, 1) / len(inputs)
    return taps.view(kernel, inputs.shape[2] // 2, -1).permute(2, 1, 0)
