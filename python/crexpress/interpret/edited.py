"""Elements as a model sees them after an edit: their bases, motif scores and signals, as vectors."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor

from crexpress.apply.predict import encode_silent
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.orthology import match
from crexpress.data.store import Store
from crexpress.formats.meme import MotifSet, read_meme
from crexpress.interpret.edits import edited_bases, edited_signals
from crexpress.models.base import Model
from crexpress.models.inputs import Features
from crexpress.prepare.motif_scores import Rescorer
from crexpress.prepare.sequence import reverse_complement

ALIKE = 0.02  # standard deviations by which a motif's score may differ when it is computed again


class Motifs(NamedTuple):
    """How a model's motif scores are computed anew: by which motifs, and which of their columns are the model's."""

    score: Rescorer
    columns: np.ndarray

    def of(self, codes: np.ndarray) -> Tensor:
        scores = self.score(codes)[:, self.columns].astype(np.float32)
        scores[:, self.columns < 0] = 0
        return torch.from_numpy(scores)


def read_motifs(model: Model, path: Path | None, stored: Path | None) -> Motifs | None:
    """Of a model that reads motif scores: from the MEME file that `stored`, motifs.safetensors, was made with."""
    if not model.config.motifs:
        return None
    if path is None or stored is None:
        raise InputError(
            "this model reads motif scores, which other bases change; give the MEME file of score-motifs as "
            "--motif-file"
        )
    header, tensors = artifacts.open_arrays(stored, "motifs")
    about = header["parameters"]
    if about["mode"] != "log-odds" or "pseudocount" not in about:
        raise InputError(f"{stored} holds scores of mode {about['mode']}, which are not computed anew; take log-odds")
    motif_set: MotifSet = read_meme(path)
    if motif_set.names != list(about["motifs"]):
        raise InputError(f"{path} does not hold the motifs of {stored}; give the MEME file that this was made with")
    score = Rescorer(motif_set, tensors["mean"], tensors["sd"], about["pseudocount"])
    return Motifs(score, match(model.config.motifs, model.config.factors, about, stored))


class Edited:
    """Vectors of elements of a cell after edits; the elements that are taken away have the vector of silence."""

    def __init__(self, model: Model, store: Store, cell: int, motifs: Motifs | None) -> None:
        self.model, self.store, self.cell, self.motifs = model.eval(), store, cell, motifs
        minus = (store.genes["strand"] == "-").to_numpy() & model.config.stranded
        self.turned = np.zeros(len(store.elements), bool)  # windows that the model reads along a minus-strand gene
        self.turned[store.genes["element"].to_numpy()[minus]] = True
        self.silent = encode_silent(model, store.device, "float32")

    def vectors(
        self, edits: pl.DataFrame, element: np.ndarray, fasta: Path, lengths: Mapping[str, int | None], at_once: int
    ) -> Tensor:
        """[n, d] of one edit and one element a row. InputError when the FASTA or motifs are not those of the store."""
        parts = []
        for start in range(0, len(element), at_once):
            some = slice(start, start + at_once)
            parts.append(self._vectors(edits[some], element[some], fasta, lengths))
        return torch.cat(parts) if parts else self.silent[:0]

    def _vectors(
        self, edits: pl.DataFrame, element: np.ndarray, fasta: Path, lengths: Mapping[str, int | None]
    ) -> Tensor:
        config = self.model.config
        before, after = edited_bases(edits, self.store.elements[element], lengths, fasta)
        features = self.features(element)
        turned = self.turned[element]
        self._require_same(features, before, turned, fasta)
        if config.tracks:
            windows = self.store.elements["start"].to_numpy()[element]
            signals = features.signals.cpu().numpy().copy()
            signals[turned] = signals[turned, :, ::-1]  # along the genome
            signals = edited_signals(edits, windows, signals, config.tracks, config.transform, config.bin_size)
            signals[turned] = signals[turned, :, ::-1]
            features = features._replace(signals=torch.from_numpy(signals).to(self.store.device))
        return self.embed(self.changed(features, after, turned))

    def features(self, element: np.ndarray) -> Features:
        """The store's features of elements in any order, each as often as it is asked for."""
        unique, row = np.unique(element, return_inverse=True)
        found = self.store.features(self.cell * len(self.store.elements) + unique)
        return Features(*(part[torch.from_numpy(row).to(part.device)] for part in found))

    def changed(self, features: Features, codes: np.ndarray, turned: np.ndarray) -> Features:
        """Features with other bases, uint8 [n, width] on the plus strand, and the motif scores of these."""
        device = self.store.device
        if self.motifs is not None:
            scores = self.motifs.of(codes).to(device)
            is_open = self.store.cells[self.cell].open_motifs
            features = features._replace(motifs=scores if is_open is None else scores * is_open)
        if self.model.config.sequence:
            read = codes.copy()
            read[turned] = reverse_complement(read[turned])
            features = features._replace(codes=torch.from_numpy(read).to(device))
        return features

    def embed(self, features: Features) -> Tensor:
        with torch.inference_mode():
            return self.model.embed(features).float()

    def _require_same(self, features: Features, before: np.ndarray, turned: np.ndarray, fasta: Path) -> None:
        """InputError unless bases and motif scores of the unedited windows are those that the store has."""
        same = self.changed(features, before, turned)
        if self.model.config.sequence and not torch.equal(same.codes, features.codes):
            raise InputError(f"{fasta} is not the FASTA that the elements' sequence was read from; give that one")
        if self.motifs is not None and bool(((same.motifs - features.motifs).abs() > ALIKE).any()):
            raise InputError(
                f"motif scores computed from {fasta} and --motif-file are not those of motifs.safetensors; give the "
                "FASTA and MEME file that it was made with"
            )
