"""Known cells as an anchor: an anchored model predicts in what a cell's expression differs from their mean.

It sees the cell's tracks, how they differ from the known cells' mean level of the same element, and, in a gene's TSS
window, the known cells' mean expression of the gene. A known cell is no part of its own anchor: no model sees its own
target, and training and prediction see the same kind of thing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.core.means import mean_over_cells

FILE = "anchor.safetensors"  # in the model's folder


class Anchor:
    """What the known cells have in common: one array over the elements, whatever their number.

    `level` float32 [elements, tracks] is the sum over the cells of each element's mean signal, `has` float32 [cells,
    tracks] 1 where a cell has the track, `expression` float32 [cells, genes] NaN where not measured.
    """

    def __init__(
        self, cells: Sequence[str], level: np.ndarray, has: np.ndarray, expression: np.ndarray, genes: pl.DataFrame
    ) -> None:
        self.cells, self.expression = list(cells), expression
        self.level, self.has = torch.from_numpy(level), torch.from_numpy(has)
        self.profile: np.ndarray | None = None  # float32 [genes, tracks, columns], the sum over the cells
        self.gene = torch.full((len(level),), -1)  # of a TSS window
        self.gene[torch.from_numpy(genes["element"].to_numpy().astype(np.int64))] = torch.arange(len(genes))
        self._known: dict[str, Tensor] = {}

    @property
    def channels(self) -> int:
        """Signal channels of an element that an anchored model sees."""
        return 2 * self.level.shape[1] + 1

    def to(self, device: torch.device) -> "Anchor":
        """Serve elements on `device`, in place."""
        self.level, self.has, self.gene = (part.to(device) for part in (self.level, self.has, self.gene))
        return self

    def others(self, cell: str) -> list[str]:
        """The known cells that `cell` is compared with."""
        return [name for name in self.cells if name != cell]

    def known(self, cell: str) -> np.ndarray:
        """Mean expression of every gene in the other known cells, float32 [genes]; NaN where none measures it."""
        others = self.expression[[name != cell for name in self.cells]]
        return mean_over_cells(list(others.astype(np.float64))).astype(np.float32)

    def fill(self, signals: Tensor, present: Tensor, cell: str, elements: Tensor) -> None:
        """Write the channels after the tracks of some `elements` of a cell, in place.

        signals [n, channels, bins] and present [n, channels] hold the cell's own tracks first. Then come their
        differences from the known cells, present where both have the track, and the known expression, in TSS windows.
        """
        tracks = self.level.shape[1]
        own, there = signals[:, :tracks], present[:, :tracks]
        level, count = self.level.index_select(0, elements), self.has.sum(0)
        if cell in self.cells:
            level = level - own.mean(2) * there
            count = count - self.has[self.cells.index(cell)]
        comparable = there & (count > 0)
        difference = own - (level / count.clamp(min=1)).unsqueeze(2)
        signals[:, tracks:-1] = difference * comparable.unsqueeze(2)
        present[:, tracks:-1] = comparable
        if cell not in self._known:
            self._known[cell] = torch.from_numpy(self.known(cell)).to(signals.device)
        gene = self.gene.index_select(0, elements)
        expression = torch.where(gene < 0, torch.nan, self._known[cell].index_select(0, gene.clamp(min=0)))
        signals[:, -1] = expression.nan_to_num(0.0).unsqueeze(1)
        present[:, -1] = expression.isfinite()

    def facts(self, cell: str, genes: np.ndarray) -> np.ndarray:
        """Mean and standard deviation of some genes' expression in the other known cells, float32 [B, 2]; NaN where
        none, and fewer than two, measure it.
        """
        others = self.expression[[name != cell for name in self.cells]][:, genes].astype(np.float64)
        level = mean_over_cells(list(others))
        count = np.isfinite(others).sum(0)
        spread = np.sqrt(np.nansum((others - level) ** 2, axis=0) / np.maximum(count, 1))
        return np.stack([level, np.where(count > 1, spread, np.nan)], 1).astype(np.float32)

    def compare(self, cell: str, genes: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Difference of the cell's `own` profiles from the other known cells' mean, [B, tracks, columns], and where it
        is defined, bool [tracks].
        """
        assert self.profile is not None
        level, count = self.profile[genes], self.has.sum(0).cpu().numpy()
        if cell in self.cells:
            has = self.has[self.cells.index(cell)].cpu().numpy()
            level, count = level - own * has[:, None], count - has
        return own - level / np.maximum(count, 1)[:, None], count > 0

    def write(self, folder: Path, digests: dict[str, str], tracks: Sequence[str]) -> None:
        """Keep the anchor beside the model that was trained with it."""
        about = {"cells": self.cells, "tracks": list(tracks)}
        header = artifacts.make_header("anchor", "train", parameters=about) | digests
        arrays = {"level": self.level.cpu().numpy(), "has": self.has.cpu().numpy(), "expression": self.expression}
        if self.profile is not None:
            arrays["profile"] = self.profile
        artifacts.write_arrays(folder / FILE, arrays, header)


def read(folder: Path, digests: Mapping[str, str], genes: pl.DataFrame) -> Anchor:
    """The anchor of a trained model; InputError unless it is of these elements and genes, given with their digests."""
    path = folder / FILE
    if not path.is_file():
        raise InputError(f"{folder} holds an anchored model without its {FILE}; give the folder that train wrote")
    header, arrays = artifacts.open_arrays(path, "anchor")
    for what, digest in digests.items():
        if header[what] != digest:
            raise InputError(
                f"{folder} predicts the change from cells known at the {what} it was trained on ({header[what]}), not "
                f"at these ({digest}); use the same cCREs and gene annotation, or a model trained without --anchored"
            )
    level, has, expression = (np.array(arrays[name]) for name in ("level", "has", "expression"))
    found = Anchor(header["parameters"]["cells"], level, has, expression, genes)
    if "profile" in arrays:
        found.profile = np.array(arrays["profile"])
    return found
