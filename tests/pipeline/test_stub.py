"""The whole graph of tasks, without their work."""

import json

import pytest
from launching import Pipeline, tasks

pytestmark = pytest.mark.pipeline

CELLS = [f"cell{number}" for number in range(1, 6)]


def test_stub_run_covers_the_graph_and_resumes_from_its_cache(pipeline: Pipeline) -> None:
    output = pipeline.run("-profile", "test", "-stub-run", "--outdir", "out")
    once = ["CHECK_SAMPLESHEET", "MERGE_CCRES", "SCORE_MOTIFS", "FIT_BASELINES", "EVALUATE", "REPORT"]
    each = [
        f"{name} ({cell})"
        for name in ("EXTRACT_SIGNALS", "QUANTIFY_EXPRESSION", "BUILD_LOOPS", "PREDICT")
        for cell in CELLS
    ]
    expected = sorted([*once, *each, "TRAIN (scpge-small)", "INTERPRET (cell1)", "INTERPRET (cell5)"])
    assert tasks(output) == expected

    info = pipeline.folder / "out/pipeline_info"
    assert {"timeline.html", "report.html", "trace.txt", "dag.mmd", "versions.yml", "params.json"} <= {
        f.name for f in info.iterdir()
    }
    sources = json.loads((info / "inputs_manifest.json").read_text())
    assert {"genome.fa.gz", "dnase.bigWig", "samplesheet.csv", "truth.tsv.gz"} <= {source["file"] for source in sources}
    assert all(len(source["sha256"]) == 64 for source in sources)
    assert json.loads((info / "params.json").read_text())["steps"] == 400

    again = pipeline.run("-profile", "test", "-stub-run", "--outdir", "out", "-resume")
    assert tasks(again, "Cached") == expected
    assert not tasks(again)

    with (pipeline.project / "python/crexpress/splits.py").open("a") as code:
        code.write("\n# changed\n")
    assert tasks(pipeline.run("-profile", "test", "-stub-run", "--outdir", "out", "-resume")) == expected


def test_expression_that_may_be_seen_tells_the_factors_of_a_cell(pipeline: Pipeline) -> None:
    pipeline.run("-profile", "test", "-stub-run", "--expressed_factors", "3", "-work-dir", "factors", "--outdir", "f")
    outputs = (pipeline.folder / "factors").glob("*/*/predictions.*.parquet")
    folders = [file.parent for file in outputs if not file.is_symlink()]  # links are the inputs of later tasks
    given = {path.name for folder in folders for path in folder.glob("expression.*.parquet")}
    assert len(folders) == len(CELLS)
    assert given == {f"expression.cell{number}.parquet" for number in (1, 2, 3, 4)}  # cell5 is held out


def test_without_a_genome_there_is_no_motif_step_and_it_is_said_once(pipeline: Pipeline) -> None:
    output = pipeline.run("-profile", "k562", "-stub-run", "--outdir", "k562")
    assert output.count("No --fasta") == 1
    assert not [name for name in tasks(output) if "SCORE_MOTIFS" in name]
    assert "INTERPRET (HeLa-S3)" not in tasks(output)


def test_signals_are_matched_across_cells_where_that_is_asked_for(pipeline: Pipeline) -> None:
    output = pipeline.run("-profile", "test", "-stub-run", "--transform", "quantile", "--outdir", "matched")
    assert [name for name in tasks(output) if "QUANTILES" in name] == ["MATCH_QUANTILES"]
    assert len([name for name in tasks(output) if name.startswith("PREDICT")]) == len(CELLS)
    assert {path.name for path in (pipeline.folder / "matched/cells/matched").iterdir()} == {
        "quantiles.npz",
        *(f"signals.{cell}.safetensors" for cell in CELLS),
    }
