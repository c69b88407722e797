"""Sweeps: points, grids, seeds and cells left out in turn become runs as the pipeline needs them."""

import json
from collections.abc import Sequence
from pathlib import Path

from crexpress.evaluate.compare import read_settings
from crexpress.models.positions import POSITIONS
from sweep_case import SHEET, check, laid_out

A_ALONE_HAS_CTCF = SHEET.replace("B,ctcf,b.bw,1,,train\n", "").replace("C,ctcf,c.bw,1,,predict\n", "")


def test_a_plain_run_is_a_sweep_of_one_point(tmp_path: Path) -> None:
    (run,) = laid_out(tmp_path, "--", "--preset", "scpge-small", "--val", "chr5", "--test", "chr6", "--seed", "4")
    assert run["point"] == "scpge-small"
    assert run["args"] == "--val chr5 --test chr6 --seed 4"
    assert run["split"] == "--val chr5 --test chr6"
    assert (run["folder"], run["label"], run["batch_size"]) == ("", "", 128)
    assert run["reference"] == {"width": 600, "folder": ""}
    assert run["store"] == {"width": 600, "bin_size": 40, "folder": ""}


def test_points_grid_and_seeds_become_runs(tmp_path: Path) -> None:
    grid = """
settings: {steps: 50}
seeds: [1, 2]
points:
  all:
  no-sequence: {inputs: [motifs, tracks]}
  full: {preset: scpge, width: 1000, holdout-cells: B, batch-size: 8}
grid: {layers: [0, 1], tracks: [dnase, [dnase, ctcf]]}
"""
    runs = laid_out(tmp_path, "--holdout-cells", "A", grid=grid)
    assert [run["point"] for run in runs[::2]] == [
        *("all", "no-sequence", "full", "layers-0_tracks-dnase", "layers-0_tracks-dnase-ctcf"),
        *("layers-1_tracks-dnase", "layers-1_tracks-dnase-ctcf"),
    ]
    by_point = {run["point"]: run for run in runs if run["seed"] == 2}
    assert by_point["all"]["args"] == "--steps 50 --seed 2"
    assert by_point["all"]["protocol"] == {"split": "", "holdout": ["A"], "folder": ""}
    assert by_point["full"]["protocol"] == {"split": "", "holdout": ["B"], "folder": "split2/"}
    assert by_point["all"]["folder"] == "points/all/seed2/"
    assert "--inputs motifs,tracks" in by_point["no-sequence"]["args"]
    assert "--layers 1" in by_point["layers-1_tracks-dnase-ctcf"]["args"]
    assert "--tracks dnase,ctcf" in by_point["layers-1_tracks-dnase-ctcf"]["args"]
    full = by_point["full"]
    assert (full["preset"], full["batch_size"]) == ("scpge", 8)
    # another width needs elements of its own, another bin size tracks of its own
    assert (full["reference"]["folder"], full["store"]["folder"]) == ("width1000/", "width1000.bins1/")
    assert "batch-size" not in full["args"]


def test_a_flag_that_is_off_is_said_where_it_has_a_word_for_that(tmp_path: Path) -> None:
    grid = "grid: {shuffled_negatives: [false, true], anchored: [false]}"
    runs = laid_out(tmp_path, "--", "--preset", "scpge-small", "--seed", "1", grid=grid)
    assert [run["args"] for run in runs] == ["--no-shuffled-negatives --seed 1", "--shuffled-negatives --seed 1"]


def test_a_registered_name_is_a_choice(tmp_path: Path) -> None:
    result = check(tmp_path, grid="points: {all: {position: nowhere}}")
    assert result.exit_code == 65
    assert all(name in result.output for name in POSITIONS)


def test_a_points_own_split_holds(tmp_path: Path) -> None:
    points = "points: {fold: {fold: 2/5}, lists: {test: chr6}, same: {}}"
    runs = laid_out(tmp_path, "--", "--preset", "scpge-small", "--val", "chr5", "--test", "chr7", grid=points)
    assert [run["split"] for run in runs] == ["--fold 2/5", "--val chr5 --test chr6", "--val chr5 --test chr7"]
    runs = laid_out(tmp_path, grid=f"settings: {{val: chr5, test: chr7}}\n{points}")
    assert [run["split"] for run in runs] == ["--fold 2/5", "--val chr5 --test chr6", "--val chr5 --test chr7"]
    runs = laid_out(tmp_path, grid=f"settings: {{fold: 1/5}}\n{points}")
    assert [run["split"] for run in runs] == ["--fold 2/5", "--test chr6", "--fold 1/5"]
    (run,) = laid_out(tmp_path, "--", "--preset", "scpge-small", "--fold", "chr4")
    assert run["args"].startswith("--fold chr4")


