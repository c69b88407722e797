"""Loops between elements and genes (ChIA-PET, HiChIP), gene by gene and by distance (CREaTor, Figs 2d, e and S9).

Candidates are the 400 cCREs nearest to a gene, 200 on a side; one is positive where a loop has one anchor on it and the
other on the gene (its body, or a window around its TSS). Groups with fewer than 10 pairs are left out, as there.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from crexpress.core import bootstrap, builds, methods, ranking
from crexpress.core.errors import InputError
from crexpress.core.intervals import overlapping
from crexpress.evaluate.benchmarks import pairs as measures
from crexpress.evaluate.benchmarks import same_build
from crexpress.evaluate.benchmarks.base import SECTION, Entry, Found, World
from crexpress.evaluate.benchmarks.pairs import Labelled
from crexpress.evaluate.benchmarks.predictors import labelled_in_parts, nearest_pairs
from crexpress.evaluate.metrics import Context, Metric
from crexpress.formats import loop_files

CANDIDATES, LEAST = 400, 10
GROUPS = ("0-5 kb", "5-50 kb", "50-1,000 kb", ">1,000 kb")
_POOLED = 50  # resamples of all pairs together, which are millions
_TSS = 2_000  # bp on each side of a TSS, for `gene` = tss


def score(entry: Entry, world: World) -> Found:
    """Median figures over genes, by distance group, and all pairs of genes with a loop together.

    Options: `gene` = body (as the paper) or tss, `least` = the fewest reads of a loop, `build` and `chain` as of
    screens.
    """
    if entry.file is None or world.genes is None or world.elements is None:
        raise InputError(f"{entry.name}: loops are scored with a file, --elements and --genes; give all three")
    cell = entry.cell or next(iter(world.cells()), None)
    if cell is None or cell not in world.cells():
        raise InputError(
            f"{entry.name}: {cell or 'no cell'} has nothing to score; its cell must be one of {world.cells()}"
        )
    loops, told = of_build(entry, world)
    loops = loops.filter(pl.col("count").fill_nan(np.inf) >= float(entry.options.get("least", 0)))
    where = entry.options.get("gene", "body")
    parts, every = [], 0
    for chrom in world.genes["chrom"].unique(maintain_order=True):
        its_loops, its_genes = loops.filter(chrom_1=chrom, chrom_2=chrom), world.genes.filter(chrom=chrom)
        table, positive = candidates(its_loops, world.elements, its_genes, where)
        every += table["gene_id"].n_unique()
        looped = table["gene_id"].is_in(table.filter(pl.Series(positive))["gene_id"].unique().implode())
        if looped.any():
            parts.append((table.filter(looped), positive[looped.to_numpy()]))
    if not parts:
        raise InputError(f"{entry.file}: no loop joins a candidate cCRE and a gene; is it of the same genome build?")
    marked, notes = labelled_in_parts(entry.name, cell, parts, world, world.genes)
    notes = [
        *told,
        f"{cell}: {len(loops):,} loops; {marked.table['gene_id'].n_unique():,} of {every:,} genes have one, with "
        f"{len(marked.table):,} candidate pairs, {int(marked.positive.sum()):,} positive",
        *notes,
    ]
    pooled, curves = measures.measure(marked, min(world.resamples, _POOLED), world.seed, (measures.ALL,))
    return Found([*by_gene(marked, world), *pooled], curves, notes)


def of_build(entry: Entry, world: World) -> tuple[pl.DataFrame, list[str]]:
    """The loops of an entry in the run's build, and what to tell. Raises InputError where they are of another."""
    assert entry.file is not None
    found = loop_files.read_loops(entry.file)
    build = same_build.said(entry, world, builds.of_lengths(found.lengths))
    loops, notes = found.table, []
    for side in "12":
        names = (f"chrom_{side}", f"start_{side}", f"end_{side}")
        loops, told = same_build.lifted(loops, entry, f"loops by anchor {side}", names)
        notes += told
    anchors = pl.concat(loops.select(chrom=f"chrom_{side}", start=f"start_{side}", end=f"end_{side}") for side in "12")
    same_build.require_within(entry, anchors, world)
    if build is None:
        notes += same_build.require_on_elements(entry, anchors, world)
    return loops, notes


