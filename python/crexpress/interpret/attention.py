"""Attention between all elements of a gene: rolled out over layers, as a matrix of elements, and of bins."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.apply.predict import encode, tokens_of
from crexpress.core import groups
from crexpress.core.errors import InputError
from crexpress.data.rows import free_memory
from crexpress.data.store import Store
from crexpress.models.base import Model

PAIR = 40  # bytes of a pair of elements: two sums, counts and means, and a quotient


class AttentionMap(NamedTuple):
    """Attention between elements (rows of the store, as they lie along the genome), float32 [n, n], query by key.

    `probability` and `logit` are means over heads, layers and the genes that see both elements (`genes` int32); NaN
    where none does, and `logit` also where attention is blocked.
    """

    elements: np.ndarray
    probability: np.ndarray
    logit: np.ndarray
    genes: np.ndarray


def rollout(attention: Tensor) -> Tensor:
    """How much of each token reaches the gene through all layers: [B, layers, heads, n, n] -> [B, n].

    Attention rollout (Abnar and Zuidema 2020): in each layer half of a token stays, as the residual connection has it,
    and half is what it attends to, the mean over heads; the layers' matrices are multiplied.
    """
    n = attention.shape[-1]
    reached = attention.new_zeros(len(attention), n)
    reached[:, n // 2] = 1
    for layer in attention.mean(2).unbind(1)[::-1]:
        reached = (reached + (reached.unsqueeze(1) @ layer).squeeze(1)) / 2
    return reached


@torch.inference_mode()
def attention_map(
    model: Model,
    store: Store,
    cell: int,
    genes: Sequence[int] | np.ndarray,
    precision: str = "float32",
    vectors: Tensor | None = None,
) -> AttentionMap:
    """Attention between the elements that some genes see, their TSS windows among them, in one cell.

    `vectors` are what `encode` makes, where several maps are asked for.
    The store must look up loops of all rows (`open_store(loop_rows="all")`) where the model reads loops. One gene is
    seen at once, so that the matrices alone take memory. InputError for a model without layers, and for more elements
    than memory holds pairs of.
    """
    if not model.config.layers:
        raise InputError("a model of 0 layers has no attention; take one with layers")
    genes = np.asarray(genes)
    index = store.index[genes].numpy().astype(np.int64)
    middle = (store.elements["start"] + store.elements["end"]).to_numpy() // 2
    elements = np.unique(index[index >= 0])
    needed, free = PAIR * len(elements) ** 2, free_memory(torch.device("cpu"))
    if needed > free:
        raise InputError(
            f"a map of {len(elements):,} elements takes {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free; map "
            f"fewer genes, or a smaller region of about {np.sqrt(free / PAIR):,.0f} elements at most"
        )
    vectors = encode(model, store, cell, precision) if vectors is None else vectors
    chrom = store.elements["chrom"].rank("dense").to_numpy()
    elements = elements[np.lexsort((middle[elements], chrom[elements]))]
    place = np.full(len(store.elements), -1)
    place[elements] = np.arange(len(elements))
    sums = [np.zeros((len(elements), len(elements))) for _ in range(2)]
    counts = [np.zeros((len(elements), len(elements)), np.int32) for _ in range(2)]
    for row, seen in zip(genes, index, strict=True):
        batch = tokens_of(store, cell, vectors, np.array([row]))
        columns = np.flatnonzero(seen >= 0)
        pick = np.ix_(place[seen[columns]], place[seen[columns]])
        for number, values in enumerate(model.attention_maps(batch)):
            mean = values.mean((1, 2))[0].float().cpu().numpy()[np.ix_(columns, columns)]
            there = np.isfinite(mean)
            sums[number][pick] += np.where(there, mean, 0)
            counts[number][pick] += there
    with np.errstate(invalid="ignore"):
        probability, logit = ((total / count).astype(np.float32) for total, count in zip(sums, counts, strict=True))
    return AttentionMap(elements, probability, logit, counts[0])


def by_bin(found: AttentionMap, elements: pl.DataFrame, resolution: int) -> dict[str, pl.DataFrame]:
    """Attention summed by pairs of bins, one table a chromosome: `row`, `col` (bins, row <= col) and `attention`.

    Logits are scaled to 0..1 over the map, as CREaTor does for its comparison with Hi-C ("Calculation of insulation
    score"), and both directions of a pair are added.
    """
    logit = found.logit.astype(np.float64)
    low, high = np.nanmin(logit), np.nanmax(logit)
    scaled = np.nan_to_num((logit - low) / (high - low if high > low else np.inf))
    rows = elements[found.elements]
    bins = ((rows["start"] + rows["end"]).to_numpy() // 2).clip(0) // resolution
    tables = {}
    for (chrom,), part in rows.with_row_index("at").group_by("chrom", maintain_order=True):
        at = part["at"].to_numpy()
        first, second = np.meshgrid(bins[at], bins[at], indexing="ij")
        values = scaled[np.ix_(at, at)]
        pairs = pl.DataFrame(
            {
                "row": np.minimum(first, second).ravel(),
                "col": np.maximum(first, second).ravel(),
                "attention": values.ravel(),
            }
        )
        tables[str(chrom)] = (
            pairs.filter(pl.col("attention") > 0)
            .group_by("row", "col")
            .agg(groups.total(pl.col("attention")))
            .sort("row", "col")
        )
    return tables
