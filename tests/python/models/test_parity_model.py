"""`scpge-compat` computes what the released ScPGE model computes (docs/science.md, rows 6, 11 to 13, 16).

The numbers were made by the released program itself: tests/reference/make_scpge_model.py.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import crexpress
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.store import Batch
from crexpress.models.encoders.layers import AsReleased
from crexpress.models.forward import forward
from crexpress.models.inputs import Features, Tokens
from crexpress.models.positions.buckets import log_buckets
from crexpress.models.regulatory import RegulatoryModel
from crexpress.models.released import read_model, translate
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.losses import with_supervision
from crexpress.training.presets import read_preset
from crexpress.training.run import imported_model
from tools import run

REFERENCE = Path(__file__).parents[2] / "reference"
sys.path.insert(0, str(REFERENCE))
from released_scpge import ALPHA, SIZES, Inputs, projections, released_inputs, released_weights  # noqa: E402

EXPECTED = np.load(REFERENCE / "scpge_model.npz")
CASES = [(form, tracks) for tracks in SIZES for form in ("plain", "lp", "kl")]
STEPS = [pytest.param(*case, marks=pytest.mark.slow) if case[1] > 4 else case for case in CASES]
SCPGE = read_preset("scpge-compat")[0]
KL = TrainingConfig(loop_alpha=ALPHA, loop_divergence="compat")


def shapes(tracks: int) -> dict[str, tuple[int, ...]]:
    """The released weights by name."""
    return {name: tuple(shape) for name, shape in json.loads(str(EXPECTED[f"shapes.{tracks}"])).items()}


def ours(form: str, tracks: int) -> RegulatoryModel:
    config = read_preset("scpge-compat")[0].replace(
        tracks=tuple(f"track{i}" for i in range(tracks)),
        motifs=tuple(f"motif{i}" for i in range(600)),
        sequence=True,
        loop_prior="multiplied" if form == "lp" else "none",
        dropout_encoder=0.0,
        dropout_mixer=0.0,
    )
    model = RegulatoryModel(config)
    model.load_state_dict(translate(released_weights(shapes(tracks)), config))
    return model


def batch_of(inputs: Inputs) -> Batch:
    """The same genes as the store gives them: every real element once, pads pointing one past the end."""
    real = torch.from_numpy(inputs.present)
    token = torch.full(real.shape, int(real.sum()))
    token[real] = torch.arange(int(real.sum()))
    signals, motifs, codes = (
        torch.from_numpy(part)[real]
        for part in (inputs.signals.transpose(0, 2, 1, 3), inputs.motifs[:, 0], inputs.codes)
    )
    features = Features(signals, torch.ones(signals.shape[:2], dtype=torch.bool), codes, motifs)
    return Batch(features, token, real, torch.zeros(real.shape), torch.from_numpy(inputs.loops))


def in_their_order(gradients: dict[str, np.ndarray], theirs: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Our gradients under the released names, laid out as there."""
    result = {}
    for name, shape in theirs.items():
        numbers = torch.arange(int(np.prod(shape))).reshape(shape)
        ((mine, places),) = translate({name: numbers}, SCPGE).items()
        if mine in gradients:
            result[name] = np.empty(places.numel(), gradients[mine].dtype)
            result[name][places.flatten().numpy()] = gradients[mine].ravel()
    return result


@pytest.mark.parametrize(("form", "tracks"), STEPS)
def test_predictions_and_attention_are_the_released_models(form: str, tracks: int) -> None:
    model, batch = ours(form, tracks).eval(), batch_of(released_inputs(tracks))
    with torch.no_grad():
        prediction = forward(model, batch)
        # elements embedded once, and all pads by the one vector of an empty element, as predict does it
        vectors = torch.cat([model.embed(batch.features), model.embed_silent()])
        again = model.predict(Tokens(vectors[batch.token], batch.present, batch.distance, batch.loops))
    for found in (prediction, again):
        for what in ("expression", "attention"):
            difference = np.abs(getattr(found, what).numpy() - EXPECTED[f"{form}.{tracks}.{what}"]).max()
            assert difference < 1e-5, what
    assert prediction.attention[-1, ..., 0].min() > 0  # the released model attends to missing elements


def one_step(model: RegulatoryModel, inputs: Inputs, form: str, kind: torch.dtype) -> tuple[float, np.ndarray]:
    """Loss of one step, and what is kept of its gradient (`projections`) under the released names."""
    batch, loss_of = batch_of(inputs), with_supervision(KL if form == "kl" else TrainingConfig())
    floats = {name: part.to(kind) for name, part in batch.features._asdict().items() if part.is_floating_point()}
    assert batch.loops is not None
    batch = batch._replace(
        features=batch.features._replace(**floats), distance=batch.distance.to(kind), loops=batch.loops.to(kind)
    )
    loss = loss_of(forward(model.to(kind).train(), batch), batch, torch.from_numpy(inputs.target[:, 0]).to(kind))
    loss.backward()
    gradients = {name: weight.grad.numpy() for name, weight in model.named_parameters() if weight.grad is not None}
    theirs = in_their_order(gradients, shapes(inputs.signals.shape[1]))
    assert len(theirs) == len(gradients)
    return float(loss.detach()), projections(theirs)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "tracks"), CASES)
def test_one_step_has_the_released_gradient(form: str, tracks: int) -> None:
    """In float64, where no rounding decides which position max-pooling takes: each weight's within 1e-6."""
    _, found = one_step(ours(form, tracks), released_inputs(tracks), form, torch.float64)
    expected = EXPECTED[f"{form}.{tracks}.gradient"]
    difference = np.abs(found - expected).max(axis=1)
    assert (difference / np.maximum(expected[:, 0], 1e-3 * np.linalg.norm(expected[:, 0]))).max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("sums", ["quick", "released"])
