"""What a figure is a figure of: a model's prediction, a baseline, or a score of element-gene links, told by columns.

Tables of metrics and curves carry these columns, and whoever chooses, groups or colours methods asks them. The name
that readers see (column `method`, made by `evaluate.labels`) is for reading only: it is never taken apart.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

MODEL, BASELINE, CLOSED_FORM, PUBLISHED, FITTED = KINDS = ("model", "baseline", "closed form", "published", "fitted")
DIRECT, ANCHORED = MODES = ("direct", "anchored")
PLAIN, OVER_DISTANCE, PER_GENE = FORMS = ("plain", "over distance", "per gene")
SEEDS, MODELS = MEANS = ("seeds", "models")
# what a baseline saw of a cell: nothing (what training genes express), its tracks, what other cells express, or both
GENES, TRACKS, CELLS, BOTH = SAW = ("training genes", "tracks", "other cells", "tracks and other cells")
EVERYTHING = "all"  # stands for a method in rows that count the pairs of a screen
EXPRESSION = "expression"  # the score of a model that predicts it
PROBABILITY = "probability"  # the score of a link model, fitted to screens
TREES = {DIRECT: "boosted_trees_profile", ANCHORED: "boosted_trees_change"}  # that see what a model of a mode sees
COPY = "copy"  # the score of a baseline that gives a cell what another one expresses

SCHEMA: dict[str, Any] = {
    "score": pl.String,
    "title": pl.String,
    "kind": pl.String,
    "model": pl.Boolean,
    "preset": pl.String,
    "seed": pl.Int64,
    "mean_of": pl.Int64,
    "mean_over": pl.String,
    "mode": pl.String,
    "hidden_tracks": pl.String,
    "form": pl.String,
    "saw": pl.String,
    "cells": pl.String,
}
_MODEL_WORDS = ("preset", "seed", "mode", "cell_seen", "mean_of", "mean_over", "hidden_tracks")
_LISTS = ("hidden_tracks", "cells")  # names without commas: written "a,b", which CSV can hold
# forms of scores in links tables that were written before their headers said so
_OLD_FORMS = {
    "attention_distance": OVER_DISTANCE,
    "perturbation_distance": OVER_DISTANCE,
    "attention_log_distance": OVER_DISTANCE,
    "attention_minmax": PER_GENE,
    "attention_logit_minmax": PER_GENE,
    "attention_logit_log_distance": PER_GENE,
}
_OLD_SOURCES = {
    "closed form": (CLOSED_FORM, False),
    "fitted": (FITTED, True),
    "fitted without the model": (FITTED, False),
}


class Method(NamedTuple):
    """One method; two are the same where all columns are.

    `score`: what tells methods of one kind apart, for programs; `title`: the same for readers. `model`: whether a model
    has a part in it. `preset`, `seed` (None: a mean, or not known), `mode` and `hidden_tracks` are those of the model,
    also of a score without a part of it that stands in its links table; a mean is over `mean_of` models that differ in
    `mean_over` (seeds, or more than those). `form` of a link score: plain, divided by distance, or scaled within each
    gene. `saw` of a baseline, one of SAW; `cells` that it learned from where those are not the model's (of a copy, the
    one that it copies).
    """

    score: str
    title: str
    kind: str
    model: bool = False
    preset: str | None = None
    seed: int | None = None
    mean_of: int | None = None
    mean_over: str | None = None
    mode: str | None = None
    hidden_tracks: tuple[str, ...] = ()
    form: str | None = None
    saw: str | None = None
    cells: tuple[str, ...] = ()

    @property
    def told(self) -> bool:
        """Whether it was told what other cells express."""
        return self.mode == ANCHORED or self.saw in (CELLS, BOTH)

    @property
    def without_seed(self) -> "Method":
        """What all seeds of a method share."""
        return self._replace(seed=None)

    @property
    def run(self) -> tuple[str | None, int | None, str | None, tuple[str, ...]]:
        """What tells means over models from each other and from single ones, with the mode."""
        return self.mode, self.mean_of, self.mean_over, self.hidden_tracks

    def row(self) -> dict[str, Any]:
        """Its columns, as SCHEMA has them."""
        return self._asdict() | {name: ",".join(getattr(self, name)) for name in _LISTS}


def from_row(row: Mapping[str, Any]) -> Method | None:
    """The method of a row that has the columns of SCHEMA; None where the row is of no method (counts of a screen)."""
    if row["kind"] is None:
        return None
    lists = {name: tuple(filter(None, (row[name] or "").split(","))) for name in _LISTS}
    return Method(**{name: row[name] for name in SCHEMA} | lists)


def of_predictions(parameters: Mapping[str, Any]) -> Method:
    """The model behind a predictions file, by the parameters of its header; a classifier's title says whether it saw
    shuffled negatives, as both stand in one table.
    """
    preset = parameters.get("preset", "model")
    shuffled = parameters.get("shuffled_negatives")
    title = preset if shuffled is None else f"{preset} {'with' if shuffled else 'without'} shuffled negatives"
    return Method(EXPRESSION, title, MODEL, model=True, **_run(parameters))


def model_words(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a header's parameters say of the model: for headers of what is made from its links or predictions."""
    return {name: parameters[name] for name in _MODEL_WORDS if name in parameters}


def of_links(parameters: Mapping[str, Any]) -> list[Method]:
    """The scores of a links table, in their order, by the parameters of its header."""
    found = []
    for score in parameters["scores"]:
        kind, model, form = _about_score(score)
        run = _run(parameters) if model or "preset" in parameters else {}
        found.append(Method(score["name"], score["label"], kind, model, form=form, **run))
    return found


def of_link_model(header: Mapping[str, Any]) -> bool:
    """Whether a links table is a link model's: of a cell's evidence, not of a network."""
    return "link_model" in header["parameters"]


def of_baselines(parameters: Mapping[str, Any]) -> dict[str, Method]:
    """The baselines of a file, by their name in its column `method`."""
    return {
        one["method"]: Method(one["score"], one["method"], BASELINE, saw=one["saw"], cells=tuple(one.get("cells", ())))
        for one in parameters["methods"]
    }


def closed_form(name: str) -> Method:
    """A link score of `links.closed_forms`."""
    return Method(name, name, CLOSED_FORM, form=PLAIN)


def _about_score(score: Mapping[str, Any]) -> tuple[str, bool, str]:
    """Kind of a score of a links table, whether a model has a part in it, and its form."""
    if "kind" in score:
        return score["kind"], score.get("model", score["kind"] in (MODEL, FITTED)), score.get("form", PLAIN)
    kind, model = _OLD_SOURCES.get(score.get("source", MODEL), (MODEL, True))
    return kind, model, _OLD_FORMS.get(score["name"], PLAIN)


def _run(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "preset": parameters.get("preset", "model"),
        "seed": parameters.get("seed"),
        "mean_of": parameters.get("mean_of"),
        "mean_over": parameters.get("mean_over"),
        "mode": parameters.get("mode", DIRECT),
        "hidden_tracks": tuple(parameters.get("hidden_tracks") or ()),
    }


def one_of_several(methods: Iterable[tuple[str, Method]]) -> set[Method]:
    """Which of (cell, method) are one seed of several that speak of one cell."""
    single = [(cell, method) for cell, method in methods if method.preset and method.mean_of is None]
    seen: dict[tuple[str, Method], int] = {}
    for cell, method in single:
        seen[cell, method.without_seed] = seen.get((cell, method.without_seed), 0) + 1
    repeated = {method for (_, method), number in seen.items() if number > 1}
    return {method for _, method in single if method.without_seed in repeated}
