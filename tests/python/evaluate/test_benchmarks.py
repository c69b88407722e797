"""Benchmarks by hand: which elements a pair takes, nearest genes, the sheet of benchmarks, any table on any screen."""

import numpy as np
import polars as pl
import pytest

from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import (
    BENCHMARKS,
    sheet,
)
from crexpress.links import published, simple_forms
from linkset_case import GENES, linkset, score, screen, write
from tools import run


def test_a_pair_takes_what_its_predicted_elements_say_together_and_misses_take_the_fill():
    pairs = pl.DataFrame({"chrom": "chr1", "start": [10, 50, 90], "end": [20, 60, 95], "key": ["g", "g", "h"]})
    links = linkset(
        *(("chr1", 15, 30, "g", 0.2), ("chr1", 20, 30, "g", 0.3), ("chr1", 21, 30, "g", 9), ("chr1", 90, 92, "g", 0.9)),
        *(("chr1", 55, 57, "g", 0.5), ("chr1", 52, 100, "g", 0.1)),  # an element that overlaps two predictions
        total=score("sum"), best=score("max"), middle=score("mean", -7), least=score("max", float("inf"), False),
    )  # fmt: skip
    found, covered = published.of_pairs(pairs, links)
    assert covered.tolist() == [True, True, False]
    assert found["total"].tolist() == pytest.approx([0.5, 0.6, 0])  # one that touches counts, one base off does not
    assert found["best"].tolist() == [0.3, 0.5, 0]
    assert found["middle"].tolist() == pytest.approx([0.25, 0.3, -7])
    assert found["least"].tolist() == [-0.2, -0.1, -np.inf]


def test_elements_on_a_tss_interval_are_left_out_and_counted():
    links = linkset(("chr1", 1_249, 1_400, "a", 1), ("chr1", 1_250, 1_400, "a", 1), one=score("max"))
    left = published.without_promoters(links, GENES)
    assert (left.table["start"].to_list(), left.elements_on_tss) == ([1_250], 1)


def test_genes_are_compared_without_versions_and_by_symbols_that_one_gene_has():
    frame = pl.DataFrame({"ensembl": ["ENSG01.9", None, None, "ENSG77.1"], "symbol": ["OLD", "DEF", "XYZ", None]})
    assert published.gene_keys(frame, GENES).to_list() == ["ENSG01.3", "ENSG02.1", "XYZ", "ENSG77"]
    twice = GENES.with_columns(gene_name=pl.lit("DEF"))
    assert published.gene_keys(frame, twice).to_list() == ["ENSG01.3", "DEF", "XYZ", "ENSG77"]
    assert published.gene_keys(frame, None).to_list() == ["OLD", "DEF", "XYZ", "ENSG77"]


def test_nearest_genes_by_hand():
    pairs = pl.DataFrame(
        {"chrom": "chr1", "start": [4_000, 48_000, 45_000, 45_000], "end": [4_100, 50_000, 46_000, 46_000],
         "gene_id": ["ENSG01.3", "ENSG01.3", "ENSG02.1", None], "distance": [3_050, 48_000, 44_500, 200_000]}
    )  # fmt: skip
    forms = simple_forms.forms(pairs, GENES, np.array([False, True]))
    assert forms["nearest TSS"].tolist() == [1, 0, 1, 0]  # 45,500 is 44,500 from both, which both count
    assert forms["nearest gene"].tolist() == [1, 1, 0, 0]
    assert forms["nearest expressed TSS"].tolist() == [0, 0, 1, 0]
    assert forms["within 100 kb of the TSS"].tolist() == [1, 1, 1, 0]


