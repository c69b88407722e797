"""Tables of places as users have them: a BED, or a table with a header whose first three columns are one."""

from collections.abc import Collection
from pathlib import Path

import polars as pl

from crexpress.core import chromosome_names
from crexpress.core.errors import InputError
from crexpress.formats import text_tables


def read(path: Path, what: str) -> pl.DataFrame:
    """Places (chrom, start, end; 0-based, half-open), each once, in their order.

    Raises InputError with the lines that are none; `what` is the word for one in the message.
    """
    table = text_tables.read(path, lambda first: not first[1].strip().lstrip("-").isdigit(), least=3, ragged=True)
    columns = table.rows.columns
    frame = table.rows.select(
        "line",
        pl.col(columns[1]).alias("chrom"),
        *(pl.col(columns[at]).cast(pl.Int64, strict=False).alias(name) for at, name in ((2, "start"), (3, "end"))),
    )
    whole = (pl.col("start") >= 0) & (pl.col("start") < pl.col("end")) & pl.col("chrom").is_not_null()
    bad = frame.filter(~whole.fill_null(False))["line"].to_list()
    if bad:
        named = ", ".join(map(str, bad[:10])) + (", ..." if len(bad) > 10 else "")
        raise InputError(
            f"{path} line {named}: no {what}; needed are chromosome, start and end, the start from 0 and below the end"
        )
    return frame.drop("line").unique(maintain_order=True)


def respelt(places: pl.DataFrame, chromosomes: Collection[str], path: Path) -> pl.DataFrame:
    """Those on `chromosomes`, in their spelling (`chromosome_names.reconcile`)."""
    spelling = chromosome_names.reconcile(places["chrom"].unique(maintain_order=True).to_list(), chromosomes, path)
    own = pl.col("chrom").replace_strict(spelling, default=None, return_dtype=pl.String)
    return places.with_columns(own).drop_nulls()
