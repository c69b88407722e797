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
PIECE = 32  # elements worked on at once: their spectra stay in the cache


class FourierConvolution(torch.autograd.Function):
    """Convolution with zeros at both ends, as far as k // 2 beyond them; k is odd.

    x [elements, L, in], weight [out, in, k], bias [out] -> [elements, L, out].
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _convolve(x, weight).add_(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        of_input = _convolve(gradient, weight.transpose(0, 1).flip(2))
        return of_input, _correlate(x, gradient, weight.shape[2]), gradient.sum((0, 1))


def _convolve(x: Tensor, weight: Tensor) -> Tensor:
    """The convolution without bias."""
    outputs, _, kernel = weight.shape
    spectra = _of_weight(weight)
    result = x.new_empty(*x.shape[:2], outputs)
    for some, out in zip(x.split(PIECE), result.split(PIECE), strict=True):
        _product(_inputs(some, kernel), spectra, out)
    return result


def _correlate(x: Tensor, gradient: Tensor, kernel: int) -> Tensor:
    """Gradient [out, in, k] of the weight, by that of the outputs [elements, L, out]."""
    inputs, outputs = x.shape[2], gradient.shape[2]
    waves = _waves(kernel)
    pairs = x.new_zeros(len(waves), 2 * inputs, 2 * outputs)
    for some, above in zip(x.split(PIECE), gradient.split(PIECE), strict=True):
        of_outputs = _transform(_tiles(above, kernel, 0, TILE), kernel)
        pairs.baddbmm_(_inputs(some, kernel).transpose(1, 2), of_outputs)
    pairs = pairs.view(len(waves), 2, inputs, 2, outputs)
    real = pairs[:, 0, :, 0] + pairs[:, 1, :, 1]
    imaginary = pairs[:, 1, :, 0] - pairs[:, 0, :, 1]
    back = waves[..., :kernel].flatten(0, 1)
    taps = back.t() @ torch.stack([real, imaginary], 1).flatten(2).flatten(0, 1) / len(waves)
    return taps.view(kernel, inputs, outputs).permute(2, 1, 0)


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


def _of_weight(weight: Tensor) -> Tensor:
    """Spectra of a weight, for the real and for the imaginary part of a product: [2, n / 2, 2 * in, out]."""
    outputs, inputs, kernel = weight.shape
    waves = _waves(kernel)
    real, imaginary = waves[..., :kernel].unbind(1)
    own = torch.stack([torch.stack([real, imaginary], 1), torch.stack([-imaginary, real], 1)])
    taps = weight.permute(2, 1, 0).reshape(kernel, -1)
    return (own.flatten(0, 2) @ taps).view(2, len(waves), 2 * inputs, outputs)


def _product(spectrum: Tensor, spectra: Tensor, out: Tensor) -> None:
    """Into out [elements, L, outputs]: inputs by their spectrum, times the conjugate of the weight's, and back."""
    elements, length, outputs = out.shape
    count = len(spectrum)
    parts = spectrum.new_empty(2, count, spectrum.shape[1], outputs)
    for of_weight, part in zip(spectra, parts, strict=True):
        torch.bmm(spectrum, of_weight, out=part)
    back = _waves(2 * count - TILE + 1)[..., :TILE].transpose(0, 1).reshape(2 * count, TILE)
    tiles = torch.mm(back.t() / count, parts.view(2 * count, -1))
    out.copy_(tiles.view(TILE, elements, -1, outputs).permute(1, 2, 0, 3).flatten(1, 2)[:, :length])
