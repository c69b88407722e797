"""Training, prediction and link scores on a tiny case whose answer is known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from click.testing import Result

from crexpress.apply.predict import encode, predict, tokens
from crexpress.core import artifacts, splits
from crexpress.core.errors import InputError
from crexpress.data import neighbours
from crexpress.data.opening import open_store, shared_tracks
from crexpress.data.store import Store
from crexpress.interpret.perturbation import perturb
from crexpress.models import load_model
from crexpress.models.forward import forward, hide_tracks
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training.config import TrainingConfig
from crexpress.training.loop import train as train_model
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples
from crexpress.training.schedule import two_stage
from tools import inputs, run, train

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def model(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("trained") / "model"
    result = train(tiny, directory, "--holdout-cells", "B")
    assert result.exit_code == 0, result.output
    return directory


@pytest.fixture
def store(tiny: Any) -> Store:
    config = read_preset("scpge-small")[0].replace(tracks=("dnase", "h3k27ac"), neighbours=4)
    return open_store(tiny.elements, tiny.genes, [tiny.signals("A"), tiny.signals("B")], config=config)


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


def test_a_window_shows_all_elements_in_it_to_every_tool(tiny: Any, tmp_path: Path) -> None:
    quick = ["--window", 20_000, "--steps", 5, "--batch-size", 16, "--threads", 1, "--val", "chr2", "--test", "chr3"]
    trained = run("train", *inputs(tiny, "A"), *quick, "--outdir", tmp_path / "model")
    assert trained.exit_code == 0, trained.output
    config = json.loads((tmp_path / "model/config.json").read_text())["model"]
    assert (config["window"], config["neighbours"]) == (20_000, 400)
    for tool in ("predict", "interpret"):
        given = ["--model", tmp_path / "model", *inputs(tiny, "A", expression=False)]
        result = run(tool, *given, "--outdir", tmp_path)
        assert result.exit_code == 0, result.output
    links, header = artifacts.read_table(tmp_path / "links.A.parquet", "links")
    assert header["parameters"]["window"] == 20_000
    elements, _ = artifacts.read_table(tiny.elements, "elements")
    genes, _ = artifacts.read_table(tiny.genes, "genes")
    ccres = elements.filter(pl.col("class") != "TSS").select("chrom", "element_id", at=(pl.col("start") + 300))
    inside = genes.join(ccres, on="chrom").filter((pl.col("at") - pl.col("tss")).abs() <= 10_000)
    pairs = set(inside.select("gene_id", "element_id").rows())
    assert set(links.select("gene_id", "element_id").rows()) == pairs
    assert len(links) == len(pairs) > 100
    assert links["distance"].abs().max() <= 10_000
    assert links.select(pl.col("attention", "perturbation").is_finite().all()).row(0) == (True, True)


def test_a_model_of_the_tss_window_alone_predicts_and_has_no_links(tiny: Any, tmp_path: Path) -> None:
    quick = ["--neighbours", 0, "--steps", 2, "--batch-size", 16, "--threads", 1, "--val", "chr2", "--test", "chr3"]
    assert run("train", *inputs(tiny, "A"), *quick, "--outdir", tmp_path / "model").exit_code == 0
    result = run("interpret", "--model", tmp_path / "model", *inputs(tiny, "A", expression=False), "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    assert artifacts.read_table(tmp_path / "links.A.parquet", "links")[0].is_empty()


def test_a_batch_holds_each_element_once(store: Store) -> None:
    batch = store.batch(np.array([0, 1, 0]), np.array([1, 1, 2]))
    real = store.index[[1, 1, 2]] >= 0
    assert torch.equal(batch.present, real)
    pairs = {(c, int(e)) for c, row in ((0, 1), (1, 1), (0, 2)) for e in store.index[row] if e >= 0}
    assert len(batch.features.signals) == len(pairs)
    assert (batch.token[~real] == len(pairs)).all()
    first = batch.features.signals[batch.token[1, 2]]
    assert torch.equal(first, store.cells[1].signals[int(store.index[1, 2])].float())


def test_a_stranded_store_runs_along_the_gene(tiny: Any, tmp_path: Path) -> None:
    table, header = artifacts.read_table(tiny.genes, "genes")
    genes, signals = tmp_path / "genes.parquet", tmp_path / "signals.A.safetensors"
    minus = pl.when(pl.col("gene_id") == "G5").then(pl.lit("-")).otherwise("strand").alias("strand")
    artifacts.write_table(genes, table.with_columns(minus), header)
    opened = artifacts.open_arrays(tiny.signals("A"), "signals")
    uneven = np.random.default_rng(0).random(opened.tensors["dnase"].shape).astype(np.float16)
    artifacts.write_arrays(signals, {"dnase": uneven, "h3k27ac": uneven}, opened.header)
    config = read_preset("scpge-small")[0].replace(tracks=("dnase",), neighbours=4, sequence=True)
    stores = [
        open_store(tiny.elements, genes, [signals], sequence=tiny.sequence, config=config.replace(stranded=stranded))
        for stranded in (False, True)
    ]
    along_genome, along_gene = stores
    window = table["element"][5]
    assert torch.equal(along_gene.distance[5], -along_genome.distance[5])
    assert torch.equal(along_gene.distance[4], along_genome.distance[4])
    assert torch.equal(along_gene.cells[0].signals[window], along_genome.cells[0].signals[window].flip(-1))
    assert torch.equal(along_gene.codes[window], 3 - along_genome.codes[window].flip(-1))
    others = np.delete(np.arange(len(uneven)), window)
    assert torch.equal(along_gene.cells[0].signals[others], along_genome.cells[0].signals[others])


def test_ablated_inputs_reach_the_model(tiny: Any, tmp_path: Path) -> None:
    channels = ["--sequence", tiny.sequence, "--motifs", tiny.motifs]
    for name, chosen, expected in (
        ("all", "sequence,motifs,tracks", (True, 3, 2)),
        ("sequence", "sequence", (True, 0, 0)),
        ("motifs", "motifs", (False, 3, 0)),
    ):
        result = train(tiny, tmp_path / name, *channels, "--inputs", chosen, "--steps", 2)
        assert result.exit_code == 0, result.output
        config = json.loads((tmp_path / name / "config.json").read_text())["model"]
        assert (config["sequence"], len(config["motifs"]), len(config["tracks"])) == expected


def test_a_model_trained_with_track_dropout_can_do_without_a_track(tiny: Any, tmp_path: Path) -> None:
    opened = artifacts.open_arrays(tiny.signals("B"), "signals")
    header = dict(opened.header)
    header["parameters"] = header["parameters"] | {"tracks": ["dnase"]}
    alone = tmp_path / "signals.B.safetensors"
    artifacts.write_arrays(alone, {"dnase": opened.tensors["dnase"]}, header)
    predict_b = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", alone, "--outdir", tmp_path]
    strict, tolerant = tmp_path / "strict", tmp_path / "tolerant"
    train(tiny, strict, "--steps", 2)
    train(tiny, tolerant, "--steps", 2, "--track-dropout", 0.3)
    refused = run("predict", "--model", strict, *predict_b)
    assert refused.exit_code == 65
    assert "lacks the track h3k27ac" in refused.output
    assert run("predict", "--model", tolerant, *predict_b).exit_code == 0
    _, about = artifacts.read_table(tmp_path / "predictions.B.parquet", "predictions")
    assert about["parameters"]["missing_tracks"] == ["h3k27ac"]


def test_hidden_tracks_never_leave_an_element_with_none() -> None:
    torch.manual_seed(0)
    present = torch.tensor([[True, True], [False, True]])
    for _ in range(50):
        kept = hide_tracks(present, torch.rand(2) >= 0.1)
        assert kept.any(dim=1).all()
        assert not (kept & ~present).any()


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


def test_a_fold_names_its_chromosomes(tiny: Any, tmp_path: Path) -> None:
    given = [*inputs(tiny, "A"), "--neighbours", 4, "--steps", 1, "--batch-size", 16, "--threads", 1]
    assert run("train", *given, "--fold", "2/3", "--outdir", tmp_path / "model").exit_code == 0
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["val"], config["test"]) == ("chr3", "chr2")
    result = run("train", *given, "--fold", "4/3", "--outdir", tmp_path / "other")
    assert result.exit_code == 65
    assert "'4/3' is no fold" in result.output


def test_two_stage_rises_then_falls() -> None:
    rates = [two_stage(step, 8000, 0.625, 1e-6, 1e-3) for step in (0, 2500, 5000, 6500, 8000)]
    assert rates == pytest.approx([1e-6, 0.5005e-3, 1e-3, 0.5005e-3, 1e-6])


def test_shared_tracks_are_those_of_every_cell(tiny: Any, tmp_path: Path) -> None:
    opened = artifacts.open_arrays(tiny.signals("B"), "signals")
    header = dict(opened.header)
    header["parameters"] = header["parameters"] | {"tracks": ["h3k27ac", "ctcf"]}
    other = tmp_path / "other.safetensors"
    artifacts.write_arrays(other, {"h3k27ac": opened.tensors["h3k27ac"], "ctcf": opened.tensors["dnase"]}, header)
    assert shared_tracks([tiny.signals("A"), other], union=False) == ("h3k27ac",)
    assert shared_tracks([tiny.signals("A"), other], union=True) == ("dnase", "h3k27ac", "ctcf")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--val", "chr9"], "the val region 'chr9' holds no gene"),
        (["--holdout-cells", "C"], "--holdout-cells names C"),
        (["--holdout-cells", "A,B"], "no training gene has a measured expression"),
        (["--tracks", "atac"], "lacks the track atac"),
        (["--inputs", "sequence"], "no input left"),
        (["--inputs", "smell"], "'smell' is no input"),
        (["--preset", "scpge"], "has bin_size 40, the model needs 1"),
        (["--neighbours", 5], "give an even number"),
        (["--neighbours", 1000], "500 cCREs on each side of a gene, but no gene has more than"),
        (["--learning-rate", 1e30], "the training loss became"),
    ],
)
def test_bad_requests_end_with_one_sentence(tiny: Any, tmp_path: Path, more: list[Any], message: str) -> None:
    result = train(tiny, tmp_path / "model", *more)
    assert result.exit_code == 65
    assert message in result.output
    assert not (tmp_path / "model").exists()


def test_a_constant_track_is_mentioned(tiny: Any, tmp_path: Path) -> None:
    opened = artifacts.open_arrays(tiny.signals("A"), "signals")
    flat = tmp_path / "signals.A.safetensors"
    artifacts.write_arrays(
        flat, {"dnase": opened.tensors["dnase"], "h3k27ac": np.zeros_like(opened.tensors["dnase"])}, opened.header
    )
    result = train(tiny._replace(folder=tmp_path), tmp_path / "model", "--steps", 1, cells=())
    assert result.exit_code == 2  # no signals at all is a usage fault
    given = [
        "--elements",
        tiny.elements,
        "--genes",
        tiny.genes,
        "--signals",
        flat,
        "--expression",
        tiny.expression("A"),
    ]
    result = run("train", *given, "--val", "chr2", "--test", "chr3", "--steps", 1, "--outdir", tmp_path / "model")
    assert "h3k27ac of A is 0 everywhere" in result.output


def test_artefacts_of_other_elements_are_refused(tiny: Any, tmp_path: Path) -> None:
    opened = artifacts.open_arrays(tiny.signals("A"), "signals")
    other = tmp_path / "signals.A.safetensors"
    artifacts.write_arrays(other, opened.tensors, opened.header | {"elements": "0123456789abcdef"})
    config = read_preset("scpge-small")[0].replace(tracks=("dnase",), neighbours=4)
    with pytest.raises(InputError, match="made for different elements"):
        open_store(tiny.elements, tiny.genes, [other], config=config)


def test_regions_split_genes_by_their_tss(tiny: Any, capsys: pytest.CaptureFixture) -> None:
    genes, _ = artifacts.read_table(tiny.genes, "genes")
    split = splits.assign(genes, "chr2", "chr3:0-200000")
    inside = (genes["chrom"] == "chr3") & (genes["tss"] < 200_000)
    assert np.array_equal(split == "test", inside.to_numpy())
    assert np.array_equal(splits.assign(genes, "2", "3:0-200000"), split)
    assert "the val region '2' is taken for chr2" in capsys.readouterr().err
    with pytest.raises(InputError, match="is not a chromosome"):
        splits.assign(genes, "chr2", "chr3:5-1")


def test_the_store_pads_where_a_chromosome_ends(store: Store) -> None:
    assert bool((store.index == neighbours.PAD).any())
