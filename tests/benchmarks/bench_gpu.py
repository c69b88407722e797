#!/usr/bin/env python3
"""Training of full-size ScPGE on a GPU: wall time, genes a second, fraction of the GPU's peak, how busy it is, memory.

A cell type of the size of a real one is generated (random inputs: only speed is looked at) and trained by the loop of
`train`. The peak is the speed of large bfloat16 products on the same GPU, measured in the same run.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import click
import numpy as np
import polars as pl
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from crexpress.core.device import CPU, choose_precision, prepare
from crexpress.data import neighbours
from crexpress.data.rows import CHUNK, HostRows, Rows
from crexpress.data.store import CellData, Store
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training import samples as draws
from crexpress.training.batches import ahead, make
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.loop import update
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples

WIDTH, MOTIFS, CHROMOSOME = 600, 600, 125_000_000
WARM_UP = 20  # steps before the clock starts


class Size(NamedTuple):
    """Of the generated cell type: ENCODE's cCREs merged, and its protein-coding genes."""

    genes: int = 19_000
    ccres: int = 726_796


class Case(NamedTuple):
    """One line of the table; `cells` above 1 are streamed from the host, as they would not fit at once."""

    what: str
    neighbours: int
    tracks: int
    cells: int
    steps: int


CASES = (
    Case("m = 20, 4 tracks", 20, 4, 1, 8000),
    Case("m = 200, 4 tracks", 200, 4, 1, 200),
    Case("m = 20, 13 tracks", 20, 13, 1, 1000),
    Case("m = 20, 4 tracks, 19 cells streamed", 20, 4, 19, 1000),
)


