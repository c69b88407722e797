"""Chromatin loops as supervision of attention: ScPGE-KL (Methods, "Incorporation of chromatin loops", equation 4)."""

import torch
from torch import Tensor
from torch.nn import functional

from crexpress.models.inputs import Batch, Prediction
from crexpress.training.config import TrainingConfig

TINY = 1e-9  # attention below it counts as this much, so that a masked element costs much and not everything


def divergence(prediction: Prediction, batch: Batch, config: TrainingConfig) -> Tensor:
    """How far the genes' attention is from their loops: the mean over genes of sum T log(T / A).

    A is the gene's attention over its elements, averaged over layers and heads; T is M + R, the loops' strength and
    the decay with distance exp(-|x| / 2). Both leave out the gene itself and pads, and sum to 1. Genes without
    elements count 0. The released code's form, which is no divergence, is `loop_divergence` "compat".
    """
    attention = prediction.attention.float().mean(dim=(1, 2))
    target = aim(batch, config)
    if config.loop_divergence == "compat":
        return _released(attention, target)
    gene = torch.arange(target.shape[1], device=target.device) == target.shape[1] // 2
    elements = batch.present & ~gene
    attention, target = (torch.where(elements, part, 0.0) for part in (attention, target))
    attention = (attention / attention.sum(1, keepdim=True).clamp(min=TINY)).clamp(min=TINY)
    target = target / target.sum(1, keepdim=True).clamp(min=TINY)
    return functional.kl_div(attention.log(), target, reduction="batchmean")


def aim(batch: Batch, config: TrainingConfig) -> Tensor:
    """What attention is drawn to, [B, n]: M + R of the gene's row, or R alone (with loops as prior, figure S11)."""
    n = batch.present.shape[1]
    if config.loop_decay == "bp":
        x = batch.distance / config.loop_decay_bp
    else:
        x = torch.arange(n, device=batch.distance.device, dtype=torch.float32) - n // 2
    decay = torch.exp(-x.abs() / 2).expand(len(batch.present), n)
    if config.loop_target == "decay":
        return decay
    assert batch.loops is not None
    return batch.loops[:, batch.loops.shape[1] // 2] + decay


def _released(attention: Tensor, target: Tensor) -> Tensor:
    """The released code: both rows min-max scaled, attention without logarithm, mean over all tokens."""
    return functional.kl_div(_minmax(attention), _minmax(target), reduction="none").mean()


def _minmax(rows: Tensor) -> Tensor:
    gene = torch.arange(rows.shape[1], device=rows.device) == rows.shape[1] // 2
    low = rows.masked_fill(gene, float("inf")).amin(1, keepdim=True)
    high = rows.masked_fill(gene, float("-inf")).amax(1, keepdim=True)
    return ((rows - low) / (high - low)).masked_fill(gene, 0.0)
