"""Sweeps that are refused: settings that contradict each other, every fault at once, before anything is prepared."""

import json
from pathlib import Path

import pytest

from crexpress.pipeline.hidden_tracks import to_hide
from crexpress.training.presets import presets
from sweep_case import ROOT, SHEET, check
from tools import run


def test_bins_that_do_not_divide_an_element_are_refused_before_anything_is_prepared(tmp_path: Path) -> None:
    result = check(tmp_path, "--width", "350", "--", "--preset", "creator-small")
    assert result.exit_code == 65
    assert "bins of 40 bp (creator-small) do not divide elements of 350 bp; give a width" in result.stderr
    assert "such as 360" in result.stderr


def test_hidden_tracks_are_measured_in_unseen_cells_where_there_are_such() -> None:
    tracks = {"A": {"a", "b", "c"}, "B": {"a", "b", "c"}, "C": {"a"}, "D": {"c", "b"}, "E": {"a"}, "F": {"d"}}
    sets = [["b", "c"], ["a"]]  # of C and E, and of D; F has nothing that the model reads
    for trained_on, cells in (("A", ["B"]), ("AB", ["A", "B"])):
        found = to_hide(["a", "b", "c"], trained_on, "AB", tracks)
        assert found == [{"tracks": one, "cells": cells} for one in sets]
    assert to_hide(["a", "b", "c"], "AB", "CDE", tracks) == []


@pytest.mark.slow
def test_a_model_that_learns_from_loops_is_refused_where_no_cell_to_train_on_has_any(tmp_path: Path) -> None:
    own = tmp_path / "mine.json"
    own.write_text(json.dumps(presets()["scpge-kl"]))
    grid = f"""
points:
  plain: {{}}
  prior: {{preset: scpge-lp}}
  held: {{preset: {own}, holdout_cells: A}}
  option: {{loop_alpha: 0.5}}
  decay: {{loop_alpha: 0.5, loop_target: decay}}
  off: {{preset: scpge-kl, loop_alpha: 0}}
"""
    result = check(tmp_path, grid=grid)
    assert result.exit_code == 65
    said = "samplesheet has none of"
    for point, preset, cells in (("prior", "scpge-lp", "A, B"), ("held", own, "B"), ("option", "scpge-small", "A, B")):
        assert (
            f"point '{point}': the model learns from chromatin loops ({preset}), but the {said} {cells};"
            in result.output
        )
    assert result.output.count(said) == 3
    assert not (tmp_path / "runs.json").exists()
    # C's loops help no one, as nothing is trained on C; A's do, but where A is held out
    assert check(tmp_path, grid=grid, sheet=SHEET + "C,loops,c.bedpe,1,,predict").output == result.output
    result = check(tmp_path, grid=grid, sheet=SHEET + "A,loops,a.bedpe,1,,train")
    assert result.output.count(said) == result.output.count("point 'held'") == 1
    assert check(tmp_path, "--", "--preset", "scpge-loop").output.count(f"{said} A, B") == 1
    assert check(tmp_path, "--", "--preset", "scpge-loop", sheet=SHEET + "A,loops,a.bedpe,1,,train").exit_code == 0


def test_settings_that_contradict_each_other_are_told_before_anything_is_prepared(tmp_path: Path) -> None:
    grid = """
points:
  slow: {learning_rate: 1.0e-12}
  still: {steps: 0}
  change: {anchored: true, inputs: [sequence]}
  shallow: {preset: scpge-lp, layers: 0}
  odd: {neighbours: 21}
  narrow: {preset: scpge, width: 50}
  coarse: {preset: scpge, bin_size: 100}
  alone: {preset: creator-small, layers: 0, width: 360}
  tested: {val: chr5, test: "chr5,chr6"}
  nothing: {inputs: sequence}
"""
    result = check(tmp_path, "--lacking", "sequence", grid=grid.replace("inputs: [sequence]", "inputs: [motifs]"))
    assert result.exit_code == 65
    for fault in (
        "point 'slow': --learning-rate 1e-12 is below 1e-06",
        "point 'still': --steps 0 leaves a model as it starts",
        "point 'change': --anchored predicts from how tracks differ",
        "point 'shallow': loops act on attention, and a model of 0 layers has none",
        "point 'odd': 21 neighbours cannot be shared by both sides",
        "point 'narrow': this preset cannot read elements of 50 bp in bins of 1 bp",
        "point 'coarse': this preset cannot read elements of 600 bp in bins of 100 bp",
        "point 'alone': a model of 0 layers sees the gene's TSS window alone",
        "point 'tested': all of val (chr5) is tested, too, which counts; there would be no validation gene",
        "point 'nothing': no input is left of sequence: no file is given for sequence",
    ):
        assert result.output.count(fault) == 1, (fault, result.output)


