"""Element-gene links: every element of every gene with its attention and perturbation scores."""

from itertools import islice
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.apply.predict import encode, encode_silent, require_finite, tokens
from crexpress.core import log
from crexpress.core.methods import MODEL, OVER_DISTANCE, PER_GENE, PLAIN
from crexpress.data.neighbours import NEAREST, distances
from crexpress.data.store import Store
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
# CREaTor's forms of attention ("Attention score"), which take no time but are more columns to benchmark
MORE_SCORES = _scores(
    ("attention_logit", "attention logit", PLAIN),
    ("attention_logit_minmax", "attention logit, min-max per gene", PER_GENE),
    ("attention_log_distance", "attention / log10 distance", OVER_DISTANCE),
    ("attention_logit_log_distance", "attention logit, min-max / log10 distance", PER_GENE),
)


def link_table(
    model: Model, store: Store, cell: int, tokens_at_once: int, more_scores: bool = False, precision: str = "float32"
) -> pl.DataFrame:
    """One row an element-gene pair, without the gene's own TSS window; scores are float32 and never null.

    attention: mean probability over heads and layers in the gene's row (ScPGE "Attention weights");
    perturbation: see `perturb`, in the unit of the model's target. With `more_scores` also those of MORE_SCORES, of
    which attention_logit is the mean of the logits over heads and layers, with all that they start from. `precision`
    is that of `encode`; differences between predictions are of float32.
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
        }
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


def link_parameters(config: ModelConfig, more_scores: bool = False) -> dict[str, Any]:
    """What the links table's header says about its scores, and about the elements that a gene can have."""
    return {"scores": SCORES + MORE_SCORES * more_scores, "neighbours": config.neighbours, "window": config.window}
