"""What the report says of cells and models: tracks that are missing, models told apart, parts that are not there."""

import json
from pathlib import Path

import polars as pl
import pytest

from crexpress.core import artifacts, methods, splits
from crexpress.report import (
    card,
    facts,
    findings,
    headline,
    html,
    linkage,
)
from crexpress.report.inputs import load
from crexpress.report.page import Picture, Text
from crexpress.report.study import Study
from report_case import ABOUT, Run, invoke, named
from report_page import Page


def test_a_track_that_a_cell_lacks_is_named(run: Run) -> None:
    path = run.folder / "predictions.B.parquet"
    frame, header = artifacts.read_table(path, "predictions")
    header["parameters"]["missing_tracks"] = ["dnase"]
    artifacts.write_table(path, frame, header)
    assert "B has no DNase; it was predicted without." in findings.findings(run.study())


def test_the_anchored_model_leads_in_the_new_cell_and_its_mode_is_said(run: Run) -> None:
    inputs = run.anchored()
    assert inputs.predictions["A"].header["parameters"]["mode"] == "direct"
    assert inputs.predictions["B"].header["parameters"]["mode"] == "anchored"
    study = Study(inputs, run.folder / "figures")
    found = {tile.name: tile.value for tile in headline.tiles(study)}
    assert found["r in B, 40 unseen genes, unseen cell, anchored"] == "0.950"
    assert found["r in A, 40 unseen genes"] == "0.812"
    told = findings.findings(study)
    assert any(line.startswith("Anchored models are told what a gene expresses") for line in told)
    of_b = [line for line in told if line.startswith("B (never seen)")]
    assert "scpge-small (anchored) reaches r 0.950" in of_b[0]
    assert "scpge-small reaches r 0.812" in of_b[1]
    assert "(anchored)" not in next(line for line in told if line.startswith("A (trained on)"))


def test_what_a_hidden_track_costs_is_said(run: Run) -> None:
    run.anchored()
    frame, header = artifacts.read_table(run.folder / "metrics.parquet", "metrics")
    own = frame.filter(pl.col("method") == "scpge-small", pl.col("cell") == "A", pl.col("section") == "expression")
    name = "scpge-small (without dnase)"
    seeds = {
        name + more: methods.of_predictions({"preset": "scpge-small", "hidden_tracks": hidden, "seed": seed})
        for seed, more in ((None, ""), (1, ", seed 1"), (2, ", seed 2"))
        for name, hidden in (("scpge-small", []), ("scpge-small (without dnase)", ["dnase"]))
    }
    own = named(own.with_columns(method=pl.lit(name), value=pl.col("value") - 0.1), seeds)
    artifacts.write_table(run.folder / "metrics.parquet", pl.concat([frame, own]), header)
    told = findings.findings(run.study())
    lines = [line for line in told if name in line]
    assert lines == [
        f"What hidden tracks cost, {name}: on unseen genes from r 0.812 to 0.712 and MAE 0.310 to 0.210 in A."
    ]
    # a second seed, which loses more
    parts = []
    for seed, loss in ((1, 0.0), (2, 0.1)):
        for part, of, lost in ((frame, "scpge-small", 0.0), (own, name, loss)):
            here = part.filter(pl.col("method") == of)
            again = here.with_columns(method=pl.lit(f"{of}, seed {seed}"), value=pl.col("value") - lost)
            parts.append(named(again, seeds))
    artifacts.write_table(run.folder / "metrics.parquet", pl.concat(parts), header)
    (line,) = (line for line in findings.findings(run.study()) if line.startswith("What hidden tracks cost"))
    assert f"{name} (mean of 2 seeds): on unseen genes from r 0.812 to 0.662" in line


def test_many_trained_cells_share_a_sentence_and_the_new_one_keeps_its_own(run: Run) -> None:
    run.metrics(more="CD")
    study = run.study()
    said = findings.findings(study)
    shared = [text for text in said if "3 cells trained on" in text]
    assert len(shared) == 1
    assert "above the best baseline in 3" in shared[0]
    assert not any(text.startswith(("A (", "C (", "D (")) for text in said)
    assert any(text.startswith("B (never seen)") for text in said)
    assert [tile.value for tile in headline.tiles(study)][:2] == ["0.812", "0.812"]


