"""What a model in training is worth on the validation samples."""

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from crexpress.data.store import Store
from crexpress.models.base import Model
from crexpress.models.forward import forward
from crexpress.models.inputs import Batch, Prediction
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training.batches import ahead, make
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.losses import with_supervision
from crexpress.training.samples import Samples


class Validation(NamedTuple):
    """Mean loss, Pearson r (NaN where it is not defined) and, for classes, auROC on the validation samples."""

    loss: float
    pearson: float
    auroc: float | None


def validate(
    model: RegulatoryModel, store: Store, samples: Samples, config: TrainingConfig, engine: Engine
) -> Validation:
    """Mean loss, Pearson r and auROC of the model in eval mode; NaN where it predicts NaN. Its mode stays as it was."""
    total, parts = 0.0, []
    for batch, target, prediction in predictions(model, store, samples, config.batch_size, engine):
        total += float(with_supervision(config)(prediction, batch, target)) * len(target)
        parts.append(prediction.expression.float().cpu())
    predicted = torch.cat(parts).numpy()
    auroc = roc(predicted, samples.target) if config.loss == "classification" else None
    return Validation(total / len(samples), pearson(predicted, samples.target), auroc)


@torch.no_grad()
def predictions(
    model: Model, store: Store, samples: Samples, batch_size: int, engine: Engine
) -> Iterator[tuple[Batch, Tensor, Prediction]]:
    """What the model in eval mode predicts of the samples, batch by batch; its mode is then what it was."""
    training = model.training
    model.eval()
    chunks = np.array_split(np.arange(len(samples)), math.ceil(len(samples) / batch_size))
    for batch, target in ahead(partial(make, store, samples), iter(chunks), engine.device):
        with engine.autocast():
            prediction = forward(model, batch)
        yield batch, target, prediction
    model.train(training)


def pearson(predicted: np.ndarray, target: np.ndarray) -> float:
    """Pearson r; NaN where either is the same everywhere."""
    # a deviation is rounded and need not be 0 where all are one
    varies = np.ptp(predicted) > 0 and np.ptp(target) > 0
    return float(np.corrcoef(predicted, target)[0, 1]) if varies else math.nan


def roc(predicted: np.ndarray, target: np.ndarray) -> float:
    """Area under the ROC curve of classes 0 and 1; NaN where there is only one, or a prediction is not finite."""
    from sklearn.metrics import roc_auc_score  # its import takes as long as torch's

    if not (np.isfinite(predicted).all() and np.ptp(target) > 0):
        return math.nan
    return float(roc_auc_score(target, predicted))


def error_by_spread(
    model: Model, store: Store, samples: Samples, config: TrainingConfig, engine: Engine
) -> tuple[float, float] | None:
    """What tells the error to expect of a prediction from the spread s of the model's heads: (a, b) of a + b s^2, its
    square, by least squares over the validation genes with neither below 0. None for one head, or a classifier.
    """
    if model.config.members == 1 or config.loss == "classification":
        return None
    errors, variances = [], []
    for _, target, found in predictions(model, store, samples, config.batch_size, engine):
        assert found.members is not None
        errors.append((found.expression.float() - target).square().cpu().numpy())
        variances.append(found.members.float().var(1).cpu().numpy())
    error, variance = np.concatenate(errors).astype(np.float64), np.concatenate(variances).astype(np.float64)
    around = variance - variance.mean()
    slope = float(around @ error / max(around @ around, 1e-12))
    slope = min(max(slope, 0.0), float(error.mean() / max(variance.mean(), 1e-12)))
    return float(error.mean() - slope * variance.mean()), slope
