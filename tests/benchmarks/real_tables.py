#!/usr/bin/env python3
"""The tables of docs/results-tables.md on real data (K562, genome-wide), made anew: `make tables`.

    tests/benchmarks/real_tables.py --folder results/tables --write docs/results-tables.md

Expression: 4 and 10 tracks, four targets, two rules of the TSS, three seeds, beside ridge and boosted trees. Links: the
K562 CRISPR screen, with the variants that read HiChIP loops. Runs are kept in the folder, and one that was stopped goes
on from there; what --minutes leaves no time for is named below the tables. All of it takes about 3 hours of one core.
"""

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click
import real_text
from marked_page import put
from real_case import CELL, SCREEN, TARGETS, TRACKS, Case, Run, Setting

from crexpress.core import artifacts
from crexpress.links import products

LOOPS = {
    "scpge-lp": ["--loop-prior", "multiplied"],
    "scpge-lp, added": ["--loop-prior", "added"],
    "scpge-kl": ["--loop-alpha", "1"],
    "scpge-lp-kl": ["--loop-prior", "multiplied", "--loop-alpha", "0.1", "--loop-target", "decay"],
    "scpge-loop": ["--loop-prior", "multiplied", "--loop-alpha", "1", "--loop-boundary", "100000"],
}
MODELS: dict[str, list[str]] = {
    "scpge-small": [],
    "scpge-small, 20 elements": ["--neighbours", "20"],
    "scpge-small, 200 elements": ["--neighbours", "200"],
    "scpge-activity": ["--preset", "scpge-activity"],
    **LOOPS,
}
CANDIDATES = ("scpge-small, 20 elements", "scpge-small")  # of the models of expression, chr16 chooses
LINKED = ("scpge-small", "scpge-small, 200 elements", "scpge-activity", *LOOPS)
MAIN = Setting()
WINDOW = 1_000_000  # bp around a TSS whose elements are links
SETTINGS = [MAIN] + [
    setting for setting in (Setting(*parts) for parts in product(("main", "gene"), TRACKS, TARGETS)) if setting != MAIN
]
MARKS = BEGIN, END = "<!-- made by `make tables` -->", "<!-- end of what `make tables` makes -->"


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("results/tables"))
@click.option("--write", type=click.Path(exists=True, path_type=Path), help="Put the tables between its markers.")
@click.option("--seeds", default="1,2,3", help="Seeds of every training.")
@click.option("--steps", type=int, help="Training steps, instead of the preset's.")
@click.option("--minutes", type=float, help="Start no further training after so many minutes.")
@click.option("--resamples", type=int, default=1000, help="Bootstrap resamples.")
def main(
    folder: Path, write: Path | None, seeds: str, steps: int | None, minutes: float | None, resamples: int
) -> None:
    """Train what is missing, evaluate, and put the tables together."""
    case = Case(folder.resolve() / f"{steps or 'preset'}steps", MODELS, ["--steps", str(steps)] if steps else [])
    numbers = [int(seed) for seed in seeds.split(",")]
    first, rest = numbers[0], numbers[1:]
    for model in CANDIDATES:
        case.train(Run(MAIN, model, first))
    chosen = min(CANDIDATES, key=lambda model: case.validation(Run(MAIN, model, first)))
    click.echo(f"chr16 chooses {chosen} for expression", err=True)
    plan = list(_plan(chosen, first, rest))
    deadline = time.time() + minutes * 60 if minutes else float("inf")
    for run in plan:
        if time.time() < deadline:
            case.train(run)
    done = [run for run in plan if case.trained(run)]
    text = [
        real_text.validation(case, done, first),
        real_text.expression([_expression(case, setting, chosen, done, resamples) for setting in SETTINGS], chosen),
        real_text.links([_links(case, model, done, resamples) for model in LINKED], LOOPS),
        real_text.missing([run for run in plan if run not in done], steps),
    ]
    found = "\n\n".join(part for part in text if part)
    if not write:
        click.echo(found)
        return
    put(write, found, MARKS)


def _plan(chosen: str, first: int, rest: list[int]) -> Iterator[Run]:
    """Trainings, the most telling first: every table with one seed, then the others."""
    yield from (Run(MAIN, model, first) for model in CANDIDATES)
    yield from (Run(MAIN, model, first) for model in LINKED if model not in CANDIDATES)
    yield from (Run(setting, chosen, first) for setting in SETTINGS if setting != MAIN)
    yield from (Run(MAIN, model, seed) for seed in rest for model in (chosen, "scpge-activity"))
    yield from (Run(MAIN, model, seed) for seed in rest for model in LINKED if model not in (chosen, "scpge-activity"))
    yield from (Run(setting, chosen, seed) for seed in rest for setting in SETTINGS if setting != MAIN)


def _expression(
    case: Case, setting: Setting, model: str, done: list[Run], resamples: int
) -> tuple[Setting, Path] | None:
    """metrics.parquet of a setting, with all seeds that there are."""
    runs = [run for run in done if (run.setting, run.model) == (setting, model)]
    if not runs:
        return None
    store = case.store(setting.tss)
    outdir = case.folder / setting.folder / f"evaluation.{'-'.join(str(run.seed) for run in runs)}"
    case.make(
        *(outdir / "metrics.parquet", "evaluate", "--elements", store["elements"], "--genes", store["genes"]),
        *("--expression", case.expression(setting), "--baselines", case.baselines(setting)),
        *(word for path in case.predictions(runs) for word in ("--predictions", path)),
        *("--resamples", resamples, "--outdir", outdir),
    )
    return setting, outdir / "metrics.parquet"


def _links(case: Case, model: str, done: list[Run], resamples: int) -> tuple[str, int, Path] | None:
    """metrics.parquet of the links of a model, the mean over the seeds that there are, and their number."""
    runs = [run for run in done if (run.setting, run.model) == (MAIN, model)]
    if not runs:
        return None
    store = case.store(MAIN.tss)
    place = case.place(runs[0]).parent / f"links{len(runs)}"
    common = "--elements", store["elements"], "--genes", store["genes"], "--signals", store["signals"]
    screen = "--crispr", f"EPCrisprBenchmark={SCREEN}"
    case.make(
        *(place / "metrics.parquet", "evaluate", "--links", _with_products(case, runs, place), *common, *screen),
        *("--crispr-cell", CELL, "--resamples", resamples, "--outdir", place),
    )
    return model, len(runs), place / "metrics.parquet"


def _with_products(case: Case, runs: list[Run], place: Path) -> Path:
    """The links with ABC and its products with the network's scores, of all elements within 500 kb of a TSS."""
    path, store = place / f"links.{CELL}.parquet", case.store(MAIN.tss)
    if path.exists():
        return path
    source = case.links(runs)[-1]
    table, header = artifacts.read_table(source, "links")
    elements, genes = artifacts.read_elements_and_genes(store["elements"], store["genes"])
    signals = store["signals"]
    world = products.read_world(elements.frame, genes.frame, store["genes"], genes.header, signals, CELL)
    about = dict(header["parameters"])
    about |= {"scores": [*about["scores"], *products.SCORES], "window": WINDOW}
    with artifacts.create_table(path, header | {"parameters": about}) as append:
        for part in products.products(table, world, WINDOW):
            append(part)
    return path


if __name__ == "__main__":
    main()
