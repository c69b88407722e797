"""From options to files: what bin/attribute does for a cell."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from crexpress.apply.cell_model import CellModel
from crexpress.core import artifacts
from crexpress.interpret import contribution_files
from crexpress.interpret.chosen import asked_pairs
from crexpress.interpret.contribution_tables import read_sites
from crexpress.interpret.contributions import Background, contributions
from crexpress.interpret.edited import read_motifs
from crexpress.interpret.motif_bases import MotifBases


def attribute(
    loaded: CellModel,
    cell: int,
    outdir: Path,
    *,
    asked: Mapping[str, Any],
    background: Background = "silent",
    shuffles: int = 10,
    seed: int = 1,
    motif_hits: Path | None = None,
    motif_file: Path | None = None,
    motifs: Path | None = None,
    sequence: Path | None = None,
    tokens: int = 200_000,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write the contributions of the links `asked` for (see `asked_pairs`); their tables by link and by channel."""
    store, config = loaded.store, loaded.model.config
    pairs = asked_pairs(store, loaded.cells[cell], **asked)
    sites = None
    if motif_hits is not None:
        hits, about = artifacts.read_table(motif_hits, "motif_hits")
        like = {"elements": store.digests["elements"]}
        artifacts.require_same("elements", motif_hits, about, "the elements of the model's inputs", like)
        sites = read_sites(hits, about["parameters"], store.elements)
    found = contributions(loaded.model, store, cell, pairs, background, shuffles, seed, tokens)
    about = {"method": "integrated gradients" if background == "silent" else "expected gradients"}
    about |= {"background": background} | (
        {"shuffles": shuffles, "shuffle_seed": seed} if background != "silent" else {}
    )
    header = loaded.header("contributions", "attribute", cell, **about)
    along = None
    if motif_file is not None:
        scores = read_motifs(loaded.model, motif_file, motifs)
        along = None if scores is None else MotifBases(scores, sequence, store.digests["elements"])
    return contribution_files.write(outdir, store, config, cell, found, len(pairs.gene), header, sites, along)