def test_one_cell_cannot_be_left_out_of_one(tmp_path: Path) -> None:
    result = check(tmp_path, "--leave-out", "cells", "--holdout-cells", "A")
    assert result.exit_code == 65
    assert "--leave-out cells needs two or more to train on; there is B" in result.output


def test_every_fault_of_a_sweep_comes_at_once(tmp_path: Path) -> None:
    grid = """
stings: {steps: 50}
seeds: [1, -2]
points:
  all: {seed: 2, layers: -1, inputs: foo, presset: x, steps: many}
  "a b": {tracks: atac, holdout_cells: "A,B", val: "chr1:9-3"}
  other: {preset: huge, holdout_cells: D}
  3: 3
  none: {fold: null, layers: null}
grid: {layers: 4}
"""
    result = check(tmp_path, grid=grid)
    assert result.exit_code == 65
    for fault in (
        "has 17 faults",
        "'stings' is no part of a sweep",
        "point '3': must be a mapping",
        "grid: layers must be a list",
        "point 'all': 'seed' is no setting of a point; give seeds:",
        "point 'all': layers: -1 is not in the range",
        "point 'all': steps: 'many' is not a valid integer",
        "point 'all': 'presset' is no setting; there are anchored,",
        "position, precision, preset, profile_width, shuffled_negatives,",
        "point 'none': fold: has no value; give one, or leave it out",
        "point 'none': layers: has no value",
        "point 'all': inputs: 'foo' is no input",
        "point 'a b': cannot name a folder",
        "point 'a b': tracks: no cell of the samplesheet has 'atac'",
        "point 'a b': holdout_cells: no cell with expression is left",
        "point 'a b': val: 'chr1:9-3' is not a chromosome",
        "point 'other': preset: there is no preset 'huge'",
        "point 'other': holdout_cells: 'D' is no cell",
        "seeds must be a list of whole numbers",
    ):
        assert result.output.count(fault) == 1, (fault, result.output)
    assert not (tmp_path / "runs.json").exists()


@pytest.mark.parametrize(
    ("grid", "fault"),
    [
        ("points: {a: {steps: 1}, a: {steps: 2}}", "'a' is given twice"),
        ("points: [1, 2", "is no readable YAML"),
        ("- a", "must be a mapping"),
        ("description: nothing", "there is no point"),
        ("points: {layers-0: {}}\ngrid: {layers: [0]}", "point 'layers-0' comes twice"),
        ("points: {a: {steps: 1, batch-size: 4, batch_size: 8}}", "'batch_size' is given twice"),
        ("seeds: [1, 1]\npoints: {a: {}}", "seeds: one comes twice"),
        ("seeds: [true, 2]\npoints: {a: {}}", "seeds must be a list of whole numbers"),
        ("points: {a: {inputs: []}}", "point 'a': inputs: has no value; give one, or leave it out"),
        ("points: {a: {tracks: []}}", "point 'a': tracks: has no value"),
        ("points: {a: {tracks: [dnase, dnase]}}", "point 'a': tracks: 'dnase' is given twice"),
    ],
)
def test_a_faulty_sweep_is_refused_in_words(tmp_path: Path, grid: str, fault: str) -> None:
    result = check(tmp_path, grid=grid)
    assert result.exit_code == 65
    assert fault in result.output


def test_wrong_settings_of_the_run_itself_are_told(tmp_path: Path) -> None:
    result = check(tmp_path, "--", "--preset", "scpge-small", "--inputs", "tracks,smell", "--neighbours", "-2")
    assert result.exit_code == 65
    assert "'smell' is no input" in result.output
    assert "neighbours: -2 is not in the range" in result.output
    assert check(tmp_path, "--seeds", "1,x").exit_code == 65


@pytest.mark.parametrize("path", sorted((ROOT / "assets/sweeps").glob("*.yml")), ids=lambda path: path.stem)
def test_sweeps_that_ship_are_sound(tmp_path: Path, path: Path) -> None:
    sheet = ["cell,assay,file,replicate,column,role", "A,rna,a.tsv,1,,train", "B,rna,b.tsv,1,,train"]
    sheet += [f"{cell},{track},a.bw,1,,train" for cell in "AB" for track in ("dnase", "h3k4me3", "h3k27ac", "ctcf")]
    (tmp_path / "cells.csv").write_text("\n".join(sheet) + "\n")
    arguments = ("--samplesheet", tmp_path / "cells.csv", "--sweep", path, "--output", tmp_path / "runs.json")
    result = run("check-sweep", *arguments, "--", "--preset", "scpge-small")
    assert result.exit_code == 0, result.output
    assert len(json.loads((tmp_path / "runs.json").read_text())) > 1
