"""Enformer's scores of element-gene pairs, as the rE2G paper's tables have them (column Score)."""

from crexpress.links.importers.base import Format

FORMAT = Format(
    "enformer",
    "Enformer (published)",
    score=("Score", "Enformer.Score", "score"),
    aggregate="sum",
    fill=0,
    note="summed over elements, 0 where there is none; Enformer sees 98 kb on each side, farther pairs are undefined",
)
