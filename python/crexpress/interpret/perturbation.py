"""In-silico perturbation: how much a gene's predicted expression falls when one of its elements is silenced."""

import torch
from torch import Tensor

from crexpress.models.base import Model
from crexpress.models.inputs import ProfileChanges, Tokens


@torch.inference_mode()
def perturb(
    model: Model, batch: Tokens, silent: Tensor, predicted: Tensor, changes: ProfileChanges | None = None
) -> Tensor:
    """Fall in predicted expression [B, n] when the element in each column is silenced; 0 for pads and the TSS window.

    `silent` [1, d] is the vector of an element without signal, bases and motifs (ScPGE's "masking").
    `predicted` [B] is the undisturbed expression. In log10(1 + TPM) the fall is a log ratio, so it is defined for
    silent genes too; the paper's |Go - Gp| / Go divides by almost nothing there. Positive: the element activates.
    `changes` are what the elements take from the genes' own profiles, of a model that reads them.
    """
    without = model.silence_each(batch, silent, predicted, changes)
    return torch.where(batch.present, predicted.unsqueeze(1) - without, 0.0)
