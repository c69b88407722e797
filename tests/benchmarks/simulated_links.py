#!/usr/bin/env python3
"""Does a link model carry over to a cell never seen? On simulated genomes, whose links are known.

    OMP_NUM_THREADS=1 tests/benchmarks/simulated_links.py --folder results/simulated --seeds 1,2,3

For each seed a genome like assets/test: a link model is fitted to the noisy screen of cell1 and applied to cell5, of
whose links it knows nothing (it is given its tracks, expression and loops); beside it stand ABC, activity/distance,
distance, and perturbation by crexpress-small trained on the other four cells. All are scored on the planted links of
cell5, and on cell1's screen (chromosomes held out). What is in `--folder` already is not made again.
"""

from pathlib import Path

import click
import polars as pl
from real_case import Case

from crexpress.core import artifacts

CELLS = tuple(f"cell{number}" for number in range(1, 6))
TRACKS = ("dnase", "h3k27ac", "h3k4me3", "ctcf")
FIT, NEW = "cell1", "cell5"
CLOSED = ("ABC", "activity/distance", "distance")
WORLD = ("--cells", 5, "--chromosomes", 6, "--genes", 900, "--distal", 2.7)  # as assets/test


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--seeds", default="1,2,3")
@click.option("--window", default=100_000, help="Links that are scored, bp around the TSS; the truth reaches 45 kb.")
def main(folder: Path, seeds: str, window: int) -> None:
    """Print average precision and auPRC of every score, by seed."""
    print("| genome | links of | score | average precision | auPRC (trapezoid) |\n|---|---|---|---|---|")
    for seed in seeds.split(","):
        for row in scored(Case(folder / f"seed{seed}", {}), int(seed), window):
            print(f"| {seed} | {' | '.join(row)} |", flush=True)


def scored(case: Case, seed: int, window: int) -> list[list[str]]:
    """Rows: which links, score, average precision, auPRC."""
    where = case.folder
    data = case.make(
        where / "data" / "truth.tsv.gz", "simulate", "--seed", seed, *WORLD, "--outdir", where / "data"
    ).parent
    reference = prepare(case, data)
    model = where / "link_model.safetensors"
    fitted = ("--signals", where / f"signals.{FIT}.safetensors", "--expression", where / f"expression.{FIT}.parquet")
    contacts = {cell: ("--contacts", where / f"contacts.{cell}.npz") for cell in (FIT, NEW)}
    screen = ("--crispr", f"screen={data / 'crispr.tsv.gz'}", "--name", FIT, "--seed", seed)
    case.make(model, "fit-links", *reference, *fitted, *contacts[FIT], *screen, "--folds", 3, "--output", model)
    told = artifacts.open_arrays(model, "link_model").header["parameters"]["card"]["calibration_error"]
    click.echo(f"seed {seed}: calibration error on {FIT}'s screen, held out: {told:.3f}", err=True)
    rows = []
    for cell, kind, file in ((NEW, "planted truth, cell never seen", "truth"), (FIT, "screen, held out", "crispr")):
        signals = ("--signals", where / f"signals.{cell}.safetensors")
        expression = ("--expression", where / f"expression.{cell}.parquet")
        own = where / "scored" / f"links.{cell}.parquet"
        given = ("--link-model", model, *reference, *signals, *expression, *contacts[cell], "--window", window)
        case.make(own, "score-links", *given, "--outdir", own.parent)
        network = network_links(case, reference, signals, cell, seed)
        metrics = where / f"evaluated-{cell}" / "metrics.parquet"
        links = ("--links", own, "--links", network, "--crispr", f"{file}={data / file}.tsv.gz", "--resamples", 0)
        case.make(metrics, "evaluate", *reference, *signals, *links, "--outdir", metrics.parent)
        rows += [[f"{cell}: {kind}", *row] for row in figures(metrics)]
    return rows


def prepare(case: Case, data: Path) -> tuple[object, ...]:
    """The store of all cells; options that name elements and genes."""
    where = case.folder
    genes = case.make(
        *(where / "genes.parquet", "merge-ccres", "--ccres", data / "ccres.bed.gz", "--gtf", data / "genes.gtf.gz"),
        *("--chrom-sizes", data / "genome.fa.gz.fai", "--outdir", where),
    )
    reference = ("--elements", where / "elements.parquet", "--genes", genes)
    for cell in CELLS:
        tracks = [word for name in TRACKS for word in ("--track", f"{name}={data / cell / name}.bigWig")]
        signals = where / f"signals.{cell}.safetensors"
        case.make(signals, "extract-signals", *reference, "--cell", cell, *tracks, "--output", signals)
        tables = [word for n in (1, 2) for word in ("--rna", data / cell / f"rna.{n}.genes.results.gz")]
        expression = where / f"expression.{cell}.parquet"
        case.make(expression, "quantify-expression", *reference[2:], "--cell", cell, *tables, "--outdir", where)
        contacts = where / f"contacts.{cell}.npz"
        loops = ("--loops", data / cell / "loops.longrange.gz", "--output", contacts)
        case.make(contacts, "build-loops", *reference[:2], "--cell", cell, *loops)
    return reference


def network_links(
    case: Case,
    reference: tuple[object, ...],
    signals: tuple[object, ...],
    cell: str,
    seed: int,
    *more: object,
    name: str = "",
) -> Path:
    """Links of crexpress-small, trained on all cells but the new one, in folders of its own with `more` options."""
    where, profile = case.folder, case.folder / f"profiles.{cell}.safetensors"
    model, network = where / name / "model", where / name / "network"
    given = [
        word
        for known in CELLS[:4]
        for kind, name in (("signals", f"signals.{known}.safetensors"), ("profiles", f"profiles.{known}.safetensors"),
                           ("expression", f"expression.{known}.parquet"))
        for word in (f"--{kind}", where / name)
    ]  # fmt: skip
    options = ("--neighbours", 32, "--steps", 200, "--val", "chr5", "--test", "chr6", "--seed", seed, "--threads", 1)
    case.make(model / "history.parquet", "train", *reference, *given, *options, *more, "--outdir", model)
    links = network / f"links.{cell}.parquet"
    own = ("--model", model, *reference, *signals, "--profiles", profile, "--threads", 1)
    return case.make(links, "interpret", *own, "--outdir", links.parent)


def figures(metrics: Path) -> list[list[str]]:
    """Score, average precision and auPRC of all pairs."""
    table, _ = artifacts.read_table(metrics, "metrics")
    table = table.filter(pl.col("section") == "links", pl.col("subset") == "all pairs")
    rows = []
    for score in ("probability", "perturbation", "attention", *CLOSED):
        own = table.filter(pl.col("score") == score)
        values = [own.filter(pl.col("metric") == name)["value"] for name in ("average_precision", "auprc")]
        rows.append([score, *(f"{value[0]:.3f}" if len(value) else "-" for value in values)])
    return rows


if __name__ == "__main__":
    main()
