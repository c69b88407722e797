"""Genes by how they are predicted, right or wrong, expressed or not; and what the tracks around their TSSs look like.

ScPGE, "Categorization of predictions".
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import bootstrap
from crexpress.prepare.elements import TSS

NAMES = TP, FP, TN, FN = "TP", "FP", "TN", "FN"
REACH = 100_000  # bp from the TSS
_NEAR = 1_000  # bp within which elements tell why a gene was taken for another
_STEPS = np.array([0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000]) * 1_000.0
_TYPES = {"track": pl.String, "category": pl.String} | dict.fromkeys(
    ("from", "to", "genes", "links"), pl.Int64
)  # others are Float64


class Thresholds(NamedTuple):
    """Of expression scaled to 0..1: from `high` on a gene is positive, up to `low` negative."""

    high: float = 0.7
    low: float = 0.2


def scaled(values: np.ndarray) -> np.ndarray:
    """(x - min) / (max - min) over what is measured; NaN stays. 0 where all are equal."""
    if not np.isfinite(values).any():
        return np.full(len(values), np.nan)
    low, high = np.nanmin(values), np.nanmax(values)
    found: np.ndarray = (values - low) / (high - low if high > low else np.inf)
    return found


def categorise(predicted: np.ndarray, observed: np.ndarray, at: Thresholds) -> np.ndarray:
    """Category of each gene, "" for those between the thresholds or not measured; both are scaled here.

    FN is predicted low and observed high. The paper prints "P is above 0.2 and T is below 0.7", which would hold most
    genes between the thresholds; its Figure S6C shows expressed genes that are taken for silent.
    """
    p, t = scaled(predicted), scaled(observed)
    with np.errstate(invalid="ignore"):
        rules = {
            TP: (p >= at.high) & (t >= at.high),
            FP: (p >= at.high) & (t <= at.low),
            TN: (p <= at.low) & (t <= at.low),
            FN: (p <= at.low) & (t >= at.high),
        }
    return np.select(list(rules.values()), list(rules), "")


class Around(NamedTuple):
    """Elements within REACH of genes' TSSs: rows of genes and elements, and the distance in bp along the gene."""

    gene: np.ndarray
    element: np.ndarray
    distance: np.ndarray


