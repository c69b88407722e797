"""Position schemes by the name that a preset gives: a new one is a file here and a line below.

A scheme is a module built from a ModelConfig; `forward(distance, rows)` takes the tokens' bp from the TSS [B, n] and
gives the additive attention bias [B or 1, heads, rows, n] of the query tokens in `rows`.
"""

from torch import nn

from crexpress.models.positions.bp import BpPosition
from crexpress.models.positions.multi_bp import MultiBpPosition
from crexpress.models.positions.rank import RankPosition

POSITIONS: dict[str, type[nn.Module]] = {"rank": RankPosition, "bp": BpPosition, "multi-bp": MultiBpPosition}
