"""What training makes small: a scalar of a batch's prediction and its targets [B]."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from crexpress.models.inputs import Batch, Prediction
from crexpress.training.config import LOSSES, TrainingConfig
from crexpress.training.supervision import divergence

Loss = Callable[[Prediction, Batch, Tensor], Tensor]


def mse(prediction: Prediction, batch: Batch, target: Tensor) -> Tensor:
    """Mean squared error in the unit of the target (ScPGE "Model training")."""
    return functional.mse_loss(prediction.expression.float(), target)


def poisson(prediction: Prediction, batch: Batch, target: Tensor) -> Tensor:
    """Poisson negative log-likelihood, up to a constant of the target, with the expression as the rate (CREaTor)."""
    return functional.poisson_nll_loss(prediction.expression.float(), target, log_input=False)


def classification(prediction: Prediction, batch: Batch, target: Tensor) -> Tensor:
    """Binary cross-entropy of targets 1 (expressed) and 0; see `probability`."""
    never = prediction.expression.float()  # -log of the probability not to be expressed
    always = torch.log(-torch.expm1(-never.clamp(min=1e-7)))
    return -(target * always - (1 - target) * never).mean()


def probability(expression: Tensor) -> Tensor:
    """Probability of being expressed from the head of a model that was trained with `classification`.

    The head ends in softplus(z), and 1 - exp(-softplus(z)) is sigmoid(z): the same head serves both tasks.
    """
    return -torch.expm1(-expression)


def each_member(prediction: Prediction, target: Tensor) -> tuple[Prediction, Tensor]:
    """A prediction and its targets as training sees them: each head of output is held against the target by itself, so
    that heads stay different; their mean is what is predicted.
    """
    if prediction.members is None:
        return prediction, target
    members = prediction.members
    return prediction._replace(expression=members.flatten()), target.repeat_interleave(members.shape[1])


def with_supervision(config: TrainingConfig) -> Loss:
    """The loss that the settings name, joined by the supervision of attention where they ask for it."""
    loss_of: Loss = LOSSES[config.loss]
    if not config.loop_alpha:
        return loss_of

    def joint(prediction: Prediction, batch: Batch, target: Tensor) -> Tensor:
        return loss_of(prediction, batch, target) + config.loop_alpha * divergence(prediction, batch, config)

    return joint