def around(genes: pl.DataFrame, elements: pl.DataFrame, reach: int = REACH) -> Around:
    """All elements around each gene; of TSS windows its own alone."""
    middle = ((elements["start"] + elements["end"]) // 2).to_numpy()
    is_tss, chrom = (elements["class"] == TSS).to_numpy(), elements["chrom"].to_numpy()
    sign = np.where((genes["strand"] == "-").to_numpy(), -1, 1)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for name in genes["chrom"].unique(maintain_order=True):
        rows = np.flatnonzero((chrom == name) & ~is_tss)
        rows = rows[np.argsort(middle[rows], kind="stable")]
        own = np.flatnonzero((genes["chrom"] == name).to_numpy())
        tss = genes["tss"].to_numpy()[own]
        first = np.searchsorted(middle[rows], tss - reach)
        last = np.searchsorted(middle[rows], tss + reach, "right")
        count = last - first
        place = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
        found += [(np.repeat(own, count), rows[place]), (own, genes["element"].to_numpy()[own])]
    gene, element = (np.concatenate(part).astype(np.int64) for part in zip(*found, strict=True))
    return Around(gene, element, sign[gene] * (middle[element] - genes["tss"].to_numpy()[gene]))


def profiles(
    category: np.ndarray,
    near: Around,
    tracks: Mapping[str, np.ndarray],
    width: int = 5_000,
    resamples: int = 1000,
    seed: int = 1,
) -> pl.DataFrame:
    """Mean signal of each track over the elements in each bin of distance, by category, with 95 % intervals.

    A gene's mean over its elements in a bin counts once, so that gene-dense stretches count no more than others; genes
    are resampled. `tracks` are linear signals, float64 [elements]; `genes` says how many have an element in the bin.
    """
    edges = np.arange(-REACH - width // 2, REACH + width, width)  # the TSS lies in the middle of a bin
    bins = np.clip(np.searchsorted(edges, near.distance, "right") - 1, 0, len(edges) - 2)
    rows = []
    for track, signal in tracks.items():
        mean, there = _per_gene(near.gene, bins, signal[near.element], len(category), len(edges) - 1)
        for name in NAMES:
            own = np.flatnonzero(category == name)
            if not len(own):
                continue
            drawn = bootstrap.draw(len(own), resamples, seed)
            with np.errstate(invalid="ignore", divide="ignore"):
                found = (drawn @ mean[own]) / (drawn @ there[own])
            for number in range(len(edges) - 1):
                low, high = bootstrap.interval(found[:, number])
                place = int(edges[number]), int(edges[number + 1])
                rows.append((track, name, *place, found[0, number], low, high, int(there[own, number].sum())))
    return _table(rows, ["track", "category", "from", "to", "mean", "low", "high", "genes"])


def _per_gene(
    gene: np.ndarray, bins: np.ndarray, values: np.ndarray, genes: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of values of each gene and bin (0 where none), and whether there is one; float64 [genes, count]."""
    place = gene * count + bins
    number = np.bincount(place, minlength=genes * count).reshape(genes, count)
    total = np.bincount(place, values, minlength=genes * count).reshape(genes, count)
    return total / np.maximum(number, 1), (number > 0).astype(np.float64)


def explained(
    category: np.ndarray, near: Around, tracks: Mapping[str, np.ndarray], resamples: int = 1000, seed: int = 1
) -> pl.DataFrame:
    """Why FP and FN were mistaken: for each track where their signal at the TSS (elements within 1 kb, its own window
    among them) lies between that of silent genes rightly called (TN, 0) and that of expressed ones (TP, 1).

    FP near 1 look like expressed genes, FN near 0 like silent ones. 95 % intervals resample the genes of all groups.
    """
    close = np.abs(near.distance) <= _NEAR
    rows = []
    for track, signal in tracks.items():
        mean, _ = _per_gene(near.gene[close], np.zeros(close.sum(), int), signal[near.element[close]], len(category), 1)
        groups = {}
        for number, name in enumerate(NAMES):
            own = mean[category == name, 0]
            drawn = bootstrap.draw(len(own), resamples, seed + number) if len(own) else np.zeros((1 + resamples, 0))
            with np.errstate(invalid="ignore"):
                groups[name] = drawn @ own / len(own) if len(own) else np.full(1 + resamples, np.nan)
        for name in (FP, FN):
            with np.errstate(invalid="ignore", divide="ignore"):
                where = (groups[name] - groups[TN]) / (groups[TP] - groups[TN])
            rows.append(
                (track, name, groups[name][0], groups[TN][0], groups[TP][0], where[0], *bootstrap.interval(where))
            )
    return _table(rows, ["track", "category", "mean", "mean_TN", "mean_TP", "place", "low", "high"])


def decay(links: pl.DataFrame, categories: pl.DataFrame, resamples: int = 1000, seed: int = 1) -> pl.DataFrame:
    """Mean size of the perturbation effect of elements by distance, and category, with 95 % intervals over genes.

    `categories` has gene_id and category.
    """
    joined = links.join(categories.select("gene_id", "category"), on="gene_id").filter(pl.col("category") != "")
    size = joined["perturbation"].abs().to_numpy().astype(np.float64)
    step = np.searchsorted(_STEPS, joined["distance"].abs().to_numpy(), "right") - 1
    rows = []
    for name in NAMES:
        own = (joined["category"] == name).to_numpy() & (step < len(_STEPS) - 1)
        if not own.any():
            continue
        gene = joined["gene_id"].filter(pl.Series(own)).rank("dense").to_numpy().astype(np.int64) - 1
        count = len(_STEPS) - 1
        place, genes = gene * count + step[own], int(gene.max()) + 1
        total = np.bincount(place, size[own], minlength=genes * count).reshape(genes, count)
        number = np.bincount(place, minlength=genes * count).reshape(genes, count)
        drawn = bootstrap.draw(genes, resamples, seed)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (drawn @ total) / (drawn @ number)
        for at in range(count):
            if number[:, at].any():
                limits = bootstrap.interval(found[:, at])
                rows.append(
                    (name, int(_STEPS[at]), int(_STEPS[at + 1]), found[0, at], *limits, int(number[:, at].sum()))
                )
    return _table(rows, ["category", "from", "to", "mean_effect", "low", "high", "links"])


def _table(rows: Sequence[tuple[object, ...]], names: list[str]) -> pl.DataFrame:
    """Rows as a table whose types do not hang on whether there is one; what is not defined is null."""
    schema = {name: _TYPES.get(name, pl.Float64) for name in names}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))
