"""Anchored prediction: what the model sees of the known cells, and that it never sees its own target."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from crexpress.core import artifacts, methods
from crexpress.core.errors import InputError
from crexpress.data import anchor
from crexpress.data.opening import open_store
from crexpress.data.store import Store
from crexpress.models.forward import hide_tracks
from crexpress.training import samples
from crexpress.training.presets import read_preset
from tools import run

TRACKS = ("dnase", "h3k27ac")
SPLIT = np.full(120, "train")


def open_cells(case: Any, cells: str = "AB", known: str = "AB", data: str = "resident") -> Store:
    config = read_preset("scpge-small")[0].replace(tracks=TRACKS, neighbours=4, anchored=True, track_dropout=0.1)
    store = open_store(
        case.elements, case.genes, [case.signals(c) for c in cells], [case.expression(c) for c in known], config=config
    )
    store.anchor_on(known)
    return store.to(torch.device("cpu"), data)


def levels(case: Any, cell: str, track: str) -> np.ndarray:
    return artifacts.open_arrays(case.signals(cell), "signals").tensors[track].astype(np.float32).mean(axis=1)


def expression(case: Any, cell: str) -> np.ndarray:
    return artifacts.read_table(case.expression(cell), "expression")[0]["expression"].to_numpy()


@pytest.mark.parametrize("data", ["resident", "stream"])
def test_a_cell_is_compared_with_the_other_known_cells_alone(tiny: Any, data: str) -> None:
    store = open_cells(tiny, "ABC", "AB", data)
    elements, genes = len(store.elements), artifacts.read_table(tiny.genes, "genes")[0]
    rows = genes["element"].to_list()
    for number, (cell, others) in enumerate((("A", "B"), ("B", "A"), ("C", "AB"))):
        found = store.features(np.arange(elements) + number * elements)
        for track, name in enumerate(TRACKS):
            mean = np.mean([levels(tiny, other, name) for other in others], axis=0)
            expected = levels(tiny, cell, name) - mean
            assert found.signals[:, 2 + track].mean(1).numpy() == pytest.approx(expected, abs=2e-3)
        known = np.mean([expression(tiny, other) for other in others], axis=0)
        assert found.signals[rows, 4, 0].numpy() == pytest.approx(np.nan_to_num(known))
        assert found.present[rows, 4].tolist() == np.isfinite(known).tolist()
        assert not found.present[: min(rows), 4].any()  # a cCRE is no gene


def test_the_target_is_the_change_from_the_other_cells(tiny: Any) -> None:
    store = open_cells(tiny)
    drawn = samples.collect(store, SPLIT, "train")
    a, b = expression(tiny, "A"), expression(tiny, "B")
    assert len(drawn) == 2 * np.isfinite(a).sum()
    assert drawn.target[drawn.cell == 1] == pytest.approx((b - a)[np.isfinite(a)])


def test_a_track_that_a_cell_lacks_or_that_is_hidden_has_no_difference(tiny: Any, tmp_path: Path) -> None:
    header, tensors = artifacts.open_arrays(tiny.signals("C"), "signals")
    header["parameters"]["tracks"] = ["h3k27ac"]
    artifacts.write_arrays(tmp_path / "signals.C.safetensors", {"h3k27ac": tensors["h3k27ac"]}, header)
    config = read_preset("scpge-small")[0].replace(tracks=TRACKS, neighbours=4, anchored=True, track_dropout=0.1)
    signals = [tiny.signals("A"), tiny.signals("B"), tmp_path / "signals.C.safetensors"]
    store = open_store(tiny.elements, tiny.genes, signals, [tiny.expression(c) for c in "AB"], config=config)
    store.anchor_on("AB")
    whole = store.features(np.arange(5))
    poor = store.features(np.arange(5) + 2 * len(store.elements))
    assert poor.present[0].tolist() == [False, True, False, True, False]
    assert not poor.signals[:, 2].any()
    torch.manual_seed(1)
    hidden = {tuple(hide_tracks(whole.present, torch.rand(2) >= 0.5)[0].tolist()) for _ in range(40)}
    assert hidden == {(True, True) * 2 + (False,), (True, False) * 2 + (False,), (False, True) * 2 + (False,)}


@pytest.fixture(scope="module")
def model(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anchored") / "model"
    result = train(tiny, folder)
    assert result.exit_code == 0, result.output
    return folder


def train(case: Any, folder: Path, *more: Any, cells: str = "ABC") -> Any:
    given: list[Any] = ["--elements", case.elements, "--genes", case.genes, "--val", "chr2", "--test", "chr3"]
    for cell in cells:
        given += ["--signals", case.signals(cell), "--expression", case.expression(cell)]
    quick = ["--neighbours", 4, "--steps", 90, "--validate-every", 30, "--batch-size", 16, "--threads", 1]
    return run("train", *given, *quick, "--anchored", "--holdout-cells", "C", "--outdir", folder, *more)


def predict(case: Any, model: Path, folder: Path, *cells: str) -> dict[str, tuple[pl.DataFrame, artifacts.Header]]:
    given = [part for cell in cells for part in ("--signals", case.signals(cell))]
    done = run(
        "predict", "--model", model, "--elements", case.elements, "--genes", case.genes, *given, "--outdir", folder
    )
    assert done.exit_code == 0, done.output
    return {cell: artifacts.read_table(folder / f"predictions.{cell}.parquet", "predictions") for cell in cells}


@pytest.mark.slow
def test_an_anchored_model_beats_the_mean_of_the_known_cells(tiny: Any, model: Path, tmp_path: Path) -> None:
    found = predict(tiny, model, tmp_path, "A", "C")
    table, header = found["C"]
    assert (header["parameters"]["mode"], header["parameters"]["anchor_cells"]) == ("anchored", ["A", "B"])
    assert found["A"][1]["parameters"]["anchor_cells"] == ["B"]
    assert table["predicted"].null_count() == 1  # a gene that no known cell measures
    test = (table["chrom"] == "chr3").to_numpy()
    truth, mean = expression(tiny, "C")[test], (expression(tiny, "A") + expression(tiny, "B"))[test] / 2
    predicted = table["predicted"].to_numpy()[test]
    assert np.corrcoef(predicted, truth)[0, 1] > np.corrcoef(mean, truth)[0, 1] + 0.1
    assert np.abs(predicted - truth).mean() < np.abs(mean - truth).mean()
    assert (predicted >= 0).all()
    # its card speaks of levels, too, not of the change that it was trained on
    of_a, there = found["A"][0]["predicted"].to_numpy()[test], np.isfinite(expression(tiny, "A")[test])
    r = np.corrcoef(of_a[there], expression(tiny, "A")[test][there])[0, 1]
    card = json.loads((model / "config.json").read_text())["reached"]
    assert card["test"]["A"]["pearson"] == pytest.approx(r, abs=1e-3)


def test_the_prediction_of_a_known_cell_does_not_depend_on_its_own_expression(
    tiny: Any, model: Path, tmp_path: Path
) -> None:
    header, arrays = artifacts.open_arrays(model / anchor.FILE, "anchor")
    (tmp_path / "model").mkdir()
    for name in ("model.safetensors", "config.json"):
        (tmp_path / "model" / name).write_bytes((model / name).read_bytes())
    changed = np.array(arrays["expression"])
    changed[header["parameters"]["cells"].index("A")] += 1
    artifacts.write_arrays(tmp_path / "model" / anchor.FILE, {**arrays, "expression": changed}, header)
    before = predict(tiny, model, tmp_path / "before", "A", "B")
    after = predict(tiny, tmp_path / "model", tmp_path / "after", "A", "B")
    assert before["A"][0].equals(after["A"][0])
    assert not before["B"][0].equals(after["B"][0])


@pytest.mark.slow
def test_a_track_can_be_hidden_to_see_what_it_costs(tiny: Any, tmp_path: Path) -> None:
    done = train(tiny, tmp_path / "model", "--track-dropout", 0.2, "--steps", 20, "--validate-every", 20)
    assert done.exit_code == 0, done.output
    reference = ["--elements", tiny.elements, "--genes", tiny.genes]
    given = [*reference, "--model", tmp_path / "model", "--signals", tiny.signals("C")]
    for folder, more in (("all", ()), ("without", ("--hide-tracks", "dnase"))):
        assert run("predict", *given, *more, "--outdir", tmp_path / folder).exit_code == 0
    whole, without = (tmp_path / folder / "predictions.C.parquet" for folder in ("all", "without"))
    table, header = artifacts.read_table(without, "predictions")
    assert header["parameters"]["missing_tracks"] == ["dnase"]
    assert not table.equals(artifacts.read_table(whole, "predictions")[0])
    # as in a cell that has no such track
    poor, tensors = artifacts.open_arrays(tiny.signals("C"), "signals")
    poor["parameters"]["tracks"] = ["h3k27ac"]
    artifacts.write_arrays(tmp_path / "signals.C.safetensors", {"h3k27ac": tensors["h3k27ac"]}, poor)
    given[-1] = tmp_path / "signals.C.safetensors"
    assert run("predict", *given, "--outdir", tmp_path / "poor").exit_code == 0
    assert table.equals(artifacts.read_table(tmp_path / "poor/predictions.C.parquet", "predictions")[0])
    scored = ["--predictions", whole, "--predictions", without, "--expression", tiny.expression("C")]
    assert run("evaluate", *reference, *scored, "--resamples", 20, "--outdir", tmp_path).exit_code == 0
    rows = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")[0].filter(kind="model").iter_rows(named=True)
    own = {row["method"]: methods.from_row(row) for row in rows}
    hidden, whole = own["scpge-small (anchored, without dnase)"], own["scpge-small (anchored)"]
    assert hidden == whole._replace(hidden_tracks=("dnase",))
    for tracks, message in (("atac", "the model reads no atac"), ("dnase,h3k27ac", "leaves C without any track")):
        result = run("predict", *given, "--hide-tracks", tracks, "--outdir", tmp_path)
        assert (result.exit_code, message in result.output) == (65, True), result.output


def test_what_an_anchored_model_cannot_do_is_said(tiny: Any, model: Path, tmp_path: Path) -> None:
    one = train(tiny, tmp_path / "one", "--holdout-cells", "B,C")
    assert one.exit_code == 65
    assert "needs the expression of two or more to train on; there is A alone" in one.output
    for wrong, message in (
        (["--loss", "poisson"], "which may be negative, by --loss mse, not poisson"),
        (["--motifs", tiny.motifs, "--inputs", "motifs"], "leave tracks among --inputs"),
    ):
        result = train(tiny, tmp_path / "wrong", *wrong)
        assert result.exit_code == 65
        assert message in result.output
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("C")]
    result = run("interpret", "--model", model, *given, "--outdir", tmp_path)
    assert result.exit_code == 65
    assert "rank elements by a model without" in result.output
    digests = open_cells(tiny).digests | {"genes": "other"}
    with pytest.raises(InputError, match=r"at the genes it was trained on \(.*\), not at these \(other\)"):
        anchor.read(model, digests, artifacts.read_table(tiny.genes, "genes")[0])
    with pytest.raises(InputError, match="holds an anchored model without its"):
        anchor.read(tmp_path, {}, pl.DataFrame())
