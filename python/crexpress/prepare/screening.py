"""A perturbation screen held against this run: its cells, its genes, and the elements that its intervals overlap.

By the rules of EngreitzLab/CRISPR_comparison: elements that overlap any 500-bp TSS interval do not count, intervals
that touch overlap, and a gene that is not known keeps its pairs, which nothing then links.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import builds
from crexpress.core.errors import InputError
from crexpress.core.intervals import any_overlap, overlapping
from crexpress.formats import screen_files, text_tables
from crexpress.prepare.elements import TSS

FITTING = 0.5  # share of a screen's pairs that must have a known gene, and an element: below it, the report warns
_NAMED = 3  # examples in a message


class Screening(NamedTuple):
    """One screen: pairs of every cell that can be scored (see `pairs`), and what a reader must know of the rest.

    `assumed` is the cell that a file without CellType was taken for, `left_out` as in `screen_files.Table`.
    """

    name: str
    cells: dict[str, pl.DataFrame]
    assumed: str | None
    left_out: Mapping[str, Sequence[int]]
    warnings: list[str]

    def drop(self, cell: str, warning: str) -> None:
        """Leave a cell out, and say why."""
        del self.cells[cell]
        self.warnings.append(warning)

    def facts(self) -> dict[str, object]:
        """What metrics.parquet's header keeps of a screen."""
        return {
            "cells": list(self.cells),
            "assumed_cell": self.assumed,
            "left_out_by_rule": screen_files.told(
                {reason: lines for reason, lines in self.left_out.items() if reason in screen_files.BY_RULE}
            ),
            "warnings": self.warnings,
        }


def screen(
    name: str,
    path: Path,
    genes: pl.DataFrame,
    chromosomes: Collection[str],
    ranked: Collection[str],
    build: str | None = None,
) -> Screening:
    """The pairs of a screen in each cell of `ranked`, those whose links are to be scored, of a run of this `build`.

    A file that does not name its cell is taken for the only one, and `warnings` say so. Raises InputError for a file
    that cannot be read, that is of another build (see `placed`), or that does not name its cell where several are
    ranked.
    """
    table = screen_files.read(path, chromosomes)
    assumed: str | None = None
    warnings: list[str] = []
    frame = table.pairs
    if "CellType" not in frame.columns:
        if len(ranked) != 1:
            cells = f" ({', '.join(sorted(ranked))})" if ranked else ""
            raise InputError(f"{path} has no column CellType; name its cell{cells} with --crispr-cell")
        [assumed] = ranked
        warnings.append(f"{name}: the screen names no cell (no column CellType); it is taken for one of {assumed}.")
        frame = frame.with_columns(pl.lit(assumed).alias("CellType"))
    unusable = {reason: lines for reason, lines in table.left_out.items() if reason not in screen_files.BY_RULE}
    if unusable:
        number = sum(map(len, unusable.values()))
        total = number + len(frame) + sum(len(table.left_out.get(reason, ())) for reason in screen_files.BY_RULE)
        told = "; ".join(screen_files.told(unusable))
        warnings.append(f"{name}: {number:,} of {total:,} lines cannot be used and are left out: {told}.")
    present = frame["CellType"].unique(maintain_order=True).to_list()
    chosen = [cell for cell in present if cell in ranked]
    if not chosen:
        wanted = " or ".join(sorted(ranked)) or "a cell with links"
        warnings.append(
            f"{name}: no pair to score in {wanted}; its cells are {_examples(present)}. A screen's cell must have the "
            "name that it has in the samplesheet."
        )
    known, told_of_tss = placed(path, frame, genes, table.build, build)
    warnings += [f"{name}: {told}." for told in told_of_tss]
    found = {cell: known.filter(pl.col("CellType") == cell) for cell in chosen}
    return Screening(name, found, assumed, table.left_out, warnings)