def candidates(
    loops: pl.DataFrame, elements: pl.DataFrame, genes: pl.DataFrame, where: str = "body"
) -> tuple[pl.DataFrame, np.ndarray]:
    """Pairs of each gene with its 400 nearest cCREs, and whether a loop joins them: table [pairs], bool [pairs]."""
    if where not in ("body", "tss"):
        raise InputError(f"'{where}' is no place of a gene that loops can touch; give body or tss")
    table, gene, element = nearest_pairs(elements, genes, CANDIDATES)
    extents = elements.select("chrom", start="ccre_start", end="ccre_end")
    places = genes.select("chrom", "start", "end")
    if where == "tss":
        places = genes.select("chrom", start=pl.col("tss") - _TSS, end=pl.col("tss") + _TSS + 1)
    anchors = [loops.select(chrom=f"chrom_{side}", start=f"start_{side}", end=f"end_{side}") for side in "12"]
    keys = []
    for one, other in ((0, 1), (1, 0)):
        loop, on_gene = overlapping(anchors[one], places)
        back, on_element = overlapping(anchors[other], extents)
        joined = pl.DataFrame({"loop": loop, "gene": on_gene}).join(
            pl.DataFrame({"loop": back, "element": on_element}), on="loop"
        )
        keys.append(joined["gene"].to_numpy() * len(elements) + joined["element"].to_numpy())
    return table, np.isin(gene * len(elements) + element, np.unique(np.concatenate(keys)))


def by_gene(pairs: Labelled, world: World) -> Iterator[Metric]:
    """Median over genes of auROC and auPRC, and of specificity and precision at the mean score, by distance group."""
    gene = pairs.table["gene_id"].rank("dense").to_numpy().astype(np.int64) - 1
    distance = pairs.table["distance"].to_numpy()
    once = np.ones((1, 1), np.uint16)
    for name in GROUPS:
        low, high = measures.GROUPS[name]
        inside = np.flatnonzero((distance >= low) & (distance < high))
        order = inside[np.argsort(gene[inside], kind="stable")]
        parts = [part for part in np.split(order, np.flatnonzero(np.diff(gene[order])) + 1) if len(part) >= LEAST]
        parts = [part for part in parts if 0 < pairs.positive[part].sum() < len(part)]
        context = Context(SECTION, pairs.cell, pairs.seen, f"per gene, {name}", pairs.benchmark, pairs.methods)
        yield context.metric(methods.EVERYTHING, "genes", len(parts), len(parts))
        if not parts:
            continue
        counts = bootstrap.draw(len(parts), min(world.resamples, 1_000), world.seed, np.uint16)
        for method, score in pairs.scores.items():
            figures: dict[str, list[float]] = {name: [] for name in ("auroc", "auprc", "specificity", "precision")}
            for part in parts:
                own, positive = score[part], pairs.positive[part]
                found = ranking.measures(own, positive, once, np.zeros(len(part), np.int64))
                figures["auroc"].append(float(found["auroc"][0]))
                figures["auprc"].append(float(found["average_precision"][0]))
                finite = np.where(np.isfinite(own), own, own[np.isfinite(own)].min(initial=0))
                called = finite > finite.mean()
                figures["specificity"].append(float((~called[~positive]).mean()))
                figures["precision"].append(float(positive[called].mean()) if called.any() else 0.0)
            for metric, values in figures.items():
                yield context.metric(method, f"median_{metric}", _medians(np.array(values), counts), len(parts))


def _medians(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The median of `values` for every row of `counts`: the lower of two middle ones."""
    order = np.argsort(values, kind="stable")
    running = np.cumsum(counts[:, order], axis=1, dtype=np.int64)
    medians: np.ndarray = values[order][(2 * running >= running[:, -1:]).argmax(axis=1)]
    return medians
