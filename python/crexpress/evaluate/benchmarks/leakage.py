"""What of a benchmark a method was taught with: counted, told, and the pairs that are clean of it.

A model of expression was taught with a gene's expression, not with labels of links: a pair is clean where the gene was
none of its training genes, or the cell none of its cells. A link model was taught with screens: of a cell that it was
fitted to, clean are the chromosomes that were held out when it scored them.
"""

import numpy as np
import polars as pl

from crexpress.core import splits
from crexpress.evaluate.benchmarks.base import World


def clean(table: pl.DataFrame, cell: str, world: World) -> tuple[np.ndarray | None, list[str]]:
    """Pairs (`chrom`, `gene_id`) that no method was taught with, bool [pairs] (None: nothing was), and what to tell."""
    result = np.ones(len(table), bool)
    told = []
    if world.genes is not None and len(world.split) and (world.split != "").any():
        trained = world.genes.filter(pl.Series(world.split == splits.TRAIN))["gene_id"]
        taught = table["gene_id"].is_in(trained.implode()).fill_null(False).to_numpy()
        who = sorted({one.method for one in world.taught if cell in one.cells})
        if who:
            result &= ~taught
            told.append(
                _told(taught, table, f"{', '.join(who)}: gene and cell were trained on (expression, not links)")
            )
        elif any(one.cells for one in world.taught):
            told.append(_told(taught, table, f"{cell} was not trained on; genes that were, in other cells"))
    for one in world.taught:
        if cell in one.screens:
            seen = ~table["chrom"].is_in(list(one.held_out)).fill_null(False).to_numpy()
            result &= ~seen
            told.append(_told(seen, table, f"{one.method}: fitted to screens of {cell}, chromosomes not held out"))
    return (None if result.all() else result), told


def _told(seen: np.ndarray, table: pl.DataFrame, what: str) -> str:
    genes = table.filter(pl.Series(seen))["gene"].n_unique()
    return f"{what}: {int(seen.sum()):,} of {len(table):,} pairs, {genes:,} genes"