def fit(screening: Screening, cell: str, genes: pl.DataFrame, elements: pl.DataFrame, found: np.ndarray) -> None:
    """Hold a cell's pairs against the genes and elements of this run: `found` is whether one overlaps, bool [pairs].

    A cell with no pair of a known gene, or none that overlaps an element (`elements`: chrom, start, end), is left out,
    for every method would be at chance; where less than `FITTING` fits, a warning says so.
    """
    pairs = screening.cells[cell]
    where, tested = f"{screening.name}, {cell}", f"of the {len(pairs):,} tested pairs"
    known = pairs["gene_id"].is_not_null().to_numpy()
    lacking = pairs.filter(~known)["gene"].unique(maintain_order=True).to_list()
    spelt = [f"{gene} {symbol}" for gene, symbol in genes.select("gene_id", "gene_name").head(2).iter_rows()]
    other_names = f"the screen has {_examples(lacking)}, the annotation {', '.join(spelt)}, ..."
    lost = pairs.filter(~found)
    elsewhere = f"the screen has {_place(lost, 'chromStart', 'chromEnd')}, the cCREs {_place(elements, 'start', 'end')}"
    other_build = f"{elsewhere}; is it of the same genome build?"
    if not known.any():
        screening.drop(cell, f"{where}: none {tested} names a gene of this run; {other_names}.")
    elif not found.any():
        screening.drop(cell, f"{where}: none {tested} overlaps a cCRE; {other_build}")
    else:
        if known.mean() < FITTING:
            screening.warnings.append(
                f"{where}: only {known.mean():.0%} {tested} name a gene of this run; {other_names}."
            )
        if found.mean() < FITTING:
            screening.warnings.append(f"{where}: only {found.mean():.0%} {tested} overlap a cCRE; {other_build}")


def require_one(screenings: Sequence[Screening]) -> None:
    """Raise InputError when screens were given and none of them can be scored, with the reason of each."""
    if screenings and not any(screening.cells for screening in screenings):
        why = " ".join(warning for screening in screenings for warning in screening.warnings[-1:])
        raise InputError(f"no screen can be scored. {why}")


def _examples(names: Sequence[str]) -> str:
    return ", ".join([*names[:_NAMED], *(["..."] if len(names) > _NAMED else [])]) or "none"


def _place(frame: pl.DataFrame, start: str, end: str) -> str:
    """The first interval, to show how it is spelt."""
    return next(
        (f"{chrom}:{low:,.0f}-{high:,.0f}" for chrom, low, high in frame.select("chrom", start, end).iter_rows()),
        "none",
    )


_TSS_HALF = 250  # half of the TSS interval of CRISPR_comparison, bp


def touching(pairs: pl.DataFrame, intervals: pl.DataFrame) -> np.ndarray:
    """Whether each pair's interval overlaps or touches one of `intervals` (chrom, start, end): bool [pairs]."""
    tested = pairs.select("chrom", pl.col("chromStart").alias("start"), pl.col("chromEnd").alias("end"))
    return any_overlap(tested, intervals, touching=True)


def pairs(screen: pl.DataFrame, genes: pl.DataFrame) -> pl.DataFrame:
    """`screen` with `gene_id` (null if the gene is not in `genes`), `gene` (its name) and `distance`, bp.

    Genes are matched by Ensembl id without version, then by symbol. Distance is the file's distanceToTSS,
    else from the interval's centre to its startTSS, else to the TSS of the gene table; null if none is known.
    """
    named = genes.select("gene_id", "gene_name").with_row_index("row").cast({"row": pl.Int64})
    by_id = named.select(pl.col("gene_id").str.split(".").list.first(), "row").unique("gene_id", keep="first")
    by_symbol = named.filter(pl.col("gene_name").is_unique())
    names = [name for name in screen_files.GENE_COLUMNS if name in screen.columns]
    keys = {
        "measuredGeneEnsemblId": (
            pl.col("measuredGeneEnsemblId").str.split(".").list.first(),
            by_id["gene_id"],
            by_id["row"],
        ),
        "measuredGeneSymbol": (pl.col("measuredGeneSymbol"), by_symbol["gene_name"], by_symbol["row"]),
    }
    matched = (key.replace_strict(old, new, default=None) for key, old, new in (keys[name] for name in names))
    row = screen.select(pl.coalesce(matched)).to_series()
    centre = (pl.col("chromStart") + pl.col("chromEnd")) / 2
    ways = [pl.col("distanceToTSS")] if "distanceToTSS" in screen.columns else []
    ways += [centre - pl.col("startTSS")] if "startTSS" in screen.columns else []
    ways.append(centre - genes["tss"].gather(row))
    return screen.with_columns(
        pl.coalesce(*names, pl.lit("")).alias("gene"),
        genes["gene_id"].gather(row).alias("gene_id"),
        pl.coalesce(ways).abs().alias("distance"),
    )


