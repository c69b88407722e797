"""Perturbation screens: which tested intervals regulate the genes that were measured.

ScPGE reports 677 positive and 2,239 negative pairs of its Integration set, whose released file has 913 and 7,416: its
code passes over pairs without a cCRE within 2 kb, and those outside the model's window. Here every pair counts, misses
are filled and counted, and the covered pairs are a subset of their own.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import pairs as measures
from crexpress.evaluate.benchmarks import same_build
from crexpress.evaluate.benchmarks.base import Entry, Found, World
from crexpress.evaluate.benchmarks.predictors import labelled
from crexpress.formats import screen_files
from crexpress.links import encode_re2g
from crexpress.links.published import gene_keys, named_as
from crexpress.prepare import screening

NO_CELL = "no cell"  # of figures where neither the screen nor what is scored names one


def score(entry: Entry, world: World) -> Found:
    """Every score of the run on a screen's pairs, in each of its cells.

    Options of the entry: `build`, `chain` (a file to this run's build), `scores` (columns of the table that are scores
    themselves, apart by ";", with "-" before those of which less is better; "re2g:MODEL" is ENCODE-rE2G from the
    table's features). Raises InputError for another build.
    """
    path = entry.file
    if path is None:
        raise InputError(f"{entry.name}: a screen needs a file; fill the column file of benchmarks.csv")
    table = screen_files.read(path, _chromosomes(world))
    notes = [f"left out: {text}" for text in screen_files.told(table.left_out)]
    build = same_build.said(entry, world, table.build)
    if build and not world.build and not all(links.build for links in world.links):
        notes.append(f"it is of {build}; that published scores are as well, nothing here can tell")
    frame, lifted = same_build.lifted(table.pairs, entry, "pairs", ("chrom", "chromStart", "chromEnd"))
    if lifted:
        frame = frame.drop(name for name in ("startTSS", "endTSS") if name in frame.columns)  # of the other build
    places = frame.select("chrom", start=pl.col("chromStart").cast(pl.Int64), end=pl.col("chromEnd").cast(pl.Int64))
    same_build.require_within(entry, places, world)
    if build is None and "startTSS" not in frame.columns:  # else TSSs tell it
        notes += same_build.require_on_elements(entry, places, world)
    notes += lifted
    genes = world.genes if world.genes is not None else _genes_of(frame)
    frame, told_of_tss = screening.placed(path, frame, genes, build, world.build or entry.options.get("build"))
    notes += told_of_tss
    rows, curves = [], []
    for cell, of_cell in _cells(entry, frame, world).items():
        pairs = prepared(of_cell, genes)
        positive = pairs["Regulated"].to_numpy()
        named = world
        if world.genes is None:  # the screen alone tells which symbol an id has
            named = replace(world, links=[named_as(links, pairs) for links in world.links])
        own = {name.removeprefix("-"): values for name, values in _own_scores(entry, pairs).items()}
        marked, told = labelled(entry.name, cell, pairs, positive, named, genes, own)
        alike = "" if 0 < positive.sum() < len(pairs) else ", of which none can be ranked above another"
        notes += [f"{cell}: {len(pairs):,} pairs, {int(positive.sum()):,} positive{alike}", *_repeated(pairs), *told]
        found, drawn = measures.measure(marked, world.resamples, world.seed)
        rows += found
        curves += drawn
    return Found(rows, curves, notes)


def prepared(known: pl.DataFrame, genes: pl.DataFrame) -> pl.DataFrame:
    """A screen's pairs with the columns that scores are found by, and `effect` where the screen measured one."""
    columns = known.columns
    named = {"ensembl": "measuredGeneEnsemblId", "symbol": "measuredGeneSymbol"}
    frame = known.with_columns(
        (pl.col(name) if name in columns else pl.lit(None, pl.String)).alias(what) for what, name in named.items()
    )
    if "EffectSize" in columns:
        frame = frame.with_columns(pl.col("EffectSize").cast(pl.Float64, strict=False).alias("effect"))
    frame = frame.rename({"chromStart": "start", "chromEnd": "end"}).cast({"start": pl.Int64, "end": pl.Int64})
    return frame.with_columns(gene_keys(frame, genes).alias("key"))


def _cells(entry: Entry, frame: pl.DataFrame, world: World) -> dict[str, pl.DataFrame]:
    """The pairs of each cell to score; a table without cells is of the entry's cell, or of the only one there is."""
    if "CellType" not in frame.columns:
        cells = [entry.cell] if entry.cell else world.cells() or [NO_CELL]
        if len(cells) != 1:
            raise InputError(f"{entry.file} names no cell (no column CellType); fill the column cell of {entry.name}")
        return {str(cells[0]): frame}
    present = frame["CellType"].unique(maintain_order=True).to_list()
    wanted = [entry.cell] if entry.cell else [cell for cell in present if cell in world.cells() or not world.cells()]
    chosen = [cell for cell in wanted if cell in present]
    if not chosen:
        known = ", ".join(world.cells()) or "none"
        raise InputError(f"{entry.file} has no pair of {entry.cell or known}; its cells are {', '.join(present[:5])}")
    return {cell: frame.filter(pl.col("CellType") == cell) for cell in chosen}


def _repeated(pairs: pl.DataFrame) -> list[str]:
    """What to tell of pairs that stand more than once: each line counts, as in the field's code."""
    place = ["chrom", "start", "end", "gene"]
    twice = (
        pairs.group_by(place).agg(pl.len(), pl.col("Regulated").n_unique().alias("verdicts")).filter(pl.col("len") > 1)
    )
    if twice.is_empty():
        return []
    both = twice.filter(pl.col("verdicts") > 1)
    against = f", {len(both):,} of them regulated in one line and not in another" if len(both) else ""
    return [f"{len(twice):,} pairs stand on more than one line ({twice['len'].sum():,}), each of which counts{against}"]


def _own_scores(entry: Entry, pairs: pl.DataFrame) -> dict[str, np.ndarray]:
    """Scores that the table holds itself, float64 [pairs], higher is better; what is missing is worst."""
    found = {}
    for text in filter(None, (one.strip() for one in entry.options.get("scores", "").split(";"))):
        if text.startswith(encode_re2g.PREFIX):
            model = text.removeprefix(encode_re2g.PREFIX)
            if model not in encode_re2g.MODELS:
                raise InputError(f"{entry.name}: there is no {text}; models are {', '.join(encode_re2g.MODELS)}")
            found[text] = np.nan_to_num(encode_re2g.probability(pairs, model), nan=-np.inf)
            continue
        name, sign = text.removeprefix("-"), -1 if text.startswith("-") else 1
        if name not in pairs.columns:
            raise InputError(f"{entry.file} has no column {name}, which {entry.name} names as a score")
        values = pairs[name].cast(pl.Float64, strict=False).fill_nan(None)
        found[text] = (sign * values).fill_null(-np.inf).to_numpy()
    return found


def _chromosomes(world: World) -> list[str]:
    """The run's; without an annotation every usual name, as published tables spell them, so that no pair is lost."""
    if world.genes is not None:
        return world.genes["chrom"].unique(maintain_order=True).to_list()
    named = [name for links in world.links for name in links.table["chrom"].unique(maintain_order=True).to_list()]
    prefix = "" if named and not named[0].startswith("chr") else "chr"
    return list(dict.fromkeys([*named, *(f"{prefix}{name}" for name in (*range(1, 23), "X", "Y"))]))


def _genes_of(frame: pl.DataFrame) -> pl.DataFrame:
    """The genes that a screen names, where the run has no annotation: by symbol, else by id."""
    there = [name for name in screen_files.GENE_COLUMNS if name in frame.columns]
    tss = pl.col("startTSS").cast(pl.Int64) if "startTSS" in frame.columns else pl.lit(None, pl.Int64)
    named = frame.select(
        pl.coalesce(*reversed(there)).alias("gene_id"),
        pl.coalesce(*reversed(there)).alias("gene_name"),
        "chrom",
        tss.alias("tss"),
    )
    return named.drop_nulls("gene_id").unique("gene_id", keep="first", maintain_order=True)
