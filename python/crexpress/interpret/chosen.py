"""Which genes, elements and links are asked for: by names, by a file of names, or as the strongest links of a cell."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.core.errors import InputError, raise_all
from crexpress.data.store import Store
from crexpress.formats import text_files
from crexpress.prepare import asked_genes


class Pairs(NamedTuple):
    """Links, each a gene's row and the column of `store.index` in which it sees the element; int64, of one length."""

    gene: np.ndarray
    column: np.ndarray


def element_rows(elements: pl.DataFrame, wanted: Sequence[str]) -> np.ndarray:
    """Rows of elements by their ids; InputError for all that are missing or stand for several."""
    place = asked_genes.places_of(elements["element_id"])
    faults = [
        f"there is no element {name}; give an element_id of elements.parquet"
        if name not in place
        else f"{len(place[name])} elements are called {name}; leave it out"
        for name in wanted
        if len(place.get(name, [])) != 1
    ]
    raise_all(f"{len(faults)} of the elements asked for cannot be taken:", faults)
    return np.array([place[name][0] for name in wanted], np.int64)


def pairs(store: Store, genes: np.ndarray | None, elements: np.ndarray | None) -> Pairs:
    """Every link between these genes (None: all) and elements (None: all that they see, their TSS windows too).

    Raises InputError for elements on no such gene's list.
    """
    rows = np.arange(len(store.genes)) if genes is None else genes
    index = store.index[rows].numpy()
    if elements is None:
        gene, column = np.nonzero(index >= 0)
        return Pairs(rows[gene], column)
    gene, column = np.nonzero(np.isin(index, elements))
    unseen = elements[~np.isin(elements, index)]
    if len(unseen):
        ids = store.elements["element_id"][unseen[:3]].to_list()
        of = "any gene's" if genes is None else "these genes'"
        raise InputError(
            f"{len(unseen)} of {len(elements)} elements are not on {of} list of what the model sees ({', '.join(ids)}"
            f"{', ...' if len(unseen) > 3 else ''}); take elements near these genes, or a model with more neighbours"
        )
    return Pairs(rows[gene], column)


def strongest(store: Store, links: pl.DataFrame, score: str, count: int) -> Pairs:
    """The `count` links with the highest score in a links table of the same elements, genes and neighbours."""
    if score not in links.columns:
        raise InputError(f"the links have no score '{score}'; they have {', '.join(links.columns[9:])}")
    top = links.sort(score, descending=True, maintain_order=True).head(count)
    gene = asked_genes.rows(store.genes, top["gene_id"].to_list())
    seen = store.index[gene].numpy() == top["element"].to_numpy()[:, None]
    if not seen.any(1).all():
        lost = top.row(int(np.flatnonzero(~seen.any(1))[0]), named=True)
        raise InputError(
            f"the links list {lost['element_id']} at {lost['gene_id']}, which this model does not see there; give the "
            "links that interpret made by this model"
        )
    return Pairs(gene, seen.argmax(1))


def asked_pairs(
    store: Store,
    cell: str,
    genes: str | None = None,
    elements: str | None = None,
    links: Sequence[Path] = (),
    score: str = "perturbation",
    top: int = 100,
    narrow: bool = False,
) -> Pairs:
    """Links of named genes, elements or both, else the `top` strongest of the cell's links file (cli.chosen_options).

    `narrow`: also of named genes only the `top` strongest, where a links file is given and no element named. Raises
    InputError where nothing is named and no file is of the cell, and where there is no such link.
    """
    rows = None if genes is None else asked_genes.rows(store.genes, text_files.names(genes))
    wanted = None if elements is None else element_rows(store.elements, text_files.names(elements))
    if wanted is not None or (rows is not None and not (narrow and links)):
        return pairs(store, rows, wanted)
    own = [path for path in links if artifacts.require_header(path)["cell"] == cell]
    if len(own) > 1:  # of a folder of results, which also has those of closed forms
        own = [path for path in own if score in pl.read_parquet_schema(path)] or own
    if len(own) != 1:
        raise InputError(
            f"say which links of {cell} to look at: --ask-genes, --ask-elements, or --links with links.{cell}.parquet"
            + (f" ({len(own)} files of it were given)" if own else "")
        )
    table, header = artifacts.read_table(own[0], "links")
    for what, digest in store.digests.items():
        if header[what] != digest:
            raise InputError(f"{own[0]} was made for other {what} ({header[what]}, not {digest}); run interpret again")
    if rows is not None:
        table = table.filter(pl.col("gene_id").is_in(store.genes["gene_id"][rows].to_list()))
    if table.is_empty():
        raise InputError(f"{own[0]} lists no link of {genes or 'any gene'}; name other genes")
    return strongest(store, table, score, top)
