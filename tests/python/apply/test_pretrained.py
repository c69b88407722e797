"""Shipped models, and anchored models whose known cells are given with the new one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, shipped
from crexpress.core.errors import InputError
from crexpress.models.folder import load_model
from tools import inputs, run, train


def predictions(folder: Path, cell: str) -> tuple[pl.DataFrame, dict[str, Any]]:
    table, header = artifacts.read_table(folder / f"predictions.{cell}.parquet", "predictions")
    return table, header["parameters"]


@pytest.fixture
def ship(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path, str], None]:
    """What makes the shipped form of a model."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import pretrained

    return pretrained.copy


@pytest.fixture(scope="module")
def anchored(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("anchored") / "model"
    done = train(tiny, outdir, "--anchored", "--steps", 4, "--validate-every", 2)
    assert done.exit_code == 0, done.output
    return outdir


def test_known_cells_that_are_given_take_the_place_of_those_that_were_kept(
    tiny: Any, anchored: Path, ship: Callable[[Path, Path, str], None], tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    ship(anchored, bare, "")
    new = inputs(tiny, "C", expression=False)
    known = [word for cell in "AB" for word in ("--signals", tiny.signals(cell), "--expression", tiny.expression(cell))]
    for model, given in ((anchored, new), (bare, [*new, *known])):
        done = run("predict", "--model", model, *given, "--threads", 1, "--outdir", tmp_path / model.name)
        assert done.exit_code == 0, done.output
    (kept, kept_about), (found, found_about) = (predictions(tmp_path / name, "C") for name in ("model", "bare"))
    assert kept.drop("predicted").equals(found.drop("predicted"))
    np.testing.assert_allclose(kept["predicted"], found["predicted"], atol=0.01)  # weights of 16 bits
    assert kept_about["anchor_cells"] == found_about["anchor_cells"] == ["A", "B"]
    assert not found_about["cell_seen"]
    # a cell is no part of its own anchor, nor is one that the model was not trained on
    assert predictions(tmp_path / "bare", "A")[1]["anchor_cells"] == ["B"]
    done = run("predict", "--model", bare, *new, "--threads", 1, "--outdir", tmp_path / "alone")
    assert done.exit_code == 65
    assert "signals and expression of two or more of A, B" in done.output


def test_tracks_matched_to_those_of_training_are_taken_and_no_others(
    tiny: Any, anchored: Path, ship: Callable[[Path, Path, str], None], tmp_path: Path
) -> None:
    reference = [word for cell in "AB" for word in ("--reference", tiny.signals(cell))]
    done = run("match-quantiles", "--signals", tiny.signals("C"), *reference, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    signals = tmp_path / "signals.C.safetensors"
    matched = artifacts.open_arrays(signals, "signals").header["parameters"]["transform"]
    known = [word for cell in "AB" for word in ("--signals", tiny.signals(cell), "--expression", tiny.expression(cell))]
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", signals, *known, "--threads", 1]
    for name, transform, code in (("own", matched, 0), ("other", "quantile:0", 65)):
        ship(anchored, tmp_path / name, transform)
        done = run("predict", "--model", tmp_path / name, *given, "--outdir", tmp_path / name)
        assert done.exit_code == code, done.output
    assert f"has transform {matched}, the model needs log10p1" in done.output


def test_a_track_of_another_kind_is_told(tiny: Any, anchored: Path, tmp_path: Path) -> None:
    seen = json.loads((anchored / "config.json").read_text())["tracks_seen"]
    assert set(seen) == {"dnase", "h3k27ac"}
    assert set(seen["dnase"]) == {"A", "B"}
    header, tensors = artifacts.open_arrays(tiny.signals("C"), "signals")
    peaks = {name: tensor.copy() for name, tensor in tensors.items()}
    for name, kept in (("coverage", 2), ("peaks", 5)):
        peaks["dnase"][np.arange(len(peaks["dnase"])) % kept > 0] = 0
        artifacts.write_arrays(tmp_path / "signals.C.safetensors", peaks, header)
        store = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tmp_path / "signals.C.safetensors"]
        done = run("predict", "--model", anchored, *store, "--threads", 1, "--outdir", tmp_path / name)
        assert done.exit_code == 0, done.output
    assert predictions(tmp_path / "coverage", "C")[1]["unlike_training"] == []
    [note] = predictions(tmp_path / "peaks", "C")[1]["unlike_training"]
    assert note.startswith("C: dnase has signal in 10% of the elements, in training in 100%")
    assert "or of another genome build" in note
    assert note in done.output


@pytest.mark.parametrize(("times", "told"), [(2, False), (20, True), (1 / 20, True)])
def test_a_track_on_another_scale_is_told(tiny: Any, anchored: Path, tmp_path: Path, times: float, told: bool) -> None:
    """Peaks lie on the same elements whether their value is a fold change, a density or a p-value."""
    header, tensors = artifacts.open_arrays(tiny.signals("A"), "signals")
    assert header["parameters"]["transform"] == "log10p1"
    linear = 10 ** tensors["dnase"].astype(np.float64) - 1
    scaled = {**tensors, "dnase": np.log10(1 + times * linear).astype(np.float16)}
    artifacts.write_arrays(tmp_path / "signals.A.safetensors", scaled, header)
    store = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tmp_path / "signals.A.safetensors"]
    done = run("predict", "--model", anchored, *store, "--threads", 1, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    notes = predictions(tmp_path, "A")[1]["unlike_training"]
    assert [note.partition(" in the median element")[0][:11] for note in notes] == (["A: dnase is"] if told else [])


@pytest.mark.parametrize("name", list(shipped.MODELS))
def test_a_shipped_model_is_found_by_its_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped.located(name) == shipped.MODELS[name]
    (tmp_path / name).mkdir()
    assert shipped.located(name) == shipped.MODELS[name]  # a results folder of that name is no model
    (tmp_path / name / "config.json").touch()
    assert shipped.located(name) == Path(name)  # a model of the user's own goes before


def test_a_name_that_is_none_of_a_shipped_model_is_answered_with_theirs(tiny: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"shipped model \(pretrained or pretrained-anchored"):
        load_model("pretrainde")
    done = run("predict", "--model", "pretrainde", *inputs(tiny, "A"), "--outdir", tmp_path)
    assert done.exit_code == 65
    assert "the name of a shipped model (pretrained or pretrained-anchored)" in done.output


def test_what_is_odd_of_tracks_is_told_of_the_cells_that_are_asked_for(
    tiny: Any, anchored: Path, tmp_path: Path
) -> None:
    header, tensors = artifacts.open_arrays(tiny.signals("C"), "signals")
    sparse = {name: tensor * (np.arange(len(tensor)) % 5 == 0)[:, None] for name, tensor in tensors.items()}
    artifacts.write_arrays(tmp_path / "signals.C.safetensors", sparse, header)
    store = [*inputs(tiny, "A"), "--signals", tmp_path / "signals.C.safetensors"]
    for cell in "AC":
        given = ["--model", anchored, *store, "--predict-cells", cell, "--threads", 1, "--outdir", tmp_path / cell]
        done = run("predict", *given)
        assert done.exit_code == 0, done.output
        assert ("C: dnase has signal in" in done.output) == (cell == "C")
        assert bool(predictions(tmp_path / cell, cell)[1]["unlike_training"]) == (cell == "C")


def test_a_known_cell_under_another_name_is_told(
    tiny: Any, anchored: Path, ship: Callable[[Path, Path, str], None], tmp_path: Path
) -> None:
    """By its values where the known cell is given too, else by the levels that the model keeps of its tracks."""
    ship(anchored, tmp_path / "bare", "")
    header, tensors = artifacts.open_arrays(tiny.signals("B"), "signals")
    known = [word for cell in "AB" for word in ("--signals", tiny.signals(cell), "--expression", tiny.expression(cell))]
    rounded = {name: (tensor * np.float16(1.0005)).astype(np.float16) for name, tensor in tensors.items()}
    other = {**tensors, "dnase": artifacts.open_arrays(tiny.signals("C"), "signals").tensors["dnase"]}
    mine = tmp_path / "signals.MINE.safetensors"
    for model, given, arrays, tracks in (
        (anchored, [], tensors, "dnase, h3k27ac are those"),
        (anchored, [], other, ""),
        (tmp_path / "bare", known, tensors, "dnase, h3k27ac are those"),
        (tmp_path / "bare", known, rounded, "dnase, h3k27ac are those"),
        (tmp_path / "bare", known, other, "h3k27ac is that"),
    ):
        artifacts.write_arrays(mine, arrays, {**header, "cell": "MINE"})
        store = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", mine, *given, "--threads", 1]
        done = run("predict", "--model", model, *store, "--predict-cells", "MINE", "--outdir", tmp_path)
        assert done.exit_code == 0, done.output
        told = [f"MINE: {tracks} of B, which the model was trained on: figures of MINE are none of a new cell"]
        assert [note.partition(";")[0] for note in predictions(tmp_path, "MINE")[1]["same_tracks"]] == told[
            : bool(tracks)
        ]
        assert (told[0] in done.output) == bool(tracks)
        assert "A: " not in done.output
        assert "B: " not in done.output


@pytest.mark.usefixtures("ship")
def test_a_copy_is_measured_where_it_lies_outside_of_the_folder_of_the_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from real_case import Case

    Case(tmp_path / "case", {}).make(tmp_path / "copy/predictions", "predict", "--version")
    assert "../copy/predictions: " in capsys.readouterr().err
