"""A new thing of each kind is one file of another package with an entry point, and goes through the tools like ours."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import link_case
import report_case
from crexpress.core import artifacts
from crexpress.data.neighbours import NEAREST
from tiny_case import TinyCase
from tools import inputs, run, train

FILES = {
    "toy_format.py": '''
"""A track as lines of chromosome and value: the same signal on each of its bases."""
from crexpress.formats.tracks import Format

class Flat:
    def __init__(self, path, reads):
        lines = [line.split() for line in path.read_text().splitlines()]
        self.values = {chrom: float(value) for chrom, value in lines}
        self.lengths = dict.fromkeys(self.values)

    def read(self, name, start, end, bases):
        bases[:] = self.values[name]

FORMAT = Format((".flat",), Flat)
''',
    "toy_encoder.py": '''
"""The mean of each track, mapped."""
from torch import nn

class Mean(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.map = nn.Linear(config.signal_channels, config.width_model)

    def forward(self, features, cls_at=None):
        return self.map(features.signals.mean(2))
''',
    "toy_score.py": '''
"""How near an element is, whatever the model says."""
from crexpress.interpret.scores import Score

SCORE = Score("nearness of a toy", lambda seen: 1 / seen.bp)
''',
    "toy_evidence.py": '''
"""The element's width."""
from crexpress.links.evidence.piece import Piece

def width(links):
    found = links.scene.elements[links.element]
    return (found["ccre_end"] - found["ccre_start"]).to_numpy() + 1 / links.apart

PIECE = Piece("toy_width", "width of the element", "bp", (), width)
''',
    "toy_baseline.py": '''
"""The median of the training genes, in every cell."""
import numpy as np
from crexpress.baselines.added import Baseline
from crexpress.core.methods import GENES

def median(task):
    known = [cell.expression[task.training] for cell in task.cells if cell.trained]
    return {cell.name: np.full(len(task.genes), np.nanmedian(known)) for cell in task.cells}

BASELINE = Baseline(GENES, median)
''',
    "toy_benchmark.py": '''
"""How many links each table has of one gene, which the file names."""
from crexpress.evaluate.benchmarks.base import SECTION, Found
from crexpress.evaluate.metrics import Context

def score(entry, world):
    gene = entry.file.read_text().strip()
    rows = []
    for links in world.links:
        found = float((links.table["key"] == gene).sum())
        for score in links.scores.values():
            context = Context(SECTION, links.cell, None, "all pairs", entry.name, methods={score.label: score.method})
            rows.append(context.metric(score.label, "links", found, len(links.table)))
    return Found(rows)
''',
    "toy_importer.py": '''
"""Links of a program that calls its score "belief"."""
from crexpress.links.importers.base import Format

FORMAT = Format("toy", "Toy", score=("belief",))
''',
    "toy_part.py": '''
"""How many cells there are."""
from crexpress.report.page import Section, Text
from crexpress.report.parts.part import Part

