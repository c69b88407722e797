"""The report: what it shows, what it says of good and bad figures, and that it needs nothing but itself."""

import base64
import hashlib
import json
import re
from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from crexpress.core import artifacts, methods
from crexpress.report import (
    called,
    findings,
    headline,
    html,
    linkage,
    locus,
    plots,
    style,
)
from crexpress.report.page import Text
from report_case import Run, invoke, named
from report_page import Page
from tiny_case import TinyCase


@pytest.fixture(scope="module")
def written(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder a whole report was written into."""
    folder = tmp_path_factory.mktemp("report")
    done = invoke(*Run(tiny, folder).arguments(folder / "out"))
    assert done.exit_code == 0, done.output
    return folder / "out"


@pytest.mark.slow
def test_one_file_holds_the_whole_page(written: Path) -> None:
    text = (written / "report.html").read_text()
    page = Page(text)
    assert page.loaded
    assert all(source.startswith("data:") for source in page.loaded)
    assert re.search(r"script-src 'sha256-[\w+/]+='", text)  # one script runs, the page's own
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "@import" not in text
    assert "url(" not in text
    beside = [link for link in page.links if not link.startswith("#")]
    assert beside
    assert all((written / link).is_file() for link in beside)
    assert all(link[1:] in page.anchors for link in page.links if link.startswith("#"))
    assert len(page.anchors) == len(set(page.anchors))
    wanted = {
        "find",
        "cell-links",
        "input",
        "methods",
        "data",
        "expression",
        "change",
        "training",
        "links",
        "locus",
        "provenance",
    }
    assert wanted <= set(page.anchors)
    svg, png = ({path.stem for path in (written / "figures").glob(f"*.{kind}")} for kind in ("svg", "png"))
    assert svg == png == {anchor.removeprefix("figure-") for anchor in page.anchors if anchor.startswith("figure-")}


@pytest.mark.slow
def test_page_shows_figures_with_intervals_units_and_baselines(written: Path) -> None:
    text, plain = ((written / name).read_text() for name in ("report.html", "summary.txt"))
    for page in (text, plain):
        assert "0.812" in page
        assert "[0.792, 0.832]" in page
        assert "log10(1 + TPM)" in page
        assert "boosted trees promoter" in page.lower()
    assert "75.0 %" in text
    assert "15 of 20" in text
    assert "prevalence 0.200" in text
    assert "no sequence and no motif channel" in text
    assert "its promoter and the 6 nearest cCREs within 25 kb of its TSS" in text
    assert "far too few" in text


@pytest.mark.slow
def test_a_figure_has_the_same_bytes_wherever_the_last_bits_of_its_layout_fall(tmp_path: Path) -> None:
    saved = []
    for number, left in enumerate((0.1, 0.1 + 1e-14)):
        figure = Figure()
        axis = figure.add_axes((left, 0.1, 0.8, 0.8))
        axis.plot([0, 1], [0, 1])
        saved.append(plots.save(figure, tmp_path / str(number), "one"))
    assert saved[0] == saved[1]
    assert saved[0].count(b'clipPath id="one-clip0"') == 1
    assert b"url(#one-clip0)" in saved[0]


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(run: Run, written: Path, tmp_path: Path) -> None:
    assert invoke(*run.arguments(tmp_path / "again")).exit_code == 0
    files = sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert len(files) > 10
    for path in files:
        assert (written / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), path


def test_bad_figures_are_said_and_good_ones_not_belittled(run: Run) -> None:
    said = " ".join(findings.findings(run.study()))
    assert "Attention is below distance alone." in said
    assert "Attention / distance is level with distance alone." in said
    assert "the best of the model's 2 scores, picked in each group, is above the best that needs no model in no" in said
    assert "A (trained on)" in said
    assert "above the best baseline, boosted trees promoter (r 0.700" in said
    assert "B (never seen)" in said
    assert "below the best baseline, boosted trees promoter (r 0.900" in said
    assert f"copying A gives r {style.MINUS}0.250 of their level" in said
    run.metrics(attention=0.9)
    said = " ".join(findings.findings(run.study()))
    assert "Attention is above distance alone." in said
    assert "below" not in said[said.index("average precision on all pairs") :]


def with_closed_forms(run: Run) -> None:
    """ABC (0.62) and H3K27ac/distance, the elements' ABC (0.75) and a link model's probability (0.9)."""
    frame, header = artifacts.read_table(run.folder / "metrics.parquet", "metrics")
    of_links, parts = pl.col("section") == "links", [frame]
    for like, name, value in (
        ("distance", "ABC", 0.62),
        ("distance", "H3K27ac/distance", 0.1),
        ("attention", "ABC of the element", 0.75),
        ("attention", "probability (link model)", 0.9),
    ):
        scaled = pl.when(pl.col("metric").str.starts_with("coverage")).then("value").otherwise(value)
        own = frame.filter(of_links, pl.col("method") == like).with_columns(method=pl.lit(name), value=scaled)
        parts.append(own.with_columns(low=pl.col("value") - 0.01, high=pl.col("value") + 0.01))
    kinds = {
        "ABC": ("ABC", methods.CLOSED_FORM),
        "H3K27ac/distance": ("H3K27ac/distance", methods.CLOSED_FORM),
        "ABC of the element": ("abc", methods.CLOSED_FORM),
        "probability (link model)": (methods.PROBABILITY, methods.FITTED),
    }
    more = {name: methods.Method(score, name, kind) for name, (score, kind) in kinds.items()}
    artifacts.write_table(run.folder / "metrics.parquet", named(pl.concat(parts), more), header)


def without_link_model(run: Run) -> None:
    """The same without the probability."""
    frame, header = artifacts.read_table(run.folder / "metrics.parquet", "metrics")
    artifacts.write_table(
        run.folder / "metrics.parquet", frame.filter(pl.col("method") != "probability (link model)"), header
    )


def test_links_are_held_against_the_best_score_that_needs_no_model(run: Run) -> None:
    with_closed_forms(run)
    study = run.study()
    tile = headline.tiles(study)[-1]
    assert (tile.name, tile.value) == ("Average precision of links by probability (link model)", "0.900")
    assert tile.details[1:] == ["best without a model: ABC of the element 0.750"]
    said = " ".join(findings.findings(study))
    assert "Probability (link model) is above ABC of the element, the best score that needs no model." in said
    without_link_model(run)
    study = run.study()
    tile = headline.tiles(study)[-1]
    assert tile.name == "Average precision of links by attention / distance, the best of 2 scores on this very screen"
    assert tile.value == "0.450"
    assert tile.details[1:] == ["best without a model: ABC of the element 0.750"]
    said = " ".join(findings.findings(study))
    assert "are below ABC of the element, the best score that needs no model." in said
    assert "Attention by itself tells less than how near an element is." in said
    assert "distance alone" not in said
    (view,) = study.views("links")
    assert linkage.model_scores(view) == ["attention", "attention / distance"]


def test_the_change_is_said_to_be_of_chosen_genes_beside_that_of_all(run: Run) -> None:
    frame, header = artifacts.read_table(run.folder / "metrics.parquet", "metrics")
    every = (pl.col("section") == "change") & (pl.col("subset") == "test") & (pl.col("metric") == "pearson_change")
    changed = frame.with_columns(
        value=pl.when(every).then(0.21).otherwise("value"), n=pl.when(every).then(40).otherwise("n")
    )
    artifacts.write_table(run.folder / "metrics.parquet", changed, header)
    (tile,) = (tile for tile in headline.tiles(run.study()) if tile.name.startswith("r of predicted change"))
    assert tile.name == "r of predicted change, B against A, in the 12 unseen genes chosen because they differ"
    assert "all 40 unseen genes 0.210" in tile.details
    said = " ".join(findings.findings(run.study()))
    assert "(these genes were chosen because they differ; all 40 unseen genes 0.210)" in said


def test_what_is_wrong_with_a_screen_is_in_the_report(run: Run, tmp_path: Path) -> None:
    frame, header = artifacts.read_table(run.folder / "metrics.parquet", "metrics")
    about = {
        "cells": ["A"],
        "assumed_cell": "A",
        "left_out_by_rule": ["without a verdict (Regulated is NA): 1 line (7)"],
    }
    header["parameters"]["screens"] = {"screen": about | {"warnings": ["screen: it is taken for one of A."]}}
    artifacts.write_table(run.folder / "metrics.parquet", frame, header)
    study = run.study()
    assert "screen: it is taken for one of A." in findings.findings(study)
    section = linkage.links(study)
    assert section is not None
    texts = {block.text: block.tone for block in section.blocks if isinstance(block, Text)}
    assert texts["screen: it is taken for one of A."] == "warning"
    assert "screen, left out by the rules of the field: without a verdict (Regulated is NA): 1 line (7)." in texts
    # where nothing of it could be scored, the part is there to say so
    artifacts.write_table(run.folder / "metrics.parquet", frame.filter(pl.col("section") != "links"), header)
    assert linkage.links(run.study()) is not None


def test_all_screens_are_shown_each_for_its_own_cell(run: Run, tmp_path: Path) -> None:
    inputs = run.inputs()
    (tmp_path / "bare.tsv").write_text(
        "chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tRegulated\n"
        "3\t1000\t2000\tNAME30\tTRUE\n3\t1000\t1000\tNAME30\tTRUE\n"
    )
    assert inputs.metrics is not None
    inputs.metrics.header["parameters"]["screens"] = {"mine": {"assumed_cell": "B"}}
    pairs = locus.screen([f"first={run.folder / 'screen.tsv'}", f"mine={tmp_path / 'bare.tsv'}"], inputs)
    assert len(pairs.filter(pl.col("cell") == "A")) > 50
    assert pairs.filter(pl.col("cell") == "B").select("chrom", "start", "end").rows() == [("chr3", 1000, 2000)]


@pytest.mark.slow
def test_the_command_of_the_run_stands_on_its_page_as_text(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert called.of_environment() is None
    told = {"command": "nextflow run . --outdir '<b>$(x)'", "started": "2026-11-30 08:00"}
    told["genome"] = "--genome X: its elements"
    monkeypatch.setenv(called.VARIABLE, base64.b64encode(json.dumps(told).encode()).decode())
    page = html.render(html.build(run.study()))
    assert "nextflow run . --outdir &#39;&lt;b&gt;$(x)&#39;</code>" in page
    assert "--genome X: its elements" in page
    monkeypatch.setenv(called.VARIABLE, "no base64 of JSON")
    assert called.of_environment() is None
