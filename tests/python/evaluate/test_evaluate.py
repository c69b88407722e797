"""The tool evaluate: finite metrics, the same bytes twice, one message for what it refuses."""

from pathlib import Path
from runpy import run_path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from crexpress.core import artifacts
from evaluate_case import ATTENTION, N_GENES, ROOT, SPLIT
from sketches import write_store


def run_tool(*arguments: str) -> "object":
    return CliRunner().invoke(run_path(str(ROOT / "bin" / "evaluate"))["main"], list(arguments))


@pytest.fixture
def inputs(tmp_path, monkeypatch, noisy) -> list[str]:
    """A gene set of two cells, one not seen, with predictions, a baseline, links and a screen."""
    monkeypatch.chdir(tmp_path)
    genes = pl.DataFrame(
        {
            "gene_id": [f"ENSG{i:03d}" for i in range(N_GENES)],
            "gene_name": [f"N{i}" for i in range(N_GENES)],
            "chrom": "chr1",
            "tss": 100_000 + 10_000 * np.arange(N_GENES),
        }
    )
    elements = pl.DataFrame(
        {"chrom": "chr1", "ccre_start": genes["tss"] + 4_000, "ccre_end": genes["tss"] + 4_300, "class": "dELS"}
    )
    digests = write_store(tmp_path, elements, genes)

    def write(name: str, kind: str, frame: pl.DataFrame, **header: object) -> str:
        artifacts.write_table(name, frame, artifacts.make_header(kind, "test", **digests, **header))
        return name

    options = ["--elements", "elements.parquet", "--genes", "genes.parquet", "--resamples", "50"]
    generator = np.random.default_rng(2)
    for cell, seen, values in (("A", True, noisy[0]), ("B", False, noisy[0] + generator.normal(0, 0.5, N_GENES) ** 2)):
        frame = genes.select("gene_id").with_columns(value=10**values - 1, expression=values)
        name = write(
            f"expression.{cell}.parquet", "expression", frame, cell=cell, units={"expression": "log10(1 + TPM)"}
        )
        frame = genes.with_columns(split=SPLIT, predicted=values + generator.normal(0, 0.3, N_GENES))
        parameters = {"cell_seen": seen, "preset": "net", "mode": "direct"}
        first = write(f"predictions.{cell}.parquet", "predictions", frame, cell=cell, parameters=parameters)
        frame = genes.select("gene_id").with_columns(method=pl.lit("copy of A"), predicted=noisy[0])
        copy = {"method": "copy of A", "score": "copy", "saw": "other cells", "cells": ["A"]}
        parameters = {"methods": [copy]}
        second = write(f"baselines.{cell}.parquet", "baselines", frame, cell=cell, parameters=parameters)
        options += ["--expression", name, "--predictions", first, "--baselines", second]
    frame = genes.select(
        *("gene_id", "chrom", "tss"),
        start=pl.col("tss") + 4_000,
        end=pl.col("tss") + 4_300,
        element=pl.int_range(N_GENES, dtype=pl.Int32),
        distance=pl.lit(4_150),
        attention=pl.Series(generator.random(N_GENES).astype(np.float32)),
    )
    write("links.A.parquet", "links", frame, cell="A", parameters={"scores": [ATTENTION]})
    Path("screen.tsv").write_text(
        "chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tstartTSS\tCellType\tRegulated\n"
        + "".join(f"chr1\t{t + 4000}\t{t + 4500}\tN{i}\t{t}\tA\t{i % 3 == 0}\n" for i, t in enumerate(genes["tss"]))
    )
    return [*options, "--links", "links.A.parquet"]


