#!/usr/bin/env python3
"""What a gene's own profile and a network on it cost: CPU seconds and memory of the tools, one thread.

    OMP_NUM_THREADS=1 python tests/benchmarks/profile_cost.py --folder results/profile-cost

`peaks`: signals and profiles of K562 from its four called-peak files, and signals alone. `base`: the same of a
generated bigWig of base resolution and true size (`generated_cell`: 100 million intervals of 3.1 Gb), read as four
tracks, or as one; signals are kept in bins of 40 bp. `train`: crexpress-small on K562, 20 and 100 elements, one seed.
Files that are in `--folder` are not made again; the measured runs are. docs/scaling.md has the figures.
"""

import shutil
from pathlib import Path

import click
import generated_cell
from profile_ablation import TRACKS, prepare
from real_case import ASSETS, CELL, FOUR, Case, threads
from rehearse_data import Cost, run

PARTS = ("peaks", "base one", "base", "train 20", "train 100")


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--only", multiple=True, type=click.Choice(PARTS))
@click.option("--scale", default=1.0, show_default=True, help="Of the genome, of the generated files.")
def main(folder: Path, only: tuple[str, ...], scale: float) -> None:
    """Print a row a run."""
    print("| run | CPU s | wall s | resident MiB | anonymous MiB |\n|---|---|---|---|---|")
    for part in only or PARTS:
        if part.startswith("base"):
            of_base(folder.absolute(), scale, 1 if part == "base one" else len(FOUR))
        elif part == "peaks":
            of_peaks(folder.absolute())
        else:
            of_training(folder.absolute(), int(part.split()[1]))


def of_peaks(folder: Path) -> None:
    """Called peaks of K562."""
    elements, genes = Case(folder, {}).elements("main")
    files = [f"{name.lower()}={ASSETS}/{CELL}.{name}.peaks.hg38.bw" for name in FOUR]
    of_tracks(folder, "four peak-level tracks", elements, genes, files)


def of_base(folder: Path, scale: float, count: int) -> None:
    """A track of base resolution, once or as often as there are tracks."""
    place = folder / f"generated-{scale:g}"
    if not (place / "genes.parquet").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        generated_cell.write(place, scale, 1, alone=True)
        run(place, "merge-ccres", ["--ccres", "ccres.bed", "--gtf", "genes.gtf", "--chrom-sizes", "sizes.tsv"])
    files = [f"{name}={name}.bw" for name in generated_cell.TRACKS[:count]]
    of_tracks(place, f"{count} base-level", place / "elements.parquet", place / "genes.parquet", files)


def of_tracks(folder: Path, name: str, elements: Path, genes: Path, files: list[str]) -> None:
    """Signals with profiles, and without."""
    given = ["--elements", str(elements), "--cell", CELL, "--bin-size", "40", "--output", "measured.safetensors"]
    given += [word for file in files for word in ("--track", file)]
    show(f"{name}, signals alone", run(folder, "extract-signals alone", given))
    show(f"{name}, signals and profiles", run(folder, "extract-signals", [*given, "--genes", str(genes)]))


def of_training(folder: Path, neighbours: int) -> None:
    """A seed of the preset on K562."""
    store = prepare(Case(folder, {}))
    outdir = folder / "measured"
    shutil.rmtree(outdir, ignore_errors=True)
    given = [str(word) for name, path in store.items() for word in (f"--{name}", path.absolute())]
    given += ["--preset", "crexpress-small", "--neighbours", str(neighbours), "--tracks", ",".join(TRACKS)]
    given += ["--threads", str(threads()), "--outdir", str(outdir)]
    show(f"training, {neighbours} elements a gene", run(folder, "train", given))


def show(name: str, cost: Cost) -> None:
    """A row."""
    figures = (f"{cost.cpu:.0f}", f"{cost.wall:.0f}", f"{cost.resident:,.0f}", f"{cost.anonymous:,.0f}")
    print(f"| {name} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
