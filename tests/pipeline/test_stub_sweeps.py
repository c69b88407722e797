"""Stub runs of sweeps and of saved models: what is shared, what is trained, what is left out in turn."""

import json
import re

import pytest

from launching import CELLS, ROOT, Pipeline, sheet_of, tasks

pytestmark = pytest.mark.pipeline
PARSER = "v2"  # of Nextflow: stricter, a start in half the time


KNOWN = ["K562", "HeLa-S3", "HUVEC", "NHEK"]  # that the shipped models were trained on
SWEEP = """
seeds: [1, 2]
points:
  all: {anchored: true}
  wide: {preset: own.json, width: 1000, neighbours: 4, fold: 2/3, holdout_cells: "cell4,cell5"}
"""


def test_a_sweep_shares_what_it_can_and_trains_each_point_and_seed(pipeline: Pipeline) -> None:
    (pipeline.folder / "grid.yml").write_text(SWEEP)
    (pipeline.folder / "own.json").write_text((ROOT / "python/crexpress/models/presets/scpge.json").read_text())
    chosen = ["-profile", "test", "-stub-run", "--outdir", "sweep", "--sweep", "grid.yml", "--interpret_cells", "cell1"]
    chosen += [
        "--link_model",
        "screen:screen",
        "--crispr_cell",
        "cell1",
        "--preset_files",
        "own.json",
        "--complexity",
        "--explain",
        "variants",
        "--variants",
        str(ROOT / "assets/test/ccres.bed.gz"),
    ]
    done = tasks(pipeline.run(*chosen))
    direct = [f"{point} seed{seed}" for point in ("all", "wide") for seed in (1, 2)]
    runs = sorted([*direct, "all seed1 anchored", "all seed2 anchored"])
    assert sorted(name for name in done if name.startswith("TRAIN")) == sorted(f"TRAIN ({run})" for run in runs)
    assert [name for name in done if name.startswith("INTERPRET")] == [f"INTERPRET ({run} cell1)" for run in direct]
    assert len([name for name in done if name.startswith("PREDICT")]) == 5 * len(runs)
    # two widths, two bin sizes, two splits
    assert [name for name in done if name.startswith("MERGE")] == ["MERGE_CCRES (1000 bp)", "MERGE_CCRES (600 bp)"]
    assert len([name for name in done if name.startswith("EXTRACT_SIGNALS")]) == 10
    assert len([name for name in done if name.startswith("FIT_BASELINES")]) == 2
    assert len([name for name in done if name.startswith("ENSEMBLE")]) == 15  # all, all anchored, wide
    # variants by each seed, and by all of a point together, for their spread
    asked = [f"SCORE_VARIANTS ({run} cell1)" for run in ("all", *direct[:2], "wide", *direct[2:])]
    assert [name for name in done if name.startswith("SCORE_VARIANTS")] == asked
    started = [path.read_text() for path in pipeline.folder.glob("work/*/*/.command.run")]
    models = {found[1]: len(set(re.findall(r"trained/(\d+)/", text))) for text in started
              if (found := re.search(r"SCORE_VARIANTS \((.+) cell1\)'$", text, re.MULTILINE))}  # fmt: skip
    assert models == {**dict.fromkeys(direct, 1), "all": 2, "wide": 2}
    (report,) = [text for text in started if re.search(r"REPORT \(all\)'$", text, re.MULTILINE)]
    assert len(set(re.findall(r"study/\d+/variants\.cell1\.parquet", report))) == 3  # each seed's, and all together
    # a link model reads no network: once a store, for the cell that is ranked
    assert [name for name in done if name.startswith("FIT_LINKS")] == ["FIT_LINKS (screen cell1)"] * 2
    assert [name for name in done if name.startswith("SCORE_LINKS")] == ["SCORE_LINKS (cell1)"] * 2
    for process in ("EVALUATE", "REPORT"):
        assert [name for name in done if name.startswith(process)] == [f"{process} (all)", f"{process} (wide)"]
    assert [name for name in done if name.startswith("COMPARE")] == ["COMPARE"]
    assert [name for name in done if name.startswith("MEASURE")] == ["MEASURE_COMPLEXITY"]
    wrapped = [path.with_name(".command.run").read_text() for path in pipeline.folder.glob("work/*/*/own.json")]
    assert {re.search("^### name: '(?:[A-Z]+:)?(.*)'$", text, re.MULTILINE)[1] for text in wrapped} == {
        *("MAKE_PLAN", "MEASURE_COMPLEXITY", "TRAIN (wide seed1)", "TRAIN (wide seed2)"),
    }
    out = pipeline.folder / "sweep"
    for path in ("sweep.html", "complexity/complexity.csv",
                 "points/all/report.html", "points/wide/seed2/model/config.json",
                 "points/all/links/links.cell1.parquet", "points/wide/seed2/links/links.cell1.parquet",
                 "width1000.bins1/scored/links.cell1.tsv.gz",
                 "points/all/seed2/anchored/model/config.json",
                 "points/all/anchored/predictions/predictions.cell5.parquet",
                 "reference/width1000/genes.parquet",
                 "cells/width1000.bins1/signals.cell1.safetensors",
                 "baselines/split2/baselines.cell1.parquet"):  # fmt: skip
        assert (out / path).is_file(), path

    # another point and nothing else anew
    (pipeline.folder / "grid.yml").write_text(SWEEP + "  more: {layers: 0}\n")
    again = tasks(pipeline.run(*chosen, "-resume"))
    assert [name for name in again if name.startswith("TRAIN")] == ["TRAIN (more seed1)", "TRAIN (more seed2)"]
    assert {name.split(" ")[0] for name in again} == {
        *("MAKE_PLAN", "TRAIN", "PREDICT", "INTERPRET", "ENSEMBLE", "EVALUATE", "REPORT", "COMPARE"),
        *("MEASURE_COMPLEXITY", "SCORE_VARIANTS"),
    }
    anew = [f"SCORE_VARIANTS ({run} cell1)" for run in ("more", "more seed1", "more seed2")]
    assert [name for name in again if name.startswith("SCORE_VARIANTS")] == anew


