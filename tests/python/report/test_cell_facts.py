"""What is said of a cell's elements and genes: silent elements, reach, recommended links, loci that fail, ceilings."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.core.tracks import linear
from crexpress.report import accuracy, cell_facts, examples, findings, gene_table, locus
from crexpress.report.inputs import Inputs, Loaded
from crexpress.report.study import Study
from report_case import Run
from tiny_case import TinyCase


@pytest.fixture
def run(tiny: TinyCase, tmp_path: Path) -> Run:
    return Run(tiny, tmp_path)


def quieted(inputs: Inputs, rows: list[int]) -> Inputs:
    """The same with no signal of cell A in some elements."""
    file = inputs.signals["A"]
    tensors = {name: np.array(tensor) for name, tensor in file.data.tensors.items()}
    for name, tensor in tensors.items():
        tensors[name] = np.maximum(tensor, 1)
        tensors[name][rows] = 0
    quiet = Loaded(file.name, file.header, SimpleNamespace(tensors=tensors, header=file.header))
    return dataclasses.replace(inputs, signals={"A": quiet}, known={})  # type: ignore[dict-item]


def test_an_element_is_silent_where_no_track_has_signal(run: Run) -> None:
    inputs = run.inputs()
    quiet = cell_facts.silent(inputs, "A")
    assert quiet is not None
    file = inputs.signals["A"]
    stored = {name: np.asarray(tensor, np.float64) for name, tensor in file.data.tensors.items()}
    loudest = np.max([linear(t, file.header["parameters"]["transform"]).mean(axis=1) for t in stored.values()], axis=0)
    np.testing.assert_array_equal(quiet, loudest < 0.1)
    assert cell_facts.silent(inputs, "B") is None
    marked = cell_facts.silent(quieted(inputs, [3, 5]), "A")
    assert marked is not None
    assert np.flatnonzero(marked).tolist() == [3, 5]


def test_silent_elements_are_told_marked_and_not_recommended(run: Run) -> None:
    inputs = run.inputs()
    far = inputs.links["A"].data.filter(pl.col("distance").abs() >= 1000)
    best = far.sort("attention", descending=True).group_by("gene_id", maintain_order=True).first()["element"].unique()
    inputs = quieted(inputs, best.to_list())
    candidates = cell_facts.candidates(inputs, "A")
    assert set(candidates.filter("silent")["element"]) >= set(best) & set(candidates["element"])
    assert not candidates.filter("called")["silent"].any()
    assert candidates.filter("called").group_by("gene_id").len()["len"].max() <= cell_facts.TOP
    study = Study(inputs, run.folder / "figures")
    said = " ".join(findings.findings(study))
    assert "by attention are to elements without signal in any track" in said
    assert cell_facts.NO_SIGNAL in said
    loud = Study(quieted(inputs, []), run.folder / "figures")
    assert "without signal in any track" not in " ".join(findings.findings(loud))


def test_reach_is_that_of_the_models_neighbours_along_the_gene(run: Run) -> None:
    inputs = run.inputs()
    strands = inputs.genes.data.with_columns(strand=pl.Series(["+", "-"] * (len(inputs.genes.data) // 2)))
    inputs = dataclasses.replace(inputs, genes=dataclasses.replace(inputs.genes, data=strands), known={})
    told = cell_facts.reach(inputs, "A")
    without = cell_facts.reach(dataclasses.replace(inputs, models=(), known={}), "A")  # by the rows of the links table
    assert told is not None
    assert without is not None
    gene = inputs.genes.data.filter(pl.col("strand") == "-").row(4, named=True)
    distance = inputs.links["A"].data.filter(pl.col("gene_id") == gene["gene_id"])["distance"]
    for found in (told, without):
        row = found.filter(pl.col("gene_id") == gene["gene_id"]).row(0, named=True)
        assert row["upstream"] == max(distance.max(), 0)  # type: ignore[type-var]
        assert row["downstream"] == max(-distance.min(), 0)  # type: ignore[operator, type-var]
        assert row["elements"] == len(distance)


def test_a_regulated_element_beyond_the_reach_is_said(run: Run, tmp_path: Path) -> None:
    inputs = run.inputs()
    gene = inputs.genes.data.filter(pl.col("chrom") == "chr3").row(3, named=True)
    near = inputs.links["A"].data.filter(pl.col("gene_id") == gene["gene_id"]).row(0, named=True)
    beyond = gene["tss"] + 400_000
    (tmp_path / "far.tsv").write_text(
        "chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tCellType\tRegulated\n"
        f"chr3\t{near['start']}\t{near['end']}\t{gene['gene_name']}\tA\tTRUE\n"
        f"chr3\t{beyond}\t{beyond + 500}\t{gene['gene_name']}\tA\tTRUE\n"
    )
    pairs = locus.screen([str(tmp_path / "far.tsv")], inputs)
    said = " ".join(findings.findings(Study(inputs, tmp_path, pairs)))
    assert (
        "A: 1 of 2 regulated elements of the screens (of genes with links here) lie outside what the model saw of "
        "their gene "
        f"({gene['gene_name']})" in said
    )
    table = gene_table.table(inputs, "A", pairs)
    row = table.filter(pl.col("gene_id") == gene["gene_id"]).row(0, named=True)
    assert (row["regulated"], row["within_reach"]) == (2, 1)


def test_the_table_of_genes_says_what_is_known_and_leaves_the_rest_empty(run: Run, tmp_path: Path) -> None:
    inputs = run.inputs()
    gene_table.write(inputs, "A", None, tmp_path / "genes.A.tsv")
    table = pl.read_csv(tmp_path / "genes.A.tsv", separator="\t")
    assert table["gene_id"].to_list() == inputs.genes.data["gene_id"].to_list()
    assert table["predicted_percentile"].max() < 100
    assert table["unit"].unique().to_list() == ["log10(1 + TPM)"]
    assert table.filter("seen")["split"].unique().to_list() == ["train"]
    own = cell_facts.candidates(inputs, "A").filter("called")
    assert table["links"].sum() == len(own)
    linked = table.filter(pl.col("links") > 0).row(0, named=True)
    best = own.filter(pl.col("gene_id") == linked["gene_id"]).sort("attention", descending=True).row(0, named=True)
    assert linked["best_element"] == best["element_id"]
    gene_table.write(inputs, "B", None, tmp_path / "genes.B.tsv")
    new = pl.read_csv(tmp_path / "genes.B.tsv", separator="\t")
    assert not new["seen"].any()
    assert "links" not in new.columns


def test_a_locus_that_fails_is_shown_as_one_that_fails(run: Run) -> None:
    inputs = run.inputs()
    gene = run.genes.filter(pl.col("chrom") == "chr3").row(5, named=True)
    linked = inputs.links["A"].data.filter(pl.col("gene_id") == gene["gene_id"], pl.col("distance").abs() >= 1000)
    worst = linked.sort("attention").row(0, named=True)
    best = linked.sort("attention").row(-1, named=True)
    for row, failed, place in ((worst, True, len(linked)), (best, False, 1)):
        (run.folder / "one.tsv").write_text(
            "chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tCellType\tRegulated\n"
            f"chr3\t{row['start']}\t{row['end']}\t{gene['gene_name']}\tA\tTRUE\n"
        )
        pairs = locus.screen([str(run.folder / "one.tsv")], inputs)
        text, bad = examples.verdict(locus.gather(inputs, "A", gene, pairs), "attention", "attention")
        assert bad is failed
        recommended = "it is not recommended" if failed else "it is recommended"
        ranks = f"{examples._ordinal(place)} of {len(linked)} by attention; {recommended}."
        assert text == f"The element that the screen found ranks {ranks}"
    assert [examples._ordinal(n) for n in (1, 2, 3, 4, 11, 21, 112)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "21st",
        "112th",
    ]


def test_the_best_and_the_worst_loci_are_told_apart_with_the_reason(run: Run) -> None:
    inputs = run.inputs()
    lines = ["chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tCellType\tRegulated"]
    ranked = inputs.links["A"].data.sort("gene_id", "attention", descending=[False, True])
    for number, (_, own) in enumerate(ranked.group_by("gene_id", maintain_order=True)):
        for place, row in enumerate(own.head(4).iter_rows(named=True)):
            hit = place == (
                0 if number % 2 else 3
            )  # the strongest element of every other gene, else the weakest tested
            lines.append(f"{row['chrom']}\t{row['start']}\t{row['end']}\t{row['gene_name']}\tA\t{str(hit).upper()}")
    (run.folder / "screen.tsv").write_text("\n".join(lines) + "\n")
    pairs = locus.screen([str(run.folder / "screen.tsv")], inputs)
    found = examples.choose(inputs, "A", pairs)
    assert [one.label for one in found] == ["among the best"] * 3 + ["among the worst"] * 3
    assert "average precision 1.000 by attention, where guessing reaches 0.250" in found[0].why
    assert "average precision 0.250" in found[-1].why
    by_error = examples.choose(inputs, "A", None)
    assert "predicted" in by_error[0].why
    assert len({one.gene["gene_id"] for one in by_error}) == len(by_error)


def test_a_ceiling_of_predictions_is_remarked_on(run: Run) -> None:
    path = run.folder / "predictions.A.parquet"
    frame, header = artifacts.read_table(path, "predictions")
    frame = frame.with_columns(split=pl.lit("test"))
    artifacts.write_table(path, frame, header)
    assert accuracy.ceiling(run.inputs(), "A") == ""
    cut = pl.col("predicted").clip(upper_bound=pl.col("predicted").quantile(0.4)).cast(pl.Float32)
    artifacts.write_table(path, frame.with_columns(cut), header)
    inputs = run.inputs()
    assert accuracy.ceiling(inputs, "A").startswith("A: predictions have a ceiling. The highest percent")
    assert accuracy.ceiling(inputs, "A") in findings.findings(Study(inputs, run.folder / "figures"))


def test_calibration_holds_the_means_of_ten_groups() -> None:
    predicted = np.arange(200.0)
    genes = pl.DataFrame({"predicted": predicted, "expression": predicted + 1})
    found = accuracy.calibration(genes)
    np.testing.assert_allclose(found[:, 1], np.arange(9.5, 200, 20))
    np.testing.assert_allclose(found[:, 0] - found[:, 1], 1)
    assert len(accuracy.calibration(genes.head(50))) == 0
