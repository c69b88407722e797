"""From options to files: what bin/find-motifs does."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crexpress.core import artifacts, files, log, methods
from crexpress.core.errors import InputError
from crexpress.data.factors import levels
from crexpress.formats.meme import MotifSet
from crexpress.interpret import active_list, de_novo
from crexpress.interpret.motif_enrichment import enrichment
from crexpress.prepare.elements import TSS


def chosen_elements(
    elements: artifacts.Table, active: Path | None, links: Path | None, score: str, top: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the active elements, and of those that partners are drawn from: all cCREs, or those that links list."""
    lengths = dict(elements.header["parameters"]["chromosomes"])
    pool = np.flatnonzero((elements.frame["class"] != TSS).to_numpy())
    strongest = listed = None
    if links is not None:
        strongest, listed = active_list.strongest_elements(links, elements.frame, score, top)
        pool = np.intersect1d(pool, listed)
    if active is not None:
        return active_list.read_active(active, elements.frame, lengths), pool
    if strongest is None:
        raise InputError(
            "say which elements are active: --active with a list of them, or --links with links.CELL.parquet"
        )
    return np.unique(strongest), pool


def find_enriched(
    outdir: Path,
    elements: artifacts.Table,
    genes: artifacts.Table,
    sequence: Path,
    motif_set: MotifSet,
    active: np.ndarray,
    pool: np.ndarray,
    *,
    ratio: int = 5,
    p_value: float = 1e-4,
    test: str = "fisher",
    seed: int = 1,
    expression: Path | None = None,
    links: Path | None = None,
    sources: list[Path],
) -> pl.DataFrame:
    """Write enriched_motifs.parquet and .tsv, and active.fa and background.fa, which MEME-ChIP takes.

    The header's cell, and the model whose links rank the elements, are those of `links`; else the cell of `expression`.
    """
    header, tensors = artifacts.open_arrays(sequence, "sequence")
    artifacts.require_same("elements", sequence, header, "elements.parquet", elements.header)
    codes = tensors["codes"]
    gc = active_list.gc_content(codes, np.union1d(active, pool))
    active, pool = (rows[np.isfinite(gc[rows])] for rows in (active, pool))  # a window of unknown bases alone has none
    first, second = active_list.matched(active, pool, elements.frame, genes.frame, gc, ratio, seed)
    table = enrichment(np.asarray(codes[first]), np.asarray(codes[second]), motif_set, p_value, test)
    about: dict[str, Any] = {"p_value": p_value, "test": test, "seed": seed}
    cell = None
    if links is not None:
        listed = artifacts.require_header(links)
        cell = listed["cell"]
        about["links_of"] = methods.model_words(listed["parameters"])
    if expression is not None:
        measured, header = artifacts.read_table(expression, "expression")
        artifacts.require_same("genes", expression, header, "genes.parquet", genes.header)
        cell = header["cell"]
        level = levels(table["factor"].to_list(), genes.frame["gene_name"].to_list(),
                       measured["expression"].fill_null(float("nan")).to_numpy())  # fmt: skip
        table = table.with_columns(expression=pl.Series(level).fill_nan(None))
    made = artifacts.make_header("enriched_motifs", "find-motifs", elements=elements.header["elements"], cell=cell,
                                 parameters=about, sources=sources)  # fmt: skip
    artifacts.write_table(outdir / "enriched_motifs.parquet", table, made)
    files.write_tsv(outdir / "enriched_motifs.tsv", table)
    for name, rows in (("active", first), ("background", second)):
        with files.replacing(outdir / f"{name}.fa") as temporary:
            temporary.write_text(active_list.fasta(codes, elements.frame, rows))
    found = table.filter(pl.col(f"q_{test}") < 0.05)
    log.say(
        f"{len(found)} of {len(table)} motifs, of {found['family'].n_unique()} families, are enriched at q < .05: "
        f"{', '.join(found['factor'].unique(maintain_order=True).to_list()[:12]) or 'none'}"
    )
    log.say(f"with the MEME suite: meme-chip -oc meme_chip -neg {outdir / 'background.fa'} {outdir / 'active.fa'}")
    return table


def find_patterns(outdir: Path, contributions: Path, motif_set: MotifSet, seed: int = 1) -> pl.DataFrame:
    """Write de_novo.h5 (for modisco report), de_novo.meme, and de_novo.tsv with the most alike known motifs."""
    bases, values = de_novo.read_contributions(contributions)
    patterns = de_novo.discover(bases, values, outdir / "de_novo.h5", seed=seed)
    table = de_novo.patterns_table(patterns, motif_set)
    files.write_tsv(outdir / "de_novo.tsv", table, None)
    with files.replacing(outdir / "de_novo.meme") as temporary:
        temporary.write_text(de_novo.as_meme(patterns))
    log.say(f"TF-MoDISco found {len(table)} patterns in the contributions of {len(bases):,} links")
    return table


def read_back(outdir: Path, folder: Path, motif_set: MotifSet) -> pl.DataFrame:
    """Write meme_chip.tsv: what MEME-ChIP found, with the most alike known motifs."""
    table = de_novo.read_meme_chip(folder, motif_set)
    files.write_tsv(outdir / "meme_chip.tsv", table, None)
    log.say(f"{folder}: {len(table)} motifs of MEME-ChIP")
    return table
