"""From artefacts to a store: those that a model needs, mapped, aligned and checked."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Required, TypedDict, Unpack

import numpy as np
import polars as pl
import torch

from crexpress.core import artifacts, log, model_config
from crexpress.core.errors import InputError
from crexpress.data import anchor as anchors
from crexpress.data import factors, gene_profiles, neighbours
from crexpress.data.gene_profiles import GeneProfiles
from crexpress.data.loops import read_loops
from crexpress.data.orthology import match
from crexpress.data.rows import CHUNK, HostRows
from crexpress.data.store import CellData, Store
from crexpress.models.base import Model
from crexpress.models.config import LoopRows, ModelConfig
from crexpress.prepare.sequence import UNKNOWN, reverse_complement


def open_store(
    elements: Path,
    genes: Path,
    signals: Sequence[Path] = (),
    expression: Sequence[Path] = (),
    sequence: Path | None = None,
    motifs: Path | None = None,
    contacts: Sequence[Path] = (),
    profiles: Sequence[Path] = (),
    *,
    config: ModelConfig,
    loop_rows: LoopRows | None = None,
) -> Store:
    """Map and align the artefacts that `config` needs; `Store.to` then decides where they are kept.

    `loop_rows` says between which tokens loops are looked up; by default where the model reads them.

    Raises InputError when artefacts belong to different element or gene sets, or lack what the model needs.
    """
    (element_table, element_header), (gene_table, gene_header) = artifacts.read_elements_and_genes(elements, genes)
    if config.width != element_header["parameters"]["width"]:
        raise InputError(
            f"{elements} has elements of {element_header['parameters']['width']} bp, the model needs {config.width}; "
            f"run merge-ccres --width {config.width}"
        )
    index = neighbours.seen(gene_table, element_table, config.neighbours, config.window, config.at_tss)
    _check_seen(index, gene_table, genes, config)
    distance = neighbours.distances(gene_table, element_table, index)
    count = len(element_table)
    cells = [_read_signals(path, config, elements, element_header, count) for path in signals]
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"cell {name} comes in two signals files; give each cell once")
    _read_expression(cells, expression, genes, gene_header, gene_table)
    nothing = torch.zeros(count, 0)
    store = Store(
        gene_table,
        element_table,
        torch.from_numpy(index),
        torch.from_numpy(distance.astype(np.float32)),
        cells,
        _read_codes(sequence, config, elements, element_header, count) if config.sequence else nothing.to(torch.uint8),
        _read_motifs(motifs, config, elements, element_header, count) if config.motifs else nothing,
        {"elements": element_header["elements"], "genes": gene_header["genes"]},
        [(name, length) for name, length in element_header["parameters"].get("chromosomes", [])],
        config.loop_rows if loop_rows is None else loop_rows,
    )
    if motifs and config.motifs and config.expressed_factors:
        _close_motifs(cells, motifs, config, gene_table["gene_name"].to_list())
    if config.stranded:
        _follow_strand(store)
    if store.loop_rows != "none":
        _read_loops(store, contacts, config, elements, element_header)
    if config.profile_width:
        present = [cell.present.numpy() for cell in cells]
        read = gene_profiles.read(profiles, names, config, genes, gene_header, present)
        store.profiles = GeneProfiles(
            gene_table, element_table, config.profile_edges, read, lambda number: cells[number].present.cpu().numpy()
        )
    return store


class Inputs(TypedDict, total=False):
    """Artefacts that a model may read, as options and `Study.inputs` name them; elements, genes and signals must be."""

    elements: Required[Path]
    genes: Required[Path]
    signals: Required[Sequence[Path]]
    expression: Sequence[Path]
    sequence: Path | None
    motifs: Path | None
    contacts: Sequence[Path]
    profiles: Sequence[Path]


def store_for(
    model: Model, *, data: str = "auto", loop_rows: LoopRows | None = None, **inputs: Unpack[Inputs]
) -> Store:
    """`open_store` of what a trained model reads, with the known cells of an anchored one, on the model's device."""
    store = open_store(**inputs, config=model.config, loop_rows=loop_rows)
    if model.config.anchored:
        if model.folder is None:
            raise InputError("an anchored model goes with its known cells; load it from the folder that train wrote")
        if known := model_config.given_cells(model.about):
            store.anchor_on(_given_anchor(store, known))
        else:
            store.anchor = anchors.read(model.folder, store.digests, store.genes)
            store.profiles_anchored()
    return store.to(next(model.parameters()).device, data)