def generate(size: Size, case: Case, device: torch.device) -> Store:
    """A store of random inputs; on the host the cells share one set of arrays."""
    rng = np.random.default_rng(1)
    chroms = [f"chr{number}" for number in range(1, 24)]

    def places(count: int) -> pl.DataFrame:
        table = pl.DataFrame({"chrom": rng.choice(chroms, count), "middle": rng.integers(1000, CHROMOSOME, count)})
        return table.sort("chrom", "middle")

    ccres, tss = places(size.ccres), places(size.genes)
    middle = pl.concat([ccres, tss])
    elements = middle.select("chrom", start=pl.col("middle") - WIDTH // 2, end=pl.col("middle") + WIDTH // 2)
    kinds = ["dELS"] * size.ccres + ["TSS"] * size.genes
    elements = elements.with_columns(pl.Series("class", kinds))
    own = np.arange(size.ccres, len(elements), dtype=np.int32)
    genes = tss.select("chrom", tss="middle", strand=pl.lit("+")).with_columns(pl.Series("element", own))
    index = neighbours.nearest(genes, elements, case.neighbours)
    distance = neighbours.distances(genes, elements, index).astype(np.float32)

    signals: Rows
    if case.cells == 1:
        signals = torch.empty(len(elements), case.tracks, WIDTH, dtype=torch.float16, device=device)
        for part in signals.split(CHUNK):
            part.uniform_()
    else:
        track = rng.random((len(elements), WIDTH), dtype=np.float32).astype(np.float16)
        signals = HostRows([track] * case.tracks, stack=True)
    present = torch.ones(case.tracks, dtype=torch.bool)
    cells = [CellData(f"cell{number}", signals, present) for number in range(case.cells)]
    codes = torch.randint(0, 4, (len(elements), WIDTH), dtype=torch.uint8, device=device)
    motifs = torch.empty(len(elements), MOTIFS, dtype=torch.float16, device=device).normal_()
    store = Store(genes, elements, torch.from_numpy(index), torch.from_numpy(distance), cells, codes, motifs, {}, [])
    return store.to(device, "resident" if case.cells == 1 else "stream")


def measure(case: Case, size: Size, engine: Engine, peak: float, batch_size: int) -> dict[str, str]:
    """Train and return the figures of one case as text."""
    tracks = tuple(f"track{number}" for number in range(case.tracks))
    names = tuple(f"motif{number}" for number in range(MOTIFS))
    config = read_preset("scpge")[0].replace(
        tracks=tracks, motifs=names, sequence=True, width=WIDTH, neighbours=case.neighbours
    )
    store = generate(size, case, engine.device)
    torch.manual_seed(1)
    model = engine.place(RegulatoryModel(config))
    settings = TrainingConfig(steps=case.steps, batch_size=batch_size)
    optimiser = torch.optim.AdamW(model.parameters())
    count = len(store.genes)
    everything = Samples(
        np.repeat(np.arange(case.cells), count),
        np.tile(np.arange(count), case.cells),
        np.random.default_rng(2).random(count * case.cells, dtype=np.float32),
    )
    order = draws.shuffled(store, everything, batch_size, np.random.default_rng(1))
    batches = ahead(partial(make, store, everything), order, engine.device)
    ready = engine.ready(model).train()

    def steps(number: int) -> float:
        """Seconds of so many steps."""
        begin = time.perf_counter()
        for _ in range(number):
            update(ready, *next(batches), optimiser, 1e-4, settings, engine)
        wait(engine.device)
        return time.perf_counter() - begin

    with FlopCounterMode(display=False) as flops:
        steps(1)
    steps(WARM_UP if engine.device.type == "cuda" else 1)
    if engine.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = steps(case.steps)
    speed = case.steps / seconds
    figures = {
        "steps": f"{case.steps:,}",
        "seconds": f"{seconds:.1f}",
        "8,000 steps": f"{8000 / speed / 60:.1f} min",
        "genes/s": f"{speed * batch_size:,.0f}",
        "TFLOP/s": f"{flops.get_total_flops() * speed / 1e12:.1f}",
        "of peak": f"{flops.get_total_flops() * speed / peak:.1%}",
    }
    if engine.device.type == "cuda":
        figures["busy"] = f"{busy(steps):.0%}"
        figures["GPU memory"] = f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB"
    return figures


def busy(steps: Callable[[int], float], number: int = 30) -> float:
    """Part of the time in which the GPU computes or copies."""
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        seconds = steps(number)
    return sum(event.self_device_time_total for event in recorded.key_averages()) / 1e6 / seconds


def wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_speed(device: torch.device, precision: str, n: int) -> float:
    """FLOP/s of products of n x n matrices, the best of five."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    first, second = (torch.randn(n, n, device=device, dtype=kind) for _ in range(2))
    times = []
    for _ in range(6):
        wait(device)
        begin = time.perf_counter()
        first @ second
        wait(device)
        times.append(time.perf_counter() - begin)
    return 2 * n**3 / min(times[1:])


@click.command()
@click.option("--batch-size", type=int, default=64, help="Genes a step.")
@click.option("--compile", "compiled", is_flag=True, help="With torch.compile.")
@click.option("--only", type=click.IntRange(1, len(CASES)), help="Number of the case to run.  [default: all]")
def main(batch_size: int, compiled: bool, only: int | None) -> None:
    """Measure training on this machine's GPU; without one, check that the benchmark itself runs."""
    device = prepare("auto", None, 1)
    engine = Engine(device, choose_precision("auto", device), compiled)
    if device.type == "cpu":
        for case in (Case("check", 4, 2, 1, 1), Case("check, streamed", 4, 2, 2, 1)):
            measure(case, Size(60, 300), Engine(CPU), peak_speed(CPU, "float32", 128), batch_size=4)
        click.echo("No GPU here, so nothing was measured; the benchmark itself ran through on a tiny case on the CPU.")
        return
    peak = peak_speed(device, engine.precision, 8192)
    click.echo(f"{torch.cuda.get_device_name(device)}, {engine}: {peak / 1e12:.0f} TFLOP/s in large products")
    for case in CASES if only is None else (CASES[only - 1],):
        figures = measure(case, Size(), engine, peak, batch_size)
        click.echo(f"{case.what}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
