"""The report: what it shows, what it says of good and bad figures, and that it needs nothing but itself."""

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, methods, splits
from crexpress.core.errors import InputError
from crexpress.report import (
    called,
    card,
    facts,
    figures_of_genes,
    findings,
    headline,
    html,
    linkage,
    locus,
    locus_plot,
    metrics,
    multiqc,
    style,
)
from crexpress.report.inputs import load
from crexpress.report.metrics import Figure, View
from crexpress.report.page import Picture, Text
from crexpress.report.parts import loci
from crexpress.report.study import Study
from report_case import ABOUT, Run, invoke, named
from tiny_case import TinyCase


@pytest.fixture
def run(tiny: TinyCase, tmp_path: Path) -> Run:
    return Run(tiny, tmp_path)


class Page(HTMLParser):
    """What a browser would load, where links lead, and which anchors there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "src" or (tag == "link" and name == "href"):
                self.loaded.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name == "id":
                self.anchors.append(value or "")


@pytest.fixture(scope="module")
def written(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder a whole report was written into."""
    folder = tmp_path_factory.mktemp("report")
    done = invoke(*Run(tiny, folder).arguments(folder / "out"))
    assert done.exit_code == 0, done.output
    return folder / "out"


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
    """ABC (0.62) and H3K27ac/distance, combine-links' ABC (0.75) and a link model's probability (0.9)."""
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


def test_locus_is_an_unseen_gene_with_a_confirmed_element_and_can_be_chosen(run: Run) -> None:
    inputs = run.inputs()
    run.screen(positives=1)
    pairs = locus.screen([str(run.folder / "screen.tsv")], inputs)
    hit = pairs.filter(pl.col("regulated"))["gene_id"][0]
    assert locus.choose(inputs, "A", pairs)["gene_id"] == hit
    assert [row["gene_id"] for row in locus.asked(inputs, "A", ["G94", "NAME7"])] == ["G94", "G7"]
    without = locus.choose(inputs, "A", None)
    predicted = inputs.predictions["A"].data.filter(pl.col("split") == "test").sort("predicted")
    assert without["gene_id"] == predicted["gene_id"][-1]


def test_an_unknown_gene_is_refused(run: Run) -> None:
    with pytest.raises(InputError, match=r"no gene NOSUCH"):
        locus.asked(run.inputs(), "A", ["NOSUCH"])


