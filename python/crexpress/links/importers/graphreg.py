"""GraphReg's scores of element-gene pairs (ENCODE benchmark form: column GraphReg.Score or Score)."""

from crexpress.links.importers.base import Format

FORMAT = Format(
    "graphreg",
    "GraphReg (published)",
    score=("GraphReg.Score", "GraphReg.LR", "Score", "score"),
    aggregate="max",
    fill=0,
    note="largest over elements, 0 where there is none, as in EngreitzLab/CRISPR_comparison",
)
