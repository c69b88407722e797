"""Scores of links by a model, one entry each; another package adds its own by an entry point of `crexpress.scores`.

A score is a column of links.CELL.parquet: `interpret` makes it, and evaluate and reports know its entry alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from crexpress.core.methods import MODEL, OVER_DISTANCE, PER_GENE, PLAIN
from crexpress.core.registry import Registry


class Seen(NamedTuple):
    """What a score is made of: of every gene its elements, float [genes, n].

    `present` bool: the elements that are there, the gene's own TSS window not among them. `attention` is the mean
    probability over heads and layers in the gene's row (ScPGE "Attention weights"), `logits` the same of what it
    starts from, with all that is added there; None without `more`. `effect` is what silencing an element takes from the
    prediction, in the unit of the model's target (`perturb`); `bp` the distance from the TSS, at least `NEAREST`;
    `predicted` [genes, 1] the prediction.
    """

    present: np.ndarray
    attention: np.ndarray
    logits: np.ndarray | None
    effect: np.ndarray
    bp: np.ndarray
    predicted: np.ndarray


class Score(NamedTuple):
    """`label` for readers, `values` of `Seen`, [genes, n], higher is stronger; those of absent elements are left out.

    `form` says how distance or the gene's other elements have a part in it (`core.methods`). One with `more` is made
    where it is asked for (interpret --more-scores), and may read the logits.
    """

    label: str
    values: Callable[[Seen], np.ndarray]
    form: str = PLAIN
    more: bool = False
    perturbed: bool = True

    def entry(self, name: str) -> dict[str, Any]:
        """What a links table's header says of it."""
        return entry(name, self.label, self.form)


def entry(name: str, label: str, form: str = PLAIN) -> dict[str, Any]:
    """What a links table's header says of a model's score in the column `name`."""
    return {"name": name, "label": label, "higher_is_better": True, "kind": MODEL, "model": True, "form": form}


def _minmax(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Each row to 0..1 over its elements; 0 where all are equal (ScPGE "Attention weights")."""
    with np.errstate(invalid="ignore"):
        low = np.min(values, axis=1, keepdims=True, initial=np.inf, where=present)
        high = np.max(values, axis=1, keepdims=True, initial=-np.inf, where=present)
        scaled: np.ndarray = (values - low) / np.where(high > low, high - low, np.inf)
    return scaled


def _share(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    shares: np.ndarray = values / np.maximum(np.sum(values, axis=1, keepdims=True, where=present), 1e-30)
    return shares


def _logits(seen: Seen) -> np.ndarray:
    assert seen.logits is not None
    return seen.logits


_LEAST = 0.01  # of a prediction that an effect is divided by
_OWN = {
    "attention": Score("attention", lambda seen: seen.attention, perturbed=False),
    "attention_minmax": Score(
        "attention, min-max per gene", lambda seen: _minmax(seen.attention, seen.present), PER_GENE, perturbed=False
    ),
    "perturbation": Score("perturbation", lambda seen: seen.effect),
    "attention_distance": Score(
        "attention / distance", lambda seen: seen.attention / seen.bp, OVER_DISTANCE, perturbed=False
    ),
    "perturbation_distance": Score("perturbation / distance", lambda seen: seen.effect / seen.bp, OVER_DISTANCE),
    # EPInformer's link score: attention + 1e-5, as a share of all that the gene's elements have
    "attention_share": Score(
        "attention, share of the gene's",
        lambda seen: _share(seen.attention + 1e-5, seen.present),
        PER_GENE,
        more=True,
        perturbed=False,
    ),
    # CREaTor's forms of attention ("Attention score"), which take no time but are more columns to benchmark
    "attention_logit": Score("attention logit", _logits, more=True, perturbed=False),
    "attention_logit_minmax": Score(
        "attention logit, min-max per gene",
        lambda seen: _minmax(_logits(seen), seen.present),
        PER_GENE,
        more=True,
        perturbed=False,
    ),
    "attention_log_distance": Score(
        "attention / log10 distance",
        lambda seen: seen.attention / np.log10(seen.bp),
        OVER_DISTANCE,
        more=True,
        perturbed=False,
    ),
    "attention_logit_log_distance": Score(
        "attention logit, min-max / log10 distance",
        lambda seen: _minmax(_logits(seen), seen.present) / np.log10(seen.bp),
        PER_GENE,
        more=True,
        perturbed=False,
    ),
    # ScPGE's |Go - Gp| / Go; silent genes have next to nothing to divide by
    "perturbation_ratio": Score(
        "|perturbation| / prediction",
        lambda seen: np.abs(seen.effect) / np.maximum(seen.predicted, _LEAST),
        more=True,
    ),
}
SCORES: Registry[Score] = Registry("crexpress.scores", {}, _OWN)


def made(more: bool, perturbed: bool = True) -> dict[str, Score]:
    """The scores of a links table, in their order; without `perturbed`, those that read no effect."""
    chosen = (name for name, score in SCORES.items() if (more or not score.more) and (perturbed or not score.perturbed))
    return {name: SCORES[name] for name in chosen}
