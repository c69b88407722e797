"""Real runs of the built-in cases."""

import json
import os
import re
import signal
import time
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import average_precision_score

import link_case
from crexpress.core import artifacts
from launching import ROOT, Pipeline, sheet_of, tasks
from tools import run

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
SCREEN = f"truth={ROOT}/assets/test/truth.tsv.gz"


def whole_tables(folder: Path) -> None:
    """Every table below has rows, and no float column holds a NaN."""
    tables = sorted(folder.rglob("*.parquet"))
    assert tables
    for path in tables:
        table = pl.read_parquet(path)
        assert len(table), path
        assert not any(table[name].is_nan().any() for name, kind in table.schema.items() if kind.is_float()), path


def value(folder: Path, **where: str) -> float:
    metrics = pl.read_parquet(folder / "evaluation/metrics.parquet").filter(**where)
    assert len(metrics) == 1, metrics
    return metrics["value"].item()


def scripts(pipeline: Pipeline, holding: str) -> list[str]:
    """Scripts of the tasks that hold these words."""
    texts = [path.read_text() for path in pipeline.folder.glob("work/*/*/.command.sh")]
    return [text for text in texts if holding in text]


def kill_in_training(pipeline: Pipeline, *arguments: str) -> None:
    """Start a run, and end it and all its tasks at once, as a power cut would, when training is under way."""
    process = pipeline.start("run", pipeline.project, *arguments)
    while process.poll() is None and not any(
        "step 200/" in log.read_text() for log in pipeline.folder.glob("work/*/*/.command.err")
    ):
        time.sleep(0.2)
    assert process.poll() is None, process.stdout.read()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def resumed(pipeline: Pipeline) -> str:
    """What Nextflow said of the simulated case, killed in training and resumed; results in the folder "killed".

    One of them is made one that was being copied there when the run was killed.
    """
    kill_in_training(pipeline, "-profile", "test", "--outdir", "killed")
    half = pipeline.folder / "killed/cells/signals.cell1.safetensors"
    os.truncate(half, half.stat().st_size // 2)
    return pipeline.run("-profile", "test", "--outdir", "killed", "-resume")


def test_a_run_killed_in_training_ends_with_the_bytes_of_one_left_alone(pipeline: Pipeline, resumed: str) -> None:
    assert "SCORE_MOTIFS (600 bp)" in tasks(resumed, "Cached")
    assert "TRAIN (crexpress-small)" in tasks(resumed)

    # the preset's own interval, said aloud: another task to Nextflow, the same training
    again = pipeline.folder / "again.config"
    again.write_text("process { withName: TRAIN { ext.args = '--validate-every 50' } }")
    own = ("--link_model", "screen:screen", "--crispr_cell", "cell1")
    alone = pipeline.run("-profile", "test", "--outdir", "alone", "-resume", "-c", again, *own)
    assert {"TRAIN (crexpress-small)", "PREDICT (cell1)", "INTERPRET (cell1)"} <= set(tasks(alone))
    results = ["model/model.safetensors", "cells/signals.cell1.safetensors"]
    results += [*(f"predictions/predictions.cell{n}.parquet" for n in range(1, 6))]
    results += [f"links/links.{cell}.{kind}" for cell in ("cell1", "cell5") for kind in ("parquet", "bedpe.gz")]
    for name in results:
        assert (pipeline.folder / "killed" / name).read_bytes() == (pipeline.folder / "alone" / name).read_bytes(), name
    check_own_link_model(pipeline, alone)


def check_own_link_model(pipeline: Pipeline, output: str) -> None:
    """A link model fitted in the run ranks the planted links of a cell that it has not seen better than the shipped."""
    assert {"FIT_LINKS (screen cell1)", "SCORE_LINKS (cell1)", "SCORE_LINKS (cell5)"} <= set(tasks(output))
    planted = pl.read_csv(SCREEN.split("=")[1], separator="\t").filter(CellType="cell5").select(
        "chrom", pos=(pl.col("chromStart") + pl.col("chromEnd")) // 2, gene_name="measuredGeneSymbol", real="Regulated"
    )  # fmt: skip
    precision = []
    for results in ("killed", "alone"):
        links = pl.read_parquet(pipeline.folder / results / "scored/links.cell5.parquet")
        near = links.join(planted, on=["chrom", "gene_name"]).filter(pl.col("pos").is_between("start", "end"))
        near = near.filter(pl.col("class") != "PLS")  # none is planted there, and screens leave promoters out
        assert near["probability"].is_between(0, 1).all()
        precision.append(average_precision_score(near["real"], near["probability"]))
    assert precision[1] > precision[0] > near["real"].mean()


@pytest.mark.usefixtures("resumed")
def test_the_simulated_case_recovers_what_was_planted(pipeline: Pipeline) -> None:
    folder = pipeline.folder / "killed"
    whole_tables(folder)
    expression = {"section": "expression", "subset": "test", "metric": "pearson"}
    seen = [value(folder, cell=f"cell{n}", method="crexpress-small", **expression) for n in range(1, 5)]
    assert min(seen) >= 0.6
    new = value(folder, cell="cell5", method="crexpress-small", **expression)
    assert new > value(folder, cell="cell5", method="mean over training cells", **expression)
    links = {"section": "links", "subset": "all pairs", "metric": "auprc", "reference": "truth"}
    for cell in ("cell1", "cell5"):
        assert value(folder, cell=cell, method="perturbation", **links) > value(
            folder, cell=cell, method="distance", **links
        )
    assert "cell5" in (folder / "summary.txt").read_text()


def apply(pipeline: Pipeline, assays: str, screens: str) -> tuple[str, Path, str]:
    """The saved model on cell5, with its RNA where `assays` is "known": output, results, summary.txt."""
    sheet = sheet_of(
        pipeline, f"{assays}.csv", lambda cell, assay: cell == "cell5" and (assays, assay) != ("new", "rna")
    )
    given = f"{'screen' if screens else 'nothing'}.json"
    (pipeline.folder / given).write_text(json.dumps({"holdout_cells": "", "crispr": screens}))
    folder = pipeline.folder / f"{assays}-{given}"
    chosen = ["-profile", "test", "--model", "killed/model", "--interpret_cells", "cell5", "-resume"]
    output = pipeline.run(*chosen, "--samplesheet", sheet, "-params-file", given, "--outdir", folder)
    whole_tables(folder)
    assert json.loads((folder / "crexpress_mqc.json").read_text())["data"]
    return output, folder, (folder / "summary.txt").read_text()


@pytest.mark.usefixtures("resumed")  # its model is applied, its preparation cached
def test_a_saved_model_is_applied_to_a_cell_without_expression_and_to_one_with(pipeline: Pipeline) -> None:
    """docs/cells.md, "A saved model on new cells": what can be scored is, and the page says what is not known."""
    output, folder, said = apply(pipeline, "new", "")
    assert "REPORT (model)" in tasks(output)
    assert not {"TRAIN", "FIT_BASELINES", "EVALUATE"} & {name.split()[0] for name in tasks(output)}
    assert "The model reads the tracks" in output
    assert "Predicted, and not tested: cell5." in said
    assert "How near the predicted expression of cell5 is to the truth is not known" in said
    assert re.search(r"Where it was trained crexpress-small, seed 1 reached r 0\.\d+ to 0\.\d+ on test genes of", said)
    assert "What the model reached where it was trained" in (folder / "report.html").read_text()

    output, folder, said = apply(pipeline, "known", SCREEN)
    metrics = pl.read_parquet(folder / "evaluation/metrics.parquet")
    methods = set(metrics.filter(section="expression")["method"]) - {"crexpress-small"}
    assert len(methods) > 3
    assert all(name.endswith("(trained on this cell)") for name in methods)
    assert {"links", "expression"} <= set(metrics["section"])
    assert "the expression of cell5, which the model never saw" in said
    assert "Tested on genes of chr6 in cell5, a cell type it never saw." in said


@pytest.mark.scale
@pytest.mark.usefixtures("resumed")
def test_a_saved_model_without_expression_is_scored_on_a_screen_alone(pipeline: Pipeline) -> None:
    output, folder, said = apply(pipeline, "new", SCREEN)
    assert "EVALUATE (model)" in tasks(output)
    assert set(pl.read_parquet(folder / "evaluation/metrics.parquet")["section"]) == {"links"}
    assert "truth, cell5" in said
    assert "Predicted, and not tested: cell5." in said


@pytest.mark.scale
@pytest.mark.usefixtures("resumed")  # its preparation is cached
def test_a_full_gpu_is_tried_again_with_half_the_batch(pipeline: Pipeline) -> None:
    tools = pipeline.folder / "tools"
    tools.mkdir()
    (tools / "train").write_text('#!/bin/sh\n[ "$1" = --version ] || exit 75\n')
    (tools / "train").chmod(0o755)
    path = pipeline.environment["PATH"]
    pipeline.environment["PATH"] = f"{tools}:{path}"
    try:
        output = pipeline.run(
            "-profile", "test", "--seed", "2", "--batch_size", "64", "--outdir", "full", "-resume", code=1
        )
    finally:
        pipeline.environment["PATH"] = path
    assert tasks(output, "Re-submitted") == ["TRAIN (crexpress-small)"] * 2
    sizes = [re.search(r"--batch-size '(\d+)'", text) for text in scripts(pipeline, "--seed 2 ")]
    assert sorted(int(size[1]) for size in sizes if size) == [16, 32, 64]


def link_model(folder: Path) -> Path:
    """A link model that reads which way CTCF sites face, fitted to a small case."""
    place = folder / "small case"
    place.mkdir()
    case = link_case.make()
    given = link_case.without_links(case, place)
    link_case.motif_hits(case, place)
    given += ["--motif-hits", place / "motif_hits.parquet", "--crispr", link_case.screen(case, place / "screen.tsv")]
    output = place / "facing.safetensors"
    done = run("fit-links", *given, "--evidence", "distance,abc,ctcf_convergent", "--output", output)
    assert done.exit_code == 0, done.stderr
    return output


def test_every_real_format_goes_through(pipeline: Pipeline) -> None:
    chr20 = ROOT / "assets/chr20"
    sheet = pipeline.folder / "my benchmarks.csv"
    sheet.write_text(
        f"name;kind;cell;file\nscreen;crispr;K562;{os.path.relpath(next(chr20.glob('EPC*')), pipeline.folder)}\n"
        f"rad21;contacts;K562;{next(chr20.glob('*RAD21*'))}\nclasses;classes;;\n"
    )
    few = pipeline.folder / "few.config"
    few.write_text("process { withName: EVALUATE { ext.args = '--benchmark-resamples 100' } }")
    links = ["--link_model", link_model(pipeline.folder), "--motif_p_value", "1e-4", "--link_cutoff", "0"]
    pipeline.run("-profile", "chr20", "--outdir", "chr20", "--benchmarks", sheet, *links, "-c", few)
    folder = pipeline.folder / "chr20"
    called = pl.read_csv(folder / "scored/links.K562.tsv.gz", separator="\t")
    assert called["by_ctcf_convergent"].n_unique() > 2  # CTCF's motif in real sequence is evidence on real links
    assert artifacts.read_table(folder / "reference/motif_hits.parquet", "motif_hits")[0]["motif"].n_unique() > 200
    compared = pl.read_csv(folder / "evaluation/benchmarks.tsv", separator="\t", infer_schema_length=None)
    facts = artifacts.read_header(folder / "evaluation/metrics.parquet")["parameters"]["benchmarks"]
    assert list(facts) == ["screen", "rad21", "classes"]  # each is scored, or refused in a sentence
    assert set(compared["benchmark"]) == {name for name, fact in facts.items() if "refused" not in fact}
    assert {"screen", "rad21"} <= set(compared["benchmark"])
    rad21 = compared.filter(benchmark="rad21", subset="all pairs")
    assert {"distance", "ABC (authors' form, contacts)"} <= set(rad21["method"])  # of the cell's own loops
    assert rad21["method"].str.starts_with("perturbation").any()
    curves = pl.read_parquet(folder / "evaluation/curves.parquet")
    positives = dict(compared.filter(subset="all pairs").select("benchmark", "positives").iter_rows())
    assert positives["screen"] < 10 <= positives["rad21"]
    assert "rad21" in curves["benchmark"].to_list()
    assert "screen" not in curves["benchmark"].to_list()  # no curve of so few
    whole_tables(folder)
    assert (folder / "reference/motifs.safetensors").stat().st_size > 100_000
    assert "far too few" in (folder / "summary.txt").read_text()
    assert "<html" in (folder / "report.html").read_text()
