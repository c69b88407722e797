"""What a model's network makes of elements and genes, clustered as CREaTor does ("Representation clustering")."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
import scipy.sparse
import torch
from torch import Tensor

from crexpress.apply.predict import require_finite, tokens
from crexpress.core import log
from crexpress.data.store import Store
from crexpress.interpret import apart
from crexpress.interpret.extras import needed
from crexpress.models.base import Model
from crexpress.prepare.elements import TSS

if TYPE_CHECKING:
    from anndata import AnnData
    from pandas import Categorical


class Settings(NamedTuple):
    """Of the clustering; the defaults are CREaTor's."""

    neighbours: int = 20
    components: int = 50
    resolution: float = 0.5
    seed: int = 1


def element_rows(store: Store, most: int, seed: int) -> np.ndarray:
    """Rows of the cCREs that some gene sees, int64 ascending; where they are more than `most`, so many drawn evenly."""
    seen = torch.unique(store.index[store.index >= 0]).numpy().astype(np.int64)
    rows = seen[(store.elements["class"] != TSS).to_numpy()[seen]]
    if len(rows) > most:
        log.say(f"{most:,} of {len(rows):,} elements are drawn for the embedding; --most takes more")
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


@torch.inference_mode()
def gene_vectors(
    model: Model, store: Store, cell: int, vectors: Tensor, batch_size: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors float32 [genes, d] of all genes, after their elements (`vectors` of `encode`) were mixed in, and their
    predicted expression [genes].
    """
    parts = [
        (model.gene_vectors(batch), model.predict(batch).expression)
        for batch in tokens(store, cell, vectors, batch_size)
    ]
    found, predicted = (torch.cat(part).float().cpu().numpy() for part in zip(*parts, strict=True))
    require_finite(found, store.cells[cell].name)
    return found, predicted


def annotated(vectors: np.ndarray, about: pl.DataFrame, index: str) -> "AnnData":
    """An AnnData of vectors whose rows are described by a table, named by one of its columns; names twice get a number.

    Raises InputError where anndata is not installed.
    """
    with needed("anndata"):
        from anndata import AnnData
    import pandas

    columns = {
        name: words(about[name].to_list()) if about[name].dtype == pl.String else about[name].to_numpy()
        for name in about.columns
        if name != index
    }
    # numbered where twice, and of Python's text: that of Arrow, pandas 3's own, anndata cannot write
    names = about.with_columns(at=pl.int_range(pl.len()).over(index)).select(
        pl.when(pl.col("at") > 0).then(pl.format("{}-{}", index, "at")).otherwise(index)
    )
    table = pandas.DataFrame(columns, index=pandas.Index(names.to_series().to_list(), name=index, dtype=object))
    units = pandas.Index([f"unit{number}" for number in range(vectors.shape[1])], dtype=object)
    return AnnData(vectors.astype(np.float32), obs=table, var=pandas.DataFrame(index=units))


def words(values: Sequence[str]) -> "Categorical":
    """Text as pandas' categories, of Python's text."""
    import pandas

    names, codes = np.unique(np.array(values, dtype=object), return_inverse=True)
    return pandas.Categorical.from_codes(codes, pandas.Index(names, dtype=object))


def cluster(found: "AnnData", settings: Settings) -> None:
    """Add principal components, Leiden clusters (`cluster`) and UMAP places, in place.

    `scanpy.tl.pca`, `pp.neighbors` and `tl.umap`, seeded; clusters of `leiden`. Fewer components where the vectors have
    no more, or points are few. Raises InputError where scanpy or igraph is not installed.
    """
    with needed("scanpy"):
        import scanpy

    components = min(settings.components, found.n_vars - 1, found.n_obs - 1)
    seed = settings.seed
    # neither here nor for the first places of UMAP SciPy's ARPACK, which draws vectors that no seed reaches
    scanpy.tl.pca(found, n_comps=components, svd_solver="full")
    neighbours = min(settings.neighbours, found.n_obs - 1)
    # exact, whatever their number: the search by pynndescent, scanpy's own choice from 8,192 points on, is not
    scanpy.pp.neighbors(found, n_neighbors=neighbours, n_pcs=components, random_state=seed, transformer="sklearn")
    near = scipy.sparse.triu(found.obsp["connectivities"], 1).tocoo()
    found.obs["cluster"] = words(leiden(near, settings.resolution, seed).astype(str).tolist())
    scanpy.tl.umap(found, init_pos=first_places(found.obsm["X_pca"]), random_state=seed)
    found.uns["crexpress"] = settings._asdict()


def first_places(components: np.ndarray) -> np.ndarray:
    """Where UMAP begins: the first two components, float32 [points, 2], which serve as well as eigenvectors of the
    graph (Kobak & Linderman 2021, Nature Biotechnology 39, 156); zeros for a second one that there is not.
    """
    places = np.zeros((len(components), 2), np.float32)
    places[:, : components.shape[1]] = components[:, :2]
    return places


def leiden(graph: "scipy.sparse.coo_matrix", resolution: float, seed: int) -> np.ndarray:
    """Cluster of each point, int64, 0 the largest, by the weighted edges in one triangle of `graph` [points, points].

    By modularity at a resolution. Raises InputError where igraph is not installed.
    """
    given = {"first": graph.row, "second": graph.col, "weights": graph.data, "points": graph.shape[0]}
    with needed("igraph"):
        member = apart.run("leiden_script.py", given | {"resolution": resolution, "seed": seed})["cluster"]
    _, member, size = np.unique(member, return_inverse=True, return_counts=True)
    rank = np.empty(len(size), np.int64)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
    return rank[member]