def _given_anchor(store: Store, known: Sequence[str]) -> list[str]:
    """The cells of a store that a model without an anchor of its own compares with: those that it was trained on."""
    there = [cell.name for cell in store.cells if cell.name in known and cell.expression is not None]
    if len(there) < 2:
        raise InputError(
            f"the model predicts the change from known cells, which are given with the new one: signals and expression "
            f"of two or more of {', '.join(known)} (--signals, --profiles, --expression), found {len(there)}"
        )
    log.say(f"known cells: {', '.join(there)}")
    return there


def _check_seen(index: np.ndarray, genes: pl.DataFrame, path: Path, config: ModelConfig) -> None:
    """Say which genes have no cCRE; InputError when none has one though the model looks at them."""
    if not config.neighbours:
        return
    alone = (index != neighbours.PAD).sum(axis=1) == 1
    where = f"within {config.window // 2:,} bp of the TSS" if config.window else "on the chromosome"
    if alone.all():
        mend = "train with a wider --window, or make elements of more cCREs" if config.window else "check the cCREs"
        raise InputError(f"no gene of {path} has a cCRE {where}; {mend}")
    if alone.any():
        names = genes["gene_name"].to_numpy()[alone]
        some = ", ".join([*names[:3], *["..."][: len(names) - 3]])
        seen = "their TSS windows alone are seen" if config.gene_token == "window" else "all get the same prediction"
        log.say(f"{alone.sum():,} of {len(genes):,} genes have no cCRE {where} ({some}): {seen}")


def _read_loops(
    store: Store, paths: Sequence[Path], config: ModelConfig, elements: Path, like: artifacts.Header
) -> None:
    cells = {cell.name: cell for cell in store.cells}
    for path in paths:
        name, table = read_loops(path, config, elements, store.elements, like)
        if name not in cells:
            raise InputError(f"{path} holds the loops of {name}, but no signals of that cell were given")
        if cells[name].loops is not None:
            raise InputError(f"{path} is a second file of {name}'s loops; give each cell once")
        cells[name].loops = table
    without = [name for name, cell in cells.items() if cell.loops is None]
    if without:
        log.say(f"no loops of {', '.join(without)}: there the model sees none (M is 0 everywhere)")


def _follow_strand(store: Store) -> None:
    """Turn the TSS windows of minus-strand genes, and the signs of their distances, to run along the gene.

    A cCRE stays as it is: genes of both strands see it, and it has no direction of its own.
    """
    minus = (store.genes["strand"] == "-").to_numpy()
    turned = np.zeros(len(store.elements), bool)
    turned[store.genes["element"].to_numpy()[minus]] = True
    store.distance[torch.from_numpy(minus)] *= -1
    for cell in store.cells:
        if isinstance(cell.signals, HostRows):
            cell.signals.turn(turned, lambda signals: signals[..., ::-1])
    if isinstance(store.codes, HostRows):
        store.codes.turn(turned, reverse_complement)


def shared_tracks(signals: Iterable[Path], *, union: bool) -> tuple[str, ...]:
    """Tracks that every file has (or, with `union`, any file), in the order of the first file that has them."""
    lists = [list(artifacts.open_arrays(path, "signals").header["parameters"]["tracks"]) for path in signals]
    seen = dict.fromkeys(track for tracks in lists for track in tracks)
    return tuple(track for track in seen if union or all(track in tracks for tracks in lists))


def _open(path: Path, kind: str, elements: Path, like: artifacts.Header, count: int, *rows: str) -> artifacts.Arrays:
    """Arrays of which some, or all, have a row for each of `count` elements; InputError otherwise."""
    opened = artifacts.open_arrays(path, kind)
    artifacts.require_same("elements", path, opened.header, elements, like)
    tensors = {name: opened.tensors[name] for name in rows or opened.tensors}
    artifacts.require_rows(path, tensors, elements, count)
    return opened