def test_tool_writes_finite_metrics_and_curves_and_the_same_bytes_twice(inputs):
    for folder in ("one", "two"):
        result = run_tool(*inputs, "--crispr", "planted=screen.tsv", "--outdir", folder)
        assert result.exit_code == 0, result.output
    for name in ("metrics.parquet", "curves.parquet"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    table, header = artifacts.read_table("one/metrics.parquet", "metrics")
    assert set(table.filter(kind="model", section="expression")["method"]) == {"net"}
    assert header["parameters"]["units"] == {"A": "log10(1 + TPM)", "B": "log10(1 + TPM)"}
    assert set(table["section"]) == {"expression", "change", "links"}
    assert table["value"].is_finite().all()
    assert table["value"].null_count() == 0
    assert set(table.filter(pl.col("section") == "links")["reference"]) == {"planted"}
    curves, _ = artifacts.read_table("one/curves.parquet", "curves")
    assert set(curves["method"]) == {"attention", "distance"}
    assert "A: pearson" in result.output
    assert "A, planted: average precision" in result.output


@pytest.mark.parametrize(
    ("model", "baselines", "names"),
    [
        ({"training_cells": ["A"]}, {"training_cells": ["A"]}, {"copy of A", "trees"}),
        ({}, {"training_cells": ["B"]}, {"copy of A", "trees"}),  # it does not say
        ({"training_cells": ["K"]}, {"training_cells": ["B"]}, {"copy of A", "trees (trained on this cell)"}),
        ({"training_cells": ["K"]}, {"training_cells": ["A", "B"]}, {"copy of A", "trees (trained on A and B)"}),
        ({"training_cells": ["B"], "same_genome": False}, {"training_cells": ["B"]},
         {"copy of A", "trees (trained on this cell)"}),
        ({"training_cells": ["A"]}, {"training_cells": ["A"], "val": "", "test": "chr1:0-200000"}, set()),
    ],
)  # fmt: skip
def test_baselines_are_named_for_the_cells_they_saw_where_the_model_saw_others(inputs, model, baselines, names):
    """Of a saved model's new cell: a baseline that saw it is no match; one that saw test genes is none at all."""
    for cell in "AB":
        for kind, about in (("predictions", model), ("baselines", baselines)):
            frame, header = artifacts.read_table(f"{kind}.{cell}.parquet", kind)
            if kind == "baselines":
                frame = pl.concat([frame, frame.with_columns(method=pl.lit("trees"))])
                header["parameters"]["methods"].append({"method": "trees", "score": "trees", "saw": "tracks"})
            header["parameters"] |= about
            artifacts.write_table(f"{kind}.{cell}.parquet", frame, header)
    result = run_tool(*inputs, "--outdir", "out")
    assert result.exit_code == 0, result.output
    table, header = artifacts.read_table("out/metrics.parquet", "metrics")
    assert set(table.filter(cell="B", section="expression")["method"]) == {"net", *names}
    assert header["parameters"]["baselines_left_out"] == ([] if names else ["A", "B"])
    assert ("B" in header["parameters"]["baselines_trained_on"]) == any("(" in name for name in names)


@pytest.mark.slow
def test_every_kind_of_benchmark_beside_the_usual_figures(inputs):
    """Of the run's links and predictions; one that cannot be scored is told and costs the others nothing."""
    rows = [f"chr1\t{100_000 * i}\t{100_000 * (i + 1)}" for i in range(1, 40)]
    Path("domains.bed").write_text("\n".join(rows) + "\n")
    Path("known.bed").write_text("chr1\t1104000\t1104300\nchr1\t1124000\t1124100\n")
    Path("genes.txt").write_text("\n".join(f"N{i}" for i in range(0, N_GENES, 5)) + "\n")
    loops = [
        f"chr1\t{t + 4_000}\t{t + 4_200}\tchr1\t{t + 30_000}\t{t + 30_001}\t.\t9"
        for t in range(100_000, 900_000, 10_000)
    ]
    Path("loops.bedpe").write_text("\n".join(loops) + "\n")
    Path("b.csv").write_text(
        "name,kind,cell,file,gene,build\nscreen,crispr,A,screen.tsv,,\nold,crispr,A,screen.tsv,,hg19\n"
        "tads,domains,A,domains.bed,,\nmine,locus,A,known.bed,N102,\nown,specific-genes,B,genes.txt,,\n"
        "loops,contacts,A,loops.bedpe,,\non,classes,A,,,\n"
    )
    result = run_tool(*inputs, "--benchmarks", "b.csv", "--benchmark-resamples", "30", "--outdir", "out")
    assert result.exit_code == 0, result.output
    table, header = artifacts.read_table("out/metrics.parquet", "metrics")
    assert {"expression", "change", "benchmark"} == set(table["section"])
    facts = header["parameters"]["benchmarks"]
    assert list(facts) == ["screen", "old", "tads", "mine", "own", "loops", "on"]
    assert [name for name, fact in facts.items() if "refused" in fact] == []  # the run's chromosomes tell no build
    assert any("attention: 100.0% of pairs covered" in note for note in facts["screen"]["notes"])
    assert set(table.filter(section="benchmark")["reference"]) == set(facts)
    assert {"net", "copy of A"} <= set(table.filter(reference="own")["method"])
    comparison = pl.read_csv("out/benchmarks.tsv", separator="\t", infer_schema_length=None)
    assert set(comparison["benchmark"]) == set(facts)
    dip = dict(comparison.filter(benchmark="tads").select("method", "value").iter_rows())
    assert dip.get("attention") is None  # links of 4 kb cross no bin of 10 kb, those of closed forms do
    assert dip["distance"] is not None
    locus = pl.read_csv("out/locus.mine.tsv", separator="\t")
    assert locus["known"].sum() == 2
    assert "attention" in pl.read_csv("out/tads.insulation.tsv", separator="\t")["method"].to_list()
    Path("b.csv").write_text("name,kind,cell,file\nx,crispr,B,screen.tsv\n")
    result = run_tool(*inputs, "--benchmarks", "b.csv", "--outdir", "out")
    assert result.exit_code == 0, result.output  # other figures are there
    assert "Warning: x is left out: screen.tsv has no pair of B; its cells are A" in result.output
    told = artifacts.read_header("out/metrics.parquet")["parameters"]["benchmarks"]["x"]["refused"]
    assert told == "screen.tsv has no pair of B; its cells are A"
    store = ["--elements", "elements.parquet", "--genes", "genes.parquet", "--links", "links.A.parquet"]
    result = run_tool(*store, "--benchmarks", "b.csv", "--outdir", "out")
    assert result.exit_code == 65
    assert "no benchmark can be scored. screen.tsv has no pair of B; its cells are A" in result.output


def test_tool_without_a_screen_writes_no_curves(inputs):
    assert run_tool(*inputs, "--outdir", "out").exit_code == 0
    assert not Path("out/curves.parquet").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--predictions", "predictions.A.parquet"], "holds a second prediction of A by net"),
        (["--crispr", "nowhere.tsv"], "there is no file nowhere.tsv"),
        (["--crispr", "screen.tsv", "--crispr", "screen.tsv"], "'screen' is given twice"),
        (["--crispr", "shifted.tsv"], "shifted.tsv: the TSSs of 100% of its genes lie more than 5 kb from this run's"),
    ],
)
def test_tool_refuses_with_one_message(inputs, change, message):
    pl.read_csv("screen.tsv", separator="\t").with_columns(
        pl.col("chromStart", "chromEnd", "startTSS") + 60_000  # as between hg19 and hg38
    ).write_csv("shifted.tsv", separator="\t")
    result = run_tool(*inputs, *change)
    assert result.exit_code == 65
    assert message in result.output
    assert not Path("metrics.parquet").exists()


def test_tool_refuses_other_genes_and_nothing_to_do(inputs):
    frame, header = artifacts.read_table("links.A.parquet", "links")
    artifacts.write_table("links.A.parquet", frame, header | {"genes": "other"})
    assert "made for different genes" in run_tool(*inputs).output
    assert "nothing to evaluate" in run_tool(*inputs[:4]).output
