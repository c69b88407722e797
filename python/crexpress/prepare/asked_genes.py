"""The genes that a user asks for, by symbol or id: the one place where tools turn such names into rows."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from crexpress.core.errors import raise_all
from crexpress.prepare.genes import bare_ids


def rows(genes: pl.DataFrame, wanted: Sequence[str]) -> np.ndarray:
    """Rows of genes by id, id without version, symbol, or symbol in other case (myc); int64.

    Raises InputError for all names that are missing or meant twice.
    """
    ids, symbols = genes["gene_id"], genes["gene_name"]
    columns = [ids, bare_ids(ids).str.replace(r"\.\d+$", ""), symbols, symbols.str.to_uppercase()]
    places = [places_of(column) for column in columns]
    asked = bare_ids(pl.Series(wanted, dtype=pl.String)).str.replace(r"\.\d+$", "")
    found, faults = [], []
    for name, bare in zip(wanted, asked, strict=True):
        keys = (name, bare, name, name.upper())
        at = next((known[key] for known, key in zip(places, keys, strict=True) if key in known), [])
        if len(at) == 1:
            found.append(at[0])
        elif at:
            faults.append(f"{len(at)} genes are called {name} ({', '.join(ids[at][:4])}); give the id of one")
        else:
            faults.append(f"there is no gene {name}; give its symbol, or its id as in the annotation")
    raise_all(f"{len(faults)} of the genes asked for cannot be taken:", faults)
    return np.array(found, np.int64)


def places_of(column: pl.Series) -> dict[str, list[int]]:
    """The rows in which each value stands."""
    table = pl.DataFrame({"name": column}).with_row_index("row").drop_nulls()
    grouped = table.group_by("name", maintain_order=True).agg("row")
    return dict(zip(grouped["name"], grouped["row"].to_list(), strict=True))
