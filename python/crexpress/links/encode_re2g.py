"""ENCODE-rE2G by its public coefficients, where its features are at hand (EngreitzLab/ENCODE_rE2G, models/*/model.pkl).

A logistic regression on ln(|x| + 0.01) of eight features. The coefficients belong to the scale of their features: those
fitted with megamap Hi-C give nonsense on another contact scale, so a model is chosen by name, never by what is there.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core.errors import InputError

PSEUDOCOUNT = 0.01
FITTED_TO = ("K562",)  # EPCrisprBenchmark's pairs of it, all chromosomes
PREFIX = "re2g:"  # before the name of a model, where a table's own scores are asked for


class Model(NamedTuple):
    """Intercept, {feature: coefficient}, and the probability from which its authors call a link."""

    intercept: float
    coefficients: dict[str, float]
    cutoff: float


_FEATURES = ("numTSSEnhGene", "distanceToTSS", "normalizedDNase_prom", "sumNearbyEnhancers", "ubiquitousExpressedGene",
             "numCandidateEnhGene", "contactFrequency", "ABC.Score")  # fmt: skip


def _model(intercept: float, coefficients: tuple[float, ...], cutoff: float) -> Model:
    return Model(intercept, dict(zip(_FEATURES, coefficients, strict=True)), cutoff)


MODELS = {
    "dhs_intact_hic": _model(
        5.618330970851473,
        (-0.956707370025905, -0.07003320677368341, -2.2190334504015223, 0.05063874839875221,
         -0.24586853191017227, 0.5640778652588982, 0.6248398288161648, 2.0560501356820873),
        0.243,
    ),
    "dhs_megamap": _model(
        9.491874512962376,
        (-1.0904627388710866, -0.735419489396911, -1.809477128534176, 0.05296287699951543,
         -0.26535482462732857, 0.6501289094492338, -0.9301090484423687, 2.448962859897797),
        0.201,
    ),
}  # fmt: skip


def probability(features: pl.DataFrame, model: str = "dhs_intact_hic") -> np.ndarray:
    """Probability that each element (row) regulates its gene, float64 [rows]; NaN where a feature is missing.

    `features` has the columns of its authors' table. Raises InputError for one that is missing.
    """
    chosen = MODELS[model]
    missing = [name for name in chosen.coefficients if name not in features.columns]
    if missing:
        raise InputError(f"ENCODE-rE2G needs the columns {', '.join(missing)}, which the table does not have")
    logit = np.full(len(features), chosen.intercept)
    for name, coefficient in chosen.coefficients.items():
        column = features[name]
        if column.dtype == pl.String:  # of a table of text, in which some are TRUE or False
            column = column.str.to_lowercase().replace({"true": "1", "false": "0"}).cast(pl.Float64, strict=False)
        values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        logit += coefficient * np.log(np.abs(values) + PSEUDOCOUNT)
    share: np.ndarray = 1 / (1 + np.exp(-logit))
    return share
