"""Classification, expressed or not, with the paper's shuffled negatives (ScPGE Results, Supplemental Fig. S3)."""

import dataclasses
from collections.abc import Collection

import numpy as np
import torch

from crexpress.core.errors import InputError
from crexpress.data.neighbours import PAD
from crexpress.data.store import Store
from crexpress.training.config import TrainingConfig
from crexpress.training.samples import Samples

UNIT = "probability of being expressed"
_BASE = {"log10": 10.0, "ln": np.e, "log2": 2.0}


def label(store: Store, config: TrainingConfig, holdout: Collection[str] = ()) -> None:
    """Turn expression into 1 (expressed), 0 (silent) and NaN (between the two, left out), but of cells held out."""
    for cell in store.cells:
        if cell.expression is None or cell.expression_header is None or cell.name in holdout:
            continue
        value = _BASE[cell.expression_header["parameters"].get("scale", "log10")] ** cell.expression - 1
        labels = np.full(len(value), np.nan, np.float32)
        labels[value > config.expressed_above] = 1
        labels[value < config.silent_below] = 0
        if not (labels == 1).any() or not (labels == 0).any():
            what = "expressed" if not (labels == 1).any() else "silent"
            raise InputError(
                f"{cell.name} has no {what} gene: above {config.expressed_above:g} counts as expressed, below "
                f"{config.silent_below:g} as silent; change --expressed-above or --silent-below"
            )
        cell.expression = labels


def add_shuffled(store: Store, samples: Samples, seed: int) -> Samples:
    """The samples and one shuffled negative for each expressed gene: the gene as it is, but not its surroundings.

    By turns its cCREs are other ones, drawn at random, or the bases of its elements are shuffled with their
    composition kept (and their motif scores those of other elements); the latter only where the model reads either.
    """
    expressed = np.flatnonzero(samples.target == 1)
    shuffle_sequence = bool(store.codes.shape[1] or store.motifs.shape[1])
    moved, scrambled = (expressed[::2], expressed[1::2]) if shuffle_sequence else (expressed, expressed[:0])
    first = len(store.index)
    _append_random_neighbours(store, samples.gene[moved], seed)
    return Samples(
        np.concatenate([samples.cell, samples.cell[moved], samples.cell[scrambled] + _shuffled_cells(store)]),
        np.concatenate([samples.gene, first + np.arange(len(moved)), samples.gene[scrambled]]),
        np.concatenate([samples.target, np.zeros(len(expressed), np.float32)]),
    )


def drop_shuffled(store: Store, cells: int) -> None:
    """Take off what `add_shuffled` added to the store of so many `cells`."""
    del store.cells[cells:]
    store.index, store.distance = store.index[: len(store.genes)], store.distance[: len(store.genes)]


def _append_random_neighbours(store: Store, genes: np.ndarray, seed: int) -> None:
    """Add rows to the store's index: these genes' own TSS windows among random cCREs, at the cCREs' distances."""
    rng = np.random.default_rng([seed, len(store.index)])
    ccres = np.flatnonzero((store.elements["class"] != "TSS").to_numpy())
    index = store.index.numpy()[genes]
    own = index[:, index.shape[1] // 2].copy()
    drawn = np.sort(rng.choice(ccres, index.shape), axis=1).astype(index.dtype)
    drawn[index == PAD] = PAD
    drawn[:, index.shape[1] // 2] = own
    store.index = torch.cat([store.index, torch.from_numpy(drawn)])
    store.distance = torch.cat([store.distance, store.distance[genes]])


def _shuffled_cells(store: Store) -> int:
    """Add every cell once more, its elements with shuffled sequences; how much higher their numbers are."""
    if store.shuffled_from is None:
        store.shuffled_from = len(store.cells)
        store.cells += [dataclasses.replace(cell, expression=None) for cell in store.cells]
    return store.shuffled_from
