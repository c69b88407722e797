"""Contributions on disk: tables, arrays, bigWigs for browsers, and what TF-MoDISco-lite reads."""

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crexpress.core import artifacts, log
from crexpress.core.artifacts import Header
from crexpress.data.store import Store
from crexpress.formats import bigwig_writer
from crexpress.interpret import table_files
from crexpress.interpret.contribution_tables import Sites, channel_rows, intervals, link_rows
from crexpress.interpret.contributions import Contributions
from crexpress.interpret.motif_bases import MotifBases
from crexpress.models.config import ModelConfig


def write(
    folder: Path,
    store: Store,
    config: ModelConfig,
    cell: int,
    found: Iterable[Contributions],
    count: int,
    header: Header,
    sites: Sites | None = None,
    along: MotifBases | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write contributions of `count` links of a cell; their tables by link and by channel.

    attributed.CELL.parquet (links), contributions.CELL.parquet (channels), contributions.CELL.safetensors (single
    inputs), contributions.CELL.KIND.bw, and modisco.CELL/{ohe,shap}.npz where the model reads sequence. With `along`
    also what motif channels give to the bases under them.
    """
    name = store.cells[cell].name
    links: list[pl.DataFrame] = []
    channels: list[pl.DataFrame] = []
    path = folder / f"contributions.{name}.safetensors"
    with artifacts.create_arrays(
        path, _specs(store, config, count, along), header | {"kind": "contribution_arrays"}
    ) as out:
        for part in found:
            at = sum(map(len, links))
            links.append(link_rows(store, part))
            channels.append(channel_rows(store, config, cell, part, sites))
            for key, array in out.items():
                own = along.of(part.element, part.motifs) if along and key == "motif_bases" else getattr(part, key)
                array[at : at + len(links[-1])] = own
    rows, table = pl.concat(links), pl.concat(channels)
    table_files.write(folder / f"attributed.{name}.parquet", rows, header | {"kind": "attributed"})
    table_files.write(folder / f"contributions.{name}.parquet", table, header)
    arrays = artifacts.open_arrays(path, "contribution_arrays").tensors
    _write_bigwigs(folder / f"contributions.{name}", store, config, rows, arrays)
    if config.sequence:
        _write_modisco(folder / f"modisco.{name}", arrays, header | {"kind": "modisco_input"})
    missed = float(np.median(rows["error"].to_numpy()))
    log.say(f"contributions of {count:,} links in {name}: the median misses its effect by {missed:.2%}")
    return rows, table


def _specs(
    store: Store, config: ModelConfig, count: int, along: MotifBases | None
) -> dict[str, tuple[str, tuple[int, ...]]]:
    shapes: dict[str, tuple[int, ...]] = {}
    if config.sequence:
        shapes |= {"bases": (4, config.width), "hypothetical": (4, config.width)}
    if config.tracks:
        shapes["signals"] = len(config.tracks), config.width // config.bin_size
    if config.motifs:
        shapes["motifs"] = (len(config.motifs),)
    if along is not None:
        shapes["motif_bases"] = (config.width,)
    if store.profiles is not None:
        shapes["profile"] = len(config.tracks), len(config.profile_edges)
    return {key: ("float32", (count, *shape)) for key, shape in shapes.items()}


def _write_bigwigs(
    stem: Path, store: Store, config: ModelConfig, links: pl.DataFrame, arrays: Mapping[str, Any]
) -> None:
    """One file for the bases and one a track; see `intervals` for where links meet."""
    tracks: dict[str, tuple[np.ndarray, int]] = {}
    if "bases" in arrays:
        tracks["sequence"] = (arrays["bases"] * arrays["hypothetical"]).sum(1), 1
    if "motif_bases" in arrays:
        tracks["motif_bases"] = np.asarray(arrays["motif_bases"]), 1
    for number, track in enumerate(config.tracks):
        tracks[track] = arrays["signals"][:, number] / np.float32(config.bin_size), config.bin_size  # of each base
    ends = dict(store.elements.group_by("chrom").agg(pl.col("end").max()).iter_rows())
    sizes = {name: length or int(ends.get(name, 1)) for name, length in store.chromosomes}
    element, effect = links["element"].to_numpy(), links["effect"].to_numpy()
    for name, (values, bin_size) in tracks.items():
        path = Path(f"{stem}.{name}.bw")
        rows = intervals(store, element, values, effect, bin_size)
        first = next(rows, None)
        if first is None:
            log.say(f"{path.name} is not written: every contribution is 0")
            continue
        bigwig_writer.write(path, sizes, chain([first], rows))


def _write_modisco(folder: Path, arrays: Mapping[str, Any], header: Header) -> None:
    """One-hot bases and hypothetical contributions [links, 4, width]: `modisco motifs -s ohe.npz -a shap.npz`."""
    for name, key in (("ohe", "bases"), ("shap", "hypothetical")):
        artifacts.write_sparse(folder / f"{name}.npz", {"arr_0": np.asarray(arrays[key])}, header)
