"""match-quantiles against sorting all values of every cell, and its way through files."""

from pathlib import Path

import numpy as np
import pytest

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data import opening
from crexpress.models.config import ModelConfig
from crexpress.prepare import quantiles
from tiny_case import TinyCase
from tools import run


def made(seed: int, scale: float, zero: float, shape: tuple[int, int] = (400, 15)) -> np.ndarray:
    """A track with many ties, as float16 and peaks without signal between them give."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(2, scale, shape)
    values[rng.random(shape) < zero] = 0
    return values.astype(np.float16)


def by_sorting(track: np.ndarray, reference: list[np.ndarray]) -> np.ndarray:
    """Rank by rank the mean of the sorted reference cells; ties share the mean over their ranks; 0 stays 0."""
    mean = np.mean([np.sort(cell.astype(float), axis=None) for cell in reference], axis=0)
    flat = track.ravel()
    order = np.argsort(flat, kind="stable")
    ranked = np.empty(len(flat))
    ranked[order] = mean
    out = np.array([ranked[flat == value].mean() for value in flat])
    return np.where(flat == 0, 0, out).reshape(track.shape)


def matched(track: np.ndarray, reference: list[np.ndarray]) -> np.ndarray:
    out = np.empty_like(track)
    quantiles.match(track, quantiles.average(map(quantiles.shares, reference)), out)
    return out


@pytest.mark.parametrize("zero", [0, 0.3, 0.9])
def test_agrees_with_sorting_every_value(zero: float, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = [made(1, 0.3, 0.2), made(2, 0.8, 0.5), made(3, 0.1, 0)]
    track = made(4, 0.5, zero)
    got = matched(track, reference)
    np.testing.assert_allclose(got.astype(float), by_sorting(track, reference), rtol=2e-3, atol=1e-4)
    assert not got[track == 0].any()
    monkeypatch.setattr(quantiles, "_CHUNK", 64)  # part by part it is the same
    assert np.array_equal(matched(track, reference), got)


def test_a_cell_matched_to_itself_stays_as_it_is() -> None:
    track = made(5, 0.4, 0.4)
    assert np.array_equal(matched(track, [track]), track)


def test_cells_take_on_one_distribution_and_keep_their_order() -> None:
    one, two = made(6, 0.3, 0), made(7, 1.2, 0)
    got = [matched(track, [one, two]).astype(float) for track in (one, two)]
    np.testing.assert_allclose(*(np.quantile(track, [0.1, 0.5, 0.9, 0.99]) for track in got), rtol=5e-3)
    for before, after in zip((one, two), got, strict=True):
        rising = after.ravel()[np.argsort(before, axis=None)]
        assert (np.diff(rising) >= 0).all()


def test_tool_and_what_a_model_asks_of_later_cells(tiny: TinyCase, tmp_path: Path) -> None:
    a, b = tiny.signals("A"), tiny.signals("B")
    both = ["--signals", a, "--signals", b, "--reference", a, "--reference", b]
    assert run("match-quantiles", *both, "--outdir", tmp_path).exit_code == 0
    header, tensors = artifacts.open_arrays(tmp_path / "signals.B.safetensors", "signals")
    parameters = header["parameters"]
    assert parameters["reference"] == ["A", "B"]
    assert (header["cell"], parameters["transform"].startswith("quantile:")) == ("B", True)
    old = [artifacts.open_arrays(path, "signals").tensors["dnase"] for path in (a, b)]
    np.testing.assert_allclose(tensors["dnase"].astype(float), by_sorting(old[1], old), rtol=2e-3, atol=1e-4)

    # a cell that comes later is matched by the file alone, to the same bytes
    later = ("--signals", b, "--reference", tmp_path / "quantiles.npz", "--outdir", tmp_path / "on")
    assert run("match-quantiles", *later).exit_code == 0
    again = artifacts.open_arrays(tmp_path / "on/signals.B.safetensors", "signals")
    assert again.header["parameters"] == parameters
    assert np.array_equal(again.tensors["dnase"], tensors["dnase"])
    assert (tmp_path / "on/quantiles.npz").read_bytes() == (tmp_path / "quantiles.npz").read_bytes()

    # signals of another distribution are refused
    config = ModelConfig(tracks=("dnase",), bin_size=40, transform=parameters["transform"], sequence=False)
    given = {"elements": tiny.elements, "genes": tiny.genes, "config": config}
    assert opening.open_store(**given, signals=[tmp_path / "signals.A.safetensors"]).cells[0].name == "A"
    assert run("match-quantiles", "--signals", a, "--reference", b, "--outdir", tmp_path / "other").exit_code == 0
    for wrong in (a, tmp_path / "other/signals.A.safetensors"):
        with pytest.raises(InputError, match="run match-quantiles with the quantiles"):
            opening.open_store(**given, signals=[wrong])


def test_a_track_that_a_reference_cell_lacks_is_the_mean_of_the_others(tiny: TinyCase, tmp_path: Path) -> None:
    header, tensors = artifacts.open_arrays(tiny.signals("B"), "signals")
    header["parameters"]["tracks"] = ["dnase"]
    artifacts.write_arrays(tmp_path / "B", {"dnase": tensors["dnase"]}, header)
    with_both = quantiles.read_reference([tiny.signals("A"), tmp_path / "B"])
    alone = quantiles.read_reference([tiny.signals("A")])
    assert np.array_equal(with_both.shares["h3k27ac"], alone.shares["h3k27ac"])
    assert not np.array_equal(with_both.shares["dnase"], alone.shares["dnase"])
    quantiles.match_cell(tmp_path / "B", with_both, tmp_path / "out", [])
    assert list(artifacts.open_arrays(tmp_path / "out", "signals").tensors) == ["dnase"]  # missing stays missing


def test_what_cannot_be_matched_is_refused(tiny: TinyCase, tmp_path: Path) -> None:
    def rewrite(name: str, **changes: object) -> Path:
        header, tensors = artifacts.open_arrays(tiny.signals("B"), "signals")
        header["parameters"].update(changes)
        path = tmp_path / name
        artifacts.write_arrays(path, {track: tensors[track] for track in header["parameters"]["tracks"]}, header)
        return path

    a, b = tiny.signals("A"), tiny.signals("B")
    cases = (
        ([a], [rewrite("log", transform="log1p")], "has transform log1p"),
        ([rewrite("bins", bin_size=20)], [a], "has bins of 20 bp, the reference of 40"),
        ([a], [a, rewrite("bins", bin_size=20)], "has bins of 20 bp, the reference of 40"),
        ([a], [rewrite("one", tracks=["dnase"])], "no reference cell has the track h3k27ac"),
        ([a], [b, b], "second file of B's signals"),
    )
    for signals, reference, message in cases:
        options = [part for path in signals for part in ("--signals", path)]
        options += [part for path in reference for part in ("--reference", path)]
        result = run("match-quantiles", *options, "--outdir", tmp_path / "out")
        assert (result.exit_code, message in result.output) == (65, True), result.output
    result = run("match-quantiles", "--signals", b, "--reference", a, "--outdir", b.parent)
    assert (result.exit_code, "would replace its own input" in result.output) == (65, True)
