"""The full ENCODE run without its work: 19 cells, 196 files and five seeds; `make test` leaves it out."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from encode_sheet import write_sheet

from launching import ROOT, Pipeline, tasks

pytestmark = [pytest.mark.pipeline, pytest.mark.slow, pytest.mark.scale]

SEEDS = 5


@pytest.fixture(scope="module")
def arguments(pipeline: Pipeline) -> list[str | Path]:
    """ScPGE's samplesheet with a small file of the right kind in the place of each of its addresses."""
    assert len(write_sheet(ROOT / "assets/test_full/human.csv", pipeline.folder / "cells.csv")) == 19
    seeds = ",".join(str(seed) for seed in range(1, SEEDS + 1))
    chosen = {"samplesheet": "cells.csv", "holdout_cells": None, "interpret_cells": "K562", "preset": "scpge"}
    (pipeline.folder / "params.json").write_text(json.dumps(chosen | {"seeds": seeds}))
    return ["-profile", "test", "-stub-run", "-params-file", "params.json", "--outdir", "out"]


def documented() -> dict[str, tuple[int, int, float]]:
    """Tasks, CPUs and GB of memory of each process in docs/scaling.md."""
    text = (ROOT / "docs/scaling.md").read_text()
    rows = re.findall(r"^\| ([A-Z_]+) \| (\d+) \| (\d+) \| ([\d.]+) \|", text, re.MULTILINE)
    return {name: (int(count), int(cpus), float(memory)) for name, count, cpus, memory in rows}


def test_nineteen_cells_and_five_seeds_take_the_tasks_that_the_docs_count(
    pipeline: Pipeline, arguments: list[str | Path]
) -> None:
    # the limits of a cluster, so that tasks ask for what they would ask there
    (pipeline.folder / "cluster.config").write_text(
        "process.resourceLimits = [cpus: 64, memory: 512.GB]\n"
        "executor { queueSize = 2\n $local { cpus = 64\n memory = 512.GB } }\n"
        "trace { fields = 'process,status,cpus,memory'\n file = 'trace.txt' }\n"
    )
    arguments = [*arguments, "-c", "cluster.config"]
    output = pipeline.run(*arguments)
    rows = list(csv.DictReader((pipeline.folder / "trace.txt").open(), delimiter="\t"))
    assert {row["status"] for row in rows} == {"COMPLETED"}
    counted = Counter(row["process"].split(":")[-1] for row in rows)
    expected = documented()
    del expected["CHECK_GPU"]  # where there is one
    assert counted == {name: count for name, (count, _, _) in expected.items()}
    for row in rows:
        _, cpus, memory = expected[row["process"].split(":")[-1]]
        assert int(row["cpus"]) == cpus, row
        assert row["memory"] == f"{memory:g} GB", row
    assert len(tasks(output)) == len(rows) - 1  # the check of the setup

    again = pipeline.run(*arguments, "-resume")
    assert not tasks(again)
    assert len(tasks(again, "Cached")) == len(rows) - 1