def test_each_cell_is_left_out_in_turn_and_what_a_missing_track_costs_is_measured(pipeline: Pipeline) -> None:
    poor = sheet_of(pipeline, "poor.csv", lambda cell, assay: (cell, assay) != ("cell5", "dnase"))
    chosen = ["-profile", "test", "-stub-run", "--interpret_cells", "cell1", "--outdir", "left"]
    chosen += ["--samplesheet", poor, "--allow_missing_tracks", "--track_dropout", "0.1"]
    done = tasks(pipeline.run(*chosen, "--leave_out", "cells"))
    points = CELLS[:4]  # cell5 is held out by all
    assert [name for name in done if name.startswith("TRAIN")] == [f"TRAIN ({cell})" for cell in points]
    held = [f"FIT_BASELINES (--val chr5 --test chr6 cell5 {cell})" for cell in points]
    assert [name for name in done if name.startswith("FIT_BASELINES")] == held
    assert "COMPARE" in done
    # cell5 has no DNase: it is hidden in the other cell that the model never saw
    assert [name for name in done if "without" in name] == [f"PREDICT ({cell} without.dnase {cell})" for cell in points]
    out = pipeline.folder / "left/points"
    for cell in points:
        assert (out / cell / f"without.dnase/predictions/predictions.{cell}.parquet").is_file()
        (metrics,) = pipeline.folder.glob(f"work/*/*/points/{cell}/evaluation/metrics.parquet")
        given = [path.name for path in metrics.parents[3].glob("study/*/predictions.*.parquet")]
        assert sorted(given) == sorted(f"predictions.{name}.parquet" for name in [*CELLS, cell])


def test_a_faulty_sweep_stops_the_run_before_it_starts(pipeline: Pipeline) -> None:
    (pipeline.folder / "bad.yml").write_text("points: {a: {layers: many}, b: {trakcs: dnase}}")
    output = pipeline.run("-profile", "test", "-stub-run", "--sweep", "bad.yml", "--outdir", "bad", code=1)
    assert "has 2 faults" in output
    assert "exit status" not in output  # the fault alone
    assert tasks(output) == ["MAKE_PLAN"]