def test_a_fold_that_is_none_or_beside_the_lists_it_stands_for_is_refused(tmp_path: Path) -> None:
    said = "fold stands for both val and test; leave out"
    faults = {
        "points: {a: {fold: 2/5, val: chr5, test: chr6}}": f"point 'a': {said} val and test, or fold",
        "settings: {fold: 2/5, test: chr6}\npoints: {a: {}}": f"point 'a': {said} test, or fold",
        "grid: {fold: [2/5], val: [chr5]}": f"{said} val, or fold",
        "points: {a: {fold: 7/5}}": "point 'a': fold: '7/5' is no fold",
    }
    for grid, fault in faults.items():
        result = check(tmp_path, grid=grid)
        assert result.exit_code == 65
        assert fault in result.output
    result = check(tmp_path, "--", "--fold", "2/5", "--test", "chr6")
    assert result.exit_code == 65
    assert (
        "the run's own settings are wrong:\n  1. fold stands for both val and test; leave out test, or fold"
        in result.output
    )


def test_each_cell_or_chromosome_is_left_out_in_turn(tmp_path: Path) -> None:
    runs = laid_out(tmp_path, "--leave-out", "cells")
    assert [(run["point"], run["protocol"]["holdout"]) for run in runs] == [("A", ["A"]), ("B", ["B"])]
    gtf = tmp_path / "genes.gtf"
    line = '{0}\tx\tgene\t1\t9\t.\t+\t.\tgene_id "{0}{1}"; gene_type "{1}";\n'
    kinds = [*((f"chr{n}", "protein_coding") for n in (10, 2, 1)), ("chr3", "snoRNA"), ("chrY", "protein_coding")]
    gtf.write_text("".join(line.format(*kind) for kind in kinds))
    grid = "points: {all: {}, near: {layers: 0}}"
    runs = laid_out(tmp_path, "--leave-out", "chromosomes", "--gtf", gtf, grid=grid)
    folds = ("chr1", "chr2", "chr10")
    assert [run["point"] for run in runs] == [f"{name}_{fold}" for name in ("all", "near") for fold in folds]
    assert [run["split"] for run in runs] == [f"--fold {fold}" for fold in folds] * 2
    assert runs[4]["args"] == "--layers 0 --fold chr2 --seed 1"
    # points bear the genome's names of the chromosomes that it has
    (tmp_path / "genome.sizes").write_text("chr4\t100\nchr1\t100\nchr7\t100\n")
    (tmp_path / "names.tsv").write_text("chr10\tchr4\n")
    whose = ("--chrom-sizes", tmp_path / "genome.sizes", "--chromosome-names", tmp_path / "names.tsv")
    runs = laid_out(tmp_path, "--leave-out", "chromosomes", "--gtf", gtf, *whose)
    assert [run["split"] for run in runs] == ["--fold chr1", "--fold chr4"]
    result = check(tmp_path, "--leave-out", "chromosomes", "--gtf", gtf, *whose[2:])
    assert "--chromosome-names needs --chrom-sizes" in result.output
    result = check(tmp_path, "--leave-out", "chromosomes", "--gtf", gtf, grid="points: {all: {val: chr5}}")
    assert result.exit_code == 65
    assert (
        "--leave-out chromosomes gives each run its fold; point 'all' sets val: give one or the other" in result.output
    )


def test_what_a_new_cell_lacks_is_hidden_where_it_can_be_measured(tmp_path: Path) -> None:
    """C lacks CTCF, and has no expression; A alone has both."""
    cost = [{"tracks": ["ctcf"], "cells": ["A"]}]
    grid = """
points:
  all: {}
  held: {holdout_cells: A, tracks: [dnase, ctcf]}
  dnase: {tracks: dnase}
  sequence: {inputs: [sequence]}
"""
    creator = ("--", "--preset", "creator-small")
    runs = laid_out(tmp_path, *creator, grid=grid, sheet=A_ALONE_HAS_CTCF)
    assert {run["point"]: run["hidden"] for run in runs} == {
        **{"all": cost, "held": cost, "dnase": [], "sequence": []},
    }
    (unread,) = laid_out(tmp_path, "--tracks", "dnase", *creator, sheet=A_ALONE_HAS_CTCF)
    assert unread["hidden"] == []
    for tracks, expected in ((["ctcf", "dnase"], cost), (["ctcf", "dnase", "atac"], [])):  # no cell has ATAC
        model = saved(tmp_path, tracks=tracks, track_dropout=0.1)
        (applied,) = laid_out(tmp_path, "--model", model, *creator, sheet=A_ALONE_HAS_CTCF)
        assert applied["hidden"] == expected


