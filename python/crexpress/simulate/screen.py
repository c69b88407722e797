"""Links of a simulated world in the layout of the ENCODE CRISPR benchmark: as they are, and as screened."""

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control, norm

from crexpress.simulate.world import LINK, World


def truth(world: World, names: pl.DataFrame) -> pl.DataFrame:
    """Every pair within reach in the first and the last cell: its true effect, and whether it is a link."""
    tables = []
    for cell in (0, len(world.cells) - 1):
        effect = world.effect[:, cell]
        link = effect <= -LINK
        every = np.arange(len(effect))
        tables.append(_benchmark(world, names, every, cell, effect, link, np.where(link, 0.0, 1.0), "Truth"))
    return pl.concat(tables)


def observe(world: World, names: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A screen in the first cell: open elements around a third of the genes, with noise and limited power.

    Guides vary, and lowly expressed genes are hard to measure, so some links are missed.
    Significance is at a false discovery rate of 5 % (Benjamini-Hochberg), as in the screens.
    """
    gene, element = world.pairs["gene"].to_numpy(), world.pairs["element"].to_numpy()
    screened = rng.random(len(names)) < 0.35
    tested = screened[gene] & (world.openness[element, 0] > 0.2)
    tested &= world.elements["kind"].to_numpy()[element] != "promoter"
    rows = np.flatnonzero(tested)
    error = 0.03 + 0.15 / np.sqrt(1 + world.expression[gene[rows], 0])
    effect = world.effect[rows, 0] + rng.normal(0, error)
    adjusted = false_discovery_control(2 * norm.sf(np.abs(effect) / error))
    return _benchmark(world, names, rows, 0, effect, adjusted < 0.05, adjusted, "Screen")


def _benchmark(
    world: World,
    names: pl.DataFrame,
    rows: np.ndarray,
    cell: int,
    effect: np.ndarray,
    significant: np.ndarray,
    adjusted: np.ndarray,
    dataset: str,
) -> pl.DataFrame:
    """Pairs in the columns of the ENCODE CRISPR benchmark (EPCrisprBenchmark)."""
    pairs = world.pairs[rows]
    elements, genes = world.elements[pairs["element"]], world.genes[pairs["gene"]]
    names = names[pairs["gene"]]

    def flag(values: np.ndarray) -> pl.Series:
        return pl.Series(np.where(values, "TRUE", "FALSE"))

    region = elements.select(pl.format("{}:{}-{}:.", "chrom", "start", "end")).to_series()
    return pl.DataFrame(
        {
            "chrom": elements["chrom"],
            "chromStart": elements["start"],
            "chromEnd": elements["end"],
            "name": names["gene_name"] + "|" + region,
            "EffectSize": pl.Series(effect).round(4) + 0.0,
            "chrTSS": genes["chrom"],
            "startTSS": genes["tss"],
            "endTSS": genes["tss"] + 1,
            "measuredGeneSymbol": names["gene_name"],
            "measuredGeneEnsemblId": names["gene_id"].str.replace(r"\..*", ""),
            "Significant": flag(significant),
            "pValueAdjusted": pl.Series(adjusted).round_sig_figs(4),
            "ValidConnection": pl.repeat("TRUE", len(rows), eager=True),
            "CellType": pl.repeat(world.cells[cell], len(rows), eager=True),
            "Regulated": flag(significant & (effect < 0)),
            "Dataset": pl.repeat(dataset, len(rows), eager=True),
        }
    )
