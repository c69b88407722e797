"""Short cuts of the training step give what the long way gives."""

import torch
from crexpress.models.encoders.convolution import Convolution
from torch.nn import functional


def test_a_convolution_over_its_whole_input_is_the_same_as_a_product() -> None:
    torch.manual_seed(0)
    convolution = Convolution(4, 8, 15)
    for length in (15, 40):
        x = torch.randn(6, 4, length, requires_grad=True)
        expected = functional.conv1d(x, convolution.weight, convolution.bias)
        found = convolution(x)
        assert torch.allclose(found, expected, atol=1e-6)
        assert found.shape == expected.shape
        for first, second in zip(
            torch.autograd.grad(found.square().sum(), [x, convolution.weight]),
            torch.autograd.grad(expected.square().sum(), [x, convolution.weight]),
            strict=True,
        ):
            assert torch.allclose(first, second, atol=1e-4)
