"""Pairs of a perturbation screen as links: the evidence that a model is fitted to, and scores of pairs."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.log import say
from crexpress.links import evidence
from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links, Scene
from crexpress.prepare import screening


class Tested(NamedTuple):
    """A screen in one cell.

    `pairs` as of `screening.pairs`; candidates are links that a pair's interval overlaps: `pair` its row [candidates],
    `table` evidence float32 [candidates, pieces], `best` bool [candidates], the one of each pair with the largest share
    of the gene's activity by contact, which stands for the pair in fits.
    """

    cell: str
    screen: str
    pairs: pl.DataFrame
    pair: np.ndarray
    table: np.ndarray
    best: np.ndarray

    @property
    def regulated(self) -> np.ndarray:
        """Verdict of every candidate's pair, bool [candidates]."""
        return self.pairs["Regulated"].to_numpy()[self.pair]

    @property
    def chrom(self) -> np.ndarray:
        """Chromosome of every candidate [candidates]."""
        return self.pairs["chrom"].to_numpy()[self.pair]

    def of_pairs(self, score: np.ndarray) -> np.ndarray:
        """Best score of each pair's candidates, -inf where it has none, float64 [pairs]."""
        found = np.full(len(self.pairs), -np.inf)
        np.maximum.at(found, self.pair, score)
        return found


def read_pairs(
    name: str,
    path: Path,
    cells: Sequence[str],
    genes: pl.DataFrame,
    chromosomes: Collection[str],
    build: str | None = None,
) -> dict[str, pl.DataFrame]:
    """Pairs of a screen in each of these cells that it has, {cell: pairs}; a file without cells is of the only one.

    What a user should know of its lines is said. Raises InputError as `screening.screen`, and when no cell has a pair.
    """
    found = screening.screen(name, path, genes, chromosomes, cells, build)
    screening.require_one([found])
    for warning in found.warnings:
        say(f"Warning: {warning}")
    return found.cells


def tested(scene: Scene, name: str, pairs: pl.DataFrame, pieces: list[Piece]) -> Tested:
    """Evidence of all links that the screen's pairs overlap."""
    pair, element = screening.overlaps(pairs, scene.elements, scene.genes)
    order = scene.genes.select("gene_id").with_row_index("row")
    rows = pairs.select("gene_id").join(order, on="gene_id", how="left", maintain_order="left")["row"]
    gene = rows.cast(pl.Int64).fill_null(-1).to_numpy()[pair]
    chroms = scene.genes["chrom"].to_numpy()
    known = (gene >= 0) & (chroms[gene] == scene.elements["chrom"].to_numpy()[element])
    pair, element, gene = pair[known], element[known], gene[known]
    few = scene.of(np.unique(gene))
    table = np.empty((len(pair), len(pieces)), np.float32)
    share = np.zeros(len(pair))
    for chrom in np.unique(chroms[gene]):
        here = np.flatnonzero(chroms[gene] == chrom)
        links = Links(few, str(chrom), gene[here], element[here])
        table[here] = evidence.table(pieces, links)
        share[here] = links.share if "activity" in scene.has else 1 / links.apart
    order_of = np.lexsort((element, -share, pair))
    first = np.append(True, np.diff(pair[order_of]) > 0) if len(pair) else np.empty(0, bool)
    best = np.zeros(len(pair), bool)
    best[order_of[first]] = True
    return Tested(scene.cell, name, pairs, pair, table, best)
