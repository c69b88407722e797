#!/usr/bin/env python3
"""What loops are worth where they are known to carry information: the simulated case, loops as they are and shuffled.

    tests/benchmarks/simulated_loops.py --seeds 1,2,3
    tests/benchmarks/simulated_loops.py --seeds 1,2,3 --full

Trains scpge-small on the four known cells of assets/test (tracks alone, 32 elements), plain and with each way to use
loops, and scores attention and perturbation on the planted links of cell1. With --full it trains the presets of full
size, on motif scores and tracks at base resolution. Shuffled: each loop keeps its span and strength and gets another
place on its chromosome.
"""

import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import mean, stdev

import click
import numpy as np
import polars as pl
import torch

from crexpress.core import artifacts
from crexpress.training.presets import read_preset

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from tools import run  # noqa: E402

DATA = ROOT / "assets" / "test"
CELLS = ("cell1", "cell2", "cell3", "cell4")
TRACKS = ("dnase", "h3k27ac", "h3k4me3", "ctcf")
SMALL: dict[str, list[object]] = {
    "plain": [],
    "prior, multiplied (scpge-lp)": ["--loop-prior", "multiplied"],
    "prior, added": ["--loop-prior", "added"],
    "supervision (scpge-kl)": ["--loop-alpha", "1"],
    "prior and supervision by decay (scpge-lp-kl)": [
        *("--loop-prior", "multiplied", "--loop-alpha", "0.1", "--loop-target", "decay"),
    ],
}
FULL: dict[str, list[object]] = {name: ["--preset", name] for name in ("scpge", "scpge-lp", "scpge-kl", "scpge-lp-kl")}
SCORES = ("attention", "perturbation")


def tool(name: str, *options: object) -> None:
    """Run bin/`name` in this process; what it complains of ends this program."""
    done = run(name, *options)
    if done.exit_code:
        raise click.ClickException(f"{name}: {done.stderr}")


def prepare(folder: Path, bin_size: int) -> None:
    """The element store, four cells' tracks, expression and loops, and the loops shuffled, in `folder`."""
    genome = DATA / "genome.fa.gz.fai"
    tool(
        *("merge-ccres", "--ccres", DATA / "ccres.bed.gz", "--gtf", DATA / "genes.gtf.gz"),
        *("--chrom-sizes", genome, "--outdir", folder),
    )
    elements = "--elements", folder / "elements.parquet"
    motifs = "--fasta", DATA / "genome.fa.gz", "--motifs", DATA / "motifs.meme"
    tool("score-motifs", *elements, *motifs, "--outdir", folder)
    for cell in CELLS:
        tracks = [word for name in TRACKS for word in ("--track", f"{name}={DATA / cell / name}.bigWig")]
        signals = folder / f"signals.{cell}.safetensors"
        tool("extract-signals", *elements, "--cell", cell, *tracks, "--bin-size", bin_size, "--output", signals)
        tables = [word for n in (1, 2) for word in ("--rna", DATA / cell / f"rna.{n}.genes.results.gz")]
        tool("quantify-expression", "--genes", folder / "genes.parquet", "--cell", cell, *tables, "--outdir", folder)
        real = folder / "real" / f"contacts.{cell}.npz"
        loops = DATA / cell / "loops.longrange.gz"
        tool("build-loops", *elements, "--cell", cell, "--loops", loops, "--output", real)
        (folder / "shuffled").mkdir(exist_ok=True)
        header, contacts = artifacts.read_sparse(real, "contacts")
        artifacts.write_sparse(folder / "shuffled" / real.name, shuffled(contacts, seed=1), header)


