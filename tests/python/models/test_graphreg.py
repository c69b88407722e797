"""GraphReg's form: a layer worked out by hand, who is joined, the published size, and one model through the tools."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.models.folder import build
from crexpress.models.graphreg import GraphHead, GraphLayer, GraphReg, NodeNorm, Scale
from crexpress.models.inputs import Tokens
from crexpress.training.checks import check_settings
from crexpress.training.presets import read_preset
from tools import inputs, run, train

INF = float("inf")


def model(preset: str = "graphreg-elements", **changes: object) -> GraphReg:
    torch.manual_seed(0)
    built = build(read_preset(preset)[0].replace(tracks=("dnase", "h3k27ac"), **changes))
    assert isinstance(built, GraphReg)
    return built.eval()


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_a_layer_by_hand():
    """Three nodes of one number, one head; node 1 is joined to both others, the others to it alone."""
    layer = GraphLayer(1, 1, Scale)
    with torch.no_grad():
        layer.own.weight.fill_(2.0)
        layer.other.weight.fill_(-1.0)
        layer.of_own.fill_(0.5)
        layer.of_other.fill_(1.0)
    nodes = torch.tensor([[[1.0], [2.0], [-4.0]]])
    added = torch.tensor([[-INF, 0, -INF], [0, -INF, 0], [-INF, 0, -INF]]).view(1, 1, 3, 3)
    found, weights = layer(nodes, added, None, slice(None))
    # s = 2, 4, -8; n = -1, -2, 4; e_ij = LeakyReLU(s_i / 2 + n_j)
    e01, e10, e12, e21 = -0.2 * 1.0, 1.0, 6.0, -0.2 * 6.0
    total = 1 + sigmoid(e10) + sigmoid(e12)
    expected = [
        (2 + sigmoid(e01) * -2) / (1 + sigmoid(e01)),
        (4 + sigmoid(e10) * -1 + sigmoid(e12) * 4) / total,
        (-8 + sigmoid(e21) * -2) / (1 + sigmoid(e21)),
    ]
    elu = [value if value > 0 else math.exp(value) - 1 for value in expected]
    assert found.flatten().tolist() == pytest.approx(elu, abs=1e-6)
    assert weights[0, 0, 1].tolist() == pytest.approx([sigmoid(e10) / total, 0, sigmoid(e12) / total], abs=1e-6)
    assert weights[0, 0].sum() < 3  # no softmax: a node keeps a share for itself
    some, _ = layer(nodes, added[:, :, 1:2], None, slice(1, 2))
    assert torch.equal(some[:, 0], found[:, 1])


def test_its_graph_layers_and_head_are_of_the_published_size():
    """184,065 trainable numbers of the Epi variant, less 109,056 of its convolutions over the window."""
    parts = [*(GraphLayer(128, 4, NodeNorm) for _ in range(2)), GraphHead(128, 64, 0.5, NodeNorm, False)]
    assert sum(weights.numel() for part in parts for weights in part.parameters()) == 184_065 - 109_056
    net = model()
    assert sum(w.numel() for part in (net.mixer, net.head) for w in part.parameters()) == 184_065 - 109_056


def test_edges_of_each_graph():
    distance = torch.tensor([[-90_000.0, -3_000.0, 0.0, 6_000.0, 8_000.0]])
    present = torch.tensor([[True, True, True, True, False]])
    loops = torch.zeros(1, 5, 5)
    loops[0, 0, 2] = loops[0, 2, 0] = 0.3
    loops[0, 2, 4] = loops[0, 4, 2] = 5.0  # to a pad

    def edges(graph: str) -> torch.Tensor:
        tokens = Tokens(torch.zeros(1, 5, 128), present, distance, loops)
        return model(graph=graph).prior(tokens, slice(None)).added[0, 0, :4]  # of what is no pad

    near = [[1, 2], [2, 1]]  # less than 5 kb apart, which is one node of GraphReg
    assert torch.nonzero(edges("none") == 0).tolist() == near
    assert torch.nonzero(edges("loops") == 0).tolist() == sorted([*near, [0, 2], [2, 0]])
    found = edges("distance")
    assert found[2, 0].item() == pytest.approx(-math.log(90), abs=1e-5)
    assert found[2, 1].item() == pytest.approx(-math.log(3), abs=1e-5)
    assert (found[:, 4] == -INF).all()
    assert (found[:, :4].diagonal() == -INF).all()
    assert (model().config.loop_rows, model(graph="distance").config.loop_rows) == ("all", "none")


def test_pads_are_no_part_of_the_norm_and_a_single_node_is_normed_as_it_is_applied():
    norm = NodeNorm(2).train()
    x = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, -100.0]]])
    found = norm(x, torch.tensor([[True, True, False]]))
    assert found[0, :2].flatten().tolist() == pytest.approx([-1, -1, 1, 1], abs=1e-4)
    assert (found[0, 2] == 0).all()
    before = norm.running_mean.clone()
    assert torch.equal(before, torch.tensor([0.2, 0.4]))
    assert norm(x[:, :1, :]).isfinite().all()
    assert torch.equal(norm.running_mean, before)


def test_an_element_without_an_edge_says_nothing_and_its_weight_is_zero():
    net = model(layers=1)
    vectors, present = torch.randn(1, 3, net.token_width), torch.ones(1, 3, dtype=torch.bool)
    distance = torch.tensor([[-50_000.0, 0.0, 60_000.0]])
    tokens = Tokens(vectors, present, distance, torch.tensor([[[0.0, 0.0, 1.0]]]))
    usual = net.predict(tokens)
    assert usual.attention[0, 0, :, 0].max() <= 1e-12
    assert (usual.attention[0, 0, :, 2] > 0).all()
    changed = vectors.clone()
    changed[:, 0] += 1
    assert torch.equal(net.predict(tokens._replace(vectors=changed)).expression, usual.expression)


def test_what_it_cannot_have_is_refused():
    config, training = read_preset("graphreg-elements")
    for settings, message in (
        ((config.replace(loop_prior="added"), training), "graphreg by graph 'loops'"),
        ((config, training.replace(loop_alpha=1.0)), "its weights are sigmoids|weights are sigmoids"),
    ):
        with pytest.raises(InputError, match=message):
            check_settings(*settings, False, False)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["graphreg-elements", "epinformer-contact-small"])
def test_it_is_trained_predicts_and_ranks_links_as_any_other(preset: str, tiny: Any, loops: Path, tmp_path: Path):
    given = ["--contacts", loops]
    result = train(tiny, tmp_path / "model", "--preset", preset, "--window", 0, *given)
    assert result.exit_code == 0, result.output
    for tool, kind, more in (("predict", "predictions", ()), ("interpret", "links", ("--also", "saliency"))):
        options = [*inputs(tiny, "A", expression=False), *given, *more]
        result = run(tool, "--model", tmp_path / "model", *options, "--outdir", tmp_path)
        assert result.exit_code == 0, result.output
        table, header = artifacts.read_table(tmp_path / f"{kind}.A.parquet", kind)
        assert header["parameters"]["preset"] == preset
    assert table["attention"].is_between(0, 1).all()
    assert np.ptp(table["perturbation"].to_numpy()) > 0
    assert table["saliency"].abs().max() == pytest.approx(1)
    assert next(s for s in header["parameters"]["scores"] if s["name"] == "saliency")["form"] == "per gene"
    result = train(tiny, tmp_path / "none", "--preset", preset, "--window", 0)
    assert result.exit_code == 65
    assert "loops" in result.output
