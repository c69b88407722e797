"""Genes that one cell expresses and others do not: does a prediction know them?

CREaTor (Fig. 1d): the prediction among observed profiles, on the genes that differ; ScPGE (Supplemental Fig. S9): genes
whose log2 fold change is above 2. A list of genes (RSEM/EBSeq's, say) may be given; else they are those expressed more
than fourfold above the mean of the other cells.
"""

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform

from crexpress.core import bootstrap, methods, splits
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks.base import SECTION, Entry, Found, World
from crexpress.evaluate.expression import FOLD
from crexpress.evaluate.metrics import Context, Metric
from crexpress.formats import text_files

LEAST = 10


def score(entry: Entry, world: World) -> Found:
    """r on the cell's own genes, all and on unseen chromosomes; and where the prediction lies among observed profiles.

    `nearest_is_own` is 1 where of all cells' observed profiles the own one correlates best with the prediction,
    `rank_of_own` its place, `cophenetic_to_own` the height at which a single-linkage tree (1 - r) joins the two.
    """
    cell = entry.cell or ""
    if cell not in world.expression or world.genes is None or len(world.expression) < 2:
        raise InputError(
            f"{entry.name}: needs predictions and expression of {cell or 'its cell'}, and of another cell; give them"
        )
    own = world.expression[cell]
    others = [one for name, one in world.expression.items() if name != cell]
    fold = own.log2_value - np.mean([one.log2_value for one in others], axis=0)
    chosen = _listed(entry, world.genes) if entry.file else fold > FOLD
    known = chosen & np.isfinite(fold)
    subsets = {"specific genes": known}
    if len(world.split):
        subsets["specific genes (test)"] = known & (world.split == splits.TEST)
    rows: list[Metric] = []
    for subset, inside in subsets.items():
        context = Context(SECTION, cell, own.seen, subset, entry.name, own.methods)
        rows.append(context.metric(methods.EVERYTHING, "genes", int(inside.sum()), int(inside.sum())))
        if inside.sum() < LEAST:
            continue
        for method, values in own.predicted.items():
            at = np.flatnonzero(inside & np.isfinite(values))
            if len(at) < LEAST or np.ptp(values[at]) == 0:
                continue
            rows += _figures(
                context,
                method,
                values[at],
                {name: one.observed[at] for name, one in world.expression.items()},
                cell,
                world,
            )
    return Found(
        rows,
        [],
        [
            f"{cell}: {int(known.sum()):,} genes of its own"
            + ("" if entry.file else ", log2 fold change above 2 from the mean of the other cells")
        ],
    )


def _figures(
    context: Context, method: str, predicted: np.ndarray, observed: dict[str, np.ndarray], cell: str, world: World
) -> list[Metric]:
    n = len(predicted)
    counts = bootstrap.draw(n, min(world.resamples, 1_000), world.seed)
    x, y = predicted - predicted.mean(), observed[cell] - observed[cell].mean()
    total = counts.sum(1)
    mx, my, xx, yy, xy = (counts @ np.stack([x, y, x * x, y * y, x * y], axis=1)).T / total
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (xy - mx * my) / np.sqrt((xx - mx**2) * (yy - my**2))
    rows = [
        context.metric(method, "pearson", r, n),
        context.metric(method, "mae", counts @ np.abs(predicted - observed[cell]) / total, n),
    ]
    profiles = {name: values for name, values in observed.items() if np.ptp(values) > 0}
    if cell not in profiles or len(profiles) < 2:
        return rows
    table = np.corrcoef(np.vstack([predicted, *profiles.values()]))
    rank = 1 + int(sum(table[0, 1:] > table[0, 1 + list(profiles).index(cell)]))
    apart = np.clip(1 - table, 0, None)
    np.fill_diagonal(apart, 0)
    tree = squareform(cophenet(linkage(squareform(apart, checks=False), "single")))
    rows.append(context.metric(method, "nearest_is_own", float(rank == 1), n))
    rows.append(context.metric(method, "rank_of_own", rank, n))
    rows.append(context.metric(method, "cophenetic_to_own", float(tree[0, 1 + list(profiles).index(cell)]), n))
    return rows


def _listed(entry: Entry, genes: pl.DataFrame) -> np.ndarray:
    """Which genes a list names, one a line: by id without version, or symbol; InputError where none is known."""
    assert entry.file is not None
    names = {line.split()[0].split(".")[0] for line in text_files.read_lines(entry.file)["text"] if line.split()}
    known = (
        genes["gene_id"].str.split(".").list.first().is_in(list(names)) | genes["gene_name"].is_in(list(names))
    ).to_numpy()
    if not known.any():
        raise InputError(
            f"{entry.file}: none of its {len(names):,} genes is one of this run's; give ids or symbols, one a line"
        )
    return known
