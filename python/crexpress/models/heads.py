"""From a gene's vector to its expression."""

from torch import nn


class ExpressionHead(nn.Sequential):
    """A gene's vector [B, d] -> expression [B], never negative (softplus), or `signed`, a change of expression.

    Linear before that where `hidden` is 0 (CREaTor).
    """

    def __init__(self, width: int, hidden: int, dropout: float, signed: bool) -> None:
        before = [nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout)] if hidden else []
        last = nn.Identity() if signed else nn.Softplus()
        super().__init__(*before, nn.Linear(hidden or width, 1), last, nn.Flatten(0))