def test_too_few_regulated_pairs_get_a_warning_and_no_curve(run: Run) -> None:
    run.metrics(positives=3)
    study = run.study()
    assert "too few to say how good any link score is" in " ".join(findings.findings(study))
    section = linkage.links(study)
    assert section is not None
    assert any(isinstance(block, Text) and block.tone == "warning" for block in section.blocks)
    assert "precision-recall" not in [block.name for block in section.blocks if isinstance(block, Picture)]


def test_parts_without_inputs_are_simply_not_there(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = invoke(
        "--genes", run.tiny.genes, "--predictions", run.folder / "predictions.B.parquet", "--outdir", out,
        "--title", "A <b>new</b> cell",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    text = (out / "report.html").read_text()
    assert not {"expression", "change", "training", "links", "locus"} & set(Page(text).anchors)
    assert "A &lt;b&gt;new&lt;/b&gt; cell" in text
    assert (out / "summary.txt").read_text().strip()


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["A", "B"])
def test_figures_of_a_cell_whose_expression_is_not_given_are_shown_without_a_picture_of_it(
    run: Run, tmp_path: Path, missing: str
) -> None:
    given = run.arguments(tmp_path / "out")
    at = given.index(str(run.tiny.expression(missing)))
    done = invoke(*given[: at - 1], *given[at + 1 :])
    assert done.exit_code == 0, done.output
    page, plain = ((tmp_path / "out" / name).read_text() for name in ("report.html", "summary.txt"))
    assert "B against A" in plain
    assert "B (never seen): on 40 test genes scpge-small reaches r 0.812" in plain
    assert "B, never seen, scored." in page
    assert "MAE 0.310 log10(1 + TPM)" in plain
    assert not (tmp_path / "out/figures/change.svg").exists()


def test_a_direct_and_an_anchored_model_of_one_preset_are_told_apart(run: Run) -> None:
    for name in ("direct", "anchored"):
        folder = run.folder / name
        folder.mkdir(exist_ok=True)
        config = json.loads((run.folder / "model/config.json").read_text())
        config["model"]["anchored"] = name == "anchored"
        figures = {"K1": {"genes": 41, "pearson": 0.7, "mae": 0.4}}
        (folder / "config.json").write_text(json.dumps(config | {"reached": {"val": figures, "test": figures}}))
    models = [run.folder / "direct", run.folder / "anchored"]
    found = load(run.tiny.genes, predictions=[run.folder / "predictions.B.parquet"], models=models)
    assert [model.name for model in found.models] == ["scpge-small, seed 1", "scpge-small (anchored), seed 1"]
    told = [text for text in card.sentences(Study(found, run.folder)) if "reached" in text]
    assert [text.split(" reached")[0] for text in told] == [
        "Where it was trained scpge-small, seed 1",
        "Where it was trained scpge-small (anchored), seed 1",
    ]


@pytest.mark.slow
def test_where_nothing_is_measured_the_page_says_so_and_what_the_model_reached_elsewhere(
    run: Run, tmp_path: Path
) -> None:
    path, options = run.folder / "model/config.json", ["--genes", run.tiny.genes, "--outdir", tmp_path / "out"]
    options += ["--predictions", run.folder / "predictions.B.parquet", "--model", run.folder / "model"]
    config = json.loads(path.read_text()) | {"cells": ["K1", "K2"], "val": "chr2", "test": "chr3"}
    figures = {"K1": {"genes": 41, "pearson": 0.731, "mae": 0.4}, "K2": {"genes": 40, "pearson": 0.652, "mae": 0.5}}
    path.write_text(json.dumps(config | {"reached": {"val": figures, "test": figures}}))
    assert invoke(*options).exit_code == 0
    page, plain = ((tmp_path / "out" / name).read_text() for name in ("report.html", "summary.txt"))
    assert "Tested on" not in page
    assert "scpge-small, trained on K1 and K2 from DNase and H3K27ac. Predicted, and not tested: B." in plain
    assert "expression of B is to the truth is not known" in plain
    assert "reached r 0.652 to 0.731 on test genes of K1 and K2" in plain
    assert "card" in Page(page).anchors
    assert all(text in page for text in ("Test r", "0.731", "Validation MAE"))
    assert "accuracy is measured on these" not in page
    table = json.loads((tmp_path / "out/crexpress_mqc.json").read_text())
    assert table["data"]["B"]["genes_predicted"] == 120
    assert table["data"]["K1 | scpge-small, seed 1, where it was trained"] == {"pearson_r": 0.731, "mae": 0.4}
    assert set(table["headers"]) >= {key for row in table["data"].values() for key in row}
    # a folder of an earlier version has no such figures
    path.write_text(json.dumps(config))
    assert invoke(*options).exit_code == 0
    assert "holds none: it was written before" in (tmp_path / "out/report.html").read_text()
    # beside cells that are tested, one that is only predicted is told apart
    run.metrics()
    study = run.study()
    assert "Tested on genes of chr3 and on B, a cell type it never saw." in headline.lead(study)
    frame, header = artifacts.read_table(run.folder / "metrics.parquet", "metrics")
    artifacts.write_table(run.folder / "metrics.parquet", frame.filter(pl.col("cell") != "B"), header)
    assert headline.lead(run.study()).endswith("Tested on genes of chr3. Only predicted, not tested: B.")
    assert "card" not in [section.anchor for section in html.build(run.study()).sections]


def test_regions_of_another_genome_are_not_those_of_training(run: Run) -> None:
    path = run.folder / "model/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"test": "chr8"}))
    assert facts.place(run.inputs(), splits.TEST) == "chr8"
    for cell in "AB":
        frame, header = artifacts.read_table(run.folder / f"predictions.{cell}.parquet", "predictions")
        header["parameters"]["same_genome"] = False
        artifacts.write_table(run.folder / f"predictions.{cell}.parquet", frame, header)
    assert facts.place(run.inputs(), splits.TEST) == "chr3"


def test_whom_baselines_learned_from_is_said_where_the_model_learned_from_others(run: Run) -> None:
    frame, header = artifacts.read_table(run.folder / "metrics.parquet", "metrics")
    name = "boosted trees promoter (trained on this cell)"
    renamed = pl.col("method", "baseline").replace("boosted trees promoter", name)
    frame = pl.concat([frame.filter(pl.col("cell") != "B"), frame.filter(pl.col("cell") == "B").with_columns(renamed)])
    header["parameters"]["baselines_trained_on"] = {"B": ["B"]}
    frame = named(frame, {name: ABOUT["boosted trees promoter"]._replace(cells=("B",))})
    artifacts.write_table(run.folder / "metrics.parquet", frame, header)
    said = " ".join(findings.findings(run.study()))
    assert f"below the best baseline, {name} (r 0.900" in said
    assert "The baselines learned from the expression of B, which the model never saw" in said
    tiles = {tile.name: tile.details[-1] for tile in headline.tiles(run.study())}
    assert f"best baseline, {name}: 0.900" in tiles.values()
    assert "best baseline 0.700" in tiles.values()
    header["parameters"]["baselines_left_out"] = ["B"]
    artifacts.write_table(run.folder / "metrics.parquet", frame, header)
    assert "No baselines are shown for B" in " ".join(findings.findings(run.study()))


def test_files_of_different_genes_are_refused_by_name(run: Run, tmp_path: Path) -> None:
    frame, header = artifacts.read_table(run.folder / "predictions.A.parquet", "predictions")
    artifacts.write_table(run.folder / "predictions.A.parquet", frame, header | {"genes": "0123456789abcdef"})
    done = invoke(*run.arguments(tmp_path / "out"))
    assert done.exit_code == 65
    assert "predictions.A.parquet" in done.output
    assert "genes.parquet" in done.output
    assert "different genes" in done.output
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_cell_and_a_folder_without_a_model_are_refused(run: Run, tmp_path: Path) -> None:
    twice = [*run.arguments(tmp_path / "out"), "--predictions", str(run.folder / "predictions.A.parquet")]
    done = invoke(*twice)
    assert done.exit_code == 65
    assert "both hold cell A" in done.output
    done = invoke("--genes", run.tiny.genes, "--predictions", run.folder / "predictions.A.parquet", "--model", tmp_path)
    assert done.exit_code == 65
    assert "config.json" in done.output
