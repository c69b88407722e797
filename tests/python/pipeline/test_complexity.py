"""Complexity: figures that are known by hand, and of the released model."""

import json
import os
from pathlib import Path
from runpy import run_path

import pytest
from click.testing import CliRunner

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.neighbours import MOST_IN_WINDOW
from crexpress.models import build
from crexpress.pipeline import complexity
from tiny_case import TinyCase
from tools import run

TOOL = Path(__file__).parents[3] / "bin/measure-complexity"
SHAPE = complexity.Shape(("dnase", "h3k4me3", "h3k27ac", "ctcf"), 600, True)


def test_the_released_models_size_is_found() -> None:
    config, batch_size = complexity.configure({"preset": "scpge-compat"}, SHAPE)
    model = build(config)
    assert sum(weight.numel() for weight in model.parameters()) == 4_079_617  # of the released code, 4 tracks
    # the released code takes 4.64: ours runs the last layer for the gene's row alone
    assert 4.5e9 < complexity.count(model) < 4.64e9
    assert batch_size == 64


def test_flops_of_a_small_model_are_those_by_hand() -> None:
    small = {"preset": "scpge-small", "layers": "0", "neighbours": "2", "inputs": "tracks", "tracks": "dnase"}
    config, _ = complexity.configure(small, SHAPE)
    # of each element a convolution over 15 bins of one track at one position, one over its channels, and a map to 64;
    # then the head 64 -> 64 -> 1
    assert (config.tracks, config.motifs, config.sequence) == (("dnase",), (), False)
    elements = 3 * 2 * (15 * config.channels + config.channels**2 + config.channels * 64)
    head = 2 * 64 * config.hidden_head + 2 * config.hidden_head
    assert complexity.count(build(config)) == elements + head


def test_more_elements_and_layers_cost_more() -> None:
    def flop(**settings: str) -> int:
        config, _ = complexity.configure({"preset": "scpge-small", "inputs": "tracks", **settings}, SHAPE)
        return complexity.count(build(config))

    assert flop(neighbours="10") < flop(neighbours="20")
    assert flop(neighbours="10") < flop(neighbours="10", layers="2")


def test_an_anchored_model_reads_the_known_cells_too() -> None:
    small = {"preset": "scpge-small", "layers": "0", "neighbours": "2", "inputs": "tracks", "tracks": "dnase"}
    plain, anchored = (complexity.configure(small | {"anchored": flag}, SHAPE)[0] for flag in (False, True))
    # two channels more in the convolution over 15 bins of each of the 3 elements
    more = 3 * 2 * 15 * 2 * plain.channels
    assert anchored.signal_channels == 3
    assert complexity.count(build(anchored)) - complexity.count(build(plain)) == more


def test_windows_count_the_most_elements_and_cost_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = complexity.configure({"preset": "scpge-small", "window": "2000"}, SHAPE)
    assert config.neighbours == MOST_IN_WINDOW
    measured = []
    one = {"seconds_per_step": 1.0}
    monkeypatch.setattr(complexity, "_in_a_process", lambda _, __, config, *___: measured.append(config) or one)
    points = [(name, {"preset": "creator-small", "window": name, "neighbours": "4"}) for name in ("2000", "4000")]
    table = complexity.table(points, SHAPE, complexity.Way(2, 1, "cpu"))
    assert table["window"].to_list() == [2000, 4000]
    assert [config.neighbours for config in measured] == [4]


def test_runs_are_measured_as_they_are_trained(tmp_path: Path) -> None:
    """Each mode of a point once, with the tracks of its own cells; what is trained before is not measured."""
    (tmp_path / "sheet.csv").write_text(
        "cell,assay,file,replicate,column,role\n"
        + "".join(f"{cell},{assay},x,1,,train\n" for cell in "AB" for assay in ("dnase", "rna"))
        + "A,ctcf,x,1,,train\n"
    )
    (tmp_path / "grid.yml").write_text(
        "points:\n"
        "  both: {anchored: true, neighbours: 4, tracks: dnase}\n"
        "  held: {holdout_cells: B, batch_size: 8, width: 1000, tracks: dnase}\n"
        "  dropped: {track_dropout: 0.1}\n"
        "  bases: {inputs: sequence, tracks: ctcf}\n"
    )
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/config.json").write_text(json.dumps({"model": {"width": 600, "bin_size": 40}}))
    given = ["--samplesheet", tmp_path / "sheet.csv", "--sweep", tmp_path / "grid.yml", "--seeds", "1,2"]
    result = run("check-sweep", *given, "--model", tmp_path / "saved", "--output", tmp_path / "runs.json")
    assert result.exit_code == 0, result.output
    train = run_path(str(TOOL.with_name("train")))["main"]
    shape = complexity.Shape((), 3, True)
    points = complexity.read_runs(tmp_path / "runs.json", train)
    found = {name: complexity.configure(settings, shape) for name, settings in points}
    assert {name: config.tracks for name, (config, _) in found.items()} == {
        "both": ("dnase",),
        "both anchored": ("dnase",),
        "held": ("dnase",),
        "dropped": ("ctcf", "dnase"),
        "bases": (),
    }
    assert [name for name, (config, _) in found.items() if config.anchored] == ["both anchored"]
    assert (found["both"][0].neighbours, found["held"][0].width, found["held"][1]) == (4, 1000, 8)


@pytest.mark.slow
def test_a_sweep_is_measured_point_by_point(tiny: TinyCase, tmp_path: Path) -> None:
    (tmp_path / "grid.yml").write_text("settings: {neighbours: 4, inputs: [tracks, motifs]}\ngrid: {layers: [0, 1]}")
    arguments = ["--sweep", tmp_path / "grid.yml", "--batch-size", "2", "--steps", "1", "--outdir", tmp_path]
    arguments += ["--motif-scores", tiny.motifs]
    result = CliRunner().invoke(run_path(str(TOOL))["main"], [*map(str, arguments), "--device", "cpu"])
    assert result.exit_code == 0, result.output
    table, header = artifacts.read_table(tmp_path / "complexity.parquet", "complexity")
    assert header["parameters"]["motifs"] == len(
        artifacts.open_arrays(tiny.motifs, "motifs").header["parameters"]["motifs"]
    )
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
        complexity.table([("large", {"preset": "scpge-small"})], SHAPE, complexity.Way(2, 1, "cpu"))
