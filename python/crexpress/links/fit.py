"""Fit a link model to screens: its form chosen, and its probabilities calibrated, on held-out chromosomes of training.

A fit holds members (`members.KINDS`), each brought to log odds by Platt's line on margins of chromosomes that it was
not fitted to; their mean, by a line again, is the log odds of a link. The form (which members take part) is the one
with the highest average precision on those chromosomes. All is additive: a link's log odds come apart exactly.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from crexpress.core import ranking
from crexpress.links import members
from crexpress.links.members import KINDS, Member

INNER = 3  # groups of chromosomes that a form is chosen, and calibrated, on
FORMS = tuple(form for size in range(1, len(KINDS) + 1) for form in combinations(KINDS, size))


class Rows(NamedTuple):
    """Pairs to fit to: evidence float32 [pairs, pieces] (NaN is missing), verdict, weight and chromosome [pairs]."""

    table: np.ndarray
    regulated: np.ndarray
    weight: np.ndarray
    chrom: np.ndarray

    def where(self, inside: np.ndarray) -> "Rows":
        """Some of the pairs."""
        return Rows(*(part[inside] for part in self))


class Fit(NamedTuple):
    """A fitted form: log odds = `start` + sum of `scale` x margin over `parts`.

    `median` fills missing evidence; `low` and `high` are what 1 in 1000 pairs are below, and above: what lies beyond is
    taken for the edge, since screens test active elements of well expressed genes and nothing is known of others.
    """

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    form: tuple[str, ...]
    parts: tuple[Member, ...]
    scale: tuple[float, ...]
    start: float

    def log_odds(self, table: np.ndarray) -> np.ndarray:
        """Log odds of links, float64 [links], of evidence float32 [links, pieces]."""
        filled = self.known(table)
        return self.start + sum(
            (scale * part.margin(filled) for scale, part in zip(self.scale, self.parts, strict=True)),
            np.zeros(len(table)),
        )

    def contributions(self, table: np.ndarray) -> tuple[np.ndarray, float]:
        """What each piece adds to the log odds of each link, [links, pieces], and what they start from."""
        filled = self.known(table)
        total, start = np.zeros(table.shape), self.start
        for scale, part in zip(self.scale, self.parts, strict=True):
            added, mean = part.parts(filled)
            total += scale * added
            start += scale * mean
        return total, start

    def known(self, table: np.ndarray) -> np.ndarray:
        """Evidence as the parts take it: nothing missing, nothing beyond what was seen."""
        return np.clip(fill(table, self.median), self.low, self.high)


def fill(table: np.ndarray, median: np.ndarray) -> np.ndarray:
    """Evidence with what is missing replaced, float32."""
    return np.where(np.isnan(table), median, table).astype(np.float32)


def groups(chrom: np.ndarray, regulated: np.ndarray, most: int) -> dict[str, int]:
    """Whole chromosomes in at most `most` groups with about as many regulated pairs each: {chromosome: group}.

    The largest first, each to the group with the fewest; 0: every chromosome by itself.
    """
    names = np.unique(chrom)
    number = {str(name): int(regulated[chrom == name].sum()) for name in names}
    if not most or most >= len(names):
        return {str(name): group for group, name in enumerate(names)}
    filled, found = np.zeros(most), {}
    for name in sorted(number, key=lambda name: (-number[name], name)):
        group = int(np.argmin(filled))
        found[name] = group
        filled[group] += number[name] + 0.01  # so that chromosomes without any are shared out as well
    return found


def fit(rows: Rows, seed: int, forms: Sequence[tuple[str, ...]] = FORMS) -> tuple[Fit, dict[tuple[str, ...], float]]:
    """The best of the forms for these pairs, and every form's average precision on their held-out chromosomes."""
    kinds = [kind for kind in KINDS if any(kind in form for form in forms)]
    inner = groups(rows.chrom, rows.regulated, INNER)
    of_row = np.array([inner[str(name)] for name in rows.chrom])
    margins = {kind: np.empty(len(of_row)) for kind in kinds}
    for group in np.unique(of_row):
        out = of_row == group
        median, own = _members(rows.where(~out), kinds, seed)
        filled = fill(rows.table[out], median)
        for kind in kinds:
            margins[kind][out] = own[kind].margin(filled)
    lines = {kind: line(margins[kind], rows.regulated) for kind in kinds}
    odds = {kind: lines[kind][0] + lines[kind][1] * margins[kind] for kind in kinds}
    precision = {}
    for form in forms:
        together = np.mean([odds[kind] for kind in form], axis=0)
        precision[form] = average_precision(together, rows.regulated)
    best = max(forms, key=lambda form: (precision[form], -len(form)))
    start, slope = line(np.mean([odds[kind] for kind in best], axis=0), rows.regulated)
    median, own = _members(rows, list(best), seed)
    share = slope / len(best)
    return (
        Fit(
            median,
            *edges(rows.table, median),
            best,
            tuple(own[kind] for kind in best),
            tuple(share * lines[kind][1] for kind in best),
            start + share * sum(lines[kind][0] for kind in best),
        ),
        precision,
    )


def edges(table: np.ndarray, median: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each piece of evidence what 1 in 1000 pairs are below, and above: float32 [pieces]."""
    low, high = np.quantile(fill(table, median), [0.001, 0.999], axis=0, method="nearest")
    return low.astype(np.float32), high.astype(np.float32)


def average_precision(score: np.ndarray, regulated: np.ndarray) -> float:
    """Average precision of a score, as scikit-learn has it."""
    return float(ranking.measures(score, regulated, np.ones((1, len(score))))["average_precision"][0])


def line(margin: np.ndarray, regulated: np.ndarray) -> tuple[float, float]:
    """Start and slope of the log odds that fit verdicts best along a margin (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    centre, spread = margin.mean(), margin.std() or 1.0
    model = LogisticRegression(C=1e4, max_iter=1000).fit(((margin - centre) / spread)[:, None], regulated)
    slope = float(model.coef_[0, 0]) / spread
    return float(model.intercept_[0]) - slope * centre, slope


def _members(rows: Rows, kinds: Sequence[str], seed: int) -> tuple[np.ndarray, dict[str, Member]]:
    with np.errstate(all="ignore"):
        known = ~np.isnan(rows.table).all(axis=0)
        median = np.zeros(rows.table.shape[1], np.float32)
        median[known] = np.nanmedian(rows.table[:, known], axis=0)
    filled = fill(rows.table, median)
    return median, {kind: members.fit(kind, filled, rows.regulated, rows.weight, seed) for kind in kinds}
