"""The methods text and the verdict: what they say of this very run."""

import base64
import json
import re
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import polars as pl
import pytest

from crexpress.core.methods import PROBABILITY
from crexpress.report import about, called, verdict
from crexpress.report.parts import explained, methods_text
from crexpress.report.study import Study
from report_case import Run


@pytest.fixture
def study(run: Run) -> Study:
    return Study(run.inputs(contacts=[run.contacts()]), run.folder / "figures")


def test_the_methods_text_has_the_runs_own_parameters(study: Study) -> None:
    section = methods_text.section(study)
    assert section is not None
    text = section.blocks[0].text  # type: ignore[union-attr]
    assert (
        "A model of preset scpge-small read the promoter and 6 neighbouring elements of each gene within 25 kb" in text
    )
    assert "the weights of step 20 had the lowest validation loss" in text
    assert "100 bootstrap resamples" in text
    assert f"(PyTorch {metadata.version('torch')})" in text
    assert "profile" not in text
    bib = section.blocks[1].text  # type: ignore[union-attr]
    assert re.findall(r"@article.(.*),", bib) == ["zhang2026scpge", "li2023creator", "fulco2019abc"]
    missing = methods_text.not_done(study)
    assert "the model read no sequence" in missing
    assert any(text.startswith("no links of B were ranked (--interpret_cells") for text in missing)


def test_the_page_says_where_interpretation_lies(study: Study) -> None:
    assert explained.section(study) is None
    section = explained.section(replace(study, explained=["variants", "active"]))
    assert section is not None
    rows = [[cell.text for cell in row] for row in section.blocks[1].rows]  # type: ignore[union-attr]
    assert [(row[0], row[2]) for row in rows] == [
        ("variants", "explained/variants.CELL.tsv"),
        ("active", "find-active/"),
    ]
    groups = json.loads((Path(__file__).parents[3] / "nextflow_schema.json").read_text())["$defs"].values()
    (asked,) = (group["properties"]["explain"] for group in groups if "explain" in group["properties"])
    assert re.match(r"\^\((.*?)\)", asked["pattern"]).group(1).split("|") == list(explained.FILES)  # type: ignore[union-attr]


def test_the_methods_text_names_the_genes_profile_and_nextflow(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    (model,) = study.inputs.models
    config = {**model.config, "model": {**model.config["model"], "profile_width": 8, "profile_edges": [-5000, 0, 5000]}}
    told = replace(study, inputs=replace(study.inputs, models=[replace(model, config=config)]))
    run = json.dumps({"command": "nextflow run .", "started": "2026-11-30 12:00", "nextflow": "25.04.6"})
    monkeypatch.setenv(called.VARIABLE, base64.b64encode(run.encode()).decode())
    section = methods_text.section(told)
    assert section is not None
    text, bib = (block.text for block in section.blocks[:2])  # type: ignore[union-attr]
    assert "and each gene's own profile (its tracks out to 5 kb on both sides of the TSS, and over its body)" in text
    assert "run by Nextflow 25.04.6, Di Tommaso et al. 2017)" in text
    assert "ditommaso2017nextflow" in bib
    assert "It reads each gene's own profile" in about._reads(told.inputs)


def test_the_verdict_says_that_a_link_model_was_scored_where_it_was_not_fitted(study: Study) -> None:
    metrics = study.inputs.metrics
    assert metrics is not None
    rows = metrics.data.with_columns(
        score=pl.when(pl.col("method") == "attention").then(pl.lit(PROBABILITY)).otherwise("score")
    )
    scored = replace(study.inputs.links["A"], header={"parameters": {"held_out": ["chr3"]}})
    inputs = replace(study.inputs, metrics=replace(metrics, data=rows), scored={"A": scored})
    told = verdict._links(replace(study, inputs=inputs))
    assert "attention (each chromosome by a fit that has not seen it) has average precision" in told
    new = replace(scored, header={"parameters": {"held_out": []}})
    card = {"average_precision": [0.6542, 0.5933, 0.7083], "beside": {"screen, K562": {"ABC": {"all pairs": 0.5676}}}}
    about = {"link_model_name": "activity", "card": card, "held_out": []}
    elsewhere = replace(inputs, metrics=None, scored={"A": replace(scored, header={"parameters": about})})
    assert verdict._links(replace(study, inputs=elsewhere)) == (
        "Links. No screen of A was scored, so that this run does not tell how many of its links are right. Their link "
        "model, activity, has average precision 0.65 [0.59, 0.71] on screen, K562, each chromosome by a fit that has "
        "not seen it, better than ABC (0.57); in another cell it may be less."
    )
    card["beside"] = {"screen, K562": {"distance": {"all pairs": 0.44}, "activity/distance": {"all pairs": 0.53}}}
    assert "not seen it, better than activity/distance (0.53); in" in verdict._links(replace(study, inputs=elsewhere))
    card["beside"] = {"screen, K562": {"ABC": {"all pairs": 0.5676}}}
    card["average_precision"] = [0.6542, 0.5533, 0.7083]  # ABC within the interval
    assert "no better and no worse than ABC" in verdict._links(replace(study, inputs=elsewhere))
    assert "each chromosome" not in verdict._links(replace(study, inputs=replace(inputs, scored={"A": new})))