def _read_signals(path: Path, config: ModelConfig, elements: Path, like: artifacts.Header, count: int) -> CellData:
    opened = _open(path, "signals", elements, like, count)
    parameters = opened.header["parameters"]
    for name, right, option in (
        ("bin_size", (config.bin_size,), "--bin-size"),
        ("transform", config.transforms, "--transform"),
    ):
        wanted = right[0]
        if config.tracks and parameters[name] not in right:
            mend = f"run extract-signals {option} {wanted}"
            if str(wanted).startswith("quantile:"):
                mend = "run match-quantiles with the quantiles.npz of the cells that the model was trained on"
            raise InputError(f"{path} has {name} {parameters[name]}, the model needs {wanted}; {mend}")
    missing = [track for track in config.tracks if track not in opened.tensors]
    if missing and not config.track_dropout:
        raise InputError(
            f"{path} lacks the track {', '.join(missing)} that the model needs; it has "
            f"{', '.join(parameters['tracks'])}. Add it to the samplesheet, or train with --track-dropout, which makes "
            "a model that can do without"
        )
    if config.tracks and len(missing) == len(config.tracks):
        raise InputError(
            f"{path} has none of the model's tracks ({', '.join(config.tracks)}); it has "
            f"{', '.join(parameters['tracks'])}, of which this model knows nothing"
        )
    bins = config.width // config.bin_size
    if config.tracks and any(tensor.shape[1] != bins for tensor in opened.tensors.values()):
        raise InputError(f"{path} does not have {bins} bins of {config.bin_size} bp an element; make it again")
    present = torch.tensor([track not in missing for track in config.tracks], dtype=torch.bool)
    if not config.tracks:
        nothing = torch.zeros(count, 0, bins, dtype=torch.float16)
        return CellData(opened.header["cell"], nothing, present)
    parts = [opened.tensors.get(track) for track in config.tracks]
    return CellData(opened.header["cell"], HostRows(parts, stack=True), present)


def _read_expression(
    cells: list[CellData], paths: Sequence[Path], genes: Path, like: artifacts.Header, gene_table: pl.DataFrame
) -> None:
    by_name = {cell.name: cell for cell in cells}
    units: dict[str, Path] = {}
    for path in paths:
        table, header = artifacts.read_table(path, "expression")
        artifacts.require_same("genes", path, header, genes, like)
        artifacts.require_genes(path, table, genes, gene_table)
        if header["cell"] not in by_name:
            raise InputError(f"{path} is the expression of {header['cell']}, but no signals of that cell were given")
        units.setdefault(header["units"]["expression"], path)
        if len(units) > 1:
            each = " and ".join(f"{file} in {unit}" for unit, file in units.items())
            raise InputError(f"expression is in different units ({each}); run quantify-expression with one --scale")
        cell = by_name[header["cell"]]
        if cell.expression is not None:
            raise InputError(
                f"{path} is the expression of {cell.name} once more; give each cell once, and replicates together to "
                "quantify-expression"
            )
        cell.expression = table["expression"].fill_null(float("nan")).to_numpy().astype(np.float32)
        cell.expression_header = header


def _close_motifs(cells: list[CellData], path: Path, config: ModelConfig, gene_names: list[str]) -> None:
    """Leave open the motif channels of the factors that each cell expresses most; all where that is not known."""
    parameters = artifacts.open_arrays(path, "motifs").header["parameters"]
    factor = dict(zip(parameters["motifs"], parameters["factors"], strict=True))
    names = [factor[name] for name in config.motifs]
    mode = parameters.get("mode", "log-odds")
    if mode != "log-odds" and any(cell.expression is not None for cell in cells):
        log.say(f"closed motif channels are 0: of mode {mode} not the mean of a score, but its lowest")
    for cell in cells:
        if cell.expression is None:
            log.say(f"{cell.name}: its expression is not given, so all {len(names)} motif channels are open")
            continue
        level = factors.levels(names, gene_names, cell.expression)
        cell.open_motifs = torch.from_numpy(factors.expressed(names, level, config.expressed_factors))
        log.say(
            f"{cell.name}: {int(cell.open_motifs.sum())} of {len(names)} motif channels are open: its "
            f"{config.expressed_factors} most expressed factors, and {np.isnan(level).sum()} of unknown expression"
        )


def _read_codes(path: Path | None, config: ModelConfig, elements: Path, like: artifacts.Header, count: int) -> HostRows:
    if path is None:
        raise InputError("the model needs the sequence; give --sequence (from score-motifs)")
    codes = _open(path, "sequence", elements, like, count).tensors["codes"]
    if codes.shape[1] != config.width:
        raise InputError(f"{path} has elements of {codes.shape[1]} bp, not {config.width}; make it again")
    if any(codes[start : start + CHUNK].max() > UNKNOWN for start in range(0, count, CHUNK)):
        raise InputError(f"{path} holds a number that stands for no base; make it again")
    return HostRows([codes], stack=False)


def _read_motifs(
    path: Path | None, config: ModelConfig, elements: Path, like: artifacts.Header, count: int
) -> HostRows:
    if path is None:
        raise InputError("the model needs motif scores; give --motifs (from score-motifs)")
    opened = _open(path, "motifs", elements, like, count, "scores")
    columns = match(config.motifs, config.factors, opened.header["parameters"], path)
    return HostRows([opened.tensors["scores"]], stack=False, columns=columns)
