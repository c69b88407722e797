#!/usr/bin/env python3
"""A cell from its files to the expression of its genes: the released ScPGE program against our tools, CPU time.

    tests/benchmarks/bench_cell.py --released code            (code/ of github.com/turningpoint1988/ScPGE, f60583a)

What a reader of the released program must do for a cell of their own: encode its genes (bench_encoder.py) and run the
model over them, with one set of random weights on either side, so that the predictions can be compared. Ours are
the tools of bin/, files written and read. Left out are the released program's HDF5 file and, on both sides, the start
of Python.
"""

import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from bench_encoder import K562, TRACKS, call, cpu_seconds, run_ours, run_released, show
from bench_model import Released

from crexpress.core import artifacts

TOLERANCE = 0.01  # of the standard deviation between genes; inputs are kept as float16
EXPRESSION = K562 / "K562.gene_expression.GENCODE24_PC.tsv.gz"


def imported(folder: Path, preset: str, checkpoint: Path | None) -> list[str | Path]:
    """Options of the store, after a model directory of it was written: of a checkpoint, or as it starts."""
    store: list[str | Path] = ["--signals", folder / "signals.K562.safetensors"]
    for name in ("elements", "genes"):
        store += [f"--{name}", folder / f"{name}.parquet"]
    for name in ("sequence", "motifs"):
        store += [f"--{name}", folder / f"{name}.safetensors"]
    call("quantify-expression", "--genes", folder / "genes.parquet", "--cell", "K562",
         "--rna", f"{EXPRESSION}:TPM_Roadmap", "--outdir", folder)  # fmt: skip
    start = ["--import-weights", checkpoint, "--steps", 0] if checkpoint else ["--steps", 1, "--batch-size", 2]
    call("train", *store, "--expression", folder / "expression.K562.parquet", "--preset", preset, *start,
         "--tracks", ",".join(TRACKS), "--neighbours", 20, "--val", "chr20:0-3000000",
         "--test", "chr20:3000000-6000000", "--threads", 1, "--outdir", folder / preset)  # fmt: skip
    return store


def predicted(folder: Path, preset: str, store: list[str | Path]) -> tuple[float, dict[str, float]]:
    """CPU seconds of the tool predict for all genes, the better of two runs, and what it predicts of each."""
    options = [*store, "--model", folder / preset, "--threads", 1, "--outdir", folder / preset]
    spent = min(cpu_seconds(lambda: call("predict", *options)) for _ in range(2))
    table, _ = artifacts.read_table(folder / preset / "predictions.K562.parquet", "predictions")
    return spent, dict(table.select("gene_id", "predicted").iter_rows())


@click.command()
@click.option("--released", "code", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of its encode.py, model.py and datasets.py.")  # fmt: skip
@click.option("--genes", default=8, show_default=True, help="How many genes the released program predicts.")
@click.option("--seed", default=1, show_default=True, help="Seed of the weights.")
def main(code: Path, genes: int, seed: int) -> None:
    """Compare seconds a gene, from the cell's files to its prediction, and the predictions."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    program = Released(code)
    with tempfile.TemporaryDirectory() as name:
        folder, raw = Path(name), Path(name) / "released"
        raw.mkdir()
        torch.save({"model_state_dict": program.model.state_dict()}, folder / "model.best.pth")
        selection, encoding, kept = run_released(code / "encode.py", raw, genes)
        arrays = (kept["seqs"], kept["scores"], kept["tracks"], np.ones((len(kept["genes"]), 1)))
        theirs: list[Any] = []
        program.predict(tuple(part[:1] for part in arrays))  # warms up, as ours below
        running = cpu_seconds(lambda: theirs.append(program.predict(arrays).numpy()))
        few = len(kept["genes"])
        for preset, mode in (("scpge-compat", "scpge-compat"), ("scpge", "log-odds")):
            run_ours(folder, mode)  # compiles
            tools = run_ours(folder, mode)
            store = imported(folder, preset, folder / "model.best.pth" if preset == "scpge-compat" else None)
            tools["predict"], values = predicted(folder, preset, store)
            report(preset, (selection / len(values) + encoding / few, running / few), few, tools, len(values))
            if preset == "scpge-compat":
                difference = np.abs(theirs[0] - [values[gene.decode()] for gene in kept["genes"]]).max()
                spread = theirs[0].std()
                show("largest difference, deviation between genes (log10)", f"{difference:.1e}, {spread:.1e}")
                if difference > TOLERANCE * spread:
                    raise SystemExit("the two do not agree")


def report(preset: str, theirs: tuple[float, float], few: int, tools: dict[str, float], genes: int) -> None:
    """Show what a gene takes on either side, and the ratio; `theirs` seconds a gene, `tools` seconds of all genes."""
    click.echo(f"{preset}: {genes} genes, of which the released program {few}")
    for step, spent in zip(("encode", "model"), theirs, strict=True):
        show(f"  released, {step}", f"{spent * 1e3:,.1f} ms/gene")
    for tool, spent in tools.items():
        show(f"  ours, {tool}", f"{spent / genes * 1e3:,.1f} ms/gene")
    slow, fast = sum(theirs), sum(tools.values()) / genes
    show("prediction of a cell from its files", f"{slow * 1e3:,.0f} and {fast * 1e3:,.1f} ms/gene")
    show("ratio", f"{slow / fast:,.0f} x")


if __name__ == "__main__":
    main()
