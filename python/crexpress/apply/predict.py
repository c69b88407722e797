"""Predict every gene of a cell: each element is encoded once, then only the mixer and head run per gene."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.core import log, splits
from crexpress.core.device import autocast
from crexpress.core.errors import InputError
from crexpress.data.store import Store
from crexpress.models.base import Model
from crexpress.models.inputs import Tokens
from crexpress.training.losses import probability

ENCODE_CHUNK = 4096  # elements encoded at once, at most


@torch.inference_mode()
def encode(
    model: Model, store: Store, cell: int, precision: str = "float32", genes: np.ndarray | None = None
) -> Tensor:
    """Vectors [elements + 1, d] of a cell's elements that some gene (of `genes`) sees, zero elsewhere; the last is that
    of pads.

    float32, their products in `precision`. Raises InputError where a vector is not finite.
    """
    index = store.index if genes is None else store.index[genes]
    used = torch.unique(index[index >= 0]).long()
    first = cell * len(store.elements)
    vectors = torch.zeros(len(store.elements) + 1, model.token_width, device=store.device)
    for rows in log.progress(used.split(_at_once(model, store.device)), "encoding elements"):
        with autocast(store.device, precision):
            vectors[rows.to(store.device)] = model.embed(store.features(first + rows.numpy())).float()
    if model.config.pads == "encoded":
        vectors[-1] = encode_silent(model, store.device, precision)[0]
    if not vectors.isfinite().all():
        raise InputError(
            f"{int((~vectors.isfinite().all(1)).sum())} elements of {store.cells[cell].name} cannot be encoded: their "
            "signals, motif scores or the model's weights hold NaN or infinity; make these files anew"
        )
    return vectors


@torch.inference_mode()
def encode_silent(model: Model, device: torch.device, precision: str) -> Tensor:
    """Vector [1, d] of an element of which nothing is known, by the same arithmetic."""
    with autocast(device, precision):
        return model.embed_silent().float()


def _at_once(model: Model, device: torch.device) -> int:
    """Elements to encode at once: as many as keep a layer's output in a CPU's cache, or a gigabyte of a GPU."""
    values = 2**22 if device.type == "cpu" else 2**28
    return min(ENCODE_CHUNK, max(1, values // model.config.largest_layer))


def tokens(store: Store, cell: int, vectors: Tensor, batch_size: int) -> Iterator[Tokens]:
    """Tokens of all genes in a cell, in batches of neighbouring genes."""
    for genes in torch.arange(len(store.genes)).split(batch_size):
        yield tokens_of(store, cell, vectors, genes.numpy())


def tokens_of(store: Store, cell: int, vectors: Tensor, genes: np.ndarray) -> Tokens:
    """Tokens of some genes (rows) in a cell, whose elements' vectors are those of `encode`."""
    index = store.index[genes].long().to(store.device)
    cells = np.full(len(genes), cell)
    loops = store.loops_between(cells, genes)
    profile = store.profiles.of(cells, genes) if store.profiles is not None else None
    return Tokens(vectors[index], index >= 0, store.distance[genes].to(store.device), loops, profile)


class Predicted(NamedTuple):
    """Expression of every gene, float32 [genes], and of a model with several heads of output their standard deviation,
    a sign of how sure the model is.
    """

    expression: np.ndarray
    spread: np.ndarray | None = None


@torch.inference_mode()
def predict(model: Model, store: Store, cell: int, batch_size: int, precision: str = "float32") -> Predicted:
    """Predicted expression of every gene, in the unit of the model's training target.

    An anchored model's is the known cells' mean and the predicted change, NaN for a gene that no other cell measures.
    `precision` is that of `encode`; the rest is float32.
    """
    vectors = encode(model, store, cell, precision)
    parts = [model.predict(batch) for batch in tokens(store, cell, vectors, batch_size)]
    expression = torch.cat([part.expression for part in parts]).float().cpu().numpy()
    require_finite(expression, store.cells[cell].name)
    if store.anchor is not None:
        expression = np.maximum(expression + store.anchor.known(store.cells[cell].name), 0)
    members = [part.members for part in parts if part.members is not None]
    return Predicted(expression, torch.cat(members).std(1).float().cpu().numpy() if members else None)


def require_finite(values: np.ndarray, cell: str) -> None:
    """Raise InputError for a prediction, or a score, that is NaN or infinite."""
    if not np.isfinite(values).all():
        raise InputError(
            f"the model predicts NaN or infinity for {cell}: its weights are too large, or the cell's files damaged; "
            "train the model again, or make these files anew"
        )


def prediction_table(store: Store, config: dict[str, Any], split: np.ndarray, predicted: Predicted) -> pl.DataFrame:
    """The predictions table: one row a gene, with its split; of a classifier, probabilities.

    Of a model with several heads also `spread`, their standard deviation, and `expected_error`, the error that the
    validation genes show at such a spread.
    """
    expression, spread = predicted
    if config["training"]["loss"] == "classification":
        expression, spread = probability(torch.from_numpy(expression)).numpy(), None
    table = store.genes.select("gene_id", "gene_name", "chrom", "tss").with_columns(
        pl.Series("split", split), pl.Series("predicted", expression).fill_nan(None)
    )
    fit = config.get("error_by_spread")
    if spread is None or fit is None:
        return table
    spread = np.where(np.isfinite(expression), spread, np.nan)
    error = np.sqrt(fit[0] + fit[1] * spread.astype(np.float64) ** 2)
    return table.with_columns(
        pl.Series(name, values.astype(np.float32)).fill_nan(None)
        for name, values in (("spread", spread), ("expected_error", error))
    )


def gene_split(
    genes: pl.DataFrame, config: dict[str, Any], same_genome: bool, val: str, test: str, fold: str | None
) -> np.ndarray:
    """Split of every gene: that of the model's training; in another genome, where the model has seen none, by the lists
    `val` and `test` or by `fold`, or all test genes when nothing is given.
    """
    if same_genome:
        return splits.assign(genes, config["val"], config["test"], partial=True)
    if fold:
        val, test = splits.of_fold(genes, fold)
    if not val and not test:
        return np.full(len(genes), splits.TEST)
    return splits.assign(genes, val, test)
