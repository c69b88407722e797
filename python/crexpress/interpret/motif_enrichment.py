"""Known motifs that active elements have more often, or score higher, than elements like them."""

import warnings
from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from scipy.stats import false_discovery_control, fisher_exact, mannwhitneyu

from crexpress.formats.meme import MotifSet
from crexpress.interpret.extras import needed
from crexpress.prepare.motif_scores import Scanner, hit_finder, log_odds
from crexpress.prepare.sequence import reverse_complement

ALIKE = 1e-4  # TOMTOM's p-value at which motifs are of one family, on average
_BATCH = 512


def scan(codes: np.ndarray, motif_set: MotifSet, p_value: float) -> tuple[np.ndarray, np.ndarray]:
    """Best score of each motif on either strand in bits, float32 [n, motifs], and whether it has a match at p-value."""
    scanner = Scanner([log_odds(motif, motif_set.background) for motif in motif_set.motifs])
    finder = hit_finder(motif_set, p_value)
    least = np.where(finder.unreachable, np.inf, finder.threshold / finder.scale)
    best = np.empty((len(codes), len(motif_set.motifs)), np.float32)
    for start in range(0, len(codes), _BATCH):
        some = codes[start : start + _BATCH]
        best[start : start + _BATCH] = np.maximum(scanner.best(some), scanner.best(reverse_complement(some)))
    return best, best >= least - 1e-3  # the threshold is of rounded matrices


def enrichment(
    active: np.ndarray, background: np.ndarray, motif_set: MotifSet, p_value: float, test: str
) -> pl.DataFrame:
    """A row a motif, the most enriched first: codes uint8 [n, width] of active elements against the background.

    Fisher's exact test (more elements with a match) and the rank-sum test (higher best scores; auc .5 is no
    difference), both one-sided, with Benjamini and Hochberg's q over the motifs; `test` orders the rows.
    """
    score, has = scan(active, motif_set, p_value)
    other, other_has = scan(background, motif_set, p_value)
    with_motif, other_with = has.sum(0), other_has.sum(0)
    tables = np.stack([with_motif, len(active) - with_motif, other_with, len(background) - other_with], 1)
    fisher = np.array([fisher_exact(row.reshape(2, 2), alternative="greater").pvalue for row in tables])
    ranks = mannwhitneyu(score, other, axis=0, alternative="greater")
    odds = (tables[:, 0] + 0.5) * (tables[:, 3] + 0.5) / ((tables[:, 1] + 0.5) * (tables[:, 2] + 0.5))
    table = pl.DataFrame(
        {
            "motif": motif_set.names,
            "factor": motif_set.factors,
            "active_with": with_motif,
            "active": np.full(len(fisher), len(active)),
            "background_with": other_with,
            "background": np.full(len(fisher), len(background)),
            "odds_ratio": odds,  # half added to each count
            "p_fisher": fisher,
            "q_fisher": false_discovery_control(fisher),
            "auc": ranks.statistic / (len(active) * len(background)),
            "p_rank": ranks.pvalue,
            "q_rank": false_discovery_control(ranks.pvalue),
        }
    )
    names = families(motif_set, table[f"p_{test}"].to_numpy())
    return table.with_columns(family=pl.Series(names)).sort(f"p_{test}", "motif")


def families(motif_set: MotifSet, p_value: np.ndarray) -> list[str]:
    """Name of each motif's family: the factor of its member with the lowest p-value. Alike are motifs by TOMTOM."""
    if len(motif_set.motifs) < 2:
        return motif_set.factors
    found = tomtom([motif.probabilities for motif in motif_set.motifs], motif_set)
    apart = np.minimum(np.log10(np.maximum(np.minimum(found, found.T), 1e-30)) + 30, 30)  # of 1e-30 and below: 0
    np.fill_diagonal(apart, 0)
    group = hierarchy.fcluster(
        hierarchy.average(squareform(apart, checks=False)), 30 + np.log10(ALIKE), criterion="distance"
    )
    leader = {number: min(np.flatnonzero(group == number), key=lambda row: p_value[row]) for number in set(group)}
    return [motif_set.factors[leader[number]] for number in group]


def tomtom(queries: Sequence[np.ndarray], motif_set: MotifSet) -> np.ndarray:
    """p-values [queries, motifs] that a motif is as like a query (probabilities [width, 4]) by chance, by memelite."""
    with needed("memelite"):
        from memelite import tomtom as compare
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few motifs: p-values depend on which others there are
        found = compare([query.T for query in queries], [motif.probabilities.T for motif in motif_set.motifs], n_jobs=1)
    p_values: np.ndarray = np.asarray(found[0])
    return p_values