@pytest.mark.parametrize(("form", "tracks"), CASES)
def test_one_step_in_float32_is_near_it(form: str, tracks: int, sums: str) -> None:
    """The whole gradient within 1e-4, where no element is missing: those are all ties, up to rounding."""
    model = ours(form, tracks)
    for layer in model.modules():
        if isinstance(layer, AsReleased):
            layer.as_released = sums == "released"
    _, found = one_step(model, released_inputs(tracks, missing=0), form, torch.float32)
    expected = EXPECTED[f"{form}.{tracks}.gradient of all present"]
    difference = np.abs(found - expected).max(axis=1)
    assert np.linalg.norm(difference) / np.linalg.norm(expected[:, 0]) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("form", "tracks"), CASES)
def test_one_step_has_the_released_loss_and_statistics(form: str, tracks: int) -> None:
    model = ours(form, tracks)
    loss, _ = one_step(model, released_inputs(tracks), form, torch.float32)
    assert loss == pytest.approx(float(EXPECTED[f"{form}.{tracks}.loss"]), abs=1e-5)
    norm = model.encoder.tower[0][0]
    sequence, signals, motifs = torch.stack([norm.running_mean, norm.running_var]).split(128, dim=1)
    running = torch.cat([sequence, motifs, signals], dim=1).numpy()
    assert np.abs(running - EXPECTED[f"{form}.{tracks}.running"]).max() < 1e-5


def test_every_rank_falls_into_the_released_bucket() -> None:
    assert np.array_equal(log_buckets(torch.arange(-400, 401), 64, 256.0, 16.0).numpy(), EXPECTED["buckets"])


@pytest.mark.slow
def test_a_released_checkpoint_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "model.best.pth"
    weights = released_weights(shapes(4))
    torch.save({"model_state_dict": {f"module.{name}": weight for name, weight in weights.items()}}, path)
    model = read_model(path, ours("plain", 4).config)
    expected = ours("plain", 4).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


def test_weights_of_our_own_are_not_taken_for_released_ones(tmp_path: Path) -> None:
    """Their channels are in our order: put into it once more, they would be scrambled."""
    config = read_preset("scpge-compat")[0].replace(tracks=("dnase",), motifs=("M1",), sequence=True)
    torch.save(RegulatoryModel(config).state_dict(), tmp_path / "own.pth")
    with pytest.raises(InputError, match="holds the weights of a model of this toolkit; apply it with predict --model"):
        read_model(tmp_path / "own.pth", config)


@pytest.mark.slow
def test_a_released_checkpoint_becomes_a_model_directory(tiny: Any, tmp_path: Path) -> None:
    opened = artifacts.open_arrays(tiny.signals("A"), "signals")
    fine = {name: np.repeat(values, 40, axis=1) for name, values in opened.tensors.items()}
    signals, checkpoint = tmp_path / "signals.A.safetensors", tmp_path / "model.best.pth"
    about = opened.header | {"parameters": opened.header["parameters"] | {"bin_size": 1}}
    artifacts.write_arrays(signals, fine, about)
    weights = released_weights(shapes(4) | {"stem_fea.0.weight": (128, 2, 1, 30)})
    torch.save({"model_state_dict": weights}, checkpoint)
    store = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", signals]
    store += ["--sequence", tiny.sequence, "--motifs", tiny.motifs, "--expression", tiny.expression("A")]
    more = ["--preset", "scpge-compat", "--neighbours", 2, "--val", "chr2", "--test", "chr3", "--steps", 0]
    given = ["--import-weights", checkpoint, "--tracks", "h3k27ac,dnase", "--outdir", tmp_path / "model"]
    refused = run("train", *store, *more)
    assert refused.exit_code == 65
    assert "--steps 0 leaves a model as it starts" in refused.output
    result = run("train", *store, *more, *given)
    assert result.exit_code == 0, result.output
    model = crexpress.load_model(tmp_path / "model")
    assert model.config.tracks == ("h3k27ac", "dnase")
    expected = translate(weights, SCPGE)
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


@pytest.mark.slow
def test_checkpoints_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.best.pth"
    config = ours("plain", 4).config
    torch.save(released_weights(shapes(13)), path)
    with pytest.raises(InputError, match=r"encoder\.signals\.0\.weight is \[128, 13, 30\] there .* 4 tracks"):
        read_model(path, config)
    torch.save(released_weights({name: shape for name, shape in shapes(4).items() if "rp_bias" not in name}), path)
    with pytest.raises(InputError, match=r"lacks position\.table\.weight"):
        read_model(path, config)
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="holds no state dict"):
        read_model(path, config)
    torch.save(torch.nn.Linear(1, 1), path)  # a module, which only its own code can read
    for content in (b"no checkpoint", b"a,b\n1,2\n", b"", path.read_bytes(), path.read_bytes()[:99]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is not a checkpoint that can be read safely") as refused:
            read_model(path, config)
        assert "weights_only" not in str(refused.value)


@pytest.mark.slow
def test_every_process_draws_its_own_dropout_after_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.best.pth"
    torch.save(released_weights(shapes(4)), path)
    drawn = []
    for rank in ("0", "1", "1"):
        monkeypatch.setenv("RANK", rank)
        imported_model(path, ours("plain", 4).config, Engine(), seed=1)
        drawn.append(torch.rand(3).tolist())
    assert drawn[0] != drawn[1] == drawn[2]
