"""Find a gene: what is packed for it, and the tables, counts and qualities that stand beside it."""

import base64
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crexpress.report import cell_facts, embed, html, locus, quality, tables
from crexpress.report.parts import cell_links, find_gene, input_quality
from crexpress.report.study import Study
from report_case import Run
from tiny_case import TinyCase

DEMO = Path(__file__).parents[3] / "results" / "demo" / "report.html"


@pytest.fixture(scope="module")
def run(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tiny, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def study(run: Run) -> Study:
    inputs = run.inputs(contacts=[run.contacts()])
    return Study(inputs, run.folder / "figures", locus.screen([str(run.folder / "screen.tsv")], inputs))


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_the_packed_genes_hold_what_the_tables_hold(study: Study) -> None:
    inputs = study.inputs
    packed, _ = embed.of_genes(inputs, study.pairs)
    data = unpacked(embed.pack(packed))
    assert np.cumsum(data["genes"]["tss"]).tolist() == inputs.genes.data["tss"].to_list()
    (links,) = data["links"]
    every = cell_facts.candidates(inputs, "A").filter(pl.col("class") != "TSS")
    assert sum(links["counts"]) == len(every) == links["called"].count("1") + links["called"].count("0")
    assert links["called"].count("1") == int(every["called"].sum())
    element = np.cumsum(links["element"])
    start = np.cumsum(links["elements"]["start"])[element]
    of_first = links["counts"][0]
    wanted = every.filter(pl.col("gene_id") == inputs.genes.data["gene_id"][0]).sort("element")
    assert start[:of_first].tolist() == wanted["start"].to_list()
    top = float(every["attention"].max())  # type: ignore[arg-type]
    np.testing.assert_allclose(np.array(links["score"][:of_first]) / 1000 * top, wanted["attention"], atol=top / 1999)
    assert len(links["screen"]) == 100
    assert 0 < links["looped"].count("1") == int(locus.looped(inputs.contacts["A"], every).sum())


def test_distances_of_the_page_are_those_of_the_tables_also_in_joined_elements(study: Study) -> None:
    """An element joined of several has its centre where its window lies, not halfway in its extent."""
    links = study.inputs.links["A"]
    joined = replace(links, data=links.data.with_columns(start=pl.col("start") - pl.col("element") % 3 * 100))
    inputs = replace(study.inputs, links={"A": joined}, known={})
    data = unpacked(embed.pack(embed.of_genes(inputs, None)[0]))
    (packed,) = data["links"]
    element = np.cumsum(packed["element"])
    centre = (np.cumsum(packed["elements"]["start"]) + packed["elements"]["middle"])[element]
    tss = np.repeat(np.cumsum(data["genes"]["tss"]), packed["counts"])
    order = {gene: row for row, gene in enumerate(inputs.genes.data["gene_id"])}
    every = cell_facts.candidates(inputs, "A").filter(pl.col("class") != "TSS")
    every = every.sort(pl.col("gene_id").replace_strict(order), "element")
    assert (centre - tss).tolist() == every["distance"].to_list()


def test_what_does_not_fit_is_left_out_and_said(study: Study) -> None:
    whole = len(embed.pack(embed.of_genes(study.inputs, study.pairs)[0])) * 3 // 4
    data, notes = embed.of_genes(study.inputs, study.pairs, budget=whole - 200)
    assert len(data["links"]) == 1
    assert sum(data["links"][0]["counts"]) < sum(embed.of_genes(study.inputs, None)[0]["links"][0]["counts"])
    assert not any("up to 25 more" in note for note in notes)
    data, notes = embed.of_genes(study.inputs, study.pairs, budget=10)
    assert data["links"] == []
    assert notes == ["Links of A are too many for this page: see tables/links.A.tsv.gz."]


@pytest.mark.slow
def test_as_many_links_are_held_as_fit(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against trying each number by itself, the most first."""

    def held(budget: int) -> list[int]:
        return [sum(links["counts"]) for links in embed.of_genes(study.inputs, study.pairs, budget)[0]["links"]]

    choices = [(most, barred) for most in (12, 6, 3, 2, 1, 0) for barred in (True, False)]
    monkeypatch.setattr(embed, "_BESIDE", choices)
    none, whole = (len(embed.pack(embed.of_genes(study.inputs, study.pairs, most)[0])) * 3 // 4 for most in (10, 10**9))
    budgets = [none + (whole - none) * part // 60 for part in (0, *range(49, 61))]  # links called are most of all
    found = [held(budget) for budget in budgets]
    for budget, one in zip(budgets, found, strict=True):
        each = []
        for most in choices:
            monkeypatch.setattr(embed, "_BESIDE", (most,))
            each.append(held(budget))
        assert one == next((fitting for fitting in each if fitting), [])
    assert len({tuple(one) for one in found}) > 2


def test_names_that_count_are_written_short_and_others_whole() -> None:
    assert embed.names_of(["E007", "E010"]) == {"head": "E", "digits": 3, "numbers": [7, 3]}
    assert embed.names_of(["E7", "E10"]) == ["E7", "E10"]
    assert embed.names_of(["A1", "B1"]) == ["A1", "B1"]
    assert embed.names_of([]) == []


def test_links_of_the_cell_are_counted(study: Study) -> None:
    links = pl.DataFrame(
        {"chrom": ["chr1"] * 3, "start": [0, 900, 400], "end": [10, 910, 410], "tss": [100, 1000, 1000]}
    )
    genes = study.inputs.genes.data.head(2).with_columns(chrom=pl.lit("chr1"), tss=pl.Series([100, 1000]))
    inputs = study.inputs.__class__(genes=study.inputs.genes.__class__("genes", {}, genes))
    assert cell_links.to_nearest(inputs, links) == pytest.approx(2 / 3)
    counted = cell_links.histogram(np.array([1, 1, 2, 4, 30]), (1, 2, 3, 5, 10), cell_links._by_number)
    assert counted == [("1", 2), ("2", 1), ("3-4", 1), ("5-9", 0), ("10 and more", 1)]


def test_a_track_without_signal_and_one_of_another_assay_are_warned_of() -> None:
    silent = quality.Track("K", "dnase", 0.001, (0, 0, 0, 0), 2.0, 0.5)
    elsewhere = quality.Track("K", "h3k27ac", 0.4, (1, 2, 3, 4), 0.5, 0.05)
    good = quality.Track("K", "ctcf", 0.4, (1, 2, 3, 4), 0.5, 0.05)  # CTCF is no mark of active promoters
    told = quality.warnings([silent, elsewhere, good])
    assert [text.split(":")[0] for text in told] == ["K, DNase", "K, H3K27ac", "K, H3K27ac"]
    assert "only 0.1 % of the elements have signal" in told[0]


@pytest.mark.parametrize(("share", "warned"), [(0.42, True), (0.79, True), (0.89, False), (1.0, False)])
def test_promoters_are_not_held_against_elements_that_are_the_tracks_own_peaks(share: float, warned: bool) -> None:
    told = quality.warnings([quality.Track("K", "h3k27ac", share, (1, 2, 3, 4), 0.76, 0.5)])
    assert [text for text in told if "Is it this assay?" in text] == told
    assert bool(told) == warned
    # what does not rest on the elements is said all the same
    odd = quality.warnings([quality.Track("K", "h3k27ac", share, (1, 2, 3, 4), 0.76, 0.1)])
    assert "Do tracks and expression come from the same cells?" in odd[-1]


def test_replicates_that_disagree_and_genes_without_a_value_are_warned_of() -> None:
    track = quality.Track("K", "ctcf", 0.4, (1, 2, 3, 4), 0.5, None, 2)
    assert quality.warnings([track._replace(agreement=0.51)]) == []
    assert "correlation of 0.49 over the elements" in quality.warnings([track._replace(agreement=0.49)])[0]
    largest = quality.warnings([track._replace(agreement=0.49, combination="max")])
    assert largest[0].endswith("What is read is their maximum.")
    own = quality.Expression("K", 2, "RSEM genes", 80, 20, ("GATA1",), 9, ("ENST1",), 0.81)
    summed = quality.warnings_of_expression([own._replace(agreement=0.79, combination="sum")])
    assert summed[0].endswith("What is learned is their sum.")
    assert quality.warnings_of_expression([own]) == []
    assert "0.79, where ENCODE asks for 0.9" in quality.warnings_of_expression([own._replace(agreement=0.79)])[0]
    told = quality.warnings_of_expression([own._replace(measured=49, missing=51)])
    assert (
        "51 of 100 genes have no value, such as GATA1; names of its files that are no gene's are like ENST1" in told[0]
    )


def test_input_quality_shows_replicates_and_unmatched_genes(study: Study) -> None:
    (table,) = [
        block for block in input_quality.section(study).blocks if getattr(block, "caption", "")[:10] == "Expression"
    ]
    row = table.rows[0]
    own = quality.expression(study.inputs, "A")
    frame = study.inputs.expression["A"].data
    assert own.missing == frame["expression"].null_count()
    assert [cell.text for cell in row][:1] == ["A"]
    assert row[4].text == f"{len(study.inputs.genes.data) - own.missing:,}"


def test_tracks_are_measured_over_all_elements(study: Study) -> None:
    found = {track.name: track for track in quality.tracks(study.inputs, "A")}
    file = study.inputs.signals["A"]
    linear = 10 ** np.asarray(file.data.tensors["dnase"], np.float64) - 1
    means = linear.mean(axis=1)
    assert found["dnase"].share == pytest.approx((means >= 0.1).mean())
    assert found["dnase"].quantiles[1] == pytest.approx(np.median(means[means >= 0.1]), rel=1e-3)
    at_tss = means[study.inputs.genes.data["element"].to_numpy()]
    assert found["dnase"].promoters == pytest.approx(at_tss.mean() / means.mean(), rel=1e-3)


def test_tables_open_where_people_open_them(study: Study, tmp_path: Path) -> None:
    files = tables.write(study.inputs, study.pairs, tmp_path)
    names = {path.name for path in files}
    assert {"genes.A.tsv", "genes.B.tsv", "links.A.tsv.gz", "elements.A.bed.gz", "links.A.bw"} <= names
    links = pl.read_csv(tmp_path / "links.A.tsv.gz", separator="\t")
    assert len(links) == int(cell_facts.candidates(study.inputs, "A")["called"].sum())
    assert links["rank"].min() == 1
    assert tables.buttons(files)[:2] == [("tables/genes.A.tsv", "genes of A"), ("tables/links.A.tsv.gz", "links of A")]


def test_the_gene_shown_first_is_the_one_asked_for(study: Study, tmp_path: Path) -> None:
    asked = Study(study.inputs, tmp_path, study.pairs, ["NAME7"])
    assert find_gene._first(asked) == "NAME7"
    assert find_gene._first(study) in study.inputs.genes.data["gene_name"]
    assert html.parts.ordered()[0] is find_gene.PART


@pytest.mark.skipif(not DEMO.is_file(), reason="no demo was run here: make demo")
def test_the_page_of_the_demo_can_be_sent_by_mail() -> None:
    assert DEMO.stat().st_size < 10_000_000
