"""Values of a table in the order of the genes, however the table names them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from crexpress.core import groups, log
from crexpress.core.errors import InputError
from crexpress.formats import text_tables
from crexpress.prepare import genes

MATCHED_AT_LEAST, MATCHED_FEW = 0.1, 0.5  # share of names below which a table is refused, and warned of


class Matched(NamedTuple):
    """Values in the order of the genes, null where there are none; how many names are no gene's, and some of them."""

    values: pl.Series
    strange: int
    examples: tuple[str, ...]


def matched(
    path: Path, what: str, columns: Sequence[pl.Series], values: pl.Series, table: pl.DataFrame, additive: bool
) -> Matched:
    """Values in the order of the genes: by the first of the columns whose names match, as ids or as symbols.

    what: the table's format, for messages. additive: rows of one gene are summed; else the largest counts. Raises
    InputError where less than a tenth of the names match.
    """
    best: tuple[float, str, pl.Series, pl.Series] | None = None
    for how, keys, names in _candidates(columns, table):
        share = max(share_of(keys.is_in(names.implode())), share_of(names.is_in(keys.implode())))
        if best is None or share > best[0]:
            best = (share, how, keys, names)
        if best[0] >= MATCHED_FEW:
            break
    if best is None:
        raise InputError(f"{path} names no gene")
    share, how, keys, names = best
    for column in columns:
        if dates := text_tables.told_of_dates(column):
            log.say(f"Warning: {path}: {dates}; their genes stay empty; export the table again without one")
    found = keys.is_in(names.implode())
    examples = (
        f"its names are like {_like(names, keys)}, those of this run like {_like(table['gene_id'], None)} and "
        f"{_like(table['gene_name'], None)}"
    )
    matched = f"{int(found.sum()):,} of {len(table):,} genes"
    if not found.any():
        raise InputError(
            f"{path} ({what}): none of its genes is among the {len(table):,} genes of this run; {examples}"
        )
    if share < MATCHED_AT_LEAST:
        raise InputError(
            f"{path} ({what}): only {matched} matched, less than a tenth; {examples}. Give a table of the same "
            "annotation"
        )
    grouped = pl.DataFrame({"name": names, "value": values}).group_by("name", maintain_order=True)
    one = groups.total(pl.col("value")) if additive else pl.col("value").max()
    largest = grouped.agg(
        pl.when(pl.col("value").count() > 0).then(one).alias("value"),
        pl.len().alias("rows"),
        pl.col("value").n_unique().alias("different"),
    )
    if not additive and share_of(largest["different"] > 1) > MATCHED_FEW:
        name = largest.filter(pl.col("different") > 1)["name"][0]
        raise InputError(
            f"{path}: most of its genes have several rows with different values ({name} has "
            f"{largest.filter(pl.col('name') == name)['rows'][0]}), as where several cells or samples stand below each "
            "other; give a table with one row per gene"
        )
    note = f"{path}: {what}, {matched} matched by {how}"
    twice = int((largest["rows"] > 1).sum())
    if twice:
        note += f"; {twice:,} repeated names, " + ("their rows summed" if additive else "the largest value kept")
    log.say(note)
    if share < MATCHED_FEW or share_of(found) < MATCHED_AT_LEAST:
        log.say(f"Warning: {path}: only {matched} have a value; {examples}")
    filled = pl.DataFrame({"name": keys}).join(largest, on="name", how="left", maintain_order="left")["value"]
    shared = keys.is_duplicated() & filled.is_not_null()
    if shared.any():
        log.say(
            f"Warning: {path}: {int(shared.sum()):,} genes share their symbol with another gene "
            f"({keys.filter(shared)[0]}) and stay empty, as the table does not say which it means; "
            "give a table of gene ids"
        )
    strange = names.drop_nulls().unique(maintain_order=True)
    strange = strange.filter(~strange.is_in(keys.implode()))
    return Matched(filled.set(shared, None), len(strange), tuple(name[:40] for name in strange[:3]))


def _candidates(columns: Sequence[pl.Series], table: pl.DataFrame) -> Iterator[tuple[str, pl.Series, pl.Series]]:
    """How names may be read, with the run's and the table's: ids before symbols, whole names before parts of them."""
    columns = [column.str.strip_chars() for column in columns]
    ids = genes.bare_ids(table["gene_id"])
    for names in columns:
        yield "id", ids, genes.bare_ids(names)
    parts = [
        names.str.split(mark).list.get(at, null_on_oob=True)
        for names in columns
        for mark in ("|", "_")
        if share_of(names.str.contains(mark, literal=True)) > MATCHED_FEW
        for at in (0, 1)
    ]
    for how, keys in (("symbol", table["gene_name"]), ("id", ids)):
        for names in (*columns, *parts) if how == "symbol" else parts:
            yield how, keys, names


def share_of(mask: pl.Series) -> float:
    """Share of true values, 0 of none."""
    return float(mask.sum()) / max(1, len(mask))


def _like(names: pl.Series, known: pl.Series | None) -> str:
    """Two examples, of names that are not known where there are any."""
    strange = (
        names.drop_nulls() if known is None else names.drop_nulls().filter(~names.drop_nulls().is_in(known.implode()))
    )
    return ", ".join(name[:40] for name in (strange if len(strange) else names.drop_nulls())[:2])
