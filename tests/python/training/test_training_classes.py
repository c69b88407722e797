"""Expressed or not: labels, shuffled negatives, and a classifier from train to predict."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import roc_auc_score

from crexpress.core import artifacts
from crexpress.core.device import CPU
from crexpress.core.errors import InputError
from crexpress.data.opening import open_store
from crexpress.data.shuffling import shuffle_codes
from crexpress.data.store import Store
from crexpress.training import classes
from crexpress.training.config import TrainingConfig
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples
from tools import inputs, run, train

CONFIG = TrainingConfig(loss="classification", expressed_above=20.0, silent_below=8.0)


@pytest.fixture
def store(tiny: Any) -> Store:
    config = read_preset("scpge-small")[0].replace(
        tracks=("dnase",), motifs=("M1", "M2"), sequence=True, neighbours=4, stranded=False
    )
    cells = "AB"
    return open_store(
        tiny.elements, tiny.genes, [tiny.signals(cell) for cell in cells], [tiny.expression(cell) for cell in cells],
        tiny.sequence, tiny.motifs, config=config,
    ).to(CPU)  # fmt: skip


def test_labels_are_of_tpm_and_leave_out_what_is_between(store: Store, tiny: Any) -> None:
    classes.label(store, CONFIG)
    for cell in store.cells:
        value = artifacts.read_table(tiny.expression(cell.name), "expression")[0]["value"].to_numpy()
        assert cell.expression is not None
        assert np.array_equal(cell.expression == 1, value > 20)
        assert np.array_equal(cell.expression == 0, value < 8)
        assert np.isnan(cell.expression).sum() == (~(value > 20) & ~(value < 8)).sum() > 1


def test_thresholds_that_leave_one_class_are_refused(store: Store) -> None:
    with pytest.raises(InputError, match="A has no expressed gene: above 1e\\+09 counts as expressed"):
        classes.label(store, CONFIG.replace(expressed_above=1e9))


def test_a_cell_held_out_needs_no_genes_of_both_classes(store: Store) -> None:
    other = store.cells[1]
    assert other.expression is not None
    other.expression[:] = 3.0  # all expressed
    with pytest.raises(InputError, match="B has no silent gene"):
        classes.label(store, CONFIG)
    store.cells[0].expression = np.resize(np.float32([0.0, 3.0]), len(store.genes))
    classes.label(store, CONFIG, {"B"})
    assert set(store.cells[0].expression.tolist()) == {0.0, 1.0}


def test_shuffled_negatives_keep_the_promoter_and_change_what_is_around_it(store: Store) -> None:
    samples = Samples(np.array([0, 1, 0, 1]), np.array([5, 6, 7, 8]), np.array([1, 1, 0, 1], np.float32))
    more = classes.add_shuffled(store, samples, seed=1)
    assert more.target.tolist() == [1, 1, 0, 1, 0, 0, 0]
    assert more.cell.tolist() == [0, 1, 0, 1, 0, 1, 3]  # cells 2 and 3 are 0 and 1 with shuffled sequences
    middle = store.index.shape[1] // 2
    for row, gene in ((4, 5), (5, 8)):
        moved, real = store.index[more.gene[row]], store.index[gene]
        assert moved[middle] == real[middle]
        assert torch.equal(moved >= 0, real >= 0)
        assert not torch.equal(moved, real)
        assert torch.equal(store.distance[more.gene[row]], store.distance[gene])
    assert set(store.elements["class"][store.index[more.gene[4]][[0, 1, 3, 4]].numpy()]) == {"dELS"}
    batch = store.batch(more.cell[[1, 6]], more.gene[[1, 6]])
    plain, shuffled = store.batch(more.cell[[1]], more.gene[[1]]), store.batch(more.cell[[6]], more.gene[[6]])
    assert len(batch.features.codes) == len(plain.features.codes) + len(shuffled.features.codes)
    real = plain.features  # the same gene and cell as it is
    assert torch.equal(shuffled.features.signals, real.signals)
    assert torch.equal(shuffled.features.codes.sort(dim=1)[0], real.codes.sort(dim=1)[0])
    assert (shuffled.features.codes != real.codes).any(dim=1).all()
    assert not torch.equal(shuffled.features.motifs, real.motifs)
    again = store.batch(more.cell[[0, 6]], more.gene[[0, 6]]).features.codes
    assert torch.equal(again[-len(shuffled.features.codes) :], shuffled.features.codes)


def test_shuffled_bases_are_in_no_order() -> None:
    codes = torch.arange(600).repeat(50, 1).to(torch.int16)
    shuffled = shuffle_codes(codes, torch.arange(50)).double()
    correlations = np.corrcoef(np.vstack([shuffled.numpy(), codes[:1].numpy()]))
    off = correlations[np.triu_indices(51, 1)]
    assert abs(off.mean()) < 0.01
    assert 0.03 < off.std() < 0.05  # 1 / sqrt(600) is .041


@pytest.mark.slow
def test_a_classifier_trains_and_predicts_probabilities(tiny: Any, tmp_path: Path) -> None:
    more = ["--loss", "classification", "--expressed-above", 20, "--silent-below", 8, "--no-shuffled-negatives"]
    result = train(tiny, tmp_path / "model", *more, "--learning-rate", 0.01, cells=("A",))
    assert result.exit_code == 0, result.output
    history, _ = artifacts.read_table(tmp_path / "model" / "history.parquet", "history")
    assert history["val_auroc"].max() > 0.9
    assert json.loads((tmp_path / "model" / "config.json").read_text())["units"] == classes.UNIT
    given = inputs(tiny, "A", expression=False)
    assert run("predict", "--model", tmp_path / "model", *given, "--outdir", tmp_path).exit_code == 0
    predicted = artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")[0]["predicted"].to_numpy()
    value = artifacts.read_table(tiny.expression("A"), "expression")[0]["value"].to_numpy()
    assert 0 <= predicted.min() < predicted.max() <= 1
    assert predicted[value > 20].mean() > predicted[value < 8].mean() + 0.3
    scored = ["--predictions", tmp_path / "predictions.A.parquet", "--expression", tiny.expression("A")]
    reference = ["--elements", tiny.elements, "--genes", tiny.genes]
    assert run("evaluate", *reference, *scored, "--resamples", 0, "--outdir", tmp_path).exit_code == 0
    figures = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")[0]
    assert set(figures["section"]) == {"classes"}
    auroc = figures.filter(metric="auroc", subset="all")["value"].item()
    told = (value > 20) | (value < 8)
    assert auroc == pytest.approx(roc_auc_score(value[told] > 20, predicted[told]), abs=1e-6)
    shown = [*reference, *scored, "--metrics", tmp_path / "metrics.parquet", "--model", tmp_path / "model"]
    assert run("report", *shown, "--outdir", tmp_path).exit_code == 0
    assert "tells expressed from silent genes with auROC" in (tmp_path / "summary.txt").read_text()
    page = (tmp_path / "report.html").read_text()
    assert "Expressed or silent" in page
    assert ">Predicted against observed expression<" not in page


@pytest.mark.slow
def test_with_and_without_shuffled_negatives_stand_beside_levels_in_one_table(tiny: Any, tmp_path: Path) -> None:
    few = ["--loss", "classification", "--expressed-above", 20, "--silent-below", 8, "--steps", 20]
    scored = ["--elements", tiny.elements, "--genes", tiny.genes, "--expression", tiny.expression("A")]
    for name, more in (("with", few), ("without", [*few, "--no-shuffled-negatives"]), ("levels", ["--steps", 20])):
        place = tmp_path / name
        result = train(tiny, place, *more, cells=("A",))
        assert result.exit_code == 0, result.output
        given = inputs(tiny, "A", expression=False)
        assert run("predict", "--model", place, *given, "--outdir", place).exit_code == 0
        scored += ["--predictions", place / "predictions.A.parquet"]
    sheet = tmp_path / "b.csv"
    sheet.write_text("name,kind,cell,expressed,silent\non,classes,A,20,8\nnone,classes,A,1e9,8\n")
    options = ["--benchmarks", sheet, "--benchmark-resamples", 30, "--resamples", 0, "--outdir", tmp_path]
    result = run("evaluate", *scored, *options)
    assert result.exit_code == 0, result.output
    assert "none is left out: none: no cell of A has test genes of both kinds" in result.output
    compared = pl.read_csv(tmp_path / "benchmarks.tsv", separator="\t")
    preset = json.loads((tmp_path / "with" / "config.json").read_text())["preset"]
    names = {f"{preset} with shuffled negatives", f"{preset} without shuffled negatives", preset}
    assert set(compared["method"]) == names
    assert compared.select("value", "low", "high", "f1", "mcc").null_count().sum_horizontal().item() == 0
    figures = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")[0].filter(section="classes")
    assert set(figures["method"]) == names
    both = (tmp_path / name / "predictions.A.parquet" for name in ("with", "without"))
    given = [word for path in both for word in ("--predictions", path)]
    mean = run("ensemble", *given, "--outdir", tmp_path / "mean")
    assert mean.exit_code == 65, mean.output
    assert "they have no common mean" in " ".join(mean.output.split())