_TELLING = 5  # genes from which on TSSs tell a build
# bp: of the 2,101 genes of EPCrisprBenchmark 0.4 % lie farther from GENCODE 24's TSS; between builds most do
_NEAR = 5_000


def placed(
    path: Path, screen: pl.DataFrame, genes: pl.DataFrame, build: str | None, run: str | None
) -> tuple[pl.DataFrame, list[str]]:
    """`pairs` of a screen that is of the run's build, and what to tell of them.

    `build` is what is known of the file beside its name, `run` the build of the run. InputError where they differ,
    and, where one of them is not known, where most genes have their TSS elsewhere. Where most pairs do in the same
    build (ScPGE's Integration set), distances are from the run's TSSs.
    """
    build = build or builds.of_name(path)
    builds.require_build(path, build, run)
    found = pairs(screen, genes)
    dates = text_tables.told_of_dates(_symbols_alone(screen))
    notes = [f"{dates}; no gene is called so; export the table again without one"] if dates else []
    if "startTSS" not in found.columns:
        return found, notes
    both = found.join(genes.select("gene_id", "tss"), on="gene_id")
    both = both.select("gene_id", (pl.col("startTSS") - pl.col("tss")).abs().alias("apart")).drop_nulls()
    of_gene = both.group_by("gene_id").agg(pl.col("apart").min() > _NEAR)["apart"].to_numpy()
    if not (build and run) and len(of_gene) >= _TELLING and of_gene.mean() > 0.5:
        raise InputError(
            f"{path}: the TSSs of {of_gene.mean():.0%} of its genes lie more than {_NEAR // 1000} kb from this run's, "
            "as in another genome build; give a table of this run's build (evaluate --benchmarks lifts one by a chain "
            "file), or, where only its TSSs are of another, leave its column startTSS out"
        )
    far = (both["apart"] > _NEAR).to_numpy()
    if not len(far) or far.mean() <= 0.5:
        return found, notes
    wrong = [name for name in ("startTSS", "distanceToTSS") if name in screen.columns]
    told = f"the TSSs of {far.mean():.0%} of its pairs lie more than {_NEAR // 1000} kb from this run's"
    return pairs(screen.drop(wrong), genes), [*notes, f"{told}, from which distances are measured"]


def _symbols_alone(screen: pl.DataFrame) -> pl.Series:
    """The symbols of pairs that have no id beside them, by which the gene would be known all the same."""
    by_id, by_symbol = (
        screen[name] if name in screen.columns else pl.repeat(None, len(screen), dtype=pl.String, eager=True)
        for name in screen_files.GENE_COLUMNS
    )
    return by_symbol.filter(by_id.is_null())


def overlaps(pairs: pl.DataFrame, elements: pl.DataFrame, genes: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `pairs` and rows of `elements` that overlap: two int64 arrays of the same length.

    An element is its own extent (ccre_start, ccre_end); TSS windows and elements on a TSS interval are out.
    """
    own = np.flatnonzero((elements["class"] != TSS).to_numpy())
    ccres = elements[own].select("chrom", pl.col("ccre_start").alias("start"), pl.col("ccre_end").alias("end"))
    promoters = genes.select(
        "chrom", (pl.col("tss") - _TSS_HALF + 1).alias("start"), (pl.col("tss") + _TSS_HALF - 1).alias("end")
    )  # a base narrower on each side: these intervals are half-open, touching is no overlap
    _, on_promoter = overlapping(promoters, ccres, touching=True)
    own = np.delete(own, on_promoter)
    tested = pairs.select("chrom", pl.col("chromStart").alias("start"), pl.col("chromEnd").alias("end"))
    pair, element = overlapping(tested, ccres[np.delete(np.arange(len(ccres)), on_promoter)], touching=True)
    return pair, own[element]
