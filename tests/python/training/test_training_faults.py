"""Training on faulty data or with settings that contradict each other, or have no effect: it is said, and when."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from crexpress.core import artifacts, files
from crexpress.core.errors import InputError
from crexpress.data.opening import open_store
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training import loop
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.presets import read_preset
from crexpress.training.run import as_imported
from crexpress.training.samples import Samples
from tools import inputs, run, train

CLASSES = ["--loss", "classification", "--expressed-above", 20, "--silent-below", 8, "--no-shuffled-negatives"]


def with_nan(tiny: Any, folder: Path, chrom: str) -> Any:
    """Cell A of the tiny case with signals that are NaN on a chromosome."""
    opened = artifacts.open_arrays(tiny.signals("A"), "signals")
    here = (artifacts.read_table(tiny.elements, "elements")[0]["chrom"] == chrom).to_numpy()[:, None]
    case = tiny._replace(folder=folder)
    broken = {name: np.where(here, np.float16("nan"), values) for name, values in opened.tensors.items()}
    artifacts.write_arrays(case.signals("A"), broken, opened.header)
    shutil.copy(tiny.expression("A"), case.expression("A"))
    return case


@pytest.mark.parametrize(
    ("chrom", "more", "message"),
    [
        ("chr1", ["--validate-every", 60], "the training loss became nan by step 1; look for missing or extreme"),
        ("chr1", ["--trials", 2], "the validation loss became nan in every trial"),
        ("chr2", [], "the validation loss became nan at step 20"),
        ("chr2", CLASSES, "the validation loss became nan at step 20"),
    ],
)
def test_a_loss_that_is_no_number_is_told_at_once(
    tiny: Any, tmp_path: Path, chrom: str, more: list[Any], message: str
) -> None:
    result = train(with_nan(tiny, tmp_path, chrom), tmp_path / "model", *more, cells=("A",))
    assert result.exit_code == 65, result.output
    assert message in result.output
    assert not (tmp_path / "model" / "model.safetensors").exists()


def test_two_runs_do_not_train_into_one_folder(tiny: Any, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with files.alone(folder):
        result = train(tiny, folder, "--steps", 2)
    assert result.exit_code == 65, result.output
    assert f"another run writes into {folder}; wait until it has ended, or give another folder" in result.output
    assert not folder.exists()
    assert train(tiny, folder, "--steps", 2).exit_code == 0
    shared = tmp_path / "states"  # as of all tasks of a pipeline: states have names of their own
    with files.alone(shared):
        assert train(tiny, folder, "--steps", 3, "--checkpoint", shared).exit_code == 0


def test_imported_weights_that_predict_nan_are_no_model(tiny: Any, tmp_path: Path) -> None:
    config = read_preset("scpge-small")[0].replace(tracks=("dnase",), neighbours=4)
    case = with_nan(tiny, tmp_path, "chr2")
    store = open_store(tiny.elements, tiny.genes, [case.signals("A")], config=config)
    samples = Samples(np.zeros(9, int), np.arange(40, 49), np.ones(9, np.float32))
    with pytest.raises(InputError, match="the validation loss became nan with the imported weights"):
        as_imported(RegulatoryModel(config), store, samples, TrainingConfig(), Engine())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([*CLASSES, "--silent-below", 30], "--silent-below 30 is above --expressed-above 20: a gene between them"),
        (["--tracks", "dnase,dnase"], "--tracks names dnase twice"),
        (["--tracks", "DNase"], "lacks the track DNase that the model needs; it has dnase, h3k27ac"),
        (["--tracks", "dnase,atac", "--track-dropout", 0.2], "--tracks names atac, which no cell has"),
        (["--neighbours", 5], "5 neighbours cannot be shared by both sides of a gene; give an even number"),
        (["--learning-rate", 1e-8], "--learning-rate 1e-08 is below 1e-06, where the preset starts and ends"),
        (["--loop-prior", "added", "--layers", 0], "loops act on attention, and a model of 0 layers has none"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    tiny: Any, tmp_path: Path, more: list[Any], message: str
) -> None:
    result = train(tiny, tmp_path / "model", *more)
    assert result.exit_code == 65, result.output
    assert message in result.output
    assert not (tmp_path / "model").exists()


def test_validation_genes_that_nobody_measured_are_refused(tiny: Any, tmp_path: Path) -> None:
    gene = artifacts.read_table(tiny.genes, "genes")[0].row(3, named=True)
    result = train(tiny, tmp_path / "model", "--val", f"{gene['chrom']}:{gene['tss']}-{gene['tss'] + 1}")
    assert result.exit_code == 65
    assert "no validation gene has a measured expression in a training cell; check --val" in result.output


def test_trials_are_of_random_weights_and_not_of_imported_ones(tiny: Any, tmp_path: Path) -> None:
    result = train(tiny, tmp_path / "model", "--trials", 2, "--import-weights", tiny.motifs)
    assert result.exit_code == 65
    assert "--trials tries random weights, --import-weights starts from given ones" in result.output


@pytest.mark.parametrize("tool", ["train", "fit-baselines", "predict"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_fold_and_the_lists_that_it_stands_for_are_not_given_together(tiny: Any, tool: str, order: int) -> None:
    split = [["--fold", "1/3"], ["--val", "chr1"]][::order]
    model = ["--model", tiny.folder] if tool == "predict" else []
    result = run(tool, *model, *inputs(tiny, "A"), *split[0], *split[1])
    assert result.exit_code == 2
    assert "--fold stands for both --val and --test; leave out --val, or --fold" in result.output


def test_options_without_effect_are_named(tiny: Any, tmp_path: Path) -> None:
    idle = ["--loop-target", "decay", "--loop-decay", "bp", "--expressed-above", 1, "--expressed-factors", 600]
    idle += ["--layers", 0, "--position", "rank"]
    result = train(tiny, tmp_path / "idle", "--steps", 1, *idle)
    assert result.exit_code == 0, result.output
    notes = [line for line in result.output.splitlines() if "has no effect" in line]
    assert notes == [
        "--expressed-above has no effect: the loss is not classification",
        "--loop-target has no effect: loops do not supervise attention without --loop-alpha",
        "--loop-decay has no effect: loops do not supervise attention without --loop-alpha",
        "--expressed-factors has no effect: the model reads no motifs",
        "--position has no effect: a model of 0 layers has no attention",
    ]
    result = train(tiny, tmp_path / "model", "--steps", 1, *CLASSES, "--motifs", tiny.motifs, "--expressed-factors", 2)
    assert result.exit_code == 0, result.output
    assert "has no effect" not in result.output


@pytest.mark.slow
def test_ctrl_c_says_from_where_the_run_goes_on(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update, steps = loop.update, 0

    def interrupted(*given: Any) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps in (1, 4):
            raise KeyboardInterrupt
        return update(*given)

    monkeypatch.setattr(loop, "update", interrupted)
    result = train(tiny, tmp_path / "model", "--checkpoint-every", 2)
    assert result.exit_code == 130
    assert result.output.endswith("Error: interrupted; no unfinished artefact was kept\n")
    result = train(tiny, tmp_path / "model", "--checkpoint-every", 2)
    assert result.exit_code == 130
    (state,) = (tmp_path / "model").glob("checkpoint.*.safetensors")
    assert result.output.endswith(f"Error: interrupted; started again as before, the run goes on from {state}\n")
    assert "goes on after step 2" in train(tiny, tmp_path / "model", "--checkpoint-every", 2).output


def test_the_state_of_another_run_is_mentioned_once(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.0123456789abcdef.safetensors").write_bytes(b"")
    result = train(tiny, tmp_path, "--steps", 1)
    assert result.exit_code == 0, result.output
    assert result.output.count("is of a run with other settings, inputs or versions") == 1


@pytest.mark.parametrize(("tool", "artefact"), [("predict", "predictions"), ("interpret", "links")])
def test_damaged_signals_give_no_prediction(tiny: Any, tmp_path: Path, tool: str, artefact: str) -> None:
    assert train(tiny, tmp_path / "model", "--steps", 1, cells=("A",)).exit_code == 0
    given = inputs(with_nan(tiny, tmp_path, "chr2"), "A", expression=False)
    result = run(tool, "--model", tmp_path / "model", *given, "--outdir", tmp_path)
    assert result.exit_code == 65
    assert (
        "elements of A cannot be encoded: their signals, motif scores or the model's weights hold NaN" in result.output
    )
    assert not (tmp_path / f"{artefact}.A.parquet").exists()


def test_a_cells_expression_is_given_once(tiny: Any, tmp_path: Path) -> None:
    result = train(tiny, tmp_path / "model", "--expression", tiny.expression("A"))
    assert result.exit_code == 65
    assert "is the expression of A once more; give each cell once" in result.output


def test_expression_that_is_the_same_everywhere_is_told(tiny: Any, tmp_path: Path) -> None:
    case = tiny._replace(folder=tmp_path)
    shutil.copy(tiny.signals("A"), case.signals("A"))
    table, header = artifacts.read_table(tiny.expression("A"), "expression")
    artifacts.write_table(case.expression("A"), table.with_columns(expression=pl.lit(0.24, pl.Float32)), header)
    result = train(case, tmp_path / "model", "--steps", 1, cells=("A",))
    assert result.exit_code == 0, result.output
    assert "warning: the target of all training genes is 0.24; is it the right table?" in result.output


def test_a_folder_that_cannot_be_written_is_told_before_training(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file" / "model", Path("/proc/model")):
        result = train(tiny, folder)
        assert result.exit_code == 65, result.output
        assert f"cannot write into the folder {folder}" in result.output
        assert "parameters" not in result.output  # what training begins with
