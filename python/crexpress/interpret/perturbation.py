"""In-silico perturbation: how much a gene's predicted expression falls when one of its elements is silenced."""

import torch
from crexpress.models.scpge import Features, N, ScPGE
from crexpress.predict import Tokens
from torch import Tensor


@torch.inference_mode()
def silent_vector(model: ScPGE, device: torch.device) -> Tensor:
    """Vector [1, d] of a silenced element: no signal in any track, no base, no motif (ScPGE's "masking")."""
    config = model.config
    bins = config.width // config.bin_size
    features = Features(
        signals=torch.zeros(1, len(config.tracks), bins, device=device),
        present=torch.ones(1, len(config.tracks), dtype=torch.bool, device=device),
        codes=torch.full((1, config.width), N, dtype=torch.uint8, device=device),
        motifs=torch.zeros(1, len(config.motifs), device=device),
    )
    return model.embed(features).float()


@torch.inference_mode()
def perturb(model: ScPGE, batch: Tokens, silent: Tensor, predicted: Tensor) -> Tensor:
    """Fall in predicted expression [B, n] when the element in each column is silenced; 0 for pads and the TSS window.

    `predicted` [B] is the undisturbed expression. In log10(1 + TPM) the fall is a log ratio, so it is defined for
    silent genes too; the paper's |Go - Gp| / Go divides by almost nothing there. Positive: the element activates.
    """
    without = model.silence_each(batch.vectors, batch.present, batch.distance, silent, predicted)
    return torch.where(batch.present, predicted.unsqueeze(1) - without, 0.0)
