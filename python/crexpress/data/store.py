"""The element store: every element's inputs once, genes pointing at elements, batches gathered by index.

Nothing is repeated per gene (see docs/science.md, "Scale"): a batch is the unique elements of its genes plus, for
every gene, where they are. One store serves any number of neighbours and every model.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.core import artifacts, log
from crexpress.core.device import CPU
from crexpress.core.errors import InputError
from crexpress.data import anchor as anchors
from crexpress.data import factors, gene_profiles, neighbours
from crexpress.data.anchor import Anchor
from crexpress.data.gene_profiles import GeneProfiles
from crexpress.data.loops import LoopTable, read_loops
from crexpress.data.orthology import match
from crexpress.data.rows import CHUNK, HostRows, Rows, keep_resident, send
from crexpress.data.shuffling import shuffle_codes
from crexpress.models.base import Model
from crexpress.models.config import LoopRows, ModelConfig
from crexpress.models.inputs import Batch, Features
from crexpress.prepare.sequence import UNKNOWN, reverse_complement


@dataclass
class CellData:
    """One cell: float16 signals [elements, tracks, bins] (zero where a track is missing), and its expression.

    `present` bool [tracks]; `expression` float32 [genes] with NaN where not measured, or None; `open_motifs` bool
    [motifs], False for the channels of factors that the cell does not express, or None where all are open.
    """

    name: str
    signals: Rows
    present: Tensor
    expression: np.ndarray | None = None
    expression_header: artifacts.Header | None = None
    loops: LoopTable | None = None
    open_motifs: Tensor | None = None


@dataclass
class Store:
    """Elements, genes and cells. The inputs of elements are on `device`, or mapped on the host and streamed to it.

    `index` int32 [genes, n] are each gene's elements (-1 pads); it and `distance` stay on the host, where batches are
    put together, so that a GPU is never waited for.
    """

    genes: pl.DataFrame
    elements: pl.DataFrame
    index: Tensor
    distance: Tensor
    cells: list[CellData]
    codes: Rows  # uint8 [elements, width], or [elements, 0] when the model reads no sequence
    motifs: Rows  # float16 [elements, motifs], likewise
    digests: dict[str, str]
    chromosomes: list[tuple[str, int | None]]  # names and lengths: which genome this is
    loop_rows: LoopRows = "none"  # between which tokens of a gene loops are looked up
    device: torch.device = CPU
    anchor: Anchor | None = None  # known cells that an anchored model compares with
    profiles: GeneProfiles | None = None  # of a model that reads them
    shuffled_from: int | None = None  # cells from this number on are seen with shuffled sequences

    def to(self, device: torch.device, data: str = "auto") -> "Store":
        """Serve batches on `device`, in place; data "resident" copies all inputs there, "stream" copies as needed."""
        self.device = device
        resident = keep_resident(sum(rows.nbytes for rows in self._inputs()), device, data)

        def place(rows: Rows) -> Rows:
            if isinstance(rows, Tensor):
                return rows.to(device)
            rows.device = device
            return rows.load(device) if resident else rows

        self.codes, self.motifs = place(self.codes), place(self.motifs)
        for cell in self.cells:
            cell.signals, cell.present = place(cell.signals), cell.present.to(device)
            cell.loops = cell.loops and cell.loops.to(device)
            if cell.open_motifs is not None:
                cell.open_motifs = cell.open_motifs.to(device)
        if self.anchor is not None:
            self.anchor.to(device)
        if self.profiles is not None:
            self.profiles.device = device
        return self

    def anchor_on(self, known: Collection[str]) -> None:
        """Compare every cell with these, whose expression must be there; before `to`.

        InputError with fewer than two: of one cell alone it cannot be learnt what differs between cells.
        """
        cells = [cell for cell in self.cells if cell.name in known]
        if len(cells) < 2:
            raise InputError(
                "--anchored learns what differs between cells, and needs the expression of two or more to train on; "
                f"there is {', '.join(cell.name for cell in cells)} alone"
            )
        level = np.zeros((len(self.elements), len(cells[0].present)), np.float32)
        for cell in cells:
            for rows in torch.arange(len(level)).split(CHUNK):
                level[rows] += (cell.signals[rows].float().mean(2) * cell.present).numpy()
        has = np.stack([cell.present.numpy() for cell in cells]).astype(np.float32)
        expression = np.stack([cell.expression for cell in cells if cell.expression is not None])
        self.anchor = Anchor([cell.name for cell in cells], level, has, expression, self.genes)
        self.profiles_anchored([number for number, cell in enumerate(self.cells) if cell.name in known])

    def profiles_anchored(self, known: Sequence[int] | None = None) -> None:
        """Compare the genes' profiles, too, with the anchor's cells, or with these where it has no profiles yet."""
        if self.profiles is not None and self.anchor is not None:
            self.profiles.anchor_on(self.anchor, [cell.name for cell in self.cells], known)

    def _inputs(self) -> list[Rows]:
        return [self.codes, self.motifs, *(cell.signals for cell in self.cells)]

    def features(self, keys: np.ndarray) -> Features:
        """Inputs of elements, each in its cell: ascending int64 cell number * elements + element."""
        cell, element = np.divmod(keys, len(self.elements))
        there = torch.from_numpy(element)
        here = send(there, self.device)

        def pick(rows: Rows, part: slice = slice(None)) -> Tensor:
            return rows.index_select(0, here[part]) if isinstance(rows, Tensor) else rows[there[part]]

        tracks, bins = self.cells[0].signals.shape[1:]
        channels = tracks if self.anchor is None else self.anchor.channels
        signals = torch.empty(len(keys), channels, bins, device=self.device)
        present = torch.empty(len(keys), channels, dtype=torch.bool, device=self.device)
        codes, motifs = pick(self.codes), pick(self.motifs).float()
        bounds = np.searchsorted(cell, np.arange(len(self.cells) + 1))
        if self.shuffled_from is not None:
            start = int(bounds[self.shuffled_from])
            codes[start:] = shuffle_codes(codes[start:], here[start:])
            others = torch.from_numpy(element[start:] * 7919 % len(self.elements))
            motifs[start:] = self.motifs[others if isinstance(self.motifs, HostRows) else send(others, self.device)]
        for data, start, end in zip(self.cells, bounds[:-1], bounds[1:], strict=True):
            part = slice(int(start), int(end))
            if start < end:
                signals[part, :tracks] = pick(data.signals, part)
                present[part, :tracks] = data.present
                if self.anchor is not None:
                    self.anchor.fill(signals[part], present[part], data.name, here[part])
                if data.open_motifs is not None:  # a closed channel is 0: the mean of standardised scores
                    motifs[part] *= data.open_motifs
        return Features(signals, present, codes, motifs)

    def batch(self, cell: np.ndarray, gene: np.ndarray) -> Batch:
        """Inputs of genes, each in its cell: two int64 vectors of the same length."""
        index = self.index[gene].numpy().astype(np.int64)
        present = index != neighbours.PAD
        keys = np.asarray(cell)[:, None] * len(self.elements) + index
        unique, inverse = np.unique(keys[present], return_inverse=True)
        token = np.full(index.shape, len(unique))
        token[present] = inverse
        tokens, there, distance = (
            send(part, self.device)
            for part in (torch.from_numpy(token), torch.from_numpy(present), self.distance[gene])
        )
        profile = self.profiles.of(np.asarray(cell), np.asarray(gene)) if self.profiles is not None else None
        return Batch(self.features(unique), tokens, there, distance, self.loops_between(cell, gene), profile)

    def loops_between(self, cell: np.ndarray, gene: np.ndarray) -> Tensor | None:
        """Loops float32 [B, rows, n] between the tokens of genes, each in its cell; 0 in a cell without loops."""
        if self.loop_rows == "none":
            return None
        index = send(self.index[gene].long(), self.device)
        n = index.shape[1]
        rows = slice(None) if self.loop_rows == "all" else slice(n // 2, n // 2 + 1)
        found = torch.zeros(len(gene), n if self.loop_rows == "all" else 1, n, device=self.device)
        for number in np.unique(cell):
            loops = self.cells[number].loops
            if loops is not None:
                here = send(torch.from_numpy(np.flatnonzero(cell == number)), self.device)
                found[here] = loops.between(index[here], rows)
        return found


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


def store_for(
    model: Model,
    *,
    elements: Path,
    genes: Path,
    signals: Sequence[Path],
    expression: Sequence[Path] = (),
    sequence: Path | None = None,
    motifs: Path | None = None,
    contacts: Sequence[Path] = (),
    profiles: Sequence[Path] = (),
    data: str = "auto",
    loop_rows: LoopRows | None = None,
) -> Store:
    """`open_store` of what a trained model reads, with the known cells of an anchored one, on the model's device."""
    store = open_store(
        *(elements, genes, signals, expression, sequence, motifs, contacts, profiles),
        config=model.config,
        loop_rows=loop_rows,
    )
    if model.config.anchored:
        if model.folder is None:
            raise InputError("an anchored model goes with its known cells; load it from the folder that train wrote")
        if model.about.get("anchor") == anchors.GIVEN:
            store.anchor_on(_given_anchor(store, model.about["cells"]))
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
