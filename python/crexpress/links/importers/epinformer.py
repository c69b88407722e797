"""EPInformer's scores of element-gene pairs; its attention is over tested elements within 100 kb of the TSS."""

from crexpress.links.importers.base import Format

FORMAT = Format(
    "epinformer",
    "EPInformer (published)",
    score=("attention_score", "Attention", "AttentionABC", "Score", "score"),
    aggregate="max",
    fill=0,
    note="largest over elements, 0 where there is none; its reach is 100 kb, farther pairs are undefined",
)
