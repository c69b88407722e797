"""From a gene's vector to its expression."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class ExpressionHead(nn.Sequential):
    """A gene's vector [..., d] -> expression [..., 1], never negative (softplus), or `signed`, a change of expression.

    Linear before that where `hidden` is 0 (CREaTor).
    """

    def __init__(self, width: int, hidden: int, dropout: float, signed: bool) -> None:
        before = [nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout)] if hidden else []
        last = nn.Identity() if signed else nn.Softplus()
        super().__init__(*before, nn.Linear(hidden or width, 1), last)


class SharedHeads(nn.Module):
    """Several heads in one: [..., d] -> [..., members]; they share all but scaling vectors.

    BatchEnsemble (Wen et al. 2020), as TabM has it for tables (Gorishniy et al. 2025): each member scales the input of
    each of two residual layers by a vector of its own, and ends in a map of its own. Members start and stay different,
    so that their mean is better than one of them, and their spread tells how sure it is.
    """

    def __init__(self, width: int, members: int, dropout: float, signed: bool) -> None:
        super().__init__()
        signs = torch.randint(0, 2, (members, width)) * 2.0 - 1
        self.first = nn.Parameter(1 + signs * torch.rand(members, width) / 2)
        self.second = nn.Parameter(1 + torch.randn(members, width) / 10)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.weight = nn.Parameter(torch.randn(members, width) / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(members))
        self.drop, self.signed = nn.Dropout(dropout), signed

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(-2)
        for scale, layer in zip((self.first, self.second), self.layers, strict=True):
            x = x * scale
            x = x + self.drop(functional.silu(layer(x)))
        found = (x * self.weight).sum(-1) + self.bias
        return found if self.signed else functional.softplus(found)
