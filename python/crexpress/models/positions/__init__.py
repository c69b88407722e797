"""Position schemes by the name that a preset gives: a new one is a file here and a line below.

Another package names its own by an entry point of the group `crexpress.positions`, a script by `POSITIONS.register`. A
scheme is a module built from a ModelConfig; `forward(distance, rows)` takes the tokens' bp from the TSS [B, n] and
gives the additive attention bias [B or 1, heads, rows, n] of the query tokens in `rows`.
"""

from typing import Any

from crexpress.core.registry import Registry

POSITIONS: Registry[Any] = Registry(
    "crexpress.positions",
    {
        "rank": "crexpress.models.positions.rank:RankPosition",
        "bp": "crexpress.models.positions.bp:BpPosition",
        "multi-bp": "crexpress.models.positions.multi_bp:MultiBpPosition",
    },
)
