#!/usr/bin/env python3
"""Run a case of the pipeline tool by tool, on one thread, with the code of a checkout; compare_runs.py compares two.

    python tests/reference/run_case.py chr20 before --code ../of_then
    python tests/reference/run_case.py chr20 after

Cases are the profiles test, chr20 and k562, with the files that conf/CASE.config of this checkout names. Only options
that tools have had since a071f05 are given, so that older code runs the same: scpge-small, 32 neighbours.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TRACKS = ("dnase", "h3k27ac", "h3k4me3", "ctcf")


def parameters(case: str) -> dict[str, str]:
    """What conf/CASE.config sets."""
    text = (ROOT / "conf" / f"{case}.config").read_text().replace("${projectDir}", str(ROOT))
    lines = re.findall(r"^    (\w+) = (['\"]?)(.*?)\2(?: //.*)?$", text, re.MULTILINE)
    return {name: value for name, _, value in lines}


def cells(sheet: Path) -> dict[str, dict[str, list[str]]]:
    """Files by cell and assay, with their column where they have one."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in csv.DictReader(sheet.open()):
        path = str((sheet.parent / row["file"]).resolve())
        found[row["cell"]][row["assay"]].append(f"{path}:{row['column']}" if row["column"] else path)
    return found


def repeated(option: str, values: list[Any]) -> list[Any]:
    return [word for value in values for word in (option, value)]


def calls(case: str, steps: int) -> Iterator[list[Any]]:
    """Tools with their options, in order; they run in the folder of the results."""
    given = parameters(case)
    sheet = cells(Path(given["samplesheet"]))
    held = given.get("holdout_cells", "").split(",")
    genome = [f"--{kind}" for kind in ("fasta", "chrom_sizes") if kind in given]
    lengths = [genome[0].replace("_", "-"), given[genome[0][2:]]]
    blacklist = ["--blacklist", given["blacklist"]] if "blacklist" in given else []
    how = ["--method", given["merge_method"]] if "merge_method" in given else []
    yield ["merge-ccres", "--ccres", given["ccres"], "--gtf", given["gtf"], *lengths, *blacklist, *how]
    store = ["--elements", "elements.parquet", "--genes", "genes.parquet"]
    if "motifs" in given:
        fasta = ["--fasta", given["fasta"]]
        yield ["score-motifs", "--elements", "elements.parquet", *fasta, "--motifs", given["motifs"]]
        store += ["--motifs", "motifs.safetensors"]
    if case == "chr20":
        store += ["--sequence", "sequence.safetensors"]
    for cell, assays in sheet.items():
        tracks = [f"{track}={path}" for track in TRACKS for path in assays[track]]
        yield ["extract-signals", "--elements", "elements.parquet", "--cell", cell, *repeated("--track", tracks)]
        measured = repeated("--rna", assays["rna"]) or repeated("--cage", assays["cage"])
        yield ["quantify-expression", "--genes", "genes.parquet", "--cell", cell, *measured]
        if assays["loops"]:
            loops = repeated("--loops", assays["loops"])
            yield ["build-loops", "--elements", "elements.parquet", "--cell", cell, *loops]
    split = ["--val", given.get("val", "chr16"), "--test", given.get("test", "chr8,chr9")]
    signals, expression = ({cell: f"{kind}.{cell}.{ending}" for cell in sheet}
                           for kind, ending in (("signals", "safetensors"), ("expression", "parquet")))  # fmt: skip
    known = [cell for cell in sheet if cell not in held]
    learnt = [word for cell in known for word in ("--signals", signals[cell], "--expression", expression[cell])]
    short = ["--preset", "scpge-small", "--neighbours", 32, "--steps", steps, "--seed", 1, "--threads", 1]
    yield ["train", *store, *learnt, *short, *split, "--outdir", "model"]
    every = repeated("--signals", list(signals.values()))
    of_model = ["--model", "model", *store, *every, "--threads", 1]
    yield ["predict", *of_model]
    asked = given.get("interpret_cells", ",".join(sheet)).split(",")
    scored = ["--model", "model", *store, *repeated("--signals", [signals[cell] for cell in asked]), "--threads", 1]
    yield ["interpret", *scored]
    plain = ["--elements", "elements.parquet", "--genes", "genes.parquet"]
    measured = repeated("--expression", list(expression.values()))
    yield ["fit-baselines", *plain, *every, *measured, "--holdout-cells", ",".join(filter(None, held)), *split]
    for kind in ("predictions", "baselines"):
        measured += repeated(f"--{kind}", [f"{kind}.{cell}.parquet" for cell in sheet])
    measured += repeated("--links", [f"links.{cell}.parquet" for cell in asked])
    measured += repeated("--signals", [signals[cell] for cell in asked])
    screens = repeated("--crispr", given["crispr"].split(","))
    screens += ["--crispr-cell", given["crispr_cell"]] if "crispr_cell" in given else []
    yield ["evaluate", *plain, *measured, *screens, "--resamples", 200]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=["test", "chr20", "k562"])
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--code", type=Path, default=ROOT, help="The checkout whose tools run.")
    parser.add_argument("--steps", type=int, default=60, help="Of training.")
    parser.add_argument("--start", help="The tool to go on with; what lies before it is there already.")
    given = parser.parse_args()
    given.outdir.mkdir(parents=True, exist_ok=True)
    code = given.code.resolve()
    environment = os.environ | {"PYTHONPATH": str(code / "python"), "OMP_NUM_THREADS": "1"}
    waiting = given.start
    for tool, *words in calls(given.case, given.steps):
        if waiting not in (None, tool):
            continue
        waiting = None
        print(tool, flush=True)
        command = [sys.executable, code / "bin" / tool, *words]
        subprocess.run([str(word) for word in command], cwd=given.outdir, env=environment, check=True)


if __name__ == "__main__":
    main()
