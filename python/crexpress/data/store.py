"""The element store: every element's inputs once, genes pointing at elements, batches gathered by index.

Nothing is repeated per gene (see docs/science.md, "Scale"): a batch is the unique elements of its genes plus, for
every gene, where they are. One store serves any number of neighbours and every model.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.core import artifacts
from crexpress.core.device import CPU
from crexpress.core.errors import InputError
from crexpress.data import neighbours
from crexpress.data.anchor import Anchor
from crexpress.data.gene_profiles import GeneProfiles
from crexpress.data.loops import LoopTable
from crexpress.data.rows import CHUNK, HostRows, Rows, keep_resident, send
from crexpress.data.shuffling import shuffle_codes
from crexpress.models.config import LoopRows
from crexpress.models.inputs import Batch, Features


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
            for rows in torch.split(torch.arange(len(level)), CHUNK):
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

    def genes_of(self, tokens: int) -> int:
        """Genes that have at most so many tokens together: the rule of every `--tokens`; one at least."""
        return max(1, tokens // self.index.shape[1])

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
