"""What clusters of elements and genes have in common: classes, tracks, expression nearby, sets of genes."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from scipy import stats

from crexpress.core import groups
from crexpress.core.errors import InputError
from crexpress.prepare.genes import bare_ids

NEAR = 10_000  # bp between an element and a TSS
_FEWEST, _MOST = 5, 2_000  # genes of a set that is tested


def composition(elements: pl.DataFrame) -> pl.DataFrame:
    """A row for each `cluster` and `class`: how many elements, and their share of the cluster."""
    counted = elements.group_by("cluster", "class").agg(elements=pl.len()).sort("cluster", "class")
    return counted.with_columns(share=pl.col("elements") / pl.col("elements").sum().over("cluster"))


def track_changes(elements: pl.DataFrame, tracks: Sequence[str]) -> pl.DataFrame:
    """A row for each cluster, class ("all" for every one) and track: mean signal in the cluster and in the others, and
    the fold change between them; null where the others have none.

    `elements` has `cluster`, `class` and a linear column a track.
    """
    rows = []
    for kind in ["all", *elements["class"].unique().sort()]:
        part = elements if kind == "all" else elements.filter(pl.col("class") == kind)
        for name in elements["cluster"].unique().sort():
            inside = (part["cluster"] == name).to_numpy()
            if not inside.any() or inside.all():
                continue
            for track in tracks:
                values = part[track].to_numpy()
                own, other = float(values[inside].mean()), float(values[~inside].mean())
                rows.append((name, kind, track, int(inside.sum()), own, other, own / other if other > 0 else None))
    names = ["cluster", "class", "track", "elements", "mean", "mean_of_others", "fold_change"]
    types = [pl.String, pl.String, pl.String, pl.Int64, pl.Float64, pl.Float64, pl.Float64]
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


def expression_nearby(elements: pl.DataFrame, genes: pl.DataFrame, reach: int = NEAR) -> pl.DataFrame:
    """A row for each cluster and class ("all" for every one): expression of the genes whose TSS lies within `reach` bp
    of the middle of one of its elements, each gene once: how many, mean and quartiles.

    `genes` has chrom, tss and `observed` (null where not measured).
    """
    measured = genes.filter(pl.col("observed").is_not_null())
    pairs = []
    for (chrom,), part in elements.group_by("chrom", maintain_order=True):
        own = measured.filter(pl.col("chrom") == chrom).sort("tss")
        middle = ((part["start"] + part["end"]) // 2).to_numpy()
        first = np.searchsorted(own["tss"].to_numpy(), middle - reach)
        count = np.searchsorted(own["tss"].to_numpy(), middle + reach, "right") - first
        place = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
        near = part.select("cluster", "class")[np.repeat(np.arange(len(part)), count)]
        pairs.append(near.hstack(own.select("gene_id", "observed")[place]))
    joined = pl.concat(pairs)
    joined = pl.concat([joined.with_columns(pl.lit("all").alias("class")), joined]).unique(
        ["cluster", "class", "gene_id"], maintain_order=True
    )
    value = pl.col("observed")
    return (
        joined.group_by("cluster", "class")
        .agg(
            genes=pl.len(),
            mean=groups.average(value),
            lower_quartile=value.quantile(0.25, "linear"),
            median=value.median(),
            upper_quartile=value.quantile(0.75, "linear"),
        )
        .sort("cluster", "class")
    )


def enrichment(genes: pl.DataFrame, sets: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """A row for each cluster of genes and set with a gene in it: how many of the set's genes it holds and would by
    chance, p of the hypergeometric test (all clustered genes are the background) and q (Benjamini-Hochberg, all tests).

    Genes are compared by symbol or by Ensembl id, whichever finds more. Sets of 5 to 2,000 known genes are tested.
    InputError where no set has as many.
    """
    symbols = dict(zip(genes["gene_name"], range(len(genes)), strict=True))
    ids = dict(zip(bare_ids(genes["gene_id"]).str.replace(r"\.\d+$", ""), range(len(genes)), strict=True))
    wanted = {gene for members in sets.values() for gene in members}
    known = symbols if len(wanted & symbols.keys()) >= len(wanted & ids.keys()) else ids
    rows_of = {name: [known[gene] for gene in members if gene in known] for name, members in sets.items()}
    tested = {name: rows for name, rows in rows_of.items() if _FEWEST <= len(rows) <= _MOST}
    if not tested:
        raise InputError(
            f"no set holds {_FEWEST} to {_MOST:,} of the run's genes ({len(wanted & known.keys()):,} of "
            f"{len(wanted):,} names are known); give sets of this species, by symbols or Ensembl ids"
        )
    cluster = genes["cluster"].to_numpy()
    found = []
    for name in sorted(set(cluster), key=lambda text: (len(text), text)):
        inside = cluster == name
        for label, rows in tested.items():
            hits = int(inside[rows].sum())
            p = float(stats.hypergeom.sf(hits - 1, len(genes), len(rows), inside.sum()))
            found.append((name, label, hits, len(rows), len(rows) * inside.mean(), p))
    table = pl.DataFrame(found, schema=["cluster", "set", "genes", "set_size", "expected", "p"], orient="row")
    table = table.with_columns(q=pl.Series(stats.false_discovery_control(table["p"].to_numpy())))
    return table.filter(pl.col("genes") > 0).sort("q", "p", "cluster", "set")
