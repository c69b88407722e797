"""Gradient x input is what differentiating the whole model, input by input, gives."""

import numpy as np
import pytest
import torch

from crexpress.interpret.saliency import along, exact, saliency
from crexpress.interpret.scores import SCORES, Seen
from crexpress.models import build
from crexpress.models.inputs import Features, Tokens, one_hot
from crexpress.training.presets import read_preset

TRACKS, TOKENS, MOTIFS = ("dnase", "h3k27ac"), 5, ("CTCF", "GATA1")


@pytest.mark.parametrize(
    "preset", ["scpge-small", "creator-small", "epinformer-small", "graphreg-elements-distance", "crexpress-small"]
)
def test_it_is_the_gradient_of_the_whole_model_times_its_inputs(preset: str) -> None:
    torch.manual_seed(0)
    config = read_preset(preset)[0].replace(tracks=TRACKS, motifs=MOTIFS, sequence=True, profile_width=0)
    model = build(config).eval()
    signals = torch.rand(TOKENS, 2, config.width // config.bin_size)
    signals[0], signals[1, 1] = 0, 0  # as most elements are where tracks are peaks
    signals.requires_grad_()
    codes = torch.randint(0, 5, (TOKENS, config.width), dtype=torch.uint8)
    bases, motifs = one_hot(codes).requires_grad_(), torch.rand(TOKENS, 2).requires_grad_()
    there = torch.ones(TOKENS, 2, dtype=torch.bool)
    distance = torch.tensor([[-90_000.0, -3_000.0, 0.0, 6_000.0, 80_000.0]])
    present = torch.tensor([[True, True, True, True, False]])
    vectors = model.embed(Features(signals, there, bases, motifs))
    expression = model.predict(Tokens(vectors.unsqueeze(0), present, distance)).expression.sum()
    parts = signals, bases, motifs
    gradients = torch.autograd.grad(expression, parts)
    expected = sum((part * g).flatten(1).sum(1) for part, g in zip(parts, gradients, strict=True)).detach()
    expected[[2, 4]] = 0  # the gene's own window, and a pad

    features = Features(*(part.detach() for part in (signals, there, codes, motifs)))
    with torch.inference_mode():
        tokens = Tokens(model.embed(features).unsqueeze(0), present, distance)
    found = saliency(model, tokens, along(exact(model), features).float().unsqueeze(0))[0]
    assert found.numpy() == pytest.approx((expected / expected.abs().max()).numpy(), abs=1e-4)
    assert found.abs().max() == 1


def test_epinformers_share_of_attention_by_hand() -> None:
    attention = np.array([[0.2, 0.5, 0.3]])
    present = np.array([[True, False, True]])  # the window is no element
    seen = Seen(present, attention, None, attention, attention, attention[:, :1])
    found = SCORES["attention_share"].values(seen)[0]
    assert found[[0, 2]] == pytest.approx([0.20001 / 0.50002, 0.30001 / 0.50002])
