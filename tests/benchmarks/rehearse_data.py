#!/usr/bin/env python3
"""Data preparation at true scale on generated files: wall time, CPU time and memory of every tool.

At scale 1 the files are those of one human cell type: 3.1 Gb of sequence, some 745,000 elements, 19,000
genes, 676 motifs, four base-level tracks and 100,000 loops. The four tracks are one generated bigWig read
four times.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import pyBigWig

BIN = Path(__file__).parents[2] / "bin"
HUMAN = 3_088_000_000
CHROMOSOMES = 24
TRACKS = ("dnase", "h3k4me3", "h3k27ac", "ctcf")
PIECE = 10_000_000  # bp generated at a time
STEP = 10  # bp of a value in the bigWig


def write_fasta(path: Path, lengths: dict[str, int], rng: np.random.Generator) -> None:
    letters = np.frombuffer(b"ACGT", np.uint8)
    with path.open("wb") as file:
        for chrom, length in lengths.items():
            file.write(f">{chrom}\n".encode())
            for low in range(0, length, PIECE):  # lengths are multiples of the line width
                bases = letters[rng.integers(0, 4, min(PIECE, length - low), dtype=np.uint8)].reshape(-1, 100)
                file.write(np.pad(bases, ((0, 0), (0, 1)), constant_values=ord("\n")).tobytes())


def write_bigwig(path: Path, lengths: dict[str, int], rng: np.random.Generator) -> None:
    pool = np.round(rng.gamma(0.5, 2, PIECE // STEP), 2)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(lengths.items()), maxZooms=0)
        for chrom, length in lengths.items():
            for low in range(0, length, PIECE):
                count = min(PIECE, length - low) // STEP
                values = np.roll(pool, int(rng.integers(len(pool))))[:count]
                file.addEntries(chrom, low, values=values, span=STEP, step=STEP)


def write_inputs(folder: Path, scale: float, motifs: int, seed: int) -> None:
    """Every input file of one cell type."""
    rng = np.random.default_rng(seed)
    length = int(HUMAN * scale / CHROMOSOMES) // 1000 * 1000
    lengths = {f"chr{number}": length for number in range(1, CHROMOSOMES + 1)}
    names = np.array(list(lengths))
    (folder / "sizes.tsv").write_text("".join(f"{name}\t{size}\n" for name, size in lengths.items()))
    write_fasta(folder / "genome.fa", lengths, rng)
    write_bigwig(folder / "track.bw", lengths, rng)

    ccres = int(870_000 * scale)
    chrom, start = names[rng.integers(0, CHROMOSOMES, ccres)], rng.integers(0, length - 400, ccres)
    with (folder / "ccres.bed").open("w") as file:
        for number, (name, low) in enumerate(zip(chrom, start.tolist(), strict=True)):
            file.write(f"{name}\t{low}\t{low + 300}\tE{number}\tE{number}\tdELS\n")
    genes = int(19_000 * scale)
    chrom, start = names[rng.integers(0, CHROMOSOMES, genes)], rng.integers(1, length - 20_000, genes)
    with (folder / "genes.gtf").open("w") as gtf, (folder / "rna.tsv").open("w") as rna:
        rna.write("gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n")
        for number, (name, low) in enumerate(zip(chrom, start.tolist(), strict=True)):
            gene = f'gene_id "G{number}"; gene_type "protein_coding"; gene_name "N{number}";'
            place = f"{low}\t{low + 10_000}\t.\t{'+-'[number % 2]}\t."
            gtf.write(f"{name}\tx\tgene\t{place}\t{gene}\n")
            gtf.write(f'{name}\tx\ttranscript\t{place}\t{gene} transcript_id "T{number}"; tag "basic";\n')
            rna.write(f"G{number}\tT{number}\t1000\t900\t10\t{rng.gamma(0.3, 30):.2f}\t1\n")
    with (folder / "loops.bed").open("w") as file:
        file.write("chr1\ts1\te1\tchr2\ts2\te2\tcc\tQ-Value_Bias\n")
        count = max(1, int(100_000 * scale))
        for name, low in zip(rng.choice(names, count), rng.integers(0, length // 5000 - 50, count), strict=True):
            high = low + rng.integers(4, 50)
            ends = f"{name}\t{low * 5000}\t{low * 5000 + 5000}\t{name}\t{high * 5000}\t{high * 5000 + 5000}"
            file.write(f"{ends}\t{rng.integers(5, 90)}\t{10.0 ** -rng.uniform(2, 30):.3g}\n")
    with (folder / "motifs.meme").open("w") as file:
        file.write("MEME version 5\n\nALPHABET= ACGT\n")
        for number in range(motifs):
            rows = rng.dirichlet([0.4] * 4, int(rng.integers(6, 22)))
            file.write(f"\nMOTIF TF{number}.H11\nletter-probability matrix: alength= 4 w= {len(rows)} nsites= 100\n")
            file.writelines(" ".join(f"{p:.3f}" for p in row) + "\n" for row in rows)


def run(folder: Path, tool: str, arguments: list[str]) -> tuple[str, float, float, float, float]:
    """Run a tool; its name, wall and CPU seconds, resident and anonymous memory at its peak in MiB."""
    start, peak = time.perf_counter(), {"VmHWM": 0, "RssAnon": 0}
    before = os.times()
    process = subprocess.Popen(
        [sys.executable, BIN / tool, *arguments], cwd=folder, stderr=(folder / f"{tool}.log").open("w")
    )
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            lines = []
        for line in lines:
            name, _, value = line.partition(":")
            if name in peak:
                peak[name] = max(peak[name], int(value.split()[0]))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{tool} failed:\n{(folder / f'{tool}.log').read_text()}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return tool, time.perf_counter() - start, cpu, peak["VmHWM"] / 1024, peak["RssAnon"] / 1024


def rehearse(folder: Path, scale: float, motifs: int, threads: int, seed: int) -> None:
    start = time.perf_counter()
    write_inputs(folder, scale, motifs, seed)
    click.echo(f"\nscale {scale:g} (files made in {time.perf_counter() - start:.0f} s)")
    click.echo(f"{'tool':<24}{'wall s':>10}{'CPU s':>10}{'resident MiB':>15}{'anonymous MiB':>15}")
    tracks = [argument for track in TRACKS for argument in ("--track", f"{track}=track.bw")]
    cell = ["--elements", "elements.parquet", "--cell", "K562"]
    steps = [
        run(folder, "merge-ccres", ["--ccres", "ccres.bed", "--gtf", "genes.gtf", "--chrom-sizes", "sizes.tsv"]),
        run(folder, "extract-signals", [*cell, *tracks]),
        run(folder, "build-loops", [*cell, "--loops", "loops.bed"]),
        run(folder, "quantify-expression", ["--genes", "genes.parquet", "--cell", "K562", "--rna", "rna.tsv"]),
        run(
            folder,
            "score-motifs",
            [*cell[:2], "--fasta", "genome.fa", "--motifs", "motifs.meme", "--threads", str(threads)],
        ),
    ]
    for tool, wall, cpu, resident, anonymous in steps:
        click.echo(f"{tool:<24}{wall:>10.1f}{cpu:>10.1f}{resident:>15,.0f}{anonymous:>15,.0f}")
    click.echo(f"{'together':<24}{sum(step[1] for step in steps):>10.1f}{sum(step[2] for step in steps):>10.1f}")
    click.echo((folder / "merge-ccres.log").read_text().strip().splitlines()[-1])


@click.command()
@click.option("--scales", default="0.01,0.1", show_default=True, help="Fractions of the human genome, from 0.01 to 1.")
@click.option("--motifs", default=676, show_default=True, help="How many motifs are scored.")
@click.option("--threads", default=2, show_default=True, help="Threads of the motif scan.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated files.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to make the files.  [default: temporary]")
def main(scales: str, motifs: int, threads: int, seed: int, folder: Path | None) -> None:
    """Prepare one generated cell type at each scale and print what every tool took."""
    for scale in map(float, scales.split(",")):
        free, needed = shutil.disk_usage(folder or tempfile.gettempdir()).free, int(12e9 * scale)
        if free < needed:
            click.echo(f"\nstopped before scale {scale:g}: {needed / 1e9:.0f} GB of disk needed, {free / 1e9:.0f} free")
            return
        with tempfile.TemporaryDirectory(dir=folder) as place:
            rehearse(Path(place), scale, motifs, threads, seed)


if __name__ == "__main__":
    main()
