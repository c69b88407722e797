"""Chromatin loops between tokens: the same as the table says, as prior and as supervision of attention."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from scipy.stats import entropy

from crexpress.apply.predict import encode, tokens
from crexpress.core import artifacts
from crexpress.data import neighbours
from crexpress.data.loops import choose_value
from crexpress.data.opening import open_store
from crexpress.data.store import Batch, Store
from crexpress.models import load_model
from crexpress.models.attention import Prior
from crexpress.models.config import ModelConfig
from crexpress.models.forward import forward
from crexpress.models.inputs import Prediction
from crexpress.models.regulatory import RegulatoryModel
from crexpress.prepare import contacts
from crexpress.prepare.contacts import Contacts
from crexpress.training.config import TrainingConfig
from crexpress.training.presets import read_preset
from crexpress.training.supervision import aim, divergence
from tools import inputs, run, train

BIN = 5000  # bp, of the fixture `loops`
SMALL = {"neighbours": 4, "tracks": ("dnase", "h3k27ac")}


def store_of(tiny: Any, loops: Path, **changes: Any) -> Store:
    config = read_preset("scpge-small")[0].replace(**SMALL, **changes)
    signals = [tiny.signals("A"), tiny.signals("B")]
    return open_store(tiny.elements, tiny.genes, signals, contacts=[loops], config=config)


def test_every_pair_of_tokens_has_the_strength_that_the_table_says(tiny: Any, loops: Path) -> None:
    store = store_of(tiny, loops, loop_prior="multiplied", layers=2)
    index, table = store.index.numpy(), Contacts.open(loops)
    middle = ((store.elements["start"] + store.elements["end"]) // 2).to_numpy()
    bins = np.where(index < 0, -1, table.bins(store.elements["chrom"], middle)[index])
    expected = np.log10(1 + table.lookup(bins[:, :, None], bins[:, None, :]))
    expected[:, np.arange(5), np.arange(5)] = 0
    gene = np.arange(len(index))
    found = store.loops_between(np.zeros_like(gene), gene)
    assert np.allclose(found, expected, atol=1e-6)
    assert 0.05 < (expected > 0).mean() < 0.9
    assert store.loops_between(np.ones_like(gene), gene).abs().max() == 0  # cell B has no loops
    # a model of one layer asks for the gene's row alone
    row = store_of(tiny, loops, loop_prior="multiplied").batch(np.zeros_like(gene), gene).loops
    assert torch.equal(row, found[:, 2:3])


def test_pads_have_the_loops_of_the_outermost_element_where_the_released_code_gives_them(
    tiny: Any, loops: Path
) -> None:
    store = store_of(tiny, loops, loop_prior="multiplied", layers=2, pads="encoded")
    index = store.index.clone()
    first = int(torch.nonzero((index[:, 0] == neighbours.PAD) & (index[:, 1] != neighbours.PAD))[0])
    found = store.loops_between(np.zeros(1, int), np.array([first]))[0]
    assert torch.equal(found[0, 2:], found[1, 2:])


def test_elements_fall_into_the_nearest_bin_where_the_released_code_rounds(tiny: Any, loops: Path) -> None:
    down, nearest = (
        store_of(tiny, loops, loop_prior="added", loop_bins=rule).cells[0].loops for rule in ("down", "nearest")
    )
    table, _ = artifacts.read_table(tiny.elements, "elements")
    middle = ((table["start"] + table["end"]) // 2).to_numpy()
    assert np.array_equal((nearest.bins - down.bins).numpy() == 1, middle % BIN > BIN // 2)


@pytest.mark.parametrize("prior", ["multiplied", "added"])
@pytest.mark.parametrize("layers", [1, 2])
def test_silencing_with_a_prior_equals_predicting_without_the_element(
    tiny: Any, loops: Path, prior: str, layers: int
) -> None:
    store = store_of(tiny, loops, loop_prior=prior, layers=layers)
    torch.manual_seed(0)
    model = RegulatoryModel(read_preset("scpge-small")[0].replace(**SMALL, loop_prior=prior, layers=layers)).eval()
    batch = next(iter(tokens(store, 0, encode(model, store, 0), 7)))
    with torch.no_grad():
        silent = model.embed_silent()
        whole = model.predict(batch)
        found = model.silence_each(batch, silent, whole.expression)
        changed = batch.vectors.clone()
        changed[:, 1] = silent
        assert torch.allclose(found[:, 1], model.predict(batch._replace(vectors=changed)).expression, atol=1e-6)
        unlooped = model.predict(batch._replace(loops=torch.zeros_like(batch.loops)))
        without_loops = model.predict(batch._replace(loops=None))
    assert (whole.expression - unlooped.expression).abs().max() > 1e-4
    assert torch.allclose(unlooped.expression, without_loops.expression, atol=1e-6)


def test_the_prior_is_equation_3() -> None:
    """softmax(exp(M) * (q k / sqrt(d) + bias)); a loop lowers the weight of a key whose logit is negative."""
    logits, bias, m = (
        torch.tensor([[1.0, -1.0, 0.5]]),
        torch.tensor([[0.5, 0.0, -0.5]]),
        torch.tensor([[0.3, 0.3, 0.0]]),
    )
    assert torch.allclose(Prior(bias, torch.exp(m)).apply(logits), torch.exp(m) * (logits + bias))
    weight = torch.softmax(Prior(bias, torch.exp(m)).apply(logits), -1) / torch.softmax(Prior(bias).apply(logits), -1)
    assert weight[0, 1] < 1 < weight[0, 0]


def attending(attention: torch.Tensor) -> Prediction:
    """A prediction of two genes with this attention; supervision does not read its logits."""
    return Prediction(torch.zeros(2), attention, torch.empty(0))


def supervised(n: int = 5, **changes: Any) -> tuple[Batch, torch.Tensor]:
    """Two genes of n tokens, the second without its first element, and a random attention over them."""
    torch.manual_seed(0)
    present = torch.ones(2, n, dtype=torch.bool)
    present[1, 0] = False
    attention = torch.rand(2, 2, 3, n) * present[:, None, None]
    distance = (torch.arange(n) - n // 2) * 7000.0
    batch = Batch(None, None, present, distance.expand(2, n), torch.rand(2, 1, n))  # type: ignore[arg-type]
    return batch, attention / attention.sum(-1, keepdim=True)


@pytest.mark.parametrize("decay", ["rank", "bp"])
@pytest.mark.parametrize("aimed", ["loops+decay", "decay"])
def test_supervision_is_the_divergence_of_attention_from_loops_and_decay(decay: str, aimed: str) -> None:
    batch, attention = supervised()
    config = TrainingConfig(loop_alpha=1.0, loop_decay=decay, loop_target=aimed)  # type: ignore[arg-type]
    found = divergence(attending(attention), batch, config)
    x = batch.distance.numpy() / 5000 if decay == "bp" else np.arange(-2, 3)[None].repeat(2, 0)
    target = np.exp(-np.abs(x) / 2) + (0 if aimed == "decay" else batch.loops[:, 0].numpy())
    mean = attention.mean(dim=(1, 2)).numpy()
    columns = [[0, 1, 3, 4], [1, 3, 4]]  # neither the gene nor the pad
    expected = np.mean([entropy(target[gene, own], mean[gene, own]) for gene, own in enumerate(columns)])
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_supervision_is_zero_where_attention_follows_the_loops_and_finite_where_it_cannot() -> None:
    batch, _ = supervised()
    config = TrainingConfig(loop_alpha=1.0)
    target = aim(batch, config) * batch.present
    exact = attending(target[:, None, None])
    assert float(divergence(exact, batch, config)) == pytest.approx(0, abs=1e-6)
    nothing = attending(torch.zeros(2, 1, 1, 5))
    alone = batch._replace(present=torch.zeros(2, 5, dtype=torch.bool))
    assert np.isfinite(float(divergence(nothing, batch, config)))
    assert float(divergence(nothing, alone, config)) == 0


def test_the_released_form_goes_below_zero_and_breaks_on_constant_rows() -> None:
    """What science.md says of row 16, and why it is not the default."""
    batch, attention = supervised()
    config = TrainingConfig(loop_alpha=1.0, loop_divergence="compat")
    assert float(divergence(attending(aim(batch, config)[:, None, None]), batch, config)) < 0
    even = torch.full_like(attention, 0.2)
    assert not np.isfinite(float(divergence(attending(even), batch, config)))


@pytest.fixture(scope="module")
def prior_model(tiny: Any, loops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("prior") / "model"
    result = train(
        tiny, directory, "--loop-prior", "added", "--contacts", loops, "--holdout-cells", "B", cells=("A", "B")
    )
    assert result.exit_code == 0, result.output
    assert "no loops of B: there the model sees none" in result.output
    return directory


def test_a_model_with_loops_as_prior_reads_them_and_says_where_there_are_none(
    tiny: Any, loops: Path, prior_model: Path, tmp_path: Path
) -> None:
    assert json.loads((prior_model / "config.json").read_text())["model"]["loop_value"] == "count"
    given = ["--model", prior_model, *inputs(tiny, "A", expression=False)]
    tables = []
    for name, more in (("with", ["--contacts", loops]), ("without", [])):
        result = run("predict", *given, *more, "--outdir", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert ("no loops of A" in result.output) == (name == "without")
        table, header = artifacts.read_table(tmp_path / name / "predictions.A.parquet", "predictions")
        assert header["parameters"]["loops"] == (name == "with")
        assert (loops.name in [source["name"] for source in header["sources"]]) == (name == "with")
        tables.append(table["predicted"])
    assert not tables[0].equals(tables[1])
    result = run("interpret", *given, "--contacts", loops, "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    links = artifacts.read_table(tmp_path / "links.A.parquet", "links")[0]
    assert links.select(pl.col("attention").is_nan().any()).item() is False


@pytest.mark.slow
def test_a_model_supervised_by_loops_predicts_without_them(tiny: Any, loops: Path, tmp_path: Path) -> None:
    result = train(tiny, tmp_path / "model", "--loop-alpha", 1, "--contacts", loops, "--steps", 20, cells=("A",))
    assert result.exit_code == 0, result.output
    plain = train(tiny, tmp_path / "plain", "--steps", 20, "--contacts", loops, cells=("A",))
    assert plain.exit_code == 0, plain.output
    assert ["loops not read" in trained.output for trained in (result, plain)] == [False, True]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("model", "plain")]
    assert weights[0] != weights[1]
    result = run("predict", "--model", tmp_path / "model", *inputs(tiny, "A", expression=False), "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    assert "no loops" not in result.output


@pytest.mark.slow
def test_supervision_draws_attention_to_the_loops(tiny: Any, loops: Path, tmp_path: Path) -> None:
    config, found = TrainingConfig(loop_alpha=1.0), []
    for alpha in (0, 10):
        name = tmp_path / f"alpha{alpha}"
        result = train(tiny, name, "--contacts", loops, "--loop-alpha", alpha, "--learning-rate", 0.01, cells=("A",))
        assert result.exit_code == 0, result.output
        model = load_model(name)
        store = open_store(
            tiny.elements, tiny.genes, [tiny.signals("A")], contacts=[loops], config=model.config, loop_rows="gene"
        )
        gene = np.arange(120)
        batch = store.batch(np.zeros_like(gene), gene)
        with torch.no_grad():
            found.append(float(divergence(forward(model, batch), batch, config)))
    assert found[1] < 0.7 * found[0]


@pytest.mark.slow
def test_two_models_in_one_rank_near_and_far_elements(tiny: Any, loops: Path, tmp_path: Path) -> None:
    """ScPGE-Loop: the parts are the models that training gives on its own, each element is ranked by its own."""
    common = ["--contacts", loops, "--neighbours", 8, "--steps", 4]
    for name, more in (
        ("near", ["--loop-alpha", 1]),
        ("far", ["--loop-prior", "multiplied"]),
        ("both", ["--loop-alpha", 1, "--loop-prior", "multiplied", "--loop-boundary", 5000]),
    ):
        result = train(tiny, tmp_path / name, *common, *more, cells=("A",))
        assert result.exit_code == 0, result.output
        assert "is of a run with other settings" not in result.output  # the near model's state is of the same run
        given = ["--model", tmp_path / name, *inputs(tiny, "A", expression=False), "--contacts", loops]
        for tool in ("interpret", "predict"):
            result = run(tool, *given, "--outdir", tmp_path / name)
            assert result.exit_code == 0, result.output
    names = ("near", "far", "both")
    links = {name: artifacts.read_table(tmp_path / name / "links.A.parquet", "links")[0] for name in names}
    inside = links["both"]["distance"].abs() <= 5000
    assert 0.1 < inside.mean() < 0.9
    for score in ("attention", "perturbation"):
        for part, own in (("near", inside), ("far", ~inside)):
            found, expected = (links[name].filter(own)[score].to_numpy() for name in ("both", part))
            assert np.allclose(found, expected, atol=1e-6)
    levels = [
        artifacts.read_table(tmp_path / name / "predictions.A.parquet", "predictions")[0]["predicted"].to_numpy()
        for name in ("near", "far", "both")
    ]
    assert np.allclose(levels[2], (levels[0] + levels[1]) / 2, atol=1e-6)
    assert artifacts.read_table(tmp_path / "both" / "history.parquet", "history")[0]["step"].to_list() == [4, 8]


def test_bad_requests_end_with_one_sentence(tiny: Any, loops: Path, tmp_path: Path) -> None:
    header, tensors = artifacts.read_sparse(loops, "contacts")
    other, stranger = tmp_path / "other.npz", tmp_path / "stranger.npz"
    artifacts.write_sparse(other, tensors, header | {"elements": "0123456789abcdef"})
    artifacts.write_sparse(stranger, tensors, header | {"cell": "C"})
    for more, message in (
        (["--loop-prior", "added"], "learns from chromatin loops; give --contacts"),
        (["--loop-alpha", 1], "learns from chromatin loops; give --contacts"),
        (["--loop-alpha", 1, "--layers", 0, "--contacts", loops], "a model of 0 layers has none"),
        (["--loop-alpha", 1, "--loop-boundary", 5000, "--contacts", loops], "need loops as supervision and as prior"),
        (["--loop-prior", "added", "--contacts", other], "made for different elements"),
        (["--loop-prior", "added", "--contacts", stranger], "holds the loops of C, but no signals of that cell"),
        (["--loop-prior", "added", "--contacts", loops, "--contacts", loops], "is a second file of A's loops"),
    ):
        result = train(tiny, tmp_path / "model", *more)
        assert result.exit_code == 65, result.output
        assert message in result.output
        assert not (tmp_path / "model").exists()


def test_the_strength_is_what_all_files_have(tiny: Any, loops: Path, prior_model: Path, tmp_path: Path) -> None:
    header, tensors = artifacts.read_sparse(loops, "contacts")
    swapped = tmp_path / "q.npz"
    artifacts.write_sparse(swapped, tensors | {"count": tensors["neglog10q"], "neglog10q": tensors["count"]}, header)
    assert choose_value([loops]) == "count"
    assert choose_value([swapped]) == "neglog10q"
    given = ["--model", prior_model, *inputs(tiny, "A", expression=False), "--contacts", swapped]
    refused = run("predict", *given, "--outdir", tmp_path)
    assert refused.exit_code == 65
    assert "has no count, the strength of loops that the model was trained on; run build-loops --score count" in (
        refused.output
    )
    with pytest.raises(contacts.InputError, match="no strength in common"):
        choose_value([loops, swapped])


def test_every_loop_preset_says_what_it_reads() -> None:
    names = ("scpge", "scpge-lp", "scpge-kl", "scpge-lp-kl", "scpge-loop")
    rows = {name: read_preset(name)[0].loop_rows for name in names}
    assert rows == {"scpge": "none", "scpge-lp": "all", "scpge-kl": "none", "scpge-lp-kl": "all", "scpge-loop": "all"}
    assert read_preset("scpge-kl")[1].needs_loops
    assert ModelConfig(loop_prior="multiplied", layers=1).loop_rows == "gene"