def shuffled(contacts: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Contacts whose loops lie elsewhere on their chromosome, with their spans and strengths; the first of a place."""
    generator = np.random.default_rng(seed)
    row, span, offsets = contacts["row"], contacts["col"] - contacts["row"], contacts["offsets"]
    chrom = np.searchsorted(offsets, row, "right") - 1
    room = np.maximum(offsets[chrom + 1] - offsets[chrom] - span, 1)
    place = (offsets[chrom] + generator.integers(0, room)).astype(row.dtype)
    _, kept = np.unique(np.stack([place, place + span]), axis=1, return_index=True)
    moved = {"row": place, "col": place + span}
    loops = ("row", "col", "count", "neglog10q")
    return {name: (moved.get(name, array)[kept] if name in loops else array) for name, array in contacts.items()}


def score(folder: Path, options: list[object], loops: str, seed: int) -> dict[str, float]:
    """auPRC on cell1's planted links of a model trained with these options and loops: {score: auPRC}."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        reference = "--elements", folder / "elements.parquet", "--genes", folder / "genes.parquet"
        motifs = ("--motifs", folder / "motifs.safetensors") if "--preset" in options else ()
        signals = {cell: ("--signals", folder / f"signals.{cell}.safetensors") for cell in CELLS}
        contacts = {cell: ("--contacts", folder / loops / f"contacts.{cell}.npz") for cell in CELLS}
        expression = [word for cell in CELLS for word in ("--expression", folder / f"expression.{cell}.parquet")]
        given = [word for cell in CELLS for word in (*signals[cell], *contacts[cell])]
        tool(
            *("train", *reference, *motifs, *given, *expression, *options, "--neighbours", 32),
            *("--val", "chr5", "--test", "chr6", "--seed", seed, "--threads", 1, "--outdir", place / "model"),
        )
        own = *reference, *signals["cell1"]
        where = "--threads", 1, "--outdir", place
        tool("interpret", "--model", place / "model", *own, *motifs, *contacts["cell1"], *where)
        truth = "--crispr", f"truth={DATA / 'truth.tsv.gz'}", "--resamples", 0
        tool("evaluate", *own, "--links", place / "links.cell1.parquet", *truth, "--outdir", place)
        table, _ = artifacts.read_table(place / "metrics.parquet", "metrics")
        rows = table.filter(pl.col("metric") == "auprc", pl.col("subset") == "all pairs")
        return {name: rows.filter(pl.col("method") == name)["value"].item() for name in SCORES}


@click.command(help=__doc__)
@click.option("--seeds", default="1,2,3", show_default=True)
@click.option("--full", is_flag=True, help="The presets of full size, with 8 genes a step, instead of scpge-small.")
@click.option("--steps", default=400, show_default=True)
@click.option("--jobs", default=os.cpu_count(), show_default="cores", help="Trainings at once, of one thread each.")
def main(seeds: str, full: bool, steps: int, jobs: int) -> None:
    """Print a table of auPRC, mean and standard deviation over seeds."""
    variants, preset, size = (FULL, "scpge", ["--batch-size", 8]) if full else (SMALL, "scpge-small", [])
    runs = [(variant, loops) for variant in variants for loops in ("real", "shuffled")]
    runs.remove((next(iter(variants)), "shuffled"))  # which reads none
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessPoolExecutor(jobs, context, torch.set_num_threads, (1,)) as pool,
    ):
        prepare(Path(name), read_preset(preset)[0].bin_size)
        of_seed = {
            (variant, loops): [
                pool.submit(score, Path(name), [*variants[variant], "--steps", steps, *size], loops, int(seed))
                for seed in seeds.split(",")
            ]
            for variant, loops in runs
        }
        click.echo(f"| use of loops | loops | {' | '.join(SCORES)} |\n|---|---|{'---|' * len(SCORES)}")
        for (variant, loops), futures in of_seed.items():
            found = [future.result() for future in futures]
            values = [[one[score] for one in found] for score in SCORES]
            cells = [f"{mean(v):.3f}" + (f" ± {stdev(v):.3f}" if len(v) > 1 else "") for v in values]
            click.echo(f"| {variant} | {loops if (variant, loops) != runs[0] else 'not read'} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
