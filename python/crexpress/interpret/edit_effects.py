"""What edits do to genes: every gene that sees a touched element is predicted anew."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.apply.predict import encode, require_finite, tokens_of
from crexpress.core import groups, log
from crexpress.data.store import Store
from crexpress.interpret.edited import Edited
from crexpress.models.base import Model
from crexpress.models.inputs import GeneProfile


def effects(
    model: Model, store: Store, cell: int, edited: Edited, hit: pl.DataFrame, vectors: Tensor, tokens: int
) -> pl.DataFrame:
    """Predictions before and after each edit, of every gene that sees an element it touches.

    hit: columns edit, element, whole, silent, a row a touched element; vectors [len(hit), d] those of its elements
    after the edit. Columns edit, gene, predicted, edited, elements (rows, a list). The part of a gene's own profile of
    an element whose whole signal goes (`silent`) goes with it, as in `perturb`; all else keeps its profile.
    """
    places = _places(store, hit)
    rows = np.unique(places["gene"].to_numpy()) if len(places) else np.zeros(0, np.int64)
    found = encode(model, store, cell, genes=rows) if len(rows) else vectors[:0]
    pairs = places.select("edit", "gene").unique(maintain_order=True)
    number = pl.DataFrame({"edit": pairs["edit"], "gene": pairs["gene"], "pair": np.arange(len(pairs))})
    places = places.join(number, on=["edit", "gene"], maintain_order="left")
    before, after = (np.empty(len(pairs), np.float32) for _ in range(2))
    at_once = store.genes_of(tokens)
    starts = range(0, len(pairs), at_once)
    for start in log.progress(starts, "predicting edited genes"):
        some = places.filter(pl.col("pair").is_between(start, start + at_once - 1))
        gene = pairs["gene"].to_numpy()[start : start + at_once].copy()
        copies = some["pair"].to_numpy() - start, some["column"].to_numpy()
        before[start : start + at_once] = _predict(model, store, cell, found, gene)
        after[start : start + at_once] = _predict(
            model, store, cell, found, gene, copies, vectors[some["hit"].to_numpy().copy()], some
        )
    require_finite(np.concatenate([before, after]), store.cells[cell].name)
    elements = places.group_by("pair", maintain_order=True).agg("element").sort("pair")["element"]
    return pairs.with_columns(predicted=before, edited=after, elements=elements)


def _places(store: Store, hit: pl.DataFrame) -> pl.DataFrame:
    """Columns edit, gene, column, element, whole, silent, hit (row): where genes see the elements that edits touch."""
    index = store.index.numpy()
    gene, column = np.nonzero(np.isin(index, hit["element"].unique().to_numpy()))
    seen = pl.DataFrame({"gene": gene, "column": column, "element": index[gene, column].astype(np.int64)})
    rows = hit.with_columns(pl.col("element").cast(pl.Int64)).with_row_index("hit")
    return rows.join(seen, on="element", maintain_order="left").sort("edit", "gene", "column", maintain_order=True)


def _predict(
    model: Model,
    store: Store,
    cell: int,
    found: Tensor,
    gene: np.ndarray,
    copies: tuple[np.ndarray, np.ndarray] | None = None,
    changed: Tensor | None = None,
    places: pl.DataFrame | None = None,
) -> np.ndarray:
    """Expression [n] of genes; with `copies` (rows, columns), of which these tokens are `changed`."""
    with torch.inference_mode():
        tokens = tokens_of(store, cell, found, gene)
        if copies is not None and changed is not None and places is not None:
            row, column = (torch.from_numpy(part.copy()).to(store.device) for part in copies)
            tokens.vectors[row, column] = changed
            if tokens.profile is not None:
                tokens = tokens._replace(profile=_without(store, cell, gene, tokens.profile, places, copies[0]))
        values: np.ndarray = model.predict(tokens).expression.float().cpu().numpy()
    return values


def _without(
    store: Store, cell: int, gene: np.ndarray, profile: GeneProfile, places: pl.DataFrame, row: np.ndarray
) -> GeneProfile:
    """Profiles of genes without the elements whose whole signal goes; the gene's own window is none of them."""
    assert store.profiles is not None
    own = store.genes["element"].to_numpy()[places["gene"].to_numpy()]
    gone = np.flatnonzero(places["silent"].to_numpy() & (own != places["element"].to_numpy()))
    if not len(gone):
        return profile
    changes = store.profiles.silenced(cell, gene[row[gone]], places["element"].to_numpy()[gone, None])
    copy = torch.from_numpy(row[gone].copy()).to(store.device)[changes.gene[changes.pair]]
    # what each element takes off is added up
    tracks = changes.values.shape[1]
    lost = profile.values[copy, :tracks, changes.column] - changes.values
    where = copy.unsqueeze(1), torch.arange(tracks, device=store.device), changes.column.unsqueeze(1)
    return profile._replace(values=profile.values.index_put(where, -lost, accumulate=True).clamp(min=0))


def spread_over_models(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Mean over models of `predicted`, `edited` and `effect` (edited less predicted), `spread` its standard deviation
    between them (null of one), and how many `models` see the pair.
    """
    every = pl.concat([table.with_columns(effect=pl.col("edited") - pl.col("predicted")) for table in tables])
    pair = ["edit", "gene"]
    means = every.group_by(pair, maintain_order=True).agg(
        groups.average(pl.col("predicted", "edited", "effect")),
        spread=groups.spread(pl.col("effect")),
        models=pl.len().cast(pl.Int32),
    )
    elements = every.select(*pair, "elements").explode("elements").unique(maintain_order=True)
    return means.join(elements.group_by(pair, maintain_order=True).agg("elements"), on=pair, maintain_order="left")
