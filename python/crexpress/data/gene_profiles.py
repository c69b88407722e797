"""The genes' own profiles in the element store: read, compared with known cells, and with single elements taken out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from crexpress.core import artifacts
from crexpress.core.device import CPU
from crexpress.core.errors import InputError
from crexpress.data.anchor import Anchor
from crexpress.data.rows import send
from crexpress.models.config import ModelConfig
from crexpress.models.inputs import GeneProfile, ProfileChanges
from crexpress.prepare import profile_bins
from crexpress.prepare.profile_bins import MAP, SHARES, matched


@dataclass
class CellProfiles:
    """Profiles of one cell as they were read, by track (nothing for one that it lacks): values float32 [genes,
    columns], what elements have of them float32 [overlaps], and the values that levels take on where they were matched.
    """

    values: list[np.ndarray | None]
    shares: list[np.ndarray | None]
    maps: list[np.ndarray | None]

    def of(self, genes: np.ndarray) -> np.ndarray:
        """Profiles of some genes, float32 [B, tracks, columns], 0 in a track that the cell lacks."""
        columns = next(part.shape[1] for part in self.values if part is not None)
        found = np.zeros((len(genes), len(self.values), columns), np.float32)
        for number, (values, levels) in enumerate(zip(self.values, self.maps, strict=True)):
            if values is not None:
                own = values[genes]
                found[:, number] = own if levels is None else matched(own, levels)
        return found

    def without(self, shared: profile_bins.Overlaps, rows: np.ndarray, track: int | None = None) -> np.ndarray:
        """Values of the columns in some rows of `shared` without the element there (or without it in one track alone),
        float32 [rows, tracks]: it is taken from them before levels are matched.
        """
        found = np.zeros((len(rows), len(self.values)), np.float32)
        for number, (values, shares, levels) in enumerate(zip(self.values, self.shares, self.maps, strict=True)):
            if values is not None:
                left = values[shared.gene[rows], shared.column[rows]]
                if shares is not None and track in (None, number):
                    left = np.maximum(left - shares[rows], 0)
                found[:, number] = left if levels is None else matched(left, levels)
        return found


class GeneProfiles:
    """Profiles of all genes and cells of a store. `present(cell)` tells which tracks the cell has now."""

    def __init__(
        self,
        genes: pl.DataFrame,
        elements: pl.DataFrame,
        edges: Sequence[int],
        cells: list[CellProfiles],
        present: Callable[[int], np.ndarray],
    ) -> None:
        self.cells, self.present = cells, present
        self.length = profile_bins.log_length(genes)
        self.device = CPU
        self.anchor: Anchor | None = None
        self._names: list[str] = []
        self._where = genes, elements, edges
        self._overlaps: profile_bins.Overlaps | None = None

    def anchor_on(self, anchor: Anchor, names: list[str], known: Sequence[int] | None = None) -> None:
        """Compare every cell with the anchor's, to which the profiles of the cells `known` are added first."""
        if known is not None:
            every = np.arange(len(self.length))
            anchor.profile = np.add.reduce([self.cells[number].of(every) for number in known])
        self.anchor, self._names = anchor, names

    def of(self, cell: np.ndarray, gene: np.ndarray) -> GeneProfile:
        """Profiles of genes, each in its cell."""
        parts = []
        order = np.argsort(cell, kind="stable")
        for number in np.unique(cell):
            genes = gene[cell == number]
            parts.append(self._compared(int(number), genes, self.cells[number].of(genes)))
        back = np.argsort(order, kind="stable")
        return GeneProfile(
            *(send(torch.from_numpy(np.concatenate(part)[back]), self.device) for part in zip(*parts, strict=True))
        )

    def silenced(self, cell: int, genes: np.ndarray, index: np.ndarray, track: int | None = None) -> ProfileChanges:
        """What profiles of genes in a cell lose with the bases of the element in each column of index [B, n], in all
        tracks or in one.
        """
        if self._overlaps is None:
            self._overlaps = profile_bins.overlaps(*self._where)
        shared, own = self._overlaps, self.cells[cell]
        first, last = np.searchsorted(shared.gene, genes), np.searchsorted(shared.gene, genes, "right")
        rows = np.concatenate([np.arange(*bounds) for bounds in zip(first, last, strict=True)])
        row_of = np.repeat(np.arange(len(genes)), last - first)
        here, token = np.nonzero(index[row_of] == shared.element[rows][:, None])
        rows, row_of = rows[here], row_of[here]
        pairs, pair = np.unique(row_of * index.shape[1] + token, return_inverse=True)
        parts = *np.divmod(pairs, index.shape[1]), pair, shared.column[rows], own.without(shared, rows, track)
        return ProfileChanges(*(send(torch.from_numpy(part), self.device) for part in parts))

    def silenced_together(self, cell: int, gene: int, index: np.ndarray, groups: np.ndarray) -> GeneProfile:
        """Profiles [K] of a gene in a cell, each without the elements of index [n] in a group, bool [K, n].

        Bases that several of a group share are taken once for each, down to 0. Not for anchored models.
        """
        if self._overlaps is None:
            self._overlaps = profile_bins.overlaps(*self._where)
        shared, own = self._overlaps, self.cells[cell]
        rows = np.arange(*(int(np.searchsorted(shared.gene, gene, side)) for side in ("left", "right")))
        here, token = np.nonzero(index == shared.element[rows][:, None])
        rows = rows[here]
        genes = np.full(len(groups), gene)
        changed, *rest = self._compared(cell, genes, own.of(genes))
        for number, (values, shares, levels) in enumerate(zip(own.values, own.shares, own.maps, strict=True)):
            if values is not None and shares is not None:
                less = np.zeros((values.shape[1], len(groups)), np.float32)
                np.add.at(less, shared.column[rows], (groups[:, token] * shares[rows]).T)
                left = np.maximum(values[gene] - less.T, 0)
                changed[:, number] = left if levels is None else matched(left, levels)
        return GeneProfile(*(send(torch.from_numpy(part), self.device) for part in (changed, *rest)))

    def _compared(self, cell: int, genes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, ...]:
        """What a model sees of genes in a cell, from their profiles [B, tracks, columns]; see `GeneProfile`."""
        present = np.broadcast_to(self.present(cell), values.shape[:2])
        about = self.length[genes, None]
        if self.anchor is None:
            return values, present.copy(), about
        difference, comparable = self.anchor.compare(self._names[cell], genes, values)
        return (
            np.concatenate([values, difference], 1),
            np.concatenate([present, present & comparable], 1),
            np.concatenate([about, self.anchor.facts(self._names[cell], genes)], 1),
        )


