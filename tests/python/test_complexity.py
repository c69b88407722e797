"""Complexity: figures that are known by hand, and of the released model."""

import os
from pathlib import Path
from runpy import run_path

import polars as pl
import pytest
from click.testing import CliRunner
from crexpress import complexity
from crexpress.errors import InputError
from crexpress.models.regulatory import RegulatoryModel

TOOL = Path(__file__).parents[2] / "bin/measure-complexity"
SHAPE = complexity.Shape(("dnase", "h3k4me3", "h3k27ac", "ctcf"), 600, True)


def test_the_released_models_size_is_found() -> None:
    config, batch_size = complexity.configure({"preset": "scpge-compat"}, SHAPE)
    model = RegulatoryModel(config)
    assert sum(weight.numel() for weight in model.parameters()) == 4_079_617  # of the released code, 4 tracks
    # the released code takes 4.64: ours runs the last layer for the gene's row alone
    assert 4.5e9 < complexity.count(config) < 4.64e9
    assert batch_size == 64


def test_flops_of_a_small_model_are_those_by_hand() -> None:
    small = {"preset": "scpge-small", "layers": "0", "neighbours": "2", "inputs": "tracks", "tracks": "dnase"}
    config, _ = complexity.configure(small, SHAPE)
    # of each element a convolution over 15 bins of one track at one position, one over its channels, and a map to 64;
    # then the head 64 -> 64 -> 1
    assert (config.tracks, config.motifs, config.sequence) == (("dnase",), (), False)
    elements = 3 * 2 * (15 * config.channels + config.channels**2 + config.channels * 64)
    head = 2 * 64 * config.hidden_head + 2 * config.hidden_head
    assert complexity.count(config) == elements + head


def test_more_elements_and_layers_cost_more() -> None:
    def flop(**settings: str) -> int:
        config, _ = complexity.configure({"preset": "scpge-small", "inputs": "tracks", **settings}, SHAPE)
        return complexity.count(config)

    assert flop(neighbours="10") < flop(neighbours="20")
    assert flop(neighbours="10") < flop(neighbours="10", layers="2")


@pytest.mark.slow
def test_a_sweep_is_measured_point_by_point(tmp_path: Path) -> None:
    (tmp_path / "grid.yml").write_text("settings: {neighbours: 4, inputs: tracks}\ngrid: {layers: [0, 1]}")
    arguments = ["--sweep", tmp_path / "grid.yml", "--batch-size", "2", "--steps", "1", "--outdir", tmp_path]
    result = CliRunner().invoke(
        run_path(str(TOOL))["main"], [*map(str, arguments), "--device", "cpu", "--threads", "1"]
    )
    assert result.exit_code == 0, result.output
    table = pl.read_parquet(tmp_path / "complexity.parquet")
    assert table["point"].to_list() == ["layers-0", "layers-1"]
    assert table["parameters"].is_sorted()
    assert table["gflop_per_gene"].is_sorted()
    assert (table["seconds_per_step"] > 0).all()
    assert (table["peak_memory_gb"] >= 0).all()
    for name in ("complexity.csv", "complexity.svg", "complexity.png"):
        assert (tmp_path / name).stat().st_size > 0


def test_a_point_that_no_model_can_be_built_of_is_told_first(tmp_path: Path) -> None:
    # a kernel of 30 does not fit on 15 bins
    (tmp_path / "grid.yml").write_text("points: {fine: {}, binned: {preset: scpge, bin_size: 40}}")
    arguments = ["--sweep", tmp_path / "grid.yml", "--outdir", tmp_path]
    result = CliRunner().invoke(run_path(str(TOOL))["main"], [*map(str, arguments)])
    assert result.exit_code == 65, result.output
    assert "bins of 40 bp" in result.output
    assert not (tmp_path / "complexity.parquet").exists()


def _killed(*_: object) -> None:
    os._exit(9)


@pytest.mark.slow
def test_a_process_that_the_system_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complexity, "measure", _killed)
    with pytest.raises(InputError, match="'large', most likely for its memory; give a smaller --batch-size"):
        complexity.table([("large", {"preset": "scpge-small"})], SHAPE, complexity.Way(2, 1, "cpu", 1))
