"""Attention between elements as files: npz for programs, .cool for browsers and tools of contact matrices."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import torch

from crexpress.apply.cell_model import CellModel
from crexpress.core import artifacts, chromosome_names, files, splits
from crexpress.core.errors import InputError
from crexpress.core.tracks import FLOOR, element_means
from crexpress.formats import places, text_files
from crexpress.interpret import element_pairs
from crexpress.interpret.attention import AttentionMap, attention_map, by_bin
from crexpress.interpret.extras import needed
from crexpress.models.config import LoopRows, ModelConfig
from crexpress.models.folder import read_settings
from crexpress.prepare import asked_genes


def asked(genes: pl.DataFrame, names: str | None, region: str | None) -> dict[str, np.ndarray]:
    """Rows of genes by the name of their map: one each, or those with a TSS in a region; InputError for none."""
    if region is None:
        wanted = text_files.names(names or "")
        rows = asked_genes.rows(genes, wanted)
        return {re.sub("[^A-Za-z0-9._-]", "_", name): rows[at : at + 1] for at, name in enumerate(wanted)}
    parsed = splits.parse(region)
    if len(parsed) != 1:
        raise InputError(f"--region '{region}': give one region, as chr20:7000000-10000000")
    chrom, start, end = parsed[0]
    known = genes["chrom"].unique(maintain_order=True).to_list()
    chrom = chrom if chrom in known else chromosome_names.other_spelling(chrom) or chrom
    inside = (genes["chrom"] == chrom) & (genes["tss"] >= start) & (genes["tss"] < (end or 2**62))
    if not inside.any():
        raise InputError(f"--region {region} holds the TSS of no gene; chromosomes with genes: {', '.join(known[:30])}")
    return {re.sub("[^A-Za-z0-9._-]", "_", region): np.flatnonzero(inside)}


def rows_of(model: Path) -> LoopRows | None:
    """Between which tokens loops must be looked up for a map: all, where the model reads loops."""
    reads = read_settings(model, ModelConfig).loop_prior != "none"
    return "all" if reads else None


def write(
    stem: Path,
    loaded: CellModel,
    cell: int,
    genes: np.ndarray,
    header: dict[str, Any],
    resolution: int | None,
    domains: Path | None = None,
    pair: Sequence[str] = (),
) -> list[Path]:
    """STEM.npz; STEM.cool where a resolution is given; by `element_pairs` STEM.ctcf.tsv where domains are, and
    STEM.direction.tsv where a pair of elements is; their paths.
    """
    found = attention_map(loaded.model, loaded.store, cell, genes, loaded.precision)
    elements = loaded.store.elements
    tables = {}
    if domains:
        known = places.respelt(places.read(domains, "domain"), elements["chrom"].unique(), domains)
        tables["ctcf"] = element_pairs.ctcf_pairs(found, elements, bound(loaded, cell, found.elements), known)
    if pair:
        tables["direction"] = element_pairs.direction(found, elements, *pair)
    paths = [stem.with_name(f"{stem.name}.{name}.tsv") for name in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        files.write_tsv(path, table, None)
    paths.insert(0, stem.with_name(f"{stem.name}.npz"))
    write_npz(paths[0], found, elements, header)
    if resolution:
        lengths = {name: length for name, length in loaded.store.chromosomes if length}
        last = elements.group_by("chrom").agg(pl.max("end"))
        lengths = {name: lengths.get(name, int(end)) for name, end in sorted(last.iter_rows())}
        paths.append(stem.with_name(f"{stem.name}.cool"))
        write_cool(paths[-1], found, elements, lengths, resolution)
    return paths


def bound(loaded: CellModel, cell: int, rows: np.ndarray) -> np.ndarray:
    """Which elements, of those in `rows`, CTCF binds in a cell: bool [elements]; InputError without that track."""
    config, data = loaded.model.config, loaded.store.cells[cell]
    if "ctcf" not in config.tracks or not data.present[config.tracks.index("ctcf")]:
        raise InputError(f"pairs of CTCF sites need the track ctcf of {data.name}, which this model or cell lacks")
    own = data.signals[torch.from_numpy(rows)][:, config.tracks.index("ctcf")].float().cpu().numpy()
    bound = np.zeros(len(loaded.store.elements), bool)
    bound[rows] = element_means(own, config.transform) >= FLOOR
    return bound


def write_npz(path: Path, found: AttentionMap, elements: pl.DataFrame, header: dict[str, Any]) -> None:
    """An artefact of the kind attention_map: the matrices, and the elements' rows, ids and places."""
    rows = elements[found.elements]
    arrays = {
        "element": found.elements.astype(np.int32),
        "element_id": np.array(rows["element_id"].to_list()),
        "chrom": np.array(rows["chrom"].to_list()),
        "start": rows["ccre_start"].to_numpy(),
        "end": rows["ccre_end"].to_numpy(),
        "probability": found.probability,
        "logit": found.logit,
        "genes": found.genes,
    }
    artifacts.write_sparse(path, arrays, header)


def write_cool(
    path: Path, found: AttentionMap, elements: pl.DataFrame, lengths: Mapping[str, int], resolution: int
) -> None:
    """A .cool of attention between bins, `count` float64; InputError where cooler is not installed."""
    with needed("cooler"):
        import cooler
        import h5py
        import pandas

    names = list(lengths)
    sizes = pandas.Series([lengths[name] for name in names], index=names, dtype=np.int64)
    bins = cooler.binnify(sizes, resolution)
    offset = dict(zip(names, np.cumsum([0, *(-(-sizes // resolution))])[:-1].tolist(), strict=True))
    pixels = [
        table.select(bin1_id=pl.col("row") + offset[name], bin2_id=pl.col("col") + offset[name], count="attention")
        for name, table in by_bin(found, elements, resolution).items()
    ]
    joined = pl.concat(pixels).sort("bin1_id", "bin2_id")
    table = pandas.DataFrame({name: joined[name].to_numpy() for name in joined.columns})
    with TemporaryDirectory() as folder:
        made = Path(folder, "map.cool")
        cooler.create_cooler(str(made), bins, table, dtypes={"count": "float64"}, ordered=True, symmetric_upper=True)
        with files.replacing(path) as temporary, h5py.File(made) as source, h5py.File(temporary, "w") as target:
            for name in source:
                source.copy(name, target)
            for name, value in source.attrs.items():  # cooler writes the time, and the same run gives the same bytes
                target.attrs[name] = "1970-01-01T00:00:00" if name == "creation-date" else value
