"""Figures of element-gene pairs with labels: every score, by distance groups, by pair and by gene.

Both papers' groups; the field's auPRC beside average precision; intervals and p of bootstraps over genes, and over
pairs as the field has them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from scipy.stats import rankdata

from crexpress.core import bootstrap, methods, ranking
from crexpress.core.methods import Method
from crexpress.evaluate import top_k
from crexpress.evaluate.benchmarks.base import SECTION
from crexpress.evaluate.links import FEW_POSITIVES
from crexpress.evaluate.metrics import Context, Metric

ALL, COMMON, CLEAN = "all pairs", "covered pairs", "clean pairs"
GROUPS = {
    **{"<10 kb": (0, 10e3), "10-50 kb": (10e3, 50e3), "50-100 kb": (50e3, 100e3), ">100 kb": (100e3, np.inf)},  # ScPGE
    **{"0-5 kb": (0, 5e3), "5-50 kb": (5e3, 50e3), "50-1,000 kb": (50e3, 1e6), ">1,000 kb": (1e6, np.inf)},  # CREaTor
}
_BANDS, _RECALLS = 1_000, np.arange(0.02, 1.001, 0.02).round(2)


@dataclass(frozen=True)
class Labelled:
    """Pairs of one cell and benchmark: `table` has `gene`, `distance` (bp, null where not known) and maybe `effect`.

    `scores` {method: float64 [pairs]}, higher is better; `covered` {method: bool [pairs]} of those that say nothing of
    some pairs, whose fill is in `scores`. `clean`: pairs that no method was taught with, None where that is all, of
    which the methods `taught` are left out.
    """

    cell: str
    benchmark: str
    table: pl.DataFrame
    positive: np.ndarray
    scores: Mapping[str, np.ndarray]
    covered: Mapping[str, np.ndarray] = field(default_factory=dict)
    methods: Mapping[str, Method] = field(default_factory=dict)
    clean: np.ndarray | None = None
    seen: bool | None = None
    taught: frozenset[str] = frozenset()

    def without(self, names: Collection[str]) -> "Labelled":
        """Without some of the methods."""
        scores, covered = (
            {name: values for name, values in one.items() if name not in names} for one in (self.scores, self.covered)
        )
        return replace(self, scores=scores, covered=covered)

    def part(self, rows: np.ndarray) -> "Labelled":
        """Some of the pairs."""
        few = {name: values[rows] for name, values in self.scores.items()}
        covered = {name: values[rows] for name, values in self.covered.items()}
        clean = None if self.clean is None else self.clean[rows]
        positive = self.positive[rows]
        return replace(self, table=self.table[rows], positive=positive, scores=few, covered=covered, clean=clean)


def joined(parts: Sequence[Labelled]) -> Labelled:
    """Pairs that were scored part by part, by the same scores, as one."""

    def whole(of: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([one[name] for one in of]) for name in of[0]}

    return replace(
        parts[0],
        table=pl.concat([part.table for part in parts]),
        positive=np.concatenate([part.positive for part in parts]),
        scores=whole([part.scores for part in parts]),
        covered=whole([part.covered for part in parts]),
    )


def measure(
    pairs: Labelled, resamples: int, seed: int, only: Sequence[str] = ()
) -> tuple[list[Metric], list[pl.DataFrame]]:
    """Figures of every subset (or of `only` some), and precision-recall curves with 95 % bands of all pairs."""
    rows: list[Metric] = []
    curves: list[pl.DataFrame] = []
    gene = pairs.table["gene"].fill_null("").rank("dense").to_numpy().astype(np.int64) - 1
    if not len(gene):
        return rows, curves
    by_gene = bootstrap.draw(int(gene.max()) + 1, resamples, seed, np.uint16)
    for subset, inside in subsets(pairs):
        if only and subset not in only:
            continue
        at = np.flatnonzero(inside)
        part = pairs.part(at).without(pairs.taught if subset == CLEAN else ())
        context = Context(SECTION, pairs.cell, pairs.seen, subset, pairs.benchmark, pairs.methods)
        rows += context.counts(part.positive, part.covered, genes=part.table["gene"].n_unique())
        if not 0 < part.positive.sum() < len(at):
            continue
        counts, unit = by_gene, gene[at]
        if np.ptp(unit) == 0:  # one gene drawn again and again is always the same: its elements are drawn
            counts, unit = bootstrap.draw(len(at), resamples, seed, np.uint16), np.arange(len(at))
        rows += _ranked(part, context, counts, unit)
        if subset in (ALL, CLEAN) and not only:
            rows += _by_pairs(part, context, bootstrap.draw(len(at), resamples, seed, np.uint16))
        if subset in (ALL, COMMON):
            rows += _effects(part, context, counts, unit)
        if subset == ALL:
            rows += _top_k(part, context, by_gene if gene.max() else by_gene[:1], gene)
            if part.positive.sum() >= FEW_POSITIVES:
                curves += _curves(part, subset, counts[: 1 + _BANDS], unit)
    return rows, curves


def subsets(pairs: Labelled) -> Iterator[tuple[str, np.ndarray]]:
    """Names of subsets and their pairs: all, those that every score covers, those not taught, groups by distance."""
    yield ALL, np.ones(len(pairs.table), bool)
    if pairs.covered and not all(one.all() for one in pairs.covered.values()):
        yield COMMON, np.all(list(pairs.covered.values()), axis=0)
    if pairs.clean is not None and not pairs.clean.all():
        yield CLEAN, pairs.clean
    distance = pairs.table["distance"].cast(pl.Float64).fill_null(np.nan).abs().to_numpy()
    for name, (low, high) in GROUPS.items():
        yield name, (distance >= low) & (distance < high)


def _ranked(pairs: Labelled, context: Context, counts: np.ndarray, gene: np.ndarray) -> Iterator[Metric]:
    """Every measure with its interval over genes; each method less the best one, with p."""
    n = len(pairs.positive)
    measured = {name: ranking.measures(score, pairs.positive, counts, gene) for name, score in pairs.scores.items()}
    for name, measures in measured.items():
        for metric, values in measures.items():
            yield context.metric(name, metric, values, n)
    for metric in ("auprc", "average_precision"):
        of = {name: measures[metric] for name, measures in measured.items() if np.isfinite(measures[metric][0])}
        if len(of) < 2:
            continue
        best = max(of, key=lambda name: (of[name][0], name))
        for name in (name for name in of if name != best):
            difference = of[name] - of[best]
            yield context.metric(name, f"{metric}_difference", difference, n, best)
            yield context.metric(name, f"{metric}_difference_p", bootstrap.p_value(difference), n, best)


def _by_pairs(pairs: Labelled, context: Context, counts: np.ndarray) -> Iterator[Metric]:
    for name, score in pairs.scores.items():
        measures = ranking.measures(score, pairs.positive, counts)
        for metric in ("auprc", "average_precision", "auroc", "precision_at_70_recall"):
            yield context.metric(name, f"{metric}_by_pairs", measures[metric], len(pairs.positive))


def _top_k(pairs: Labelled, context: Context, counts: np.ndarray, gene: np.ndarray) -> Iterator[Metric]:
    """The rate of every gene, averaged over genes, and of all their validated elements together."""
    for name, score in pairs.scores.items():
        seen = pairs.covered.get(name, True)
        genes, found, wanted = top_k.rates(np.where(seen, score, -np.inf), pairs.positive, gene)
        if not len(genes):
            continue
        drawn = counts[:, genes].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            yield context.metric(name, "top_k_rate_by_gene", drawn @ (found / wanted) / drawn.sum(1), len(genes))
            yield context.metric(name, "top_k_rate", drawn @ found / (drawn @ wanted), int(wanted.sum()))


def _effects(pairs: Labelled, context: Context, counts: np.ndarray, gene: np.ndarray) -> Iterator[Metric]:
    """Spearman of score and effect size (CREaTor, Fig. 2c), each method's of the pairs that it covers (`n`; COMMON are
    the same for all): a good score's is negative, as effects are.
    """
    if "effect" not in pairs.table.columns:
        return
    effect = pairs.table["effect"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = np.isfinite(effect)
    if known.sum() < 3:
        return
    for name, score in pairs.scores.items():
        own = known & pairs.covered.get(name, known)
        if own.sum() < 3 or np.ptp(score[own]) == 0 or np.ptp(effect[own]) == 0:
            continue
        x, y = rankdata(score[own]), rankdata(effect[own])
        x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
        sums = np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1)
        of_gene = np.stack([np.bincount(gene[own], column, counts.shape[1]) for column in sums.T], axis=1)
        total, mx, my, xx, yy, xy = (counts.astype(np.float64) @ of_gene).T
        with np.errstate(invalid="ignore", divide="ignore"):
            value = (xy - mx * my / total) / np.sqrt((xx - mx**2 / total) * (yy - my**2 / total))
        yield context.metric(name, "spearman_effect", value, int(own.sum()))


def _curves(pairs: Labelled, subset: str, counts: np.ndarray, gene: np.ndarray) -> Iterator[pl.DataFrame]:
    """Precision at rising recalls, as they are and with the 2.5 and 97.5 percentiles over resampled genes."""
    for name, score in pairs.scores.items():
        precision = ranking.precision_at(score, pairs.positive, counts, _RECALLS, gene)
        low, high = np.nanpercentile(precision[1:], [2.5, 97.5], axis=0) if len(counts) > 20 else (None, None)
        names = {"cell": pairs.cell, "benchmark": pairs.benchmark, "method": name, "subset": subset}
        about = pairs.methods[name].row()
        curve = {"recall": _RECALLS, "precision": precision[0], "low": low, "high": high}
        yield pl.DataFrame(curve, schema=dict.fromkeys(curve, pl.Float64)).select(
            *(pl.lit(value).alias(column) for column, value in names.items()),
            *(pl.lit(about[column], kind).alias(column) for column, kind in methods.SCHEMA.items()),
            pl.all(),
        )
