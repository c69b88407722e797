"""What a model is given: windows, strands, tracks left out, splits by chromosome and region; what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from crexpress.core import artifacts, splits
from crexpress.core.errors import InputError
from crexpress.data import neighbours
from crexpress.data.opening import open_store, shared_tracks
from crexpress.data.store import Store
from crexpress.models.forward import hide_tracks
from crexpress.training.presets import read_preset
from tools import inputs, run, train


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


@pytest.mark.slow
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


def test_a_fold_names_its_chromosomes(tiny: Any, tmp_path: Path) -> None:
    given = [*inputs(tiny, "A"), "--neighbours", 4, "--steps", 1, "--batch-size", 16, "--threads", 1]
    assert run("train", *given, "--fold", "2/3", "--outdir", tmp_path / "model").exit_code == 0
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["val"], config["test"]) == ("chr3", "chr2")
    result = run("train", *given, "--fold", "4/3", "--outdir", tmp_path / "other")
    assert result.exit_code == 65
    assert "'4/3' is no fold" in result.output


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
