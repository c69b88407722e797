"""Sweeps: every fault at once, runs as the pipeline needs them, and the mean over seeds as a method of its own."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from crexpress.core import artifacts, methods
from crexpress.evaluate import labels
from crexpress.evaluate.compare import read_settings
from crexpress.evaluate.metrics import Context, table
from crexpress.models.positions import POSITIONS
from crexpress.pipeline.hidden_tracks import to_hide
from crexpress.training.presets import presets
from tiny_case import TinyCase

ROOT = Path(__file__).parents[3]
SHEET = """cell,assay,file,replicate,column,role
A,dnase,a.bw,1,,train
A,ctcf,a.bw,1,,train
A,rna,a.tsv,1,,train
B,dnase,b.bw,1,,train
B,ctcf,b.bw,1,,train
B,rna,b.tsv,1,,train
C,dnase,c.bw,1,,predict
C,ctcf,c.bw,1,,predict
"""
A_ALONE_HAS_CTCF = SHEET.replace("B,ctcf,b.bw,1,,train\n", "").replace("C,ctcf,c.bw,1,,predict\n", "")


def tool(name: str, *arguments: object) -> Result:
    return CliRunner().invoke(run_path(str(ROOT / "bin" / name))["main"], [str(argument) for argument in arguments])


def check(folder: Path, *arguments: object, grid: str | None = None, sheet: str = SHEET) -> Result:
    (folder / "sheet.csv").write_text(sheet)
    if grid is not None:
        (folder / "grid.yml").write_text(grid)
        arguments = ("--sweep", folder / "grid.yml", *arguments)
    given = arguments if "--" in arguments else (*arguments, "--", "--preset", "scpge-small")
    return tool("check-sweep", "--samplesheet", folder / "sheet.csv", "--output", folder / "runs.json", *given)


def laid_out(folder: Path, *arguments: object, grid: str | None = None, sheet: str = SHEET) -> list[dict[str, Any]]:
    result = check(folder, *arguments, grid=grid, sheet=sheet)
    assert result.exit_code == 0, result.output
    return json.loads((folder / "runs.json").read_text())


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
    result = tool("check-sweep", *arguments, "--", "--preset", "scpge-small")
    assert result.exit_code == 0, result.output
    assert len(json.loads((tmp_path / "runs.json").read_text())) > 1


def predictions(
    tiny: TinyCase, path: Path, values: np.ndarray, seed: int = 1, unit: str = "log10(1 + TPM)", **more: object
) -> Path:
    genes, like = artifacts.read_table(tiny.genes, "genes")
    frame = genes.select("gene_id", "gene_name", "chrom", "tss").with_columns(
        split=pl.lit("test"), predicted=pl.Series(values.astype(np.float32))
    )
    about = {"preset": "net", "seed": seed, "mode": "direct", "cell_seen": True, "training_cells": ["A"], **more}
    header = artifacts.make_header("predictions", "test", elements=like["elements"], genes=like["genes"], cell="A",
                                   parameters=about, units={"predicted": unit})  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    artifacts.write_table(path, frame, header)
    return path


def test_the_mean_over_seeds_is_a_method_of_its_own(tiny: TinyCase, tmp_path: Path) -> None:
    expression = artifacts.read_table(tiny.expression("A"), "expression")[0]["expression"].fill_null(0).to_numpy()
    rng = np.random.default_rng(0)
    values = [expression + rng.normal(0, 0.5, len(expression)) for _ in range(3)]
    files = [predictions(tiny, tmp_path / f"{seed}/predictions.A.parquet", v, seed) for seed, v in enumerate(values)]
    given = [part for file in files for part in ("--predictions", file)]
    result = tool("ensemble", *given, "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    table, header = artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")
    np.testing.assert_allclose(table["predicted"], np.mean(np.float32(values), axis=0), rtol=1e-6)
    assert header["parameters"]["seeds"] == [0, 1, 2]

    more = ("--predictions", tmp_path / "predictions.A.parquet", "--expression", tiny.expression("A"))
    reference = ("--elements", tiny.elements, "--genes", tiny.genes, "--resamples", 20, "--outdir", tmp_path)
    result = tool("evaluate", *reference, *given, *more)
    assert result.exit_code == 0, result.output
    metrics, header = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")
    r = dict(
        metrics.filter(metric="pearson", subset="test", section="expression").select("method", "value").iter_rows()
    )
    assert set(r) == {"net, seed 0", "net, seed 1", "net, seed 2", "net (mean of 3 seeds)"}
    assert r["net (mean of 3 seeds)"] > max(r[f"net, seed {seed}"] for seed in range(3))
    rows = {row["method"]: methods.from_row(row) for row in metrics.filter(kind="model").iter_rows(named=True)}
    own = methods.of_predictions({"preset": "net"})
    assert rows == {f"net, seed {seed}": own._replace(seed=seed) for seed in range(3)} | {
        "net (mean of 3 seeds)": own._replace(mean_of=3, mean_over="seeds")
    }


def test_what_cannot_be_averaged_is_refused(tiny: TinyCase, tmp_path: Path) -> None:
    zeros = np.zeros(120)
    one = predictions(tiny, tmp_path / "1/p.parquet", zeros)
    other = predictions(tiny, tmp_path / "2/p.parquet", zeros, 2, training_cells=["B"])
    result = tool("ensemble", "--predictions", one, "--predictions", other, "--outdir", tmp_path)
    assert result.exit_code == 65
    assert "trained on other cells" in result.output
    other = predictions(tiny, tmp_path / "3/p.parquet", zeros, 2, unit="log10(1 + CPM)")
    result = tool("ensemble", "--predictions", one, "--predictions", other, "--outdir", tmp_path)
    assert result.exit_code == 65
    assert f"{one} is in log10(1 + TPM), {other} in log10(1 + CPM); average one unit at a time" in result.output
    assert tool("ensemble", "--predictions", one).exit_code == 2


def test_links_are_named_by_what_tells_their_models_apart() -> None:
    attention = {"name": "attention", "label": "attention", "higher_is_better": True, "kind": "model"}

    def run(preset: str, seed: int | None, **mean: object) -> tuple[str, methods.Method]:
        (method,) = methods.of_links({"scores": [attention], "preset": preset, "seed": seed, **mean})
        return "A", method

    assert labels.names([run("net", 1)]) == ["attention"]
    assert labels.names([run("net", 1), run("net", 2), run("net", None, mean_of=2, mean_over="seeds")]) == [
        *("attention, seed 1", "attention, seed 2", "attention (mean of 2 seeds)"),
    ]
    assert labels.names([run("net", 1), run("tree", 1)]) == ["attention, net", "attention, tree"]


def metrics_of(folder: Path, models: Sequence[tuple[dict[str, Any], float]]) -> Path:
    """metrics.parquet with r on test genes of cell A of models (what their headers say, r), and a baseline at 0.5."""
    own = [methods.of_predictions({"preset": "net", **about}) for about, _ in models]
    named = labels.names([("A", method) for method in own])
    context = Context("expression", "A", True, "test", methods=dict(zip(named, own, strict=True)))
    rows = [context.metric(name, "pearson", r, 40) for name, (_, r) in zip(named, models, strict=True)]
    ridge = methods.Method("ridge_promoter", "ridge promoter", methods.BASELINE, saw=methods.TRACKS)
    rows.append(replace(context, methods={"ridge promoter": ridge}).metric("ridge promoter", "pearson", 0.5, 40))
    scores = [
        methods.of_links({"scores": [{"name": "attention", "label": "attention", "kind": "model"}]})[0],
        methods.closed_form("distance"),
        methods.Method("abc", "ABC of the element", methods.CLOSED_FORM),
    ]
    context = Context("links", "A", True, "all pairs", "screen", {method.title: method for method in scores})
    rows += [
        context.metric(method.title, "average_precision", value, 40)
        for method, value in zip(scores, (0.3, 0.4, 0.5), strict=True)
    ]
    header = artifacts.make_header("metrics", "test", parameters={"units": {"A": "log10(1 + TPM)"}})
    folder.mkdir()
    artifacts.write_table(folder / "metrics.parquet", table(rows), header)
    return folder / "metrics.parquet"


def test_points_stand_side_by_side(tmp_path: Path) -> None:
    laid_out(tmp_path, grid="seeds: [1, 2]\npoints: {small: {layers: 0}, large: {}}")
    mean = {"seed": None, "mean_of": 2, "mean_over": "seeds"}
    small = [({"seed": 1}, 0.6), ({"seed": 2}, 0.62), (mean, 0.65)]
    large = [({"seed": 1}, 0.7), ({"seed": 2}, 0.74), (mean, 0.75)]
    files = {"small": metrics_of(tmp_path / "s", small), "large": metrics_of(tmp_path / "l", large)}
    given = [part for point, path in files.items() for part in ("--metrics", f"{point}={path}")]
    result = tool("compare", "--runs", tmp_path / "runs.json", *given, "--outdir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "r on test genes from 0.610 (small) to 0.720 (large)" in result.output
    joined = pl.read_parquet(tmp_path / "out/sweep.parquet")
    assert len(joined) == 14
    assert joined.filter(point="large", seed=2)["value"].to_list() == [0.74]
    assert joined.filter(point="small", mean_of=2)["method"].to_list() == ["net (mean of 2 seeds)"]
    without = joined.filter(~pl.col("model"))["method"].unique().sort().to_list()
    assert without == ["ABC of the element", "distance", "ridge promoter"]
    assert pl.read_csv(tmp_path / "out/sweep.csv").shape == joined.shape
    page = (tmp_path / "out/sweep.html").read_text()
    for text in (
        "layers 0",
        "0.610",
        "sd 0.014; together 0.650",
        "Best baseline (ridge promoter)",
        "Element-gene links",
    ):
        assert text in page, text
    assert (tmp_path / "out/figures/sweep-pearson.png").stat().st_size > 0

    result = tool("compare", "--runs", tmp_path / "runs.json", *given[:2], "--outdir", tmp_path / "out")
    assert result.exit_code == 65
    assert "point large of" in result.output


def test_an_anchored_model_is_no_seed_of_the_direct_one_and_hidden_tracks_stay_out(tmp_path: Path) -> None:
    laid_out(tmp_path, grid="points: {small: {layers: 0}, large: {}}")
    both = [({}, 0.6), ({"mode": "anchored"}, 0.8)]
    both += [({"mode": mode, "hidden_tracks": ["ctcf"]}, 0.1) for mode in methods.MODES]
    files = {"small": metrics_of(tmp_path / "s", both), "large": metrics_of(tmp_path / "l", [({}, 0.7)])}
    given = [part for point, path in files.items() for part in ("--metrics", f"{point}={path}")]
    result = tool("compare", "--runs", tmp_path / "runs.json", *given, "--outdir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "r on test genes from 0.600 (small) to 0.800 (small (anchored))" in result.output
    page = (tmp_path / "out/sweep.html").read_text()
    assert "small (anchored)" in page
    assert "0.100" not in page
