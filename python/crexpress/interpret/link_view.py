"""A model as a function of the inputs of one element in each of some links: what attribution methods ask for."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from crexpress.apply.predict import encode, tokens_of
from crexpress.core.errors import InputError
from crexpress.data.store import Store
from crexpress.interpret.chosen import Pairs
from crexpress.models.base import Model
from crexpress.models.inputs import Features, one_hot

PARTS = ("sequence", "track", "motif", "profile")  # kinds of input, in the order of a view's arguments


class Inputs(NamedTuple):
    """Of N links, float; a kind that the model does not read has no columns. Windows run as the model reads them."""

    bases: Tensor  # one-hot [N, 4, width]
    signals: Tensor  # [N, tracks, bins]
    motifs: Tensor  # [N, motifs]
    profile: Tensor  # the gene's own [N, tracks, columns]; 0 where there is no base


class LinkView(nn.Module):
    """Inputs of N links and their numbers [N] in `pairs` -> expression [N] of their genes, all else as in the cell.

    `inputs` are those of the cell. `silent` are those without the element, of which nothing is known then: no base, no
    signal, motif scores at their mean, and the gene's profile without the element's part; for a gene's own TSS window
    the whole profile is silent. So expression(inputs) - expression(silent) is what `perturb` calls the effect.
    """

    def __init__(self, model: Model, store: Store, cell: int, pairs: Pairs, vectors: Tensor | None = None) -> None:
        super().__init__()
        if model.config.anchored:
            raise InputError("this model predicts changes between cells (--anchored); take one that is not anchored")
        self.model, self.store, self.cell, self.pairs = model.eval(), store, cell, pairs
        index = store.index[pairs.gene].numpy()
        self.element = index[np.arange(len(index)), pairs.column].astype(np.int64)
        if vectors is None:
            vectors = encode(model, store, cell, genes=np.unique(pairs.gene))
        # a copy: what inference mode made cannot be differentiated
        self.tokens = tokens_of(store, cell, vectors.clone(), pairs.gene)
        self.column = torch.from_numpy(pairs.column).to(store.device)
        unique, row = np.unique(self.element, return_inverse=True)
        features = store.features(cell * len(store.elements) + unique)
        self.features = Features(*(part[torch.from_numpy(row).to(store.device)] for part in features))
        self.inputs = Inputs(
            one_hot(self.features.codes) if model.config.sequence else self._nothing(4, 0),
            self.features.signals,
            self.features.motifs,
            self._nothing(0, 0) if self.tokens.profile is None else self.tokens.profile.values.nan_to_num(0.0),
        )
        bases, signals, scores = (torch.zeros_like(part) for part in self.inputs[:3])
        self.silent = Inputs(bases, signals, scores, self._silent_profile())

    def forward(self, bases: Tensor, signals: Tensor, motifs: Tensor, profile: Tensor, link: Tensor) -> Tensor:
        codes = bases if self.model.config.sequence else self.features.codes[link]
        changed = self.model.embed(Features(signals, self.features.present[link], codes, motifs))
        return self._expression(changed, link, profile)

    def with_vectors(self, changed: Tensor, columns: Tensor, link: int) -> Tensor:
        """Expression [n] of one link's gene, with the vectors [n, k, d] in the place of its elements' in k columns."""
        tokens = self.tokens.of(torch.full((len(changed),), link, dtype=torch.long, device=changed.device))
        vectors = tokens.vectors.clone()
        vectors[:, columns] = changed.to(vectors.dtype)
        return self.model.predict(tokens._replace(vectors=vectors)).expression

    def _expression(self, changed: Tensor, link: Tensor, profile: Tensor) -> Tensor:
        tokens = self.tokens.of(link)
        vectors, own = tokens.vectors, tokens.profile
        here = torch.arange(vectors.shape[1], device=vectors.device) == self.column[link].unsqueeze(1)
        vectors = torch.where(here.unsqueeze(2), changed.unsqueeze(1).to(vectors.dtype), vectors)
        if own is not None:
            own = own._replace(values=torch.where(own.values.isfinite(), profile, torch.nan))
        return self.model.predict(tokens._replace(vectors=vectors, profile=own)).expression

    def of(self, inputs: Inputs, link: Tensor, at_once: int) -> Tensor:
        """`forward` without gradients, so many at once."""
        with torch.no_grad():
            parts = zip(*(part.split(at_once) for part in (*inputs, link)), strict=True)
            return torch.cat([self(*part) for part in parts])

    @property
    def turned(self) -> np.ndarray:
        """Links, bool [N], whose window the model reads as its reverse complement: TSS windows of genes on minus."""
        own = self.store.genes["element"].to_numpy()[self.pairs.gene] == self.element
        minus = (self.store.genes["strand"] == "-").to_numpy()[self.pairs.gene]
        return own & minus & self.model.config.stranded

    def rows_at_once(self, tokens: int) -> int:
        """Links with at most so many tokens, whose elements the encoder takes with gradients in half a gigabyte."""
        return max(1, min(2**23 // self.model.config.largest_layer, self.store.genes_of(tokens)))

    def _nothing(self, *shape: int) -> Tensor:
        return torch.zeros(len(self.element), *shape, device=self.store.device)

    def _silent_profile(self) -> Tensor:
        if self.tokens.profile is None or self.store.profiles is None:
            return self._nothing(0, 0)
        changes = self.store.profiles.silenced(self.cell, self.pairs.gene, self.element[:, None])
        values = self.tokens.profile.values.clone()
        values[changes.gene[changes.pair], :, changes.column] = changes.values
        own = torch.from_numpy(self.store.genes["element"].to_numpy()[self.pairs.gene] == self.element)
        return values.nan_to_num(0.0) * ~own.to(self.store.device)[:, None, None]
