"""The report's part on benchmarks: tables, curves with bands, bars by distance, and nothing where there is none."""

import dataclasses
import re
from pathlib import Path

import polars as pl
import pytest

from crexpress.report.page import Picture, Table, Text
from crexpress.report.parts import benchmarks, ordered
from crexpress.report.study import Study
from report_case import METRICS, Run, named


def study(run: Run, folder: Path) -> Study:
    rows = []
    for subset in ("all pairs", "clean pairs", "<10 kb", ">100 kb"):
        rows += [("all", subset, "prevalence", 0.1, None), ("all", subset, "positives", 12, None)]
        for method, value in (("attention", 0.3), ("distance", 0.4)):
            rows += [(method, subset, metric, value, 0.1) for metric in ("auprc", "average_precision", "auroc")]
    rows += [("scpge-small", "specific genes", "pearson", 0.6, 0.1), ("scpge-small", "specific genes", "mae", 0.3, 0.1)]
    frame = pl.DataFrame(
        [("benchmark", "A", True, method, subset, "own" if "genes" in subset else "screen", None, metric, value,
          None if half is None else value - half, None if half is None else value + half, 40)
         for method, subset, metric, value, half in rows],
        schema=METRICS, orient="row",
    )  # fmt: skip
    curve = pl.DataFrame({"recall": [0.5, 1.0], "precision": [0.6, 0.2], "low": [0.5, 0.1], "high": [0.7, 0.3]})
    names = {"cell": "A", "benchmark": "screen", "subset": "all pairs"}
    curves = pl.concat([curve.with_columns(pl.lit(name).alias("method"), **{k: pl.lit(v) for k, v in names.items()})
                        for name in ("attention", "distance")])  # fmt: skip
    inputs = run.inputs()
    assert inputs.metrics is not None
    tables = {"metrics": named(frame), "curves": named(curves)}
    loaded = {kind: dataclasses.replace(inputs.metrics, data=table) for kind, table in tables.items()}
    return Study(dataclasses.replace(inputs, **loaded, known={}), folder)


@pytest.mark.slow
def test_every_benchmark_has_its_table_and_pairs_have_curves_and_bars(run: Run, tmp_path: Path) -> None:
    section = benchmarks.PART.section(study(run, tmp_path))
    assert section is not None
    heads = [block.text for block in section.blocks if isinstance(block, Text)][1:]
    assert heads == ["screen, A", "own, A"]
    pictures = [block.name for block in section.blocks if isinstance(block, Picture)]
    assert pictures == ["precision-recall-benchmark-1", "distance-groups-benchmark-1"]
    drawn = (tmp_path / "precision-recall-benchmark-1.svg").read_text()
    assert len(re.findall(r'id="(?:FillBetween)?PolyCollection_', drawn)) == 2  # a band for each curve
    tables = [block for block in section.blocks if isinstance(block, Table)]
    assert [table.caption.partition(" (")[0].rstrip(".") for table in tables] == [
        "All pairs", "Clean pairs: pairs that no method was taught with", "Specific genes",
    ]  # fmt: skip
    assert tables[0].columns == ["Method", "auPRC (field's)", "Average precision", "auROC"]
    assert [row[0].text for row in tables[0].rows] == ["Distance", "Attention"]  # the best first
    assert [table.folded for table in tables] == [False, True, False]
    assert tables[2].columns == ["Method", "r", "MAE"]


def test_a_run_without_benchmarks_has_no_such_part(run: Run, tmp_path: Path) -> None:
    assert benchmarks.PART.section(Study(run.inputs(), tmp_path)) is None
    assert benchmarks.PART in ordered()
