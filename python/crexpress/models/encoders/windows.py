"""The first convolution of an element's input, of few channels and a wide kernel, done as suits a CPU."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from crexpress.models.inputs import N, one_hot

K = 4  # bases looked up at once: the table of what they give fits the cache
LETTERS = N + 1
PIECE = 4  # elements whose windows are laid out at once: they stay in the cache


class WindowConvolution(torch.autograd.Function):
    """torch's convolution of x [elements, in, 1, L]; the gradient of its weight [out, in, k] is three times as fast."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return functional.conv2d(x, weight.unsqueeze(2), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        of_input = None
        if ctx.needs_input_grad[0]:
            of_input = functional.conv_transpose2d(gradient, weight.unsqueeze(2))
        return of_input, _of_weight(by_position(x), by_position(gradient), weight), gradient.sum((0, 2, 3))


class KmerConvolution(torch.autograd.Function):
    """Convolution of the one-hot bases codes [elements, L], as sums of what each K bases together give.

    weight [out, 4, k], bias [out] -> [elements, out, 1, L - k + 1].
    """

    @staticmethod
    def forward(ctx: Any, codes: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(codes, weight)
        outputs, _, kernel = weight.shape
        places = codes.shape[1] - kernel + 1
        groups = -(-kernel // K)
        table = _kmers(weight, groups)
        padded = functional.pad(codes.long(), (0, groups * K - kernel), value=N)
        kmer = padded[:, : 1 - K].clone()
        for base in range(1, K):
            kmer.mul_(LETTERS).add_(padded[:, base : padded.shape[1] - K + 1 + base])
        rows = [kmer[:, group * K : group * K + places] + group * LETTERS**K for group in range(groups)]
        result = functional.embedding_bag(torch.stack(rows, 2).view(-1, groups), table, mode="sum").add_(bias)
        return result.view(len(codes), 1, places, outputs).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        codes, weight = ctx.saved_tensors
        bases = one_hot(codes).transpose(1, 2).contiguous()
        return None, _of_weight(bases, by_position(gradient), weight), gradient.sum((0, 2, 3))


def by_position(x: Tensor) -> Tensor:
    """[elements, channels, 1, L] as contiguous [elements, L, channels]."""
    return x.permute(0, 2, 3, 1).squeeze(1).contiguous()


def _of_weight(x: Tensor, gradient: Tensor, weight: Tensor) -> Tensor:
    """Gradient of the weight, by inputs [elements, L, in] and the outputs' gradient [elements, L - k + 1, out]."""
    outputs, inputs, kernel = weight.shape
    _, length, _ = x.shape
    result = weight.new_zeros(kernel * inputs, outputs)
    for some, above in zip(x.split(PIECE), gradient.split(PIECE), strict=True):
        shape = len(some), length - kernel + 1, kernel * inputs
        windows = some.as_strided(shape, (length * inputs, inputs, 1), some.storage_offset())
        result.addmm_(windows.reshape(-1, kernel * inputs).t(), above.reshape(-1, outputs))
    return result.view(kernel, inputs, outputs).permute(2, 1, 0)


def _kmers(weight: Tensor, groups: int) -> Tensor:
    """What each K bases give at each group of K taps, [groups * LETTERS ** K, out]; N gives nothing."""
    outputs, bases, kernel = weight.shape
    taps = weight.new_zeros(groups * K, LETTERS, outputs)
    taps[:kernel, :bases] = weight.permute(2, 1, 0)
    by_base = taps.view(groups, K, LETTERS, outputs).unbind(1)
    table = by_base[0]
    for following in by_base[1:]:
        table = (table.unsqueeze(2) + following.unsqueeze(1)).flatten(1, 2)
    return table.flatten(0, 1)
