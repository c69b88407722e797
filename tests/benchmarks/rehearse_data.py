#!/usr/bin/env python3
"""Data preparation at true scale on generated files: wall time, CPU time and memory of every tool.

Tracks are stored at base resolution. The four tracks are one generated bigWig read four times.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import click
import generated_cell

BIN = Path(__file__).parents[2] / "bin"
MEMORY = ("VmHWM", "RssAnon", "RssFile")
DISK = 14e9  # bytes at scale 1


class Cost(NamedTuple):
    """What one tool took: seconds, and peak memory in MiB: all that was resident, anonymous, mapped files."""

    wall: float
    cpu: float
    resident: float
    anonymous: float
    mapped: float


def run(folder: Path, step: str, arguments: list[str]) -> Cost:
    """Run a tool (the first word of `step`) and watch its memory; its messages go to STEP.log."""
    start, before = time.perf_counter(), os.times()
    peak = dict.fromkeys(MEMORY, 0)
    log = folder / f"{step}.log"
    process = subprocess.Popen([sys.executable, BIN / step.split()[0], *arguments], cwd=folder, stderr=log.open("w"))
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            lines = []
        for name, _, value in (line.partition(":") for line in lines):
            if name in peak:
                peak[name] = max(peak[name], int(value.split()[0]))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{step} failed:\n{log.read_text()}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.perf_counter() - start, cpu, *(peak[name] / 1024 for name in MEMORY))


def prepare(folder: Path, threads: int, bin_size: int) -> dict[str, Cost]:
    """What every data tool took on the files in `folder`."""
    elements, genes = ["--elements", "elements.parquet"], ["--genes", "genes.parquet"]
    cell = ["--cell", "K562"]
    tracks = [part for track in generated_cell.TRACKS for part in ("--track", f"{track}={track}.bw")]
    steps = {
        "merge-ccres": ["--ccres", "ccres.bed", "--gtf", "genes.gtf", "--chrom-sizes", "sizes.tsv"],
        "score-motifs": [*elements, "--fasta", "genome.fa", "--motifs", "motifs.meme", "--threads", str(threads)],
        "extract-signals": [*elements, *cell, *tracks, "--bin-size", str(bin_size)],
        "quantify-expression RNA": [*genes, *cell, "--rna", "rna.tsv"],
        "quantify-expression BAM": [*genes, *cell, "--cage", "cage.bam", "--unit", "CPM"],
        "quantify-expression bigWig": [*genes, *cell, "--cage", "dnase.bw:+", "--cage", "ctcf.bw:-"],
        "build-loops": [*elements, *cell, "--loops", "loops.bed"],
    }
    return {step: run(folder, step, arguments) for step, arguments in steps.items()}


def show(costs: dict[str, Cost]) -> None:
    """One line a tool."""
    click.echo(f"{'tool':<28}{'wall s':>9}{'CPU s':>9}{'resident MiB':>15}{'anonymous MiB':>15}{'mapped MiB':>13}")
    for step, cost in costs.items():
        memory = f"{cost.resident:>15,.0f}{cost.anonymous:>15,.0f}{cost.mapped:>13,.0f}"
        click.echo(f"{step:<28}{cost.wall:>9.1f}{cost.cpu:>9.1f}{memory}")
    wall, cpu = (sum(getattr(cost, name) for cost in costs.values()) for name in ("wall", "cpu"))
    anonymous = max(cost.anonymous for cost in costs.values())
    click.echo(f"{'together (memory: largest)':<28}{wall:>9.1f}{cpu:>9.1f}{'':>15}{anonymous:>15,.0f}")


def show_growth(costs: dict[float, dict[str, Cost]]) -> None:
    """CPU seconds by scale, and what one hundredth of a genome more cost: the same everywhere when growth is linear."""
    pairs = list(pairwise(sorted(costs)))
    click.echo("\nCPU s at each scale, then CPU s for each 1 % of the genome more (equal when growth is linear)")
    heads = "".join(f"{f'{low:g} to {high:g}':>14}" for low, high in pairs)
    click.echo(f"{'tool':<28}" + "".join(f"{scale:>9g}" for scale in sorted(costs)) + heads)
    for step in costs[min(costs)]:
        spent = {scale: costs[scale][step].cpu for scale in sorted(costs)}
        more = [(spent[high] - spent[low]) / (high - low) / 100 for low, high in pairs]
        click.echo(f"{step:<28}" + "".join(f"{s:>9.1f}" for s in spent.values()) + "".join(f"{m:>14.3f}" for m in more))


@click.command()
@click.option("--scales", default="0.01 0.1", show_default=True, help="Fractions of the human genome, .001 to 1.")
@click.option("--motifs", default=generated_cell.MOTIFS, show_default=True, help="How many motifs are scored.")
@click.option("--bin-size", default=1, show_default=True, help="Bases averaged into one value of a track.")
@click.option("--threads", default=2, show_default=True, help="Threads of the motif scan.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated files.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to make the files.  [default: temporary]")
def main(scales: str, motifs: int, bin_size: int, threads: int, seed: int, folder: Path | None) -> None:
    """Prepare one generated cell type at each scale and print what every tool took."""
    costs = {}
    for scale in sorted(float(word) for word in scales.replace(",", " ").split()):
        free, needed = shutil.disk_usage(folder or tempfile.gettempdir()).free, DISK * scale
        if free < needed:
            click.echo(f"\nstopped before scale {scale:g}: {needed / 1e9:.0f} GB of disk needed, {free / 1e9:.0f} free")
            break
        with tempfile.TemporaryDirectory(dir=folder) as name:
            place, start = Path(name), time.perf_counter()
            made = generated_cell.write(place, scale, seed, motifs)
            spent = time.perf_counter() - start
            click.echo(
                f"\nscale {scale:g}: {made.bases / 1e6:,.0f} Mb, {made.ccres:,} cCREs (files made in {spent:.0f} s)"
            )
            costs[scale] = prepare(place, threads, bin_size)
            show(costs[scale])
            click.echo((place / "merge-ccres.log").read_text().strip().splitlines()[-1])
    if len(costs) > 1:
        show_growth(costs)


if __name__ == "__main__":
    main()
