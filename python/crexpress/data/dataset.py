"""Measured genes of a study as a torch Dataset, for people with a model of their own."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from crexpress.core import artifacts, splits
from crexpress.core.errors import InputError
from crexpress.data.opening import open_store, shared_tracks
from crexpress.data.store import Store
from crexpress.data.study import Study
from crexpress.models.config import INPUTS, ModelConfig


class Example(NamedTuple):
    """A gene in a cell, with the n elements that it sees in genome order, its TSS window in the middle.

    Pads are all zero (bases 4, unknown). A DataLoader stacks examples to batches [B, ...].
    """

    signals: Tensor  # float32 [n, tracks, bins]
    codes: Tensor  # uint8 [n, width]: A 0 C 1 G 2 T 3 N 4; no columns without sequence
    motifs: Tensor  # float32 [n, motifs]
    present: Tensor  # bool [n]: False for a pad
    distance: Tensor  # float32 [n]: bp from the TSS to the element's midpoint, along the genome
    target: Tensor  # float32: expression, in the unit of the study


class GeneDataset(Dataset[Example]):
    """Pairs of cell and gene whose expression is measured; `cell` and `gene` [N] say which, as numbers in `store`."""

    def __init__(self, store: Store, cell: np.ndarray, gene: np.ndarray, target: np.ndarray) -> None:
        self.store, self.cell, self.gene, self.target = store, cell, gene, target

    def __len__(self) -> int:
        return len(self.gene)

    def __getitem__(self, number: int) -> Example:
        if not -len(self) <= number < len(self):
            raise IndexError(f"there are {len(self)} examples, none of number {number}")
        rows = np.array([number])
        batch = self.store.batch(self.cell[rows], self.gene[rows])
        features, token = batch.features, batch.token[0]

        def spread(values: Tensor, pad: int = 0) -> Tensor:
            return torch.cat([values, values.new_full((1, *values.shape[1:]), pad)])[token]

        return Example(
            spread(features.signals * features.present.unsqueeze(-1)),
            spread(features.codes, 4),
            spread(features.motifs),
            batch.present[0],
            batch.distance[0],
            torch.tensor(self.target[number]),
        )


def make_dataset(
    study: Study,
    cells: str | Collection[str] = (),
    *,
    split: str | None = None,
    val: str = "chr16",
    test: str = "chr8,chr9",
    inputs: Sequence[str] = INPUTS,
    tracks: Sequence[str] = (),
    neighbours: int = 20,
    window: int = 0,
) -> GeneDataset:
    """Genes of cells (none: all with expression) in a split ("train", "val", "test"; None: all), as torch reads them.

    `val` and `test` are chromosomes or regions, as for train; `inputs` of sequence, motifs and tracks those that the
    study has; `tracks` those that every cell has, unless given. A gene sees the `neighbours` nearest cCREs, or all in
    a `window` (bp). Raises InputError where no gene is measured, or a cell lacks a track.

    Example:
        genes = study.dataset("A", split="train", val="chr2", test="chr3", neighbours=4)
        batch = next(iter(torch.utils.data.DataLoader(genes, batch_size=8, shuffle=True)))
        print(len(genes), batch.signals.shape, batch.target.shape)
    """
    if split not in (None, splits.TRAIN, splits.VAL, splits.TEST):
        raise InputError(f"there is no split '{split}'; choose train, val or test")
    unknown = [name for name in inputs if name not in INPUTS]
    if unknown:
        raise InputError(f"{', '.join(map(repr, unknown))} is no input; choose from {', '.join(INPUTS)}")
    if not cells:
        cells = study.cells.filter("expression")["cell"].to_list()
    files = study.inputs(cells)
    about = artifacts.require_header(files["signals"][0])["parameters"]
    motifs: dict[str, Any] = {}
    if "motifs" in inputs and files["motifs"]:
        motifs = artifacts.require_header(files["motifs"])["parameters"]
    config = ModelConfig(
        tracks=tuple(tracks or shared_tracks(files["signals"], union=False)) if "tracks" in inputs else (),
        motifs=tuple(motifs.get("motifs", ())),
        factors=tuple(motifs.get("factors", ())),
        sequence="sequence" in inputs and files["sequence"] is not None,
        width=study.element_table.header["parameters"]["width"],
        bin_size=about["bin_size"],
        transform=about["transform"],
        neighbours=neighbours,
        window=window,
    )
    store = open_store(**files, config=config)
    belongs = splits.assign(store.genes, val, test) if split else np.full(len(store.genes), "")
    cell, gene, target = [], [], []
    for number, data in enumerate(store.cells):
        if data.expression is not None:
            rows = np.flatnonzero(np.isfinite(data.expression) & (belongs == (split or "")))
            cell.append(np.full(len(rows), number))
            gene.append(rows)
            target.append(data.expression[rows])
    if not sum(map(len, gene)):
        raise InputError(f"no gene of {study.folder} is measured in these cells and split; choose others")
    return GeneDataset(store, np.concatenate(cell), np.concatenate(gene), np.concatenate(target))
