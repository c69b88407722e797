"""Loci of the report and of plot-locus: which gene is shown, what is drawn, what is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.report import (
    figures_of_genes,
    known_elements,
    locus,
    locus_plot,
    style,
)
from crexpress.report.inputs import load
from crexpress.report.parts import loci
from crexpress.report.study import Study
from report_case import Run


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


def test_known_elements_stand_beside_all_scores_and_h3k27ac_over_distance(run: Run, tmp_path: Path) -> None:
    inputs = run.inputs()
    gene = run.genes.filter(pl.col("chrom") == "chr3").row(5, named=True)
    elements, _ = artifacts.read_table(run.tiny.elements, "elements")
    own = elements.with_row_index("row").filter(pl.col("chrom") == "chr3", pl.col("class") != "TSS")
    middle = (own["ccre_start"] + own["ccre_end"]) // 2
    far = own.with_columns(apart=(middle - gene["tss"]).abs()).sort("apart").row(40, named=True)  # not among the links
    (tmp_path / "known.bed").write_text(
        f"chr3\t{far['ccre_start']}\t{far['ccre_end']}\te1\n"
        f"chr3\t{gene['tss'] + 9_000_000}\t{gene['tss'] + 9_000_100}\n"
    )
    lists = known_elements.read([f"reported={tmp_path / 'known.bed'}"], inputs)
    shown = locus.gather(inputs, "A", gene, None, lists)
    assert shown.view[0] <= far["ccre_start"] < far["ccre_end"] <= shown.view[1]  # 9 Mb away is out of reach
    assert shown.beside.known["reported"]["start"].to_list() == [far["ccre_start"]]
    simple = shown.beside.simple
    assert simple is not None
    h3k27ac = artifacts.open_arrays(run.tiny.signals("A"), "signals").tensors["h3k27ac"][far["row"]].astype(float)
    value = simple.filter(element=far["row"])["H3K27ac/distance"].item()
    assert value == pytest.approx((10**h3k27ac - 1).mean() / far["apart"])
    assert simple["distance"].abs().max() <= 2_000_000  # type: ignore[operator]
    rank = 1 + int((simple["H3K27ac/distance"] > value).sum())
    (told,) = known_elements.told(shown.beside, shown.linked, {"attention": "Attention"})
    assert told == (
        "reported: 1 known elements within 2 Mb of the TSS. Attention: 0 overlap one of its 6 elements, ranks none; "
        f"H3K27ac/distance: 1 overlap one of its {len(simple):,} elements, ranks {rank}."
    )
    figure = locus_plot.draw(shown, {"attention": "Attention"})
    # where no element has the score the ground is grey, and the lane says what its height is
    axis, linked = figure.axes[0], shown.linked.filter(pl.col("attention").is_not_null())
    grey = sorted((patch.get_bbox().x0, patch.get_bbox().x1) for patch in axis.patches)
    edges = [(shown.view[0], linked["start"].min()), (linked["end"].max(), shown.view[1])]
    assert grey == [(low, high) for low, high in edges if low < high] != []
    beyond = linked.filter(pl.col("distance").abs() >= 1000)
    assert [text.get_text() for text in axis.texts] == [style.significant(beyond["attention"].max())]
    low, high = axis.get_ylim()
    assert low < 0 < 1.08 < high  # crosses at both edges are whole
    names = [axis.get_ylabel() for axis in figure.axes]
    assert names[:3] == ["Attention,\nA", "H3K27ac/distance,\nA", "reported"]
    drawn = figure.axes[2].patches[0].get_bbox()
    assert drawn.x0 <= far["ccre_start"]
    assert drawn.x1 >= far["ccre_end"]


def test_lines_that_are_no_places_are_all_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "k.bed"
    path.write_text("chr3\t5\t9\nchr3\t9\t5\nchr3\tfive\t9\nchr3\t-1\t9\n")
    with pytest.raises(
        InputError, match=r"k\.bed line 2, 3, 4: no known element; needed are chromosome, start and end"
    ):
        known_elements.read([str(path)], run.inputs())
    with pytest.raises(InputError, match=r"--known a=nowhere: there is no file nowhere"):
        known_elements.read(["a=nowhere"], run.inputs())