def read(
    paths: Sequence[Path],
    names: Sequence[str],
    config: ModelConfig,
    genes: Path,
    like: artifacts.Header,
    present: Sequence[np.ndarray],
) -> list[CellProfiles]:
    """Profiles of the cells `names`, in their order; `present` are the tracks whose signals each has.

    Raises InputError when a cell's are not given, belong to other genes or elements, or lack what the model needs.
    """
    found: dict[str, CellProfiles] = {}
    if not paths:
        raise InputError(
            "the model reads each gene's own profile; give --profiles (profiles.CELL.safetensors, which "
            "extract-signals --genes writes beside the signals)"
        )
    for path in paths:
        header, tensors = artifacts.open_arrays(path, "profiles")
        artifacts.require_same("genes", path, header, genes, like)
        artifacts.require_same("elements", path, header, genes, like)
        cell, parameters = header["cell"], header["parameters"]
        if cell in found:
            raise InputError(f"{path} is a second file of {cell}'s profiles; give each cell once")
        if cell not in names:
            raise InputError(f"{path} holds the profiles of {cell}, but no signals of that cell were given")
        for what, right in (("edges", [list(config.profile_edges)]), ("transform", list(config.transforms))):
            if parameters[what] not in right:
                raise InputError(
                    f"{path} has the {what} {parameters[what]}, the model needs {right[0]}; run extract-signals "
                    "--genes (and match-quantiles) as for the cells that the model was trained on"
                )
        there = present[names.index(cell)]
        lacking = [track for track, has in zip(config.tracks, there, strict=True) if has and track not in tensors]
        if lacking:
            raise InputError(f"{path} lacks the track {', '.join(lacking)} that {cell}'s signals have; make both anew")
        tracks = [track if has else "" for track, has in zip(config.tracks, there, strict=True)]
        found[cell] = CellProfiles(*([tensors.get(kind + track) for track in tracks] for kind in ("", SHARES, MAP)))
    without = [name for name in names if name not in found]
    if without:
        raise InputError(
            f"the model reads each gene's own profile, and {without[0]}'s is not given; add it to --profiles"
        )
    return [found[name] for name in names]
