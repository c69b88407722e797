"""Element-gene links: every element of every gene with its attention and perturbation scores."""

from collections.abc import Collection
from itertools import islice
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.apply.predict import encode, encode_silent, require_finite, tokens
from crexpress.core import log
from crexpress.data.neighbours import NEAREST, distances
from crexpress.data.store import Store
from crexpress.interpret import also as words
from crexpress.interpret import scores, silencing
from crexpress.interpret.attention import rollout
from crexpress.interpret.perturbation import perturb
from crexpress.interpret.saliency import directions, saliency
from crexpress.interpret.scores import Seen
from crexpress.models.base import Model
from crexpress.models.config import ModelConfig
from crexpress.models.inputs import Tokens


def link_table(
    model: Model,
    store: Store,
    cell: int,
    tokens_at_once: int,
    more_scores: bool = False,
    precision: str = "float32",
    also: Collection[str] = (),
    perturbed: bool = True,
) -> pl.DataFrame:
    """One row an element-gene pair, without the gene's own TSS window; scores are float32 and never null.

    The columns are those of `scores.made(more_scores, perturbed)`: without perturbing elements, which takes most of the
    time, those of attention alone. `also` adds "rollout" (`attention.rollout`), "saliency"
    (gradient x input), "shuffled" and "tracks" (the fall when only the element's sequence is shuffled, or one of its
    tracks silenced). `precision` is that of `encode`; differences between predictions are of float32.
    """
    extra = list(words.entries(also, model.config))
    vectors = encode(model, store, cell, precision)
    silent = encode_silent(model, store.device, precision)
    others: list[tuple[str, Tensor, int | None, bool]] = []  # score, vectors instead, track, is the profile changed?
    if words.SHUFFLED in also:
        others.append(("perturbation_shuffled", silencing.shuffled(model, store, cell, precision), None, False))
    if words.TRACKS in also:
        silencing.require_tracks(model)
        for number, name in enumerate(words.of_tracks(model.config)):
            others.append((name, silencing.without_track(model, store, cell, number, precision), number, True))
    direction = directions(model, store, cell) if words.SALIENCY in also else None
    genes_at_once = store.genes_of(tokens_at_once // store.index.shape[1])  # a copy of each gene for each element
    parts: dict[str, list[Tensor]] = {name: [] for name in ("attention", "effect", "predicted", "logits", *extra)}
    batches = -(-len(store.genes) // genes_at_once)
    what = "perturbing elements" if perturbed or others else "attending to elements"
    genes = iter(np.arange(len(store.genes)))
    for batch in log.progress(tokens(store, cell, vectors, genes_at_once), what, batches):
        own = np.fromiter(islice(genes, len(batch.vectors)), np.int64)
        index, profiles = store.index[own], store.profiles
        with torch.inference_mode():
            whole = model.predict(batch)
            if words.ROLLOUT in also:
                parts["attention_rollout"].append(_rolled(model, batch, whole.attention))
        if direction is not None:
            parts["saliency"].append(saliency(model, batch, silencing.gathered(direction, index)))
        parts["attention"].append(_over_layers(whole.attention))
        parts["predicted"].append(whole.expression)
        if more_scores:
            parts["logits"].append(_over_layers(whole.logits))
        if perturbed:
            changes = None if profiles is None else profiles.silenced(cell, own, index.numpy())
            parts["effect"].append(perturb(model, batch, silent, whole.expression, changes))
        for name, instead, track, changed in others:
            changes = profiles.silenced(cell, own, index.numpy(), track) if profiles is not None and changed else None
            its = silencing.gathered(instead, index)
            parts[name].append(perturb(model, batch, its, whole.expression, changes))
    values = {name: torch.cat(found).float().cpu().numpy() for name, found in parts.items() if found}
    links = _table(store, values, {name: values.pop(name) for name in extra})
    require_finite(links.select(pl.col(pl.Float32)).to_numpy(), store.cells[cell].name)
    return links


def _rolled(model: Model, batch: Tokens, attention: Tensor) -> Tensor:
    """Rollout [B, n]; of a single layer, all that counts is the gene's own row."""
    if model.config.layers < 2:
        return _over_layers(attention) / 2
    return rollout(model.attention_maps(batch)[0])


def _over_layers(attention: Tensor) -> Tensor:
    """[B, layers, heads, n] -> [B, n]; zeros for a model without layers."""
    if not attention.shape[1]:
        return attention.new_zeros(attention.shape[0], attention.shape[-1])
    return attention.mean(dim=(1, 2)).float()


def _table(store: Store, found: dict[str, np.ndarray], extra: dict[str, np.ndarray]) -> pl.DataFrame:
    index = store.index.cpu().numpy()
    pairs = index >= 0
    pairs[:, index.shape[1] // 2] = False
    gene, column = np.nonzero(pairs)
    element = index[gene, column]
    genes, elements = store.genes, store.elements
    distance = distances(genes, elements, index)  # the store's may run along the gene
    bp = np.maximum(np.abs(distance), NEAREST)
    effect = found.get("effect", np.empty((0, 0)))  # which no score that is made reads
    seen = Seen(pairs, found["attention"], found.get("logits"), effect, bp, found["predicted"][:, None])
    own = scores.made("logits" in found, "effect" in found)
    columns = {name: score.values(seen)[gene, column] for name, score in own.items()}
    columns |= {name: values[gene, column] for name, values in extra.items()}
    return pl.concat(
        [
            genes.select("gene_id", "gene_name")[gene],
            pl.DataFrame({"element": element}),
            elements.select("element_id", "class", "chrom", start="ccre_start", end="ccre_end")[element],
            pl.DataFrame({"tss": genes["tss"].to_numpy()[gene], "distance": distance[gene, column]}),
            pl.DataFrame({name: values.astype(np.float32) for name, values in columns.items()}),
        ],
        how="horizontal",
    )


def link_parameters(
    config: ModelConfig, more_scores: bool = False, also: Collection[str] = (), perturbed: bool = True
) -> dict[str, Any]:
    """What the links table's header says about its scores, and about the elements that a gene can have."""
    entries = [score.entry(name) for name, score in scores.made(more_scores, perturbed).items()]
    return {
        "scores": [*entries, *words.entries(also, config).values()],
        "neighbours": config.neighbours,
        "window": config.window,
    }