def saved(folder: Path, cells: Sequence[str] = ("elsewhere",), **model: object) -> Path:
    """A folder that looks like a trained model's."""
    (folder / "saved").mkdir(exist_ok=True)
    about = {"model": {"width": 600, "bin_size": 40} | model, "cells": cells}
    (folder / "saved/config.json").write_text(json.dumps(about))
    return folder / "saved"


def test_a_track_that_one_cell_lacks_is_not_left_out_of_all_cells_in_silence(tmp_path: Path) -> None:
    grid = "points: {all: {}, dnase: {tracks: dnase}, named: {tracks: [dnase, ctcf]}, drops: {track_dropout: 0.1}}"
    result = check(tmp_path, grid=grid, sheet=A_ALONE_HAS_CTCF)
    assert result.exit_code == 65
    for point in ("all", "named"):
        assert f"point '{point}': there is no ctcf of B, C, and a model trained without track_dropout" in result.output
    assert "give track_dropout 0.1" in result.output
    assert "point 'd" not in result.output
    # nor is a saved model trained for days beside a cell that it cannot be applied to
    result = check(tmp_path, "--model", saved(tmp_path, tracks=["dnase", "ctcf"]), sheet=A_ALONE_HAS_CTCF)
    assert result.exit_code == 65
    assert "there is no ctcf of B, C, and the model, trained without track_dropout, needs all" in result.output
    result = check(tmp_path, "--model", saved(tmp_path, tracks=["ctcf"], track_dropout=0.1), sheet=A_ALONE_HAS_CTCF)
    assert "there is no ctcf of B, C, and the model reads no other track" in result.output


def test_baselines_of_a_saved_model_learn_from_its_own_cells_where_there_are_any(tmp_path: Path) -> None:
    for own, holdout, expected in ((["A"], "", ["B"]), (["elsewhere"], "", []), (["A", "B"], "B", ["B"])):
        held = ("--holdout-cells", holdout)
        (run,) = laid_out(tmp_path, "--model", saved(tmp_path, own), *held)
        assert run["protocol"]["holdout"] == expected
        assert run["holdout"] == ([holdout] if holdout else [])


def test_an_anchored_point_is_a_direct_and_an_anchored_model(tmp_path: Path) -> None:
    runs = laid_out(tmp_path, "--seeds", "1,2", grid="points: {both: {anchored: true}, plain: {}}")
    assert [(run["folder"], run["mode"]) for run in runs] == [
        ("points/both/seed1/", "direct"),
        ("points/both/seed1/anchored/", "anchored"),
        ("points/both/seed2/", "direct"),
        ("points/both/seed2/anchored/", "anchored"),
        ("points/plain/seed1/", "direct"),
        ("points/plain/seed2/", "direct"),
    ]
    assert [run["args"] for run in runs[:2]] == ["--seed 1", "--anchored --seed 1"]
    assert runs[1]["label"] == "both seed1 anchored"
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "config.json").write_text(json.dumps({"model": {"width": 600, "bin_size": 40, "anchored": True}}))
    (run,) = laid_out(tmp_path, "--model", saved)
    assert read_settings(tmp_path / "runs.json") == {"saved": {"model": "trained before"}}
    assert (run["mode"], run["folder"], run["trained"]) == ("anchored", "", True)
    result = check(tmp_path, "--holdout-cells", "A", "--", "--preset", "scpge-small", "--anchored")
    assert result.exit_code == 65
    assert "point 'scpge-small': anchored needs two cells with expression to train on" in result.output


def test_the_runs_seeds_go_before_the_sweeps(tmp_path: Path) -> None:
    runs = laid_out(tmp_path, "--seeds", "7,9", grid="seeds: [1]\npoints: {all: {}}")
    assert [run["seed"] for run in runs] == [7, 9]
    assert [run["folder"] for run in runs] == ["seed7/", "seed9/"]