def test_a_saved_model_is_applied_without_training_and_beside_new_ones(pipeline: Pipeline) -> None:
    saved = pipeline.folder / "mo'dels = & more"
    saved.mkdir()
    (saved / "config.json").write_text(json.dumps({"model": {"width": 600, "bin_size": 40}}))
    chosen = ["-profile", "test", "-stub-run", "--interpret_cells", "cell5"]
    new = sheet_of(pipeline, "new.csv", lambda cell, assay: cell == "cell5" and assay != "rna")
    done = tasks(pipeline.run(*chosen, "--model", f"saved={saved.name}", "--samplesheet", new, "--outdir", "applied"))
    once = ["MAKE_PLAN", "CHECK_FILES", "MERGE_CCRES (600 bp)", "SCORE_MOTIFS (600 bp)"]
    once += ["EVALUATE (saved)", "REPORT (saved)"]  # on the screen: there is no expression to score
    own = [f"{name} (cell5)" for name in ("EXTRACT_SIGNALS", "BUILD_LOOPS", "PREDICT", "INTERPRET", "SCORE_LINKS")]
    assert done == sorted([*once, *own])  # nothing is trained
    known = sheet_of(pipeline, "known.csv", lambda cell, _assay: cell == "cell5")
    done = tasks(
        pipeline.run(
            *chosen, "--model", f"saved={saved.name}", "--samplesheet", known, "--outdir", "applied", "-resume"
        )
    )
    # all known expression is held out: it is scored, but there is none that baselines could learn from
    assert {"QUANTIFY_EXPRESSION (cell5)", "EVALUATE (saved)", "REPORT (saved)"} <= set(done)
    assert not [name for name in done if name.startswith("FIT_BASELINES")]
    (pipeline.folder / "own.yml").write_text("points: {own: {}}")
    done = tasks(
        pipeline.run(*chosen, "--model", f"human={saved.name}", "--sweep", "own.yml", "--outdir", "beside", "-resume")
    )
    expected = {"TRAIN (own)", "PREDICT (human cell1)", "PREDICT (own cell1)", "EVALUATE (human)", "COMPARE"}
    assert expected <= set(done)
    shipped = ["--model", "pretrained", "--samplesheet", new, "--outdir", "shipped", "-resume"]
    done = tasks(pipeline.run(*chosen, *shipped))
    assert {"PREDICT (cell5)", "PREDICT (anchored cell5)", "REPORT (pretrained)"} <= set(done)
    assert not (ROOT / "assets/pretrained/anchored/predictions").exists()  # a task's own folder has that name, too
    # known cells come with the anchored model, and nothing is asked of them
    prepared = {f"{name} ({cell})" for name in ("EXTRACT_SIGNALS", "QUANTIFY_EXPRESSION") for cell in KNOWN}
    assert {name for name in done if any(cell in name for cell in KNOWN)} == prepared
    assert not [name for name in done if name.startswith("MATCH_QUANTILES")]
    matched = tasks(pipeline.run(*chosen, *shipped, "--transform", "quantile", "--outdir", "matched"))
    assert {"MATCH_QUANTILES (40 bp bins)", "PREDICT (anchored cell5)"} <= set(matched)
    assert not prepared & {*matched}  # known cells are the scale that is matched to
    (given,) = pipeline.folder.glob("work/*/*/given/quantiles.npz")
    assert [path.name for path in given.parents[1].glob("raw/signals.*")] == ["signals.cell5.safetensors"]
    # the shipped scale is of the shipped models alone
    several = f"pretrained, saved={saved.name}, nowhere"
    output = pipeline.run(*chosen, "--model", several, "--transform", "quantile", "--outdir", "none", code=1)
    assert "needs --quantiles" in output
    assert "nowhere is no folder that train wrote" in output
    # what a model has fixed is not overruled in silence; what is as it was trained may be given
    fixed = ["--width", "500", "--bin_size", "40", "--seeds", "1,2", "--anchored", "--preset", "scpge", "--steps", "9"]
    fixed += ["--track_dropout", "0.10", "--inputs", "sequence"]
    known = {"width": 600, "bin_size": 40, "anchored": False, "track_dropout": 0.1, "tracks": ["dnase"]}
    about = {"model": known, "training": {"steps": 9}, "preset": "creator"}
    (saved / "config.json").write_text(json.dumps(about))
    output = pipeline.run(*chosen, "--model", f"saved={saved.name}", *fixed, code=1)
    assert "The parameters have 5 faults" in output
    for fault in (
        "--width is 500, but --model was trained with 600, which holds: leave it out",
        "--anchored is true, but --model was trained with false, which holds",
        "--preset is scpge, but --model was trained with creator, which holds",
        "--inputs is sequence, but --model reads tracks, which holds",
        "--seeds is of training, and --model is trained already",
    ):
        assert output.count(fault) == 1, output
