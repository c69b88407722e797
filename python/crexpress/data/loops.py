"""Chromatin loops between the tokens of genes, looked up on the device for each batch; nothing is kept per gene."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.models.config import ModelConfig
from crexpress.prepare.contacts import Contacts, Value


class LoopTable(NamedTuple):
    """Loops of one cell: ascending `keys` (bin * total + bin, the lower first) and their log10(1 + strength).

    `bins` int64 [elements] is the bin of each element's midpoint, -1 where there is none.
    """

    keys: Tensor
    values: Tensor
    bins: Tensor
    total: int
    edge_pads: bool

    def to(self, device: torch.device) -> Self:
        return self._replace(keys=self.keys.to(device), values=self.values.to(device), bins=self.bins.to(device))

    def between(self, index: Tensor, rows: slice) -> Tensor:
        """M [B, rows, n] between the elements index [B, n], 0 where there is no loop (ScPGE "Chromatin loops").

        A pad (-1) has no loops; with `edge_pads` it has those of the outermost element of its side.
        """
        if self.edge_pads:
            index = _fill_pads(index)
        bins = torch.where(index < 0, -1, self.bins[index])
        asking, asked = bins[:, rows].unsqueeze(-1), bins.unsqueeze(-2)
        low, high = torch.minimum(asking, asked), torch.maximum(asking, asked)
        wanted = torch.where(low < 0, -1, low * self.total + high)
        place = torch.searchsorted(self.keys, wanted).clamp(max=len(self.keys) - 1)
        found = torch.where(self.keys[place] == wanted, self.values[place], 0.0)
        itself = torch.eye(bins.shape[1], dtype=torch.bool, device=bins.device)[rows]
        return found.masked_fill(itself, 0.0)


def _fill_pads(index: Tensor) -> Tensor:
    """Pads replaced by the outermost element on their side, as the released code pads its distances."""
    column = torch.arange(index.shape[1], device=index.device)
    there = index >= 0
    first = torch.where(there, column, index.shape[1]).amin(1, keepdim=True)
    last = torch.where(there, column, -1).amax(1, keepdim=True)
    return index.gather(1, torch.minimum(torch.maximum(column, first), last))


def choose_value(contacts: Sequence[Path]) -> Value:
    """The strength that every file has, the read count first; InputError when they have none in common."""
    given = [Contacts.open(path).given for path in contacts]
    for value in ("count", "neglog10q"):
        if all(value in names for names in given):
            return value
    raise InputError(
        f"{contacts[0]} and the other contacts have no strength in common: some have counts, some -log10 q; "
        "build all from the same kind of loops"
    )


def read_loops(
    path: Path, config: ModelConfig, elements: Path, table: pl.DataFrame, like: artifacts.Header
) -> tuple[str, LoopTable]:
    """A cell's name and loops; InputError when they were built for other elements or lack the model's strength."""
    contacts = Contacts.open(path)
    artifacts.require_same("elements", path, contacts.header, elements, like)
    middle = ((table["start"] + table["end"]) // 2).to_numpy()
    if config.loop_bins == "nearest":
        middle = np.rint(middle / contacts.bin_size).astype(np.int64) * contacts.bin_size
    if config.loop_value not in contacts.given:
        raise InputError(
            f"{path} has no {config.loop_value}, the strength of loops that the model was trained on; run build-loops "
            f"--score {config.loop_value}, on loops that come with it"
        )
    strengths = np.log10(1 + contacts.strengths(config.loop_value)).astype(np.float32)
    places = contacts.bins(table["chrom"], middle)
    keys, values, bins = (torch.from_numpy(part) for part in (contacts.keys, strengths, places))
    return contacts.header["cell"], LoopTable(keys, values, bins, contacts.total, config.pads == "encoded")
