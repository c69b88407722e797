"""Short cuts of a training step on a CPU give what the long way gives; that is torch's own, in float64."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from crexpress.models.encoders import convolution, layers
from crexpress.models.encoders.fourier import FourierConvolution
from crexpress.models.encoders.layers import Convolution, Dropout, Norm, SequenceConvolution, activate
from crexpress.models.inputs import Features, one_hot
from crexpress.training.presets import read_preset

MOTIFS = tuple(f"M{number}" for number in range(500))


def rows(*shape: int) -> Tensor:
    """Random [elements, channels, 1, positions]."""
    return torch.randn(*shape).unsqueeze(2).requires_grad_()


def near(found: Tensor, expected: Tensor) -> bool:
    """Equal to five digits of the largest value."""
    return bool((found - expected).abs().max() < 1e-5 * expected.abs().max())


def test_a_convolution_over_its_whole_input_is_the_same_as_a_product() -> None:
    torch.manual_seed(0)
    layer = Convolution(4, 8, 15)
    for length in (15, 40):
        x = rows(6, 4, length)
        expected = functional.conv1d(x.squeeze(2), layer.weight, layer.bias).unsqueeze(2)
        found = layer(x)
        assert torch.allclose(found, expected, atol=1e-6)
        assert found.shape == expected.shape
        for first, second in zip(
            torch.autograd.grad(found.square().sum(), [x, layer.weight]),
            torch.autograd.grad(expected.square().sum(), [x, layer.weight]),
            strict=True,
        ):
            assert torch.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize(("channels", "kernel", "around"), [(4, 30, 0), (96, 7, 3), (96, 1, 0)])
def test_a_convolution_in_bfloat16_is_one_but_for_rounding(channels: int, kernel: int, around: int) -> None:
    torch.manual_seed(0)
    layer, x = Convolution(channels, 8, kernel, padding=around), rows(3, channels, 60)
    expected = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert found.dtype == torch.bfloat16
    assert found.is_contiguous(memory_format=torch.channels_last)
    for first, second in zip(
        (found, *torch.autograd.grad(found.float().square().sum(), [x, layer.weight])),
        (expected, *torch.autograd.grad(expected.square().sum(), [x, layer.weight])),
        strict=True,
    ):
        assert (first - second).abs().max() < 0.02 * second.abs().max()


@pytest.mark.parametrize(("length", "kernel"), [(142, 7), (30, 5), (54, 7), (61, 9)])
def test_a_convolution_of_spectra_is_a_convolution(length: int, kernel: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, length, 6, requires_grad=True)
    weight, bias = torch.randn(4, 6, kernel, requires_grad=True), torch.randn(4, requires_grad=True)
    found = FourierConvolution.apply(x, weight, bias)
    wide = [part.detach().double().requires_grad_() for part in (x, weight, bias)]
    expected = functional.conv1d(wide[0].transpose(1, 2), *wide[1:], padding=kernel // 2).transpose(1, 2)
    assert near(found, expected)
    above = torch.randn_like(found)
    gradients = torch.autograd.grad(found, [x, weight, bias], above)
    for first, second in zip(gradients, torch.autograd.grad(expected, wide, above.double()), strict=True):
        assert near(first, second)


@pytest.mark.parametrize(("channels", "length", "kernel"), [(3, 60, 30), (1, 41, 15), (4, 9, 2)])
def test_the_first_convolution_has_torchs_values_and_gradients(channels: int, length: int, kernel: int) -> None:
    torch.manual_seed(0)
    layer, x = Convolution(channels, 5, kernel), rows(7, channels, length)
    wide = [part.detach().double().requires_grad_() for part in (x.squeeze(2), layer.weight, layer.bias)]
    found, expected = layer(x), functional.conv1d(*wide).unsqueeze(2)
    assert near(found, expected)
    above = torch.randn_like(found)
    gradients = torch.autograd.grad(found, [x, layer.weight, layer.bias], above)
    for first, second in zip(gradients, torch.autograd.grad(expected, wide, above.double()), strict=True):
        assert near(first.reshape(second.shape), second)


@pytest.mark.parametrize("kernel", [1, 4, 6, 15, 30])
def test_bases_looked_up_together_are_a_convolution(kernel: int) -> None:
    torch.manual_seed(0)
    layer, codes = SequenceConvolution(4, 3, kernel), torch.randint(0, 5, (6, 50), dtype=torch.uint8)
    wide = [part.detach().double().requires_grad_() for part in (layer.weight, layer.bias)]
    found, expected = layer(codes), functional.conv1d(one_hot(codes).double(), *wide).unsqueeze(2)
    assert found.shape == expected.shape
    assert near(found, expected)
    above = torch.randn_like(found)
    gradients = torch.autograd.grad(found, list(layer.parameters()), above)
    for first, second in zip(gradients, torch.autograd.grad(expected, wide, above.double()), strict=True):
        assert near(first, second)


def test_channels_that_are_the_same_everywhere_need_one_position() -> None:
    torch.manual_seed(0)
    for positions, length in ((64, 142), (8, 12)):
        layer = Convolution(positions + 5, 4, 7, padding=3)
        x, level = rows(3, positions, length), rows(3, 5, 1)
        whole = torch.cat([x, level.expand(-1, -1, -1, length)], 1).squeeze(2).double()
        expected = functional.conv1d(whole, layer.weight.double(), layer.bias.double(), padding=3).unsqueeze(2)
        found = layer(x, level)
        assert near(found, expected)
        for first, second in zip(
            torch.autograd.grad(found.square().sum(), [x, level, layer.weight]),
            torch.autograd.grad(expected.square().sum(), [x, level, layer.weight]),
            strict=True,
        ):
            assert near(first, second)


def test_normalisation_with_gelu_keeps_its_digits_over_many_rows() -> None:
    torch.manual_seed(0)
    x = (3 * torch.randn(40, 6, 1, 571) + 20).contiguous(memory_format=torch.channels_last).requires_grad_()
    norm = Norm(6)
    nn.init.normal_(norm.weight)
    wide, x_wide = nn.BatchNorm2d(6).double(), x.detach().double().requires_grad_()
    wide.load_state_dict(norm.state_dict())
    (found,), expected = activate(norm, x), functional.gelu(wide(x_wide))
    assert near(found, expected)
    above = torch.randn_like(found)
    gradients = torch.autograd.grad(found, [x, *norm.parameters()], above)
    plain = torch.autograd.grad(expected, [x_wide, *wide.parameters()], above.double())
    assert all(near(first, second) for first, second in zip(gradients, plain, strict=True))
    assert near(norm.running_mean, wide.running_mean)
    assert near(norm.running_var, wide.running_var)
    assert norm.num_batches_tracked == 1
    assert near(activate(norm.eval(), x)[0], functional.gelu(wide.eval()(x_wide)))


def test_dropout_drops_the_share_it_is_told_and_keeps_the_mean() -> None:
    layer, x = Dropout(0.2), torch.ones(1000, 1000, requires_grad=True)
    torch.manual_seed(0)
    dropped = layer(x)
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert float((dropped == 0).float().mean()) == pytest.approx(0.2, abs=2e-3)  # five standard deviations
    (gradient,) = torch.autograd.grad(dropped.sum(), x)
    assert torch.equal(gradient, dropped)
    torch.manual_seed(0)
    assert torch.equal(layer(x), dropped)
    assert layer.eval()(x) is x or torch.equal(layer(x), x)


@pytest.mark.parametrize("preset", ["scpge", "scpge-compat", "scpge-small"])
def test_the_encoder_is_that_of_torchs_own_layers(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    config = read_preset(preset)[0].replace(
        tracks=("a", "b"), motifs=MOTIFS, sequence=True, dropout_encoder=0.0, channels=64
    )
    encoder = convolution.ConvolutionEncoder(config)
    wide = convolution.ConvolutionEncoder(config).double()
    wide.load_state_dict(encoder.state_dict())
    features = Features(
        torch.rand(6, 2, 600 // config.bin_size),
        torch.ones(6, 2, dtype=torch.bool),
        torch.randint(0, 5, (6, 600), dtype=torch.uint8),
        torch.rand(6, len(MOTIFS)),
    )
    above = torch.randn(6, config.width_model)
    found = encoder(features)
    found.backward(above)
    monkeypatch.setattr(layers, "one_hot", lambda codes: one_hot(codes).double())
    plain = features._replace(signals=features.signals.double(), motifs=features.motifs.double())
    expected = wide(plain)
    expected.backward(above.double())
    assert near(found, expected)
    size = max(float(weight.grad.abs().max()) for weight in wide.parameters())
    for first, second in zip(encoder.parameters(), wide.parameters(), strict=True):
        # a bias before a normalisation has no gradient but for rounding
        assert float((first.grad - second.grad).abs().max()) < 1e-4 * size
    for name, value in encoder.state_dict().items():
        assert torch.allclose(value.double(), wide.state_dict()[name].double(), rtol=1e-5, atol=1e-6), name
    with torch.no_grad():
        evaluated = wide.eval()(plain)
        monkeypatch.setattr(layers, "one_hot", one_hot)
        assert near(encoder.eval()(features), evaluated)
