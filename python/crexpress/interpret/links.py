"""Element-gene links: every element of every gene with its attention and perturbation scores."""

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
from crexpress.interpret import scores
from crexpress.interpret.perturbation import perturb
from crexpress.interpret.scores import Seen
from crexpress.models.base import Model
from crexpress.models.config import ModelConfig


def link_table(
    model: Model, store: Store, cell: int, tokens_at_once: int, more_scores: bool = False, precision: str = "float32"
) -> pl.DataFrame:
    """One row an element-gene pair, without the gene's own TSS window; scores are float32 and never null.

    The columns are those of `scores.made(more_scores)`. `precision` is that of `encode`; differences between
    predictions are of float32.
    """
    vectors, silent = encode(model, store, cell, precision), encode_silent(model, store.device, precision)
    width = store.index.shape[1]
    genes_at_once = max(1, tokens_at_once // width**2)
    attention, effect, logits = [], [], []
    batches = -(-len(store.genes) // genes_at_once)
    genes = iter(np.arange(len(store.genes)))
    for batch in log.progress(tokens(store, cell, vectors, genes_at_once), "perturbing elements", batches):
        with torch.inference_mode():
            whole = model.predict(*batch)
        attention.append(_over_layers(whole.attention).cpu())
        if more_scores:
            logits.append(_over_layers(whole.logits).cpu())
        changes = None
        if store.profiles is not None:
            own = np.fromiter(islice(genes, len(batch.vectors)), np.int64)
            changes = store.profiles.silenced(cell, own, store.index[own].numpy())
        effect.append(perturb(model, batch, silent, whole.expression, changes).float().cpu())
    raw = torch.cat(logits).numpy() if more_scores else None
    links = _table(store, torch.cat(attention).numpy(), torch.cat(effect).numpy(), raw)
    require_finite(links.select(pl.col(pl.Float32)).to_numpy(), store.cells[cell].name)
    return links


def _over_layers(attention: Tensor) -> Tensor:
    """[B, layers, heads, n] -> [B, n]; zeros for a model without layers."""
    if not attention.shape[1]:
        return attention.new_zeros(attention.shape[0], attention.shape[-1])
    return attention.mean(dim=(1, 2)).float()


def _table(store: Store, attention: np.ndarray, effect: np.ndarray, logits: np.ndarray | None) -> pl.DataFrame:
    index = store.index.cpu().numpy()
    pairs = index >= 0
    pairs[:, index.shape[1] // 2] = False
    gene, column = np.nonzero(pairs)
    element = index[gene, column]
    genes, elements = store.genes, store.elements
    distance = distances(genes, elements, index)  # the store's may run along the gene
    bp = np.maximum(np.abs(distance), NEAREST)
    seen = Seen(pairs, attention, logits, effect, bp)
    columns = {name: score.values(seen)[gene, column] for name, score in scores.made(logits is not None).items()}
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


def link_parameters(config: ModelConfig, more_scores: bool = False) -> dict[str, Any]:
    """What the links table's header says about its scores, and about the elements that a gene can have."""
    entries = [score.entry(name) for name, score in scores.made(more_scores).items()]
    return {"scores": entries, "neighbours": config.neighbours, "window": config.window}
