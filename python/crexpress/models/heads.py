"""From a gene's vector to its expression."""

from torch import nn


class ExpressionHead(nn.Sequential):
    """A gene's vector [B, d] -> expression [B], never negative (softplus), or `signed`, a change of expression."""

    def __init__(self, width: int, hidden: int, dropout: float, signed: bool) -> None:
        super().__init__(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 1),
            nn.Identity() if signed else nn.Softplus(),
            nn.Flatten(0),
        )
