"""The benchmarks still run, and the generated cell type is what they say it is."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from crexpress.pipeline import complexity

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = pytest.mark.slow


def bench(script: str, *options: str) -> str:
    command = [sys.executable, BENCHMARKS / script, *options]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_rehearsal_makes_the_elements_of_its_scale(tmp_path: Path) -> None:
    output = bench("rehearse_data.py", "--scales", "0.001", "--motifs", "3", "--folder", str(tmp_path))
    assert "1,064 cCREs -> 727 elements; 19 genes on 24 chromosomes" in output
    steps = ("merge-ccres", "score-motifs", "extract-signals", "quantify-expression BAM", "build-loops", "together")
    assert all(f"\n{step} " in output for step in steps)
    assert not list(tmp_path.iterdir())  # gigabytes at full scale: nothing stays behind


def test_growth_is_shown_per_hundredth_of_the_genome(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import rehearse_data

    costs = {scale: {"train": rehearse_data.Cost(1, 2 + 30 * scale, 0, 0, 0)} for scale in (0.01, 0.1, 1.0)}
    rehearse_data.show_growth(costs)
    assert capsys.readouterr().out.splitlines()[-1].split() == ["train", "2.3", "5.0", "32.0", "0.300", "0.300"]


def test_the_encoder_benchmark_says_what_it_lacks() -> None:
    assert "give its code/encode.py" in bench("bench_encoder.py")


def test_the_table_of_costs_names_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import cost_table

    assert len(set(cost_table.SIZES)) == len(cost_table.SIZES)
    ((point, settings),) = cost_table.points([(13, 60, 2)])
    config, _ = complexity.configure(settings, complexity.Shape((), 3, True))
    assert (len(config.tracks), config.neighbours, config.layers) == (13, 60, 2)
    figures = {"parameters": 4170497, "gflop_per_gene": 14.404, "seconds_per_step": 2.61, "peak_memory_gb": 0.559}
    lines = cost_table.table(pl.DataFrame([{"point": point, **figures}]))
    assert lines[2:] == ["| 13 | 60 | 2 | 4,170,497 | 14.40 | 2.6 | 0.56 |"]
    page = (BENCHMARKS.parents[1] / "docs/science.md").read_text()
    assert all(page.count(mark) == 1 for mark in cost_table.MARKS)


def test_the_table_of_cells_left_out_holds_each_cell_where_no_model_saw_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import cells_table
    import marked_page

    rows = []
    for cell in "AB":
        for seen, method, r in (
            (False, "net (anchored)", 0.9),
            (True, "net (anchored)", 0.1),
            (False, "nearest cell", 0.8),
        ):
            about = ("A" if cell == "A" else "B") if not seen else "BA"["AB".index(cell)]
            common = {"point": about, "cell": cell, "cell_seen": seen, "method": method}
            common |= {"model": "net" in method, "mean_of": 3 if "net" in method else None, "reference": None}
            for metric, value in (("pearson", r), ("spearman", r - 0.01), ("mae", 1 - r)):
                rows.append(common | {"subset": "test", "metric": metric, "value": value})
            change = {"subset": "changed genes", "metric": "pearson_change", "value": r / 2}
            rows.append(common | change | {"reference": "mean over training cells"})
    rows.append(rows[0] | {"mean_of": None, "value": 0.5})
    frame = pl.DataFrame(rows, schema_overrides={"mean_of": pl.Int64, "reference": pl.String})
    page = tmp_path / "page.md"
    page.write_text("before\n{}\nold\n{}\nafter\n".format(*cells_table.MARKS))
    marked_page.put(page, "\n".join(cells_table.table(frame)), cells_table.MARKS)
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert [line for line in lines if line.startswith(("| A", "| B"))] == [
        f"| {cell} | unseen | {figures} |"
        for cell in "AB"
        for figures in ("nearest cell | .800 | .790 | .200 | .400", "net (anchored) | .900 | .890 | .100 | .450")
    ]
    assert "old" not in page.read_text()


def test_growth_by_cells_and_windows_becomes_tables_and_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import bench_growth

    from crexpress.report import plots

    cells = {
        data: [{"seconds": 0.5 + number / 100, "memory": 300.0 + grows * number} for number in bench_growth.CELLS]
        for data, grows in (("streamed", 0), ("resident", 40))
    }
    windows = [{"seconds": 0.1, "memory": 250.0, "elements": bp / 4200} for bp in bench_growth.WINDOWS]
    lines = bench_growth.rows(cells, windows, 40_000_000)
    assert "| 16 | 640 | 0.66 | 300 | 0.66 | 940 |" in lines
    assert lines[-1] == "| 1 Mb | 238.1 | 0.10 | 250 |"
    first = plots.save(bench_growth.picture(cells, windows), tmp_path, "growth")
    assert first == plots.save(bench_growth.picture(cells, windows), tmp_path, "growth")
    assert first.count(b'<g id="axes_') == 4


def test_a_growth_step_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import bench_growth

    bench_growth.write_signals(tmp_path, 2, 10 * 39)
    point = bench_growth.Point(cells=2, window=20_000, data="stream", genes=10, batch=4, steps=1)
    figures = bench_growth.measure(tmp_path, point)
    assert figures["elements"] == pytest.approx(20_000 / 4_200, abs=1)
    assert figures["seconds"] > 0
    assert figures["memory"] > 50


@pytest.mark.scale
def test_the_gpu_benchmark_runs_and_says_that_there_is_no_gpu() -> None:
    assert bench("bench_gpu.py").startswith("No GPU here, so nothing was measured; ")


def test_the_table_of_benchmarks_shows_what_was_scored_and_is_kept_by_what_it_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import benchmark_tables

    from crexpress.core import artifacts, methods
    from crexpress.evaluate import metrics
    from crexpress.evaluate.benchmarks import comparison, pairs
    from crexpress.evaluate.metrics import Context

    about = {name: methods.closed_form(name) for name in ("distance", "nearest gene")}
    rows = []
    for subset, positives in ((pairs.ALL, 12), ("<10 kb", 12), ("10-50 kb", 3)):
        context = Context("benchmark", "K", None, subset, "s", about)
        rows += [context.metric(methods.EVERYTHING, "positives", positives, 40)]
        rows += [context.metric("distance", "auprc", np.linspace(0.4, 0.6, 50), 40)]
        rows += [context.metric("distance", "average_precision", np.linspace(0.4, 0.6, 50), 40)]
        rows += [context.metric(name, "max_f1", np.linspace(0.4, 0.6, 50), 40) for name in about]
        rows += [context.metric("distance", "spearman_effect", -0.25, 9)]
    table = metrics.table(rows)
    facts = {"s": {"notes": ["K: 40 pairs"]}, "t": {"refused": "t.bed is of hg19"}}
    header = artifacts.make_header("metrics", "evaluate", parameters={"units": {}, "benchmarks": facts})
    artifacts.write_table(tmp_path / "metrics.parquet", table, header)
    assert benchmark_tables._tables(tmp_path, "crispr").splitlines() == ["- s: K: 40 pairs", "- t: t.bed is of hg19"]
    comparison.table(table, {"s": "crispr"}).write_csv(tmp_path / "benchmarks.tsv", separator="\t")
    shown = benchmark_tables._tables(tmp_path, "crispr").splitlines()
    assert [line for line in shown if line.startswith("s, ")] == [
        "s, all pairs (12 positives):",
        "s, parts of it (<10 kb: 12 positives; 10-50 kb: fewer than 10):",
    ]
    assert "| method | auPRC | average precision | max F1 | rho of effects |" in shown
    figure = "0.400 [0.409, 0.595]"
    assert f"| distance | {figure} | {figure} | {figure} | -0.250, n 9 |" in shown
    assert f"| nearest gene | - | - | {figure} | - |" in shown  # of two values: no area, and no 0
    assert [line for line in shown if "<10 kb: average" in line] == ["| method | <10 kb: average precision |"]
    assert f"| distance | {figure} |" in shown
    assert "| nearest gene | - |" in shown

    sheet, file, links = tmp_path / "b.csv", tmp_path / "s.tsv", tmp_path / "links.parquet"
    for path in (file, links):
        path.write_text("1")
    sheet.write_text(f"name,kind,cell,file,chain\ns,crispr,K,{file},\n")
    given = ["--links", links, "--benchmarks", sheet]
    keys = [benchmark_tables.key(given)]
    sheet.write_text(sheet.read_text())
    assert benchmark_tables.key(given) == keys[0]  # made again, and the same
    file.write_text("2")
    keys.append(benchmark_tables.key(given))
    sheet.write_text(sheet.read_text() + f"t,crispr,K,{file},\n")
    keys.append(benchmark_tables.key(given))
    links.write_text("12")
    keys.append(benchmark_tables.key(given))
    keys.append(benchmark_tables.key([*given, "--resamples", 5]))
    assert len(set(keys)) == 5


def test_direction_is_asked_from_the_stronger_hit_to_the_weaker(monkeypatch: pytest.MonkeyPatch) -> None:
    """e10 attends to e40 fourfold: two in log2 where it is the stronger, minus two where it is the weaker; of hits with
    one effect none is.
    """
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import attention_pairs

    from crexpress.interpret.attention import AttentionMap

    at = np.arange(120)
    given = 0.1 / np.maximum(np.abs(at[:, None] - at[None]), 1)
    given[10, 40] *= 4
    genes = pl.DataFrame({"chrom": ["chr1", "chr8"], "tss": [500_000, 500_000]})
    elements = pl.DataFrame({"element_id": [f"e{i}" for i in at], "chrom": "chr1", "ccre_start": at * 20_000,
                             "ccre_end": at * 20_000 + 200})  # fmt: skip
    loaded = SimpleNamespace(store=SimpleNamespace(genes=genes, elements=elements))

    class Planted(attention_pairs.Seeds):
        def map(self, genes: np.ndarray) -> AttentionMap:
            return AttentionMap(at, given.astype(np.float32), given, np.ones((120, 120), np.int32))

    found = Planted([loaded], [])
    for effects, less, pairs in (([-0.5, -0.2, -0.2], "+1.000", 2), ([-0.2, -0.5, -0.5], "-1.000", 2)):
        hits = pl.DataFrame({"gene": 0, "element_id": ["e10", "e40", "e75"], "effect": effects}).sort("effect")
        (row,) = attention_pairs.directions(found, hits)  # e10 with e40 and with e75, of which nothing is planted
        assert row.startswith(f"all | 1, {pairs} | {less}"), row
    hits = hits.with_columns(gene=1)
    assert [row.split(" | ")[0] for row in attention_pairs.directions(found, hits)] == ["all", "of chr8 and chr9"]