def test_the_command_of_the_run_stands_on_its_page_as_text(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert html.build(run.study()).called is None
    told = {"command": "nextflow run . --outdir '<b>$(x)'", "started": "2026-11-30 08:00"}
    monkeypatch.setenv(called.VARIABLE, base64.b64encode(json.dumps(told).encode()).decode())
    page = html.render(html.build(run.study()))
    assert "nextflow run . --outdir &#39;&lt;b&gt;$(x)&#39;</code>" in page
    monkeypatch.setenv(called.VARIABLE, "no base64 of JSON")
    assert html.build(run.study()).called is None


def test_a_gene_without_links_is_said_and_the_others_are_drawn(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inputs = run.inputs()
    links = inputs.links["A"]
    few = dataclasses.replace(links, data=links.data.filter(pl.col("gene_id") != "G7"))
    inputs = dataclasses.replace(inputs, links={"A": few}, known={})
    folder = tmp_path_factory.mktemp("loci")
    with pytest.raises(InputError, match=r"links\.A\.parquet holds no link of NAME7: no element is in reach"):
        locus.asked(inputs, "A", ["NAME7"])
    assert figures_of_genes.write(inputs, ["NAME7", "NAME94"], None, folder) == ["locus.NAME94.A"]
    assert {path.suffix for path in folder.iterdir()} == {".svg", ".png", ".pdf", ".txt"}
    assert "NAME94" in (folder / "locus.NAME94.A.svg").read_text()  # text is text
    assert (folder / "locus.NAME94.A.txt").read_text().startswith("NAME94 (G94) in A, ")


def test_two_genes_of_one_symbol_have_files_of_their_own(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    inputs = run.inputs()
    name = pl.when(pl.col("gene_id") == "G94").then(pl.lit("NAME7")).otherwise(pl.col("gene_name"))
    genes = dataclasses.replace(inputs.genes, data=inputs.genes.data.with_columns(gene_name=name))
    inputs = dataclasses.replace(inputs, genes=genes, known={})
    folder = tmp_path_factory.mktemp("loci")
    assert figures_of_genes.write(inputs, ["G7", "G94"], None, folder) == ["locus.G7.A", "locus.G94.A"]
    assert len(list(folder.iterdir())) == 8


def test_elements_that_only_the_link_model_scored_are_in_the_locus(run: Run, tmp_path: Path) -> None:
    """A network with few neighbours must not hide an enhancer that lies further away."""
    inputs = run.inputs()
    links = inputs.links["A"]
    whole = links.data.drop("attention", "attention_distance").with_columns(
        probability=pl.lit(0.5), linked=pl.lit(True), sentence=pl.lit("because"), evidence=pl.lit(None, pl.String)
    )
    near = links.data.filter(pl.col("distance").abs() < 3_000)
    about = {"scores": [{"name": "probability", "label": "probability", "higher_is_better": True}]}
    scored = dataclasses.replace(links, data=whole, header=links.header | {"parameters": about | {"link_model": "x"}})
    both = dataclasses.replace(links, data=near.with_columns(probability=pl.lit(0.5), sentence=pl.lit("because")))
    inputs = dataclasses.replace(inputs, links={"A": both}, scored={"A": scored}, known={})
    shown = locus.gather(inputs, "A", run.genes.row(5, named=True), None)
    assert len(shown.linked.filter("read")) < len(shown.linked)
    assert len(shown.linked) == len(whole.filter(pl.col("gene_id") == run.genes["gene_id"][5]))


def test_a_gene_without_any_links_to_show_is_refused(run: Run, tmp_path: Path) -> None:
    inputs = load(run.tiny.genes, predictions=[run.folder / "predictions.B.parquet"])
    with pytest.raises(InputError, match=r"--ask-genes NAME7: .* needs the --links"):
        loci.section(Study(inputs, tmp_path, None, ["NAME7"]))


def test_locus_of_a_cell_without_predictions(run: Run) -> None:
    inputs = dataclasses.replace(run.inputs(), predictions={})
    assert locus.choose(inputs, "A", None)["gene_id"] in inputs.genes.data["gene_id"]


def test_locus_holds_tested_elements_tracks_and_loops_of_its_view(run: Run) -> None:
    inputs = run.inputs(contacts=[run.contacts()])
    pairs = locus.screen([str(run.folder / "screen.tsv")], inputs)
    gene = run.genes.filter(pl.col("chrom") == "chr3").row(5, named=True)
    shown = locus.gather(inputs, "A", gene, pairs)
    low, high = shown.view
    assert low < gene["tss"] < high
    assert shown.tested is not None
    assert (shown.tested["start"] >= low).all()
    assert (shown.tested["end"] <= high).all()
    tensors = artifacts.open_arrays(run.tiny.signals("A"), "signals").tensors
    expected = tensors["dnase"][shown.elements["row"].to_numpy()].astype(np.float32).mean(axis=1)
    np.testing.assert_allclose(shown.tracks["A", "dnase"], expected)
    assert len(shown.loops) == 1
    start, end, other_start, other_end = shown.loops[0]
    assert start <= gene["tss"] < end or other_start <= gene["tss"] < other_end
    assert end - start == other_end - other_start == 5000


def test_a_gene_whose_elements_all_score_nothing_has_a_picture(run: Run) -> None:
    inputs = run.inputs(contacts=[run.contacts()])
    inputs.links["A"].data.replace_column(
        inputs.links["A"].data.get_column_index("attention"),
        pl.zeros(len(run.linked), pl.Float32, eager=True).alias("attention"),
    )
    gene = run.genes.filter(pl.col("chrom") == "chr3").row(5, named=True)
    figure = locus_plot.draw(locus.gather(inputs, "A", gene, None), {"attention": "Attention"})
    assert len(figure.axes) == 6  # loops, score, elements, two tracks, genes


def test_names_are_no_markup_in_multiqc() -> None:
    row = {"<b>screen</b> | A & B": {"r": 0.5}}
    assert multiqc._escaped({"data": row}) == {"data": {"&lt;b&gt;screen&lt;/b&gt; | A &amp; B": {"r": 0.5}}}


def test_multiqc_content_has_a_table_and_a_plot_whose_names_survive(run: Run, tmp_path: Path) -> None:
    study = Study(run.inputs(), tmp_path)
    multiqc.write(study, tmp_path)
    table = json.loads((tmp_path / "crexpress_mqc.json").read_text())
    curves = json.loads((tmp_path / "crexpress_curves_mqc.json").read_text())
    assert table["plot_type"] == "table"
    assert curves["plot_type"] == "linegraph"
    assert table["id"] != curves["id"]
    assert table["parent_id"] == curves["parent_id"]
    assert table["data"]["B | scpge-small"] == {"pearson_r": 0.8123, "mae": 0.31, "r_of_change": 0.6}
    assert set(table["headers"]) >= {key for row in table["data"].values() for key in row}
    assert curves["data"]["distance"] == {"0.50000": 0.6, "1.00000": 0.2}
    assert not any("/" in name for name in [*table["data"], *curves["data"]])


def test_a_difference_is_level_when_its_interval_holds_zero() -> None:
    assert metrics.side(metrics.Figure(-0.01, -0.03, 0.01)) == "level with"
    assert metrics.side(metrics.Figure(-0.02, -0.03, -0.01)) == "below"
    assert metrics.compare(metrics.Figure(0.5, 0.4, 0.6), metrics.Figure(0.58, 0.57, 0.59)) == "level with"
    assert metrics.compare(metrics.Figure(0.5, 0.4, 0.55), metrics.Figure(0.58, 0.57, 0.59)) == "below"
    assert metrics.compare(metrics.Figure(0.6), metrics.Figure(0.5)) == "above"


def test_numbers_and_names_are_written_as_the_field_writes_them() -> None:
    assert style.number(-0.1364) == f"{style.MINUS}0.136"
    assert style.number(None) == style.DASH
    assert style.count(10356) == "10,356"
    assert style.percent(0.0455) == "4.5 %"
    assert style.base_pairs(-12_600) == f"{style.MINUS}12.6 kb"
    assert style.base_pairs(27) == "27 bp"
    assert [style.track(name) for name in ("dnase", "h3k27ac", "h3k4me3", "h2bk120ub", "ctcf", "other")] == [
        "DNase", "H3K27ac", "H3K4me3", "H2BK120ub", "CTCF", "other",
    ]  # fmt: skip
    assert style.join(["a", "b", "c"]) == "a, b and c"


def test_a_method_keeps_its_colour_whatever_else_is_shown() -> None:
    trees = methods.Method("boosted_trees_elements", "boosted trees promoter + 20 elements", methods.BASELINE)
    shown = {"distance": ABOUT["distance"], trees.title: trees}
    few = style.colours(shown)
    odd = {name: methods.Method(name, name, methods.PUBLISHED) for name in ("odd", "perturbation_distance")}
    many = style.colours(odd | {"boosted trees promoter": ABOUT["boosted trees promoter"]} | shown)
    assert all(many[name] == few[name] for name in few)
    assert len(set(many.values())) == len(many)


def test_one_sentence_says_what_the_profile_adds() -> None:
    def view(cell: str, told: float, plain: float) -> View:
        values = {"boosted_trees_elements": plain, "boosted_trees_profile": told}
        about = {f"name of {score}": methods.Method(score, "", methods.BASELINE) for score in values}
        figures = {(name, "test", "pearson"): Figure(values[of.score]) for name, of in about.items()}
        return View(cell, True, None, figures, about)

    study = SimpleNamespace(views=lambda _section: [view("A", 0.85, 0.8), view("B", 0.75, 0.7)])
    (said,) = findings._profile(study)  # type: ignore[arg-type]
    assert "boosted trees reach r 0.800 on test genes, without it 0.750, the mean of 2 cells." in said
    assert findings._profile(SimpleNamespace(views=lambda _section: [])) == []  # type: ignore[arg-type]