PART = Part(lambda study: Section("toys", "Toys", [Text(f"There are {len(study.inputs.predictions)} toy cells.")]))
''',
}
POINTS = """
[crexpress.track_formats]
flat = toy_format:FORMAT
[crexpress.encoders]
toy = toy_encoder:Mean
[crexpress.scores]
toy_nearness = toy_score:SCORE
[crexpress.evidence]
toy_width = toy_evidence:PIECE
[crexpress.baselines]
toy median = toy_baseline:BASELINE
[crexpress.benchmarks]
toy = toy_benchmark:score
[crexpress.importers]
toy = toy_importer:FORMAT
[crexpress.report_parts]
toys = toy_part:PART
"""


@pytest.fixture
def _toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package as pip lays it out: its files, and what it says of itself."""
    about = tmp_path / "site/toys-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(POINTS)
    for name, text in FILES.items():
        (tmp_path / "site" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "site")


def ran(tool: str, *options: Any) -> str:
    result = run(tool, *options)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("_toys")
def test_a_track_format(tiny: TinyCase, tmp_path: Path) -> None:
    track = tmp_path / "dnase.flat"
    track.write_text("chr1 1\nchr2 2\nchr3 4\n")
    sheet = tmp_path / "cells.csv"
    sheet.write_text("cell,assay,file\nA,dnase,dnase.flat\n")
    asked = ("--tracks", "dnase", "--output", tmp_path / "checked.csv")
    refused = run("check-samplesheet", "--samplesheet", sheet, *asked)
    assert "no cell is left to train on" in refused.output  # and the format is no fault
    assert "does not fit" not in refused.output
    given = ("--elements", tiny.elements, "--cell", "A", "--track", f"dnase={track}", "--transform", "none")
    ran("extract-signals", *given, "--output", tmp_path / "signals.A.safetensors")
    values = artifacts.open_arrays(tmp_path / "signals.A.safetensors", "signals").tensors["dnase"]
    chrom = artifacts.read_table(tiny.elements, "elements")[0]["chrom"].to_numpy()
    for name, value in {"chr1": 1, "chr2": 2, "chr3": 4}.items():
        assert (values[chrom == name] == value).all()


@pytest.mark.slow
@pytest.mark.usefixtures("_toys")
def test_an_encoder_a_score_and_a_baseline(tiny: TinyCase, tmp_path: Path) -> None:
    preset = tmp_path / "toy.json"
    preset.write_text(
        '{"encoder": {"kind": "toy"}, "mixer": {"width": 8, "hidden": 8, "layers": 1}, "inputs": {"bin_size": 40}}'
    )
    result = train(tiny, tmp_path / "model", "--preset", preset, "--steps", 2)
    assert result.exit_code == 0, result.output
    of_a = inputs(tiny, "A", expression=False)
    ran("interpret", "--model", tmp_path / "model", *of_a, "--threads", 1, "--outdir", tmp_path)
    links, header = artifacts.read_table(tmp_path / "links.A.parquet", "links")
    assert header["parameters"]["scores"][-1]["label"] == "nearness of a toy"
    assert np.allclose(links["toy_nearness"], 1 / np.maximum(links["distance"].abs(), NEAREST))

    split = ("--val", "chr2", "--test", "chr3", "--holdout-cells", "B")
    ran("fit-baselines", *inputs(tiny, "A", "B"), *split, "--threads", 1, "--outdir", tmp_path)
    baselines, about = artifacts.read_table(tmp_path / "baselines.B.parquet", "baselines")
    assert {"method": "toy median", "score": "toy_median", "saw": "training genes", "cells": []} in about["parameters"][
        "methods"
    ]
    assert baselines.filter(pl.col("method") == "toy median")["predicted"].n_unique() == 1

    ran("predict", "--model", tmp_path / "model", *of_a, "--threads", 1, "--outdir", tmp_path)
    tested = links.filter(pl.col("chrom") == "chr3").head(100)
    tested.select(
        *("chrom", pl.col("start").alias("chromStart"), pl.col("end").alias("chromEnd"), pl.lit("A").alias("CellType")),
        pl.col("gene_id").alias("measuredGeneEnsemblId"),
        (pl.col("distance").abs() < 3_000).cast(pl.String).str.to_uppercase().alias("Regulated"),
    ).write_csv(tmp_path / "screen.tsv", separator="\t")
    made = ("predictions", "baselines", "links")
    given = [word for kind in made for word in (f"--{kind}", tmp_path / f"{kind}.A.parquet")]
    screen = ("--crispr", tmp_path / "screen.tsv", "--resamples", 20)
    ran("evaluate", *inputs(tiny, "A"), *given, *screen, "--outdir", tmp_path)
    metrics, _ = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")
    best = metrics.filter(pl.col("metric") == "average_precision", pl.col("subset") == "all pairs")
    assert best.filter(pl.col("method") == "nearness of a toy")["value"].item() > 0.9
    named = metrics.filter(pl.col("section") == "expression")["method"]
    assert "toy median (trained on this cell)" in named.to_list()


@pytest.mark.usefixtures("_toys")
def test_a_benchmark_and_an_importer(tmp_path: Path) -> None:
    table, gene = tmp_path / "believed.tsv", tmp_path / "gene.txt"
    table.write_text(
        "chrom\tstart\tend\tgene_name\tbelief\n" + "".join(f"chr1\t{at}\t{at + 9}\tMYC\t1\n" for at in (5, 70))
    )
    gene.write_text("MYC")
    asked = ("--benchmark", f"counted=toy:{gene}", "--published", f"toy:{table},cell=A")
    ran("evaluate", *asked, "--benchmark-resamples", 20, "--outdir", tmp_path)
    metrics, _ = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")
    row = metrics.row(0, named=True)
    assert [row[name] for name in ("reference", "cell", "metric", "value", "n")] == ["counted", "A", "links", 2, 2]


@pytest.mark.slow
@pytest.mark.usefixtures("_toys")
def test_a_piece_of_evidence(tmp_path: Path) -> None:
    case = link_case.make()
    given = link_case.write(case, tmp_path)[:6]  # without links
    screen = link_case.screen(case, tmp_path / "screen.tsv")
    asked = ("--evidence", "distance,toy_width", "--folds", 0, "--output", tmp_path / "own.safetensors")
    ran("fit-links", *given, "--crispr", f"s={screen}", *asked)
    header = artifacts.read_header(tmp_path / "own.safetensors")
    assert header is not None
    assert header["parameters"]["evidence"] == ["distance", "toy_width"]


@pytest.mark.slow
@pytest.mark.usefixtures("_toys")
def test_a_part_of_the_report(tiny: TinyCase, tmp_path: Path) -> None:
    made = report_case.Run(tiny, tmp_path)
    result = report_case.invoke(*made.arguments(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    page = (tmp_path / "out/report.html").read_text()
    assert "There are 2 toy cells." in page
