"""From a gene's vector to its expression."""

from torch import nn


class ExpressionHead(nn.Sequential):
    """A gene's vector [B, d] -> expression [B], never negative (softplus)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 1),
            nn.Softplus(),
            nn.Flatten(0),
        )
