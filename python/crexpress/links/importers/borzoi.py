"""Borzoi's scores of element-gene pairs: a table with one row a pair; Borzoi sees 262 kb on each side of a TSS."""

from crexpress.links.importers.base import Format

FORMAT = Format(
    "borzoi",
    "Borzoi (published)",
    score=("Score", "Borzoi.Score", "score", "logSED"),
    aggregate="sum",
    fill=0,
    note="summed over elements, 0 where there is none; Borzoi sees 262 kb on each side, farther pairs are undefined",
)
