"""A score of links fitted to a perturbation screen, as ENCODE-rE2G is, with each chromosome held out in turn."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.core.errors import InputError

FEWEST = 10  # regulated pairs that a fit needs


class Tested(NamedTuple):
    """Links that the screen tested: evidence float64 [pairs, evidence], verdict bool [pairs], chromosome [pairs]."""

    names: list[str]
    evidence: np.ndarray
    regulated: np.ndarray
    chrom: np.ndarray

    def choose(self, names: list[str]) -> "Tested":
        """With some of the evidence only."""
        return self._replace(names=names, evidence=self.evidence[:, [self.names.index(name) for name in names]])


def tested(
    links: pl.DataFrame,
    evidence: Mapping[str, np.ndarray],
    share: np.ndarray,
    pairs: pl.DataFrame,
    overlap: tuple[np.ndarray, np.ndarray],
    screen: str,
) -> Tested:
    """The screen's pairs that a link covers, each by the link of the largest `share` (ABC) that it overlaps.

    `pairs` and `overlap` come from `evaluate.crispr`. Raises InputError when too few regulated pairs are covered, or
    those of a single chromosome, which could not be held out.
    """
    pair, element = overlap
    candidates = pl.DataFrame({"pair": pair, "element": element, "gene_id": pairs["gene_id"].gather(pair)})
    rows = links.select("gene_id", pl.col("element").cast(pl.Int64), share=pl.Series(share)).with_row_index("row")
    best = (
        candidates.join(rows, on=["gene_id", "element"])
        .sort("share", "row", descending=[True, False])
        .unique("pair", keep="first", maintain_order=True)
        .sort("pair")
    )
    row = best["row"].to_numpy()
    regulated = pairs["Regulated"].to_numpy()[best["pair"].to_numpy()]
    chrom = links["chrom"].gather(row).to_numpy()
    if regulated.sum() < FEWEST or len(np.unique(chrom[regulated])) < 2 or regulated.all():
        raise InputError(
            f"{screen}: links cover {regulated.sum()} regulated pairs of {len(regulated)} on "
            f"{len(np.unique(chrom))} chromosomes; a fit needs {FEWEST}, on two or more, and others that are not"
        )
    return Tested(list(evidence), np.stack(list(evidence.values()), axis=1)[row], regulated, chrom)


def fit(known: Tested, without: str | None = None) -> Any:
    """Logistic regression on standardised evidence, of all pairs but those on the chromosome `without`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inside = known.chrom != without if without else np.ones(len(known.chrom), bool)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(known.evidence[inside], known.regulated[inside])


def score(known: Tested, evidence: Mapping[str, np.ndarray], chrom: str) -> np.ndarray:
    """Probability that each link of `chrom` is regulated, by a fit that has not seen this chromosome: [links]."""
    table = np.stack([evidence[name] for name in known.names], axis=1)
    if not len(table):
        return np.empty(0)
    return np.asarray(fit(known, without=chrom).predict_proba(table)[:, 1])


def coefficients(known: Tested) -> dict[str, float]:
    """Weight of every evidence, a standard deviation of it, in a fit to all pairs, for the header."""
    weights = fit(known)[-1].coef_[0]
    return {name: round(float(weight), 4) for name, weight in zip(known.names, weights, strict=True)}
