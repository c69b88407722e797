"""Losses against closed forms."""

import torch
from torch import Tensor
from torch.nn import functional

from crexpress.models.inputs import Prediction
from crexpress.training.losses import LOSSES, probability


def loss(name: str, expression: Tensor, target: Tensor) -> Tensor:
    return LOSSES[name](Prediction(expression, torch.empty(0), torch.empty(0)), None, target)  # type: ignore[arg-type]


def test_poisson_is_smallest_where_the_rate_is_the_target() -> None:
    target = torch.tensor([0.5, 2.0])
    rate = target.clone().requires_grad_()
    loss("poisson", rate, target).backward()
    assert rate.grad is not None
    assert rate.grad.abs().max() < 1e-6
    assert torch.isfinite(loss("poisson", torch.zeros(2), target))


def test_classification_is_binary_cross_entropy_of_the_logit_under_the_softplus() -> None:
    logit = torch.tensor([-30.0, -2.0, 0.0, 3.0, 30.0], dtype=torch.float64)
    target = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    expected = functional.binary_cross_entropy_with_logits(logit, target)
    assert torch.allclose(loss("classification", functional.softplus(logit), target).double(), expected, rtol=1e-5)
    assert torch.allclose(probability(functional.softplus(logit)), torch.sigmoid(logit))
    assert torch.isfinite(loss("classification", torch.zeros(2), torch.ones(2)))
