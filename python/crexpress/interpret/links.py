"""Element-gene links: every element of every gene with its attention and perturbation scores."""

import re
from collections.abc import Collection
from itertools import islice
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.apply.predict import Tokens, encode, encode_silent, require_finite, tokens
from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.core.methods import MODEL, OVER_DISTANCE, PER_GENE, PLAIN
from crexpress.data.neighbours import NEAREST, distances
from crexpress.data.store import Store
from crexpress.interpret import silencing
from crexpress.interpret.attention import rollout
from crexpress.interpret.perturbation import perturb
from crexpress.models.base import Model
from crexpress.models.config import ModelConfig


def _scores(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Of the model, as a links header describes them, from (column, label, form)."""
    return [
        {"name": name, "label": label, "higher_is_better": True, "kind": MODEL, "model": True, "form": form}
        for name, label, form in rows
    ]


SCORES = _scores(
    ("attention", "attention", PLAIN),
    ("attention_minmax", "attention, min-max per gene", PER_GENE),
    ("perturbation", "perturbation", PLAIN),
    ("attention_distance", "attention / distance", OVER_DISTANCE),
    ("perturbation_distance", "perturbation / distance", OVER_DISTANCE),
)
# CREaTor's forms of attention ("Attention score") and ScPGE's of perturbation, which take no time but are more columns
# to benchmark
MORE_SCORES = _scores(
    ("attention_logit", "attention logit", PLAIN),
    ("attention_logit_minmax", "attention logit, min-max per gene", PER_GENE),
    ("attention_log_distance", "attention / log10 distance", OVER_DISTANCE),
    ("attention_logit_log_distance", "attention logit, min-max / log10 distance", PER_GENE),
    ("perturbation_ratio", "|perturbation| / prediction", PLAIN),
)
_LEAST = 0.01  # of a prediction that a fall is divided by (ScPGE's |Go - Gp| / Go): silent genes have next to nothing


# what is computed on demand, as each takes time of its own: word of `also` -> its scores
ALSO = {
    "rollout": _scores(("attention_rollout", "attention rollout", PLAIN)),
    "shuffled": _scores(("perturbation_shuffled", "perturbation, sequence shuffled", PLAIN)),
}
TRACKS = "tracks"


def also_scores(word: str, config: ModelConfig) -> list[dict[str, Any]]:
    """Scores that a word of `also` adds to the links of a model; InputError for a word that there is not."""
    if word == TRACKS:
        names = [(track, f"perturbation_of_{re.sub('[^a-z0-9_]', '_', track.lower())}") for track in config.tracks]
        return _scores(*((name, f"perturbation, {track} alone", PLAIN) for track, name in names))
    if word not in ALSO:
        raise InputError(f"there is no kind of scores '{word}'; choose from {', '.join([*ALSO, TRACKS])}")
    return ALSO[word]


def link_table(
    model: Model,
    store: Store,
    cell: int,
    tokens_at_once: int,
    more_scores: bool = False,
    precision: str = "float32",
    also: Collection[str] = (),
) -> pl.DataFrame:
    """One row an element-gene pair, without the gene's own TSS window; scores are float32 and never null.

    attention: mean probability over heads and layers in the gene's row (ScPGE "Attention weights");
    perturbation: see `perturb`, in the unit of the model's target. With `more_scores` also those of MORE_SCORES, of
    which attention_logit is the mean of the logits over heads and layers, with all that they start from. `also` adds
    "rollout" (`attention.rollout`), "shuffled" and "tracks" (the fall when only the element's sequence is shuffled, or
    one of its tracks silenced). `precision` is that of `encode`; differences between predictions are of float32.
    """
    extra = [score["name"] for word in dict.fromkeys(also) for score in also_scores(word, model.config)]
    vectors, silent = encode(model, store, cell, precision), encode_silent(model, store.device, precision)
    others: list[tuple[str, Tensor, int | None, bool]] = []  # score, vectors instead, track, is the profile changed?
    if "shuffled" in also:
        others.append(("perturbation_shuffled", silencing.shuffled(model, store, cell, precision), None, False))
    if TRACKS in also:
        silencing.require_tracks(model)
        for number, score in enumerate(also_scores(TRACKS, model.config)):
            found = silencing.without_track(model, store, cell, number, precision)
            others.append((score["name"], found, number, True))
    width = store.index.shape[1]
    genes_at_once = max(1, tokens_at_once // width**2)
    parts: dict[str, list[Tensor]] = {name: [] for name in ("attention", "perturbation", "predicted", "logits", *extra)}
    batches = -(-len(store.genes) // genes_at_once)
    genes = iter(np.arange(len(store.genes)))
    for batch in log.progress(tokens(store, cell, vectors, genes_at_once), "perturbing elements", batches):
        own = np.fromiter(islice(genes, len(batch.vectors)), np.int64)
        index = store.index[own]
        with torch.inference_mode():
            whole = model.predict(*batch)
            if "rollout" in also:
                parts["attention_rollout"].append(_rolled(model, batch, whole.attention))
        parts["attention"].append(_over_layers(whole.attention))
        parts["predicted"].append(whole.expression)
        if more_scores:
            parts["logits"].append(_over_layers(whole.logits))
        profiles = store.profiles
        changes = None if profiles is None else profiles.silenced(cell, own, index.numpy())
        parts["perturbation"].append(perturb(model, batch, silent, whole.expression, changes))
        for name, instead, track, changed in others:
            changes = profiles.silenced(cell, own, index.numpy(), track) if profiles is not None and changed else None
            its = silencing.gathered(instead, index)
            parts[name].append(perturb(model, batch, its, whole.expression, changes))
    values = {name: torch.cat(found).float().cpu().numpy() for name, found in parts.items() if found}
    links = _table(store, values, {name: values[name] for name in extra})
    require_finite(links.select(pl.col(pl.Float32)).to_numpy(), store.cells[cell].name)
    return links


def _rolled(model: Model, batch: Tokens, attention: Tensor) -> Tensor:
    """Rollout [B, n]; of a single layer, all that counts is the gene's own row."""
    if model.config.layers < 2:
        return _over_layers(attention) / 2
    return rollout(model.attention_maps(*batch)[0])


def _over_layers(attention: Tensor) -> Tensor:
    """[B, layers, heads, n] -> [B, n]; zeros for a model without layers."""
    if not attention.shape[1]:
        return attention.new_zeros(attention.shape[0], attention.shape[-1])
    return attention.mean(dim=(1, 2)).float()


def _table(store: Store, found: dict[str, np.ndarray], extra: dict[str, np.ndarray]) -> pl.DataFrame:
    attention, effect, logits = found["attention"], found["perturbation"], found.get("logits")
    index = store.index.cpu().numpy()
    pairs = index >= 0
    pairs[:, index.shape[1] // 2] = False
    gene, column = np.nonzero(pairs)
    element = index[gene, column]
    genes, elements = store.genes, store.elements
    distance = distances(genes, elements, index)[gene, column]  # the store's may run along the gene
    shown = attention[gene, column]
    bp = np.maximum(np.abs(distance), NEAREST)
    scores = {
        "attention": shown,
        "attention_minmax": _minmax(np.where(pairs, attention, np.nan))[gene, column],
        "perturbation": effect[gene, column],
        "attention_distance": shown / bp,
        "perturbation_distance": effect[gene, column] / bp,
    }
    if logits is not None:
        scaled = _minmax(np.where(pairs, logits, np.nan))[gene, column]
        scores |= {
            "attention_logit": logits[gene, column],
            "attention_logit_minmax": scaled,
            "attention_log_distance": shown / np.log10(bp),
            "attention_logit_log_distance": scaled / np.log10(bp),
            "perturbation_ratio": np.abs(effect[gene, column]) / np.maximum(found["predicted"], _LEAST)[gene],
        }
    scores |= {name: values[gene, column] for name, values in extra.items()}
    return pl.concat(
        [
            genes.select("gene_id", "gene_name")[gene],
            pl.DataFrame({"element": element}),
            elements.select("element_id", "class", "chrom", start="ccre_start", end="ccre_end")[element],
            pl.DataFrame({"tss": genes["tss"].to_numpy()[gene], "distance": distance}),
            pl.DataFrame({name: values.astype(np.float32) for name, values in scores.items()}),
        ],
        how="horizontal",
    )


def _minmax(values: np.ndarray) -> np.ndarray:
    """Each row to 0..1 over its elements; 0 where all are equal (ScPGE "Attention weights")."""
    with np.errstate(invalid="ignore"):
        low = np.nanmin(values, axis=1, keepdims=True, initial=np.inf, where=~np.isnan(values))
        high = np.nanmax(values, axis=1, keepdims=True, initial=-np.inf, where=~np.isnan(values))
        scaled: np.ndarray = (values - low) / np.where(high > low, high - low, np.inf)
    return scaled


def link_parameters(config: ModelConfig, more_scores: bool = False, also: Collection[str] = ()) -> dict[str, Any]:
    """What the links table's header says about its scores, and about the elements that a gene can have."""
    extra = [score for word in dict.fromkeys(also) for score in also_scores(word, config)]
    scores = SCORES + MORE_SCORES * more_scores + extra
    return {"scores": scores, "neighbours": config.neighbours, "window": config.window}
