"""EPInformer's form: who sees whom, what its scalars are, its perturbation, and one model through the tools."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crexpress.core import artifacts
from crexpress.models.epinformer import EPInformer
from crexpress.models.folder import build
from crexpress.models.inputs import Features, Tokens
from crexpress.training.presets import read_preset
from tools import inputs, run, train


def model(scalars: str = "activity", tracks: tuple[str, ...] = ("dnase", "h3k27ac"), **changes: object) -> EPInformer:
    torch.manual_seed(0)
    config = read_preset("epinformer-small")[0].replace(tracks=tracks, scalars=scalars, **changes)
    built = build(config)
    assert isinstance(built, EPInformer)
    return built.eval()


def batch(net: EPInformer, n: int = 7) -> Tokens:
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn(2, n, net.token_width, generator=generator).abs()
    present = torch.ones(2, n, dtype=torch.bool)
    present[1, 0] = False
    return Tokens(vectors, present, torch.arange(-n // 2, n // 2).repeat(2, 1) * 5_000.0)


def test_an_element_sees_itself_and_the_promoter_and_the_promoter_sees_all():
    net = model()
    tokens = batch(net)
    seen = ~net._blocked(tokens.present, slice(None))
    assert seen[0, 3].all()
    assert seen[0, 1].tolist() == [False, True, False, True, False, False, False]
    assert seen[1, 3].tolist() == [False, *[True] * 6]
    attention = net.predict(tokens).attention
    assert attention.shape == (2, 3, 4, 7)
    assert (attention[1, :, :, 0] == 0).all()
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 3, 4))


def test_scalars_change_the_prediction_and_the_promoters_own_distance_does_not():
    net = model()
    tokens = batch(net)
    usual = net.predict(tokens).expression
    farther = tokens.distance.clone()
    farther[:, 5] *= 3
    assert (net.predict(tokens._replace(distance=farther)).expression != usual).all()
    farther = tokens.distance.clone()
    farther[:, 3] = 9_000
    torch.testing.assert_close(net.predict(tokens._replace(distance=farther)).expression, usual)
    assert model("distance").token_width == 64
    assert model("activity", ("ctcf",)).token_width == 64  # nothing that activity is of


def test_contact_is_that_of_the_loop_to_the_promoter_alone():
    net = model("contact")
    assert net.config.loop_rows == "gene"
    assert net.join[0].in_features == 64 + 3
    loops = torch.rand(2, 7, 7)
    tokens = batch(net)._replace(loops=loops)

    def predicted(loops: torch.Tensor) -> torch.Tensor:
        return net.predict(tokens._replace(loops=loops)).expression

    usual = predicted(loops)
    torch.testing.assert_close(predicted(loops[:, 3:4]), usual)
    other = loops.clone()
    other[:, 1] = 9.0  # of an element's row, and the promoter's own with itself
    other[:, 3, 3] = 9.0
    torch.testing.assert_close(predicted(other), usual)
    other[:, 3, 5] += 1
    assert (predicted(other) != usual).all()


def test_nearer_than_nearest_no_element_is_seen_and_the_promoter_is():
    net = model(nearest=5_000)
    tokens = batch(net)
    found = net.predict(tokens)
    near, own = tokens.distance[0].abs() <= 5_000, torch.arange(7) == 3
    assert near.sum() == 3
    assert (found.attention[..., near & ~own] == 0).all()
    assert (found.attention[..., 3] > 0).all()
    without = tokens._replace(present=tokens.present & (~near | own))
    torch.testing.assert_close(net.predict(without).expression, found.expression)


@pytest.mark.parametrize(("scale", "expected"), [("log", [np.log10(7), 0]), ("raw", [6, 0])])
def test_activity_is_as_training_or_scoring_takes_it(scale: str, expected: list[float]):
    net = model(scalar_scale=scale)
    signals = torch.log10(1 + torch.tensor([[[4.0] * 15, [9.0] * 15], [[0.0] * 15, [9.0] * 15]]))
    codes, present = torch.full((2, 600), 4, dtype=torch.uint8), torch.ones(2, 2, dtype=torch.bool)
    found = net.embed(Features(signals, present, codes, torch.empty(2, 0)))[:, -1]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_activity_is_that_of_the_linear_tracks():
    net = model()
    signals = torch.log10(1 + torch.tensor([[[4.0] * 15, [9.0] * 15], [[0.0] * 15, [9.0] * 15]]))
    nothing = torch.empty(2, 0)
    codes = torch.full((2, 600), 4, dtype=torch.uint8)
    present = torch.ones(2, 2, dtype=torch.bool)
    found = net.embed(Features(signals, present, codes, nothing))[:, -1]
    torch.testing.assert_close(found, torch.log10(1 + torch.tensor([6.0, 0.0])))


def test_a_silenced_element_is_a_masked_one():
    net = model()
    tokens = batch(net)
    usual = net.predict(tokens).expression
    changed = net.silence_each(tokens, net.embed_silent(), usual)
    without = tokens.present.clone()
    without[:, 5] = False
    torch.testing.assert_close(changed[:, 5], net.predict(tokens._replace(present=without)).expression)
    torch.testing.assert_close(changed[:, 3], usual)  # the promoter's own column
    assert changed[1, 0] == usual[1]  # a pad


@pytest.mark.slow
def test_it_is_trained_predicts_and_ranks_links_as_any_other(tiny: Any, tmp_path: Path):
    result = train(tiny, tmp_path / "model", "--preset", "epinformer-small", "--window", 0)
    assert result.exit_code == 0, result.output
    for tool, kind in (("predict", "predictions"), ("interpret", "links")):
        result = run(tool, "--model", tmp_path / "model", *inputs(tiny, "A", expression=False), "--outdir", tmp_path)
        assert result.exit_code == 0, result.output
        table, header = artifacts.read_table(tmp_path / f"{kind}.A.parquet", kind)
        assert header["parameters"]["preset"] == "epinformer-small"
    assert table["attention"].is_between(0, 1).all()
    assert np.ptp(table["perturbation"].to_numpy()) > 0


@pytest.mark.parametrize("scalars", ["distance", "activity"])
def test_gradients_reach_every_weight(scalars: str):
    net = model(scalars).train()
    tokens = batch(net)
    net.predict(tokens).expression.sum().backward()
    unused = [name for name, weights in net.named_parameters() if weights.grad is None and "encoder" not in name]
    assert unused == []