def test_every_fault_of_benchmarks_csv_is_told_at_once(tmp_path):
    path = tmp_path / "b.csv"
    path.write_text("name,kind,cell,file\na b,crispr,K,nowhere.tsv\nx,colour,K,b.csv\nx,crispr,K,b.csv\n")
    with pytest.raises(InputError) as error:
        sheet.read(path)
    lines = str(error.value).splitlines()
    assert [line.partition(": ")[2].split(";")[0] for line in lines] == [
        "'a b' cannot name a file", f"there is no file {tmp_path / 'nowhere.tsv'}", "there is no kind 'colour'",
        "'x' is there twice",
    ]  # fmt: skip
    assert set(BENCHMARKS) == {"crispr", "contacts", "domains", "locus", "specific-genes", "classes"}
    path.write_text("name;kind;cell;file;gene\n\nmyc;locus;L;;\nown;specific-genes;;;\n")  # as a spreadsheet saves it
    with pytest.raises(InputError) as error:
        sheet.read(path, cells=["K"])
    assert str(error.value).splitlines() == [
        f"{path} line 3: its column file is empty, which locus needs",
        f"{path} line 3: its column gene is empty, which locus needs",
        f"{path} line 3: 'L' is no cell of the samplesheet; it has K",
        f"{path} line 4: its column cell is empty, which specific-genes needs",
    ]
    for content, message in (("", "is empty.*; its header is name,kind"), ("a,b\n1,2\n", "no column name, kind"),
                             ("name,kind\n", "holds a header and nothing else")):  # fmt: skip
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            sheet.read(path)


def test_files_of_a_sheet_are_found_where_they_were_put(tmp_path):
    (tmp_path / "b.csv").write_text(
        "name,kind,cell,file,chain\nx,crispr,K,s.tsv,c.chain\ny,crispr,K,t.tsv,\nz,classes,,,\n"
    )
    (tmp_path / "t.tsv").write_text("")
    staged = {"s.tsv": tmp_path / "b.csv", "c.chain": tmp_path / "t.tsv"}
    x, y, z = sheet.read(tmp_path / "b.csv", staged)
    assert (x.file, x.options, y.file) == (tmp_path / "b.csv", {"chain": str(tmp_path / "t.tsv")}, tmp_path / "t.tsv")
    assert (z.cell, z.file) == (None, None)
    with pytest.raises(InputError, match=r"no file .*s\.tsv\n.*no file .*c\.chain"):
        sheet.read(tmp_path / "b.csv")
    assert len(sheet.read(tmp_path / "b.csv", look=False)) == 3


def test_any_table_of_predictions_on_any_screen_by_hand(tmp_path):
    path = screen(tmp_path, *(f"chr1 {1000 * i} {1000 * i + 500} ABC ENSG01 1000 K {i < 15}" for i in range(3, 40)))
    scores = write(
        tmp_path / "mine.tsv",
        "chrom start end gene score",
        *(f"chr1 {1000 * i} {1000 * i + 9} ABC {i % 7}" for i in range(3, 40)),
    )
    result = run("evaluate", "--predictions", scores, "--benchmark", f"screen={path}", "--benchmark-resamples", 50,
                 "--outdir", tmp_path / "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    table = pl.read_csv(tmp_path / "out" / "benchmarks.tsv", separator="\t")
    whole = table.filter(subset="all pairs")
    assert whole["method"][0] == "distance"  # sorted
    assert whole["value"].drop_nulls().is_sorted(descending=True)
    assert whole["value"][:2].null_count() == 0  # a score of two values has none, and stands last
    row = whole.row(by_predicate=pl.col("method") == "published score", named=True)
    assert row["best"] == "distance"
    assert row["difference"] == pytest.approx(row["value"] - whole["value"][0], abs=1e-5)
    assert 0 < row["p"] <= 1
    curves = pl.read_parquet(tmp_path / "out" / "curves.parquet")
    assert (curves["low"] <= curves["high"]).all()
    result = run("evaluate", "--predictions", scores)
    assert result.exit_code == 65
    assert "published scores are scored on a benchmark" in result.output
    assert run("evaluate", "--crispr", path).exit_code == 2
