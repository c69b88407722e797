#!/usr/bin/env python3
"""Are planted links ranked worse where the network also sees each gene's own profile? On assets/test.

    OMP_NUM_THREADS=1 python tests/benchmarks/simulated_profile.py --folder results/simulated-profile --seeds 1,2,3

crexpress-small, and the same without the profile, trained on four cells from the tracks; average precision of attention
and perturbation on the planted links of a cell seen and of one not seen. What is in `--folder` is not made again.
"""

from itertools import product
from pathlib import Path

import click
import simulated_links
from real_case import ROOT, Case

DATA = ROOT / "assets" / "test"
FORMS = {"with": (), "without": ("--preset", "crexpress-small", "--profile-width", 0)}


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--seeds", default="1,2,3")
@click.option("--steps", default=400)
@click.option("--cells", default=f"{simulated_links.FIT},{simulated_links.NEW}")
def main(folder: Path, seeds: str, steps: int, cells: str) -> None:
    """Print average precision of the network's scores, by seed, cell and whether it sees the profile."""
    case = Case(folder, {})
    reference = simulated_links.prepare(case, DATA)
    print("| seed | cell | profile | attention | perturbation |\n|---|---|---|---|---|", flush=True)
    for seed, cell, form in product(seeds.split(","), cells.split(","), FORMS):
        signals = ("--signals", folder / f"signals.{cell}.safetensors")
        name = f"{form}-{seed}"
        more = ("--steps", steps, *FORMS[form])
        links = simulated_links.network_links(case, reference, signals, cell, int(seed), *more, name=name)
        metrics = folder / name / f"evaluated-{cell}" / "metrics.parquet"
        given = (*reference, *signals, "--links", links, "--crispr", f"truth={DATA / 'truth.tsv.gz'}")
        case.make(metrics, "evaluate", *given, "--resamples", 0, "--outdir", metrics.parent)
        found = {score: average for score, average, _ in simulated_links.figures(metrics)}
        print(f"| {seed} | {cell} | {form} | {found['attention']} | {found['perturbation']} |", flush=True)


if __name__ == "__main__":
    main()
