"""A model as a function of the bases of one element, all else as it is: what attribution methods ask for."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crexpress.core.errors import InputError
from crexpress.models.base import Model
from crexpress.models.forward import gene_tokens
from crexpress.models.inputs import one_hot


class SequenceView(nn.Module):
    """One-hot bases X [N, 4, L] of an element (A, C, G, T along the plus strand) -> expression [N] of a gene.

    The other elements, the tracks and the motif scores of the element stay as they are in the cell; `reference`
    [1, 4, L] are the element's own bases (an unknown one is all zero). The model is in eval mode; gradients flow to X.
    """

    def __init__(self, model: Model, study: Any, cell: str, gene: str, element: str | int) -> None:
        super().__init__()
        if not model.config.sequence:
            raise InputError("this model reads no sequence, so that no base of an element can matter to it")
        self.model = model.eval()
        store = study.store(model, cell)
        row, asked = study.gene(gene), study.element(element)
        columns = np.flatnonzero(store.index[row].numpy() == asked)
        if not len(columns):
            name = study.elements["element_id"][asked]
            raise InputError(f"the model does not see the element {name} at {gene}; take one of its nearest elements")
        self.column = int(columns[0])
        self.batch = store.batch(np.zeros(1, np.int64), np.array([row]))
        with torch.no_grad():
            self.tokens = gene_tokens(model, self.batch)
        self.row = int(self.batch.token[0, self.column])
        of_gene = int(store.genes["element"][row]) == asked
        self.turned = bool(model.config.stranded and of_gene and store.genes["strand"][row] == "-")
        self.reference = self._turn(one_hot(self.batch.features.codes[self.row : self.row + 1]))

    def _turn(self, bases: Tensor) -> Tensor:
        """Between the plus strand and the strand that the model reads: the reverse complement, or nothing."""
        return bases.flip(1, 2) if self.turned else bases

    def forward(self, bases: Tensor) -> Tensor:
        if bases.shape[1:] != self.reference.shape[1:]:
            wanted = ", ".join(map(str, self.reference.shape[1:]))
            raise InputError(f"the bases have the shape {tuple(bases.shape)}; give one-hot bases [N, {wanted}]")
        count = len(bases)
        own = self.batch.features
        here = [part[self.row : self.row + 1].expand(count, *part.shape[1:]) for part in own]
        changed = self.model.embed(type(own)(*here)._replace(codes=self._turn(bases)))
        tokens = self.tokens.of(torch.zeros(count, dtype=torch.long, device=changed.device))
        before, after = tokens.vectors[:, : self.column], tokens.vectors[:, self.column + 1 :]
        vectors = torch.cat([before, changed.unsqueeze(1).to(before.dtype), after], dim=1)
        return self.model.predict(tokens._replace(vectors=vectors)).expression
