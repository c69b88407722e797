"""Encoders read bases as codes or one-hot, with the same numbers, and gradients reach one-hot bases and signals."""

import pytest
import torch

from crexpress.models import build
from crexpress.models.encoders import ENCODERS
from crexpress.models.inputs import Features, N, one_hot
from crexpress.training.preset_file import read

TRACKS, MOTIFS = ("dnase", "h3k27ac"), ("M1", "M2", "M3")
SHAPES = {"convolution": ("scpge", 600), "transformer": ("creator", 350)}  # a full-size preset of each encoder


def features(preset: str, width: int) -> tuple[torch.nn.Module, Features]:
    """An untrained model and three elements whose last bases are unknown."""
    torch.manual_seed(1)
    config = read(preset)[0].replace(tracks=TRACKS, motifs=MOTIFS, sequence=True, width=width, channels=16)
    codes = torch.randint(0, 4, (3, width), dtype=torch.uint8)
    codes[:, -7:] = N
    signals = torch.rand(3, len(TRACKS), width // config.bin_size)
    given = Features(signals, torch.ones(3, len(TRACKS), dtype=torch.bool), codes, torch.randn(3, len(MOTIFS)))
    return build(config).eval(), given


def test_every_encoder_is_tested() -> None:
    assert set(SHAPES) == set(ENCODERS)


@pytest.mark.parametrize("encoder", SHAPES)
def test_one_hot_bases_give_the_vectors_of_their_codes(encoder: str) -> None:
    model, given = features(*SHAPES[encoder])
    assert model.config.encoder == encoder
    with torch.no_grad():
        coded, spelt = (model.embed(given._replace(codes=codes)) for codes in (given.codes, one_hot(given.codes)))
    torch.testing.assert_close(coded, spelt, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", SHAPES)
def test_gradients_reach_bases_signals_and_motifs_and_equal_differences(encoder: str) -> None:
    model, given = features(*SHAPES[encoder])
    model = model.double()
    doubled = [one_hot(given.codes).double(), given.signals.double(), given.motifs.double()]
    inputs = [part.requires_grad_() for part in doubled]

    def total(bases: torch.Tensor, signals: torch.Tensor, motifs: torch.Tensor) -> torch.Tensor:
        return model.embed(Features(signals, given.present, bases, motifs)).square().sum()

    gradients = torch.autograd.grad(total(*inputs), inputs)
    for number, (part, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        assert bool(gradient.abs().sum() > 0)
        direction = torch.randn_like(part)
        moved = [
            [one + (sign * 1e-6 * direction if place == number else 0) for place, one in enumerate(inputs)]
            for sign in (1, -1)
        ]
        with torch.no_grad():
            difference = (total(*moved[0]) - total(*moved[1])) / 2e-6
        torch.testing.assert_close((gradient * direction).sum(), difference, rtol=1e-4, atol=1e-6)
