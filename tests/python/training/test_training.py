"""Training, prediction and link scores on a tiny case whose answer is known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from crexpress.apply.predict import encode, predict, tokens
from crexpress.core import artifacts
from crexpress.data.store import Store
from crexpress.interpret.perturbation import perturb
from crexpress.models import load_model
from crexpress.models.forward import forward
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training.config import TrainingConfig
from crexpress.training.loop import train as train_model
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples
from crexpress.training.schedule import two_stage
from tools import inputs, run, train


@pytest.fixture(scope="module")
def model(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("trained") / "model"
    result = train(tiny, directory, "--holdout-cells", "B")
    assert result.exit_code == 0, result.output
    return directory


def test_training_learns_and_says_what_it_did(model: Path) -> None:
    history, _ = artifacts.read_table(model / "history.parquet", "history")
    assert history["step"].to_list() == [20, 40, 60]
    assert history["val_loss"].min() < history["val_loss"][0]
    config = json.loads((model / "config.json").read_text())
    assert config["cells"] == ["A"]
    assert config["holdout_cells"] == ["B"]
    assert config["units"] == "log10(1 + TPM)"
    assert config["best_step"] == history["step"][int(history["val_loss"].arg_min())]


def test_the_model_keeps_what_it_reached_on_held_out_genes(tiny: Any, model: Path, tmp_path: Path) -> None:
    reached = json.loads((model / "config.json").read_text())["reached"]
    given = inputs(tiny, "A", expression=False)
    assert run("predict", "--model", model, *given, "--outdir", tmp_path).exit_code == 0
    refused = run("predict", "--model", model, *given, "--predict-cells", "A,Y,Z", "--outdir", tmp_path)
    assert refused.exit_code == 65
    assert "no signals of Y, Z are given; there are A" in refused.output  # all at once
    predicted, measured = (pl.read_parquet(path) for path in (tmp_path / "predictions.A.parquet", tiny.expression("A")))
    table = predicted.join(measured, on="gene_id")
    assert list(reached) == ["val", "test"]
    for split, cells in reached.items():
        own = table.filter(pl.col("split") == split, pl.col("expression").is_not_null())
        assert list(cells) == ["A"]  # B was held out
        assert cells["A"]["genes"] == len(own) > 30
        assert cells["A"]["pearson"] == pytest.approx(own.select(pl.corr("predicted", "expression")).item(), abs=1e-3)
        mae = (own["predicted"] - own["expression"]).abs().mean()
        assert cells["A"]["mae"] == pytest.approx(mae, abs=1e-3)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tiny: Any, tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        assert train(tiny, tmp_path / name, "--steps", 3, "--seed", seed).exit_code == 0
    first, again, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first != other


def test_predictions_are_those_of_the_training_forward(tiny: Any, model: Path, store: Store, tmp_path: Path) -> None:
    assert (
        run("predict", "--model", model, *inputs(tiny, "A", "B", expression=False), "--outdir", tmp_path).exit_code == 0
    )
    table, header = artifacts.read_table(tmp_path / "predictions.B.parquet", "predictions")
    assert header["parameters"]["cell_seen"] is False
    assert artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")[1]["parameters"]["cell_seen"] is True
    assert set(table.filter(pl.col("split") == "val")["chrom"]) == {"chr2"}
    loaded = load_model(model)
    gene = np.arange(len(table))
    with torch.no_grad():
        expected = forward(loaded, store.batch(np.ones_like(gene), gene)).expression.numpy()
    assert np.allclose(table["predicted"].to_numpy(), expected, atol=1e-5)


def test_links_have_every_element_of_every_gene_and_the_effect_of_silencing_it(
    tiny: Any, model: Path, store: Store, tmp_path: Path
) -> None:
    result = run("interpret", "--model", model, *inputs(tiny, "A", expression=False), "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    links, header = artifacts.read_table(tmp_path / "links.A.parquet", "links")
    index = store.index.numpy()
    assert len(links) == (index >= 0).sum() - len(index)
    assert {score["name"] for score in header["parameters"]["scores"]} <= set(links.columns)
    assert links.null_count().sum_horizontal()[0] == 0
    # by hand: the first gene with its second element's inputs set to zero
    loaded = load_model(model)
    element = int(index[5, 1])
    data = store.to(torch.device("cpu"), "resident").cells[0].signals
    whole = predict(loaded, store, 0, 50).expression[5]
    store.cells[0].signals = data.clone()
    store.cells[0].signals[element] = 0
    without = predict(loaded, store, 0, 50).expression[5]
    row = links.filter((pl.col("gene_id") == "G5") & (pl.col("element") == element))
    assert row["perturbation"][0] == pytest.approx(whole - without, abs=1e-5)
    assert row["distance"][0] == store.distance[5, 1]
    assert (tmp_path / "links.A.bedpe.gz").stat().st_size > 0


@pytest.mark.parametrize(("tool", "kind", "column"), [("predict", "predictions", "predicted"),
                                                      ("interpret", "links", "perturbation")])  # fmt: skip
def test_elements_encoded_in_bf16_give_nearly_the_same(
    tool: str, kind: str, column: str, tiny: Any, model: Path, tmp_path: Path
) -> None:
    values = {}
    for precision in ("float32", "bf16"):
        options = *inputs(tiny, "A", expression=False), "--precision", precision, "--outdir", tmp_path / precision
        assert run(tool, "--model", model, *options).exit_code == 0
        table, header = artifacts.read_table(tmp_path / precision / f"{kind}.A.parquet", kind)
        assert header["parameters"]["precision"] == precision
        values[precision] = table[column].to_numpy()
    difference = np.abs(values["float32"] - values["bf16"]).max()
    assert 0 < difference < 0.05 * values["float32"].std()


def test_attention_is_normalised_per_gene_on_request(tiny: Any, model: Path, tmp_path: Path) -> None:
    run("interpret", "--model", model, *inputs(tiny, "A", expression=False), "--outdir", tmp_path)
    links, _ = artifacts.read_table(tmp_path / "links.A.parquet", "links")
    by_gene = links.group_by("gene_id").agg(
        low=pl.col("attention_minmax").min(), high=pl.col("attention_minmax").max(), sum=pl.col("attention").sum()
    )
    assert by_gene["low"].max() == 0
    assert by_gene["high"].min() == 1
    assert by_gene["sum"].max() <= 1.0001  # the rest is the gene's attention to its own window


@pytest.mark.parametrize("activity_heads", [0, 2])
@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_silencing_an_element_equals_predicting_without_it(store: Store, layers: int, activity_heads: int) -> None:
    torch.manual_seed(0)
    config = read_preset("scpge-small")[0].replace(
        tracks=("dnase", "h3k27ac"), neighbours=4, layers=layers, activity_heads=activity_heads
    )
    model = RegulatoryModel(config).eval()
    batch = next(iter(tokens(store, 0, encode(model, store, 0), 9)))
    with torch.no_grad():
        silent = model.embed_silent()
        whole = model.predict(batch).expression
        effect = perturb(model, batch, silent, whole)
        for column in (0, 1, 3, 4):
            changed = batch.vectors.clone()
            changed[:, column] = silent
            without = model.predict(batch._replace(vectors=changed)).expression
            expected = torch.where(batch.present[:, column], whole - without, 0.0)
            assert torch.allclose(effect[:, column], expected, atol=1e-6)
    assert effect[:, 2].abs().max() == 0
    assert (effect.abs().max() > 1e-4) == (layers > 0)  # without a mixer no element reaches the gene


def test_averaged_weights_are_kept_when_asked_for(store: Store, tiny: Any) -> None:
    def trained(averaging: float) -> torch.Tensor:
        torch.manual_seed(0)
        model = RegulatoryModel(read_preset("scpge-small")[0].replace(tracks=("dnase", "h3k27ac"), neighbours=4))
        samples = Samples(np.zeros(8, int), np.arange(8), np.ones(8, np.float32))
        config = TrainingConfig(steps=4, batch_size=4, validate_every=4, warmup=0.0, averaging=averaging)
        train_model(model, store, samples, samples, config)
        return model.head[0].weight.detach()

    last, mean = trained(0.0), trained(0.999)
    assert 0 < (last - mean).abs().max() < 4 * 1e-3  # four steps of Adam move a weight by at most their learning rates


def test_two_stage_rises_then_falls() -> None:
    rates = [two_stage(step, 8000, 0.625, 1e-6, 1e-3) for step in (0, 2500, 5000, 6500, 8000)]
    assert rates == pytest.approx([1e-6, 0.5005e-3, 1e-3, 0.5005e-3, 1e-6])
