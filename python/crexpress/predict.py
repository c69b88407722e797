"""Predict every gene of a cell: each element is encoded once, then only the mixer and head run per gene."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress import cli, splits
from crexpress.models.scpge import ScPGE
from crexpress.store import Store

ENCODE_CHUNK = 4096  # elements encoded at once


class Tokens(NamedTuple):
    """Some genes' tokens, as `ScPGE.predict` takes them: vectors [B, n, d] and what stands in `store.Batch`."""

    vectors: Tensor
    present: Tensor
    distance: Tensor
    loops: Tensor | None


@torch.inference_mode()
def encode(model: ScPGE, store: Store, cell: int) -> Tensor:
    """Vectors [elements + 1, d] of a cell's elements that some gene sees, zero elsewhere; the last is that of pads."""
    used = torch.unique(store.index[store.index >= 0]).long()
    vectors = torch.zeros(len(store.elements) + 1, model.config.width_model, device=store.device)
    for rows in cli.progress(used.split(ENCODE_CHUNK), "encoding elements"):
        vectors[rows] = model.embed(store.features(torch.full_like(rows, cell), rows)).float()
    if model.config.pads == "encoded":
        vectors[-1] = model.embed_silent()[0].float()
    return vectors


def tokens(store: Store, cell: int, vectors: Tensor, batch_size: int) -> Iterator[Tokens]:
    """Tokens of all genes in a cell, in batches of neighbouring genes."""
    for genes in torch.arange(len(store.genes), device=store.device).split(batch_size):
        index = store.index[genes].long()
        loops = store.loops_between(torch.full_like(genes, cell), genes)
        yield Tokens(vectors[index], index >= 0, store.distance[genes], loops)


@torch.inference_mode()
def predict(model: ScPGE, store: Store, cell: int, batch_size: int) -> np.ndarray:
    """Predicted expression of every gene, float32 [genes], in the unit of the model's training target."""
    vectors = encode(model, store, cell)
    parts = [model.predict(*batch).expression for batch in tokens(store, cell, vectors, batch_size)]
    return torch.cat(parts).float().cpu().numpy()


def prediction_table(store: Store, config: dict[str, Any], predicted: np.ndarray) -> pl.DataFrame:
    """The predictions table: one row a gene, with its split in the model's training."""
    split = splits.assign(store.genes, config["val"], config["test"])
    return store.genes.select("gene_id", "gene_name", "chrom", "tss").with_columns(
        pl.Series("split", split), pl.Series("predicted", predicted)
    )
