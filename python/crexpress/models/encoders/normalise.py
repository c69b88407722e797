"""GELU(BatchNorm(x)) on a CPU: worked out piece by piece in the cache, with sums as exact as a large batch needs."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

PIECE = 2**17  # values worked on at once


def norm_gelu(norm: nn.BatchNorm2d, x: Tensor, channels: slice, count: int) -> Tensor:
    """GELU of some of the norm's channels [elements, channels, 1, positions], which stand for `count` places each.

    In training the batch's own statistics are used, and the running ones follow them.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.momentum is not None
    mean, variance = norm.running_mean[channels], norm.running_var[channels]
    weight, bias = norm.weight[channels], norm.bias[channels]
    if not norm.training:
        return functional.gelu(functional.batch_norm(x, mean, variance, weight, bias, eps=norm.eps))
    rows = x.permute(0, 2, 3, 1)
    result, now, spread = _NormGELU.apply(rows.reshape(-1, x.shape[1]), weight, bias, norm.eps)
    with torch.no_grad():
        mean.lerp_(now, norm.momentum)
        variance.lerp_(spread * (count / max(1, count - 1)), norm.momentum)
    return result.view(rows.shape).permute(0, 3, 1, 2)


def add_residual(norm: nn.BatchNorm2d, weight: Tensor, x: Tensor) -> None:
    """Add, in place, weight [channels, channels] times GELU(norm(x)) to x, in evaluation and without gradients."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    shift = norm.bias - norm.running_mean * scale
    for (piece,) in _pieces(x.permute(0, 2, 3, 1).view(-1, x.shape[1])):
        piece.addmm_(torch.ops.aten.gelu_(torch.addcmul(shift, piece, scale)), weight.t())


class _NormGELU(torch.autograd.Function):
    """GELU(BatchNorm(x)) of rows [n, channels] by their own statistics, and these: mean and variance."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = _moments(x)
        inverse = (variance + eps).rsqrt()
        scale = (weight * inverse).float()
        shift = (bias - mean * weight * inverse).float()
        result = torch.empty_like(x)
        for piece, out in _pieces(x, result):
            torch.ops.aten.gelu_(torch.addcmul(shift, piece, scale, out=out))
        mean, variance = mean.float(), variance.float()
        ctx.save_for_backward(x, mean, inverse, scale, shift)
        ctx.mark_non_differentiable(mean, variance)
        return result, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, inverse, scale, shift = ctx.saved_tensors
        gradient = torch.empty_like(x)
        of_weight, of_bias = x.new_zeros(2, x.shape[1], dtype=torch.float64)
        for piece, given, out in _pieces(x, above, gradient):
            torch.ops.aten.gelu_backward.grad_input(given, torch.addcmul(shift, piece, scale), grad_input=out)
            of_bias += out.sum(0)
            of_weight += torch.sub(piece, mean).mul_(out).sum(0)
        of_weight *= inverse
        # mean and variance depend on every value, too
        slope = (-scale * inverse * of_weight / len(x)).float()
        level = (-scale * of_bias / len(x)).float()
        for piece, out in _pieces(x, gradient):
            torch.addcmul(torch.addcmul(level, piece - mean, slope), out, scale, out=out)
        return gradient, of_weight.float(), of_bias.float(), None


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of rows, float64: torch's own sums along rows lose digits where these are many."""
    total, squares = x.new_zeros(2, x.shape[1], dtype=torch.float64)
    origin = x[:1024].mean(0)  # near the mean, so that squares are of small numbers
    for (piece,) in _pieces(x):
        away = piece - origin
        total += away.sum(0)
        squares += away.square_().sum(0)
    mean = total / len(x)
    return mean + origin, squares / len(x) - mean.square()


def _pieces(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same rows of each tensor, so many at a time that they stay in the cache."""
    return zip(*(tensor.split(max(1, PIECE // tensor.shape[1])) for tensor in tensors), strict=True)
