"""Gradient x input of a gene's elements (GraphReg's link score), for all genes at the cost of one backward pass.

The sum over an element's inputs x (signals, bases, motifs) of x dE/dx, E the gene's expression, is the derivative of E
along x. It goes through the element's vector alone, so that it is dE/dvector times the derivative t of the vector along
x, and t is one for all genes that see the element.
"""

import copy

import torch
from torch import Tensor

from crexpress.apply.predict import encode
from crexpress.core.errors import InputError
from crexpress.data.store import Store
from crexpress.models.base import Model
from crexpress.models.inputs import Features, GeneProfile, Tokens, one_hot


class _Along:
    """A model whose `embed` gives how vectors change along their inputs, as `encode` uses it."""

    def __init__(self, model: Model) -> None:
        self._model, self._exact = model, exact(model)

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    @torch.inference_mode(False)
    def embed(self, features: Features) -> Tensor:
        return along(self._exact, Features(*(part.clone() for part in features))).float()


def exact(model: Model) -> Model:
    """A copy in float64, whose layers are torch's own on a CPU as well: those of float32 have no second gradient."""
    return copy.deepcopy(model).double()


def along(model: Model, features: Features) -> Tensor:
    """Derivative [elements, d] of their vectors when all inputs grow by the same share, of a model that is `exact`."""
    bases = one_hot(features.codes).double() if model.config.sequence else None
    signals, motifs = features.signals.double(), features.motifs.double()

    def vectors(scale: Tensor) -> Tensor:
        grown = features._replace(
            signals=signals * scale,
            motifs=motifs * scale,
            codes=features.codes if bases is None else bases * scale,
        )
        return model.embed(grown)

    # the derivative along one direction from two gradients, as not every layer has a forward mode
    scale = torch.ones((), requires_grad=True, device=signals.device, dtype=signals.dtype)
    with torch.enable_grad():
        found = vectors(scale)
        weight = torch.zeros_like(found, requires_grad=True)
        (product,) = torch.autograd.grad(found, scale, weight, create_graph=True)
        (result,) = torch.autograd.grad(product, weight)
    return result.detach()


def directions(model: Model, store: Store, cell: int) -> Tensor:
    """t of every element that some gene sees, [elements + 1, d]; the last is for pads, and says nothing.

    InputError for an anchored model, whose inputs are differences between cells.
    """
    if model.config.anchored:
        raise InputError("this model predicts changes between cells (--anchored), and gradient x input is of levels")
    return encode(_Along(model), store, cell)  # type: ignore[arg-type]


def saliency(model: Model, batch: Tokens, direction: Tensor) -> Tensor:
    """Gradient x input [B, n] of each element; `direction` [B, n, d] are those of the tokens. 0 for pads and the TSS
    window; else as a share of the largest absolute value that an element of the gene has, as GraphReg's.
    """
    with torch.inference_mode(False), torch.enable_grad():
        vectors = batch.vectors.clone().requires_grad_()
        loops = None if batch.loops is None else batch.loops.clone()  # as what inference made cannot be differentiated
        profile = None if batch.profile is None else GeneProfile(*(part.clone() for part in batch.profile))
        tokens = Tokens(vectors, batch.present.clone(), batch.distance.clone(), loops, profile)
        expression = model.predict(tokens).expression
        (gradient,) = torch.autograd.grad(expression.sum(), vectors)
    found = (gradient * direction).sum(-1)
    found = found.masked_fill(~batch.present, 0.0)
    found[:, found.shape[1] // 2] = 0
    largest = found.abs().amax(1, keepdim=True)
    return torch.where(largest == 0, 0.0, found / largest)  # NaN stays, and is told
