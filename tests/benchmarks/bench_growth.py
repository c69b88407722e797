#!/usr/bin/env python3
"""How a training step grows with the number of cells and with the window, on generated data: docs/images/growth.svg.

Signals at base resolution lie in mapped files; elements are as dense as the registry's; each point runs in a process of
its own. Seconds are CPU seconds of one thread, memory is anonymous: what the system cannot take back, unlike mapped
files.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import matplotlib
import numpy as np
import torch
from bench_model import SPACING, Shape, generate
from marked_page import put
from matplotlib.figure import Figure

from crexpress.core.device import CPU
from crexpress.data import neighbours
from crexpress.data.rows import HostRows
from crexpress.data.store import CellData
from crexpress.models.regulatory import RegulatoryModel
from crexpress.report import plots, style
from crexpress.training import samples as draws
from crexpress.training.batches import make
from crexpress.training.engine import Engine
from crexpress.training.loop import update
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples

TRACKS, WIDTH = 4, 600
CELLS = (4, 8, 16)
WINDOWS = (2_000, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000)  # bp
MARKS = "<!-- growth: made by make bench-growth -->", "<!-- end of growth -->"


class Point(NamedTuple):
    """What is measured: cells, bp of the window, where inputs are kept, genes in all, genes a step, steps."""

    cells: int
    window: int
    data: str
    genes: int
    batch: int
    steps: int


def write_signals(folder: Path, cells: int, elements: int) -> None:
    """One file a track and cell."""
    rng = np.random.default_rng(1)
    for cell in range(cells):
        for track in range(TRACKS):
            values = rng.random((elements, WIDTH), dtype=np.float32).astype(np.float16)
            np.save(folder / f"{cell}.{track}.npy", values)


def measure(folder: Path, point: Point) -> dict[str, float]:
    """Seconds of a step of creator-small (median) and largest anonymous memory in MiB after one."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    store = generate(point.genes, 0, np.random.default_rng(1), Shape(WIDTH, 0, 0))
    index = neighbours.seen(store.genes, store.elements, neighbours.MOST_IN_WINDOW, point.window)
    distance = neighbours.distances(store.genes, store.elements, index).astype(np.float32)
    store.index, store.distance = torch.from_numpy(index), torch.from_numpy(distance)
    store.codes = torch.zeros(len(store.elements), 0, dtype=torch.uint8)
    store.cells = []
    for cell in range(point.cells):
        parts = [np.load(folder / f"{cell}.{track}.npy", mmap_mode="r") for track in range(TRACKS)]
        store.cells.append(CellData(f"cell{cell}", HostRows(parts, stack=True), torch.ones(TRACKS, dtype=torch.bool)))
    store.to(CPU, point.data)
    names = tuple(f"track{number}" for number in range(TRACKS))
    config, training = read_preset("creator-small")
    model = RegulatoryModel(config.replace(tracks=names, width=WIDTH, bin_size=1, window=point.window))
    optimiser = torch.optim.AdamW(model.parameters())
    every = np.arange(point.cells * point.genes)
    samples = Samples(every // point.genes, every % point.genes, np.ones(len(every), np.float32))
    engine = Engine()
    ready = engine.ready(model).train()
    seconds, memory = [], []
    order = draws.shuffled(store, samples, point.batch, np.random.default_rng(1))
    for chosen in islice(order, point.steps + 1):
        start = time.process_time()
        update(ready, *make(store, samples, chosen), optimiser, 1e-4, training, engine)
        seconds.append(time.process_time() - start)
        memory.append(anonymous())
    seen = float((index != neighbours.PAD).sum(1).mean()) - 1
    return {"seconds": median(seconds[1:]), "memory": max(memory[1:]), "elements": seen}


def anonymous() -> float:
    """Anonymous memory of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


@plots.styled
def picture(cells: Mapping[str, Sequence[dict[str, float]]], windows: Sequence[dict[str, float]]) -> Figure:
    """Seconds and memory of a step, by cells (streamed and resident) and by window."""
    figure = Figure(figsize=(plots.WIDTH, 4.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col")
    for row, (what, label) in enumerate((("seconds", "CPU s a step"), ("memory", "anonymous MiB"))):
        for (data, points), colour in zip(cells.items(), (style.BLUE, style.ORANGE), strict=True):
            axes[row, 0].plot(CELLS, [point[what] for point in points], "o-", color=colour, label=data)
        axes[row, 1].plot(WINDOWS, [point[what] for point in windows], "o-", color=style.BLUE)
        axes[row, 0].set_ylabel(label)
    axes[0, 0].legend()
    axes[1, 0].set(xlabel="cells", xticks=CELLS)
    axes[1, 1].set(xlabel="window around the TSS", xscale="log")
    axes[1, 1].set_xticks(WINDOWS, [style.base_pairs(bp) for bp in WINDOWS], fontsize=7)
    axes[1, 1].xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    for axis in axes.flat:
        axis.set_ylim(0, 1.1 * axis.dataLim.y1)
        axis.grid()
    return figure


def rows(cells: Mapping[str, Sequence[dict[str, float]]], windows: Sequence[dict[str, float]], size: int) -> list[str]:
    """Two Markdown tables: by cells, by window. `size` is the bytes of a cell's signals."""
    lines = [
        "| cells | signals, MB | streamed: CPU s a step | MiB | resident: CPU s a step | MiB |",
        "|---|---|---|---|---|---|",
    ]
    for number, streamed, resident in zip(CELLS, cells["streamed"], cells["resident"], strict=True):
        told = [
            f"{point[what]:,.{digits}f}"
            for point in (streamed, resident)
            for what, digits in (("seconds", 2), ("memory", 0))
        ]
        lines.append(f"| {number} | {number * size / 1e6:,.0f} | {' | '.join(told)} |")
    lines += ["", "| window | elements a gene | CPU s a step | MiB |", "|---|---|---|---|"]
    for bp, point in zip(WINDOWS, windows, strict=True):
        lines.append(
            f"| {style.base_pairs(bp)} | {point['elements']:,.1f} | {point['seconds']:.2f} | {point['memory']:,.0f} |"
        )
    return lines


def run(folder: Path, point: Point) -> dict[str, float]:
    """`measure` in a process of its own: what one point took does not count for the next."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        figures = pool.submit(measure, folder, point).result()
    click.echo(f"{point}: " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()), file=sys.stderr)
    return figures


@click.command()
@click.option("--genes", default=200, show_default=True, help="Genes, with 38 cCREs each.")
@click.option("--batch", default=8, show_default=True, help="Genes of a step.")
@click.option("--steps", default=3, show_default=True, help="Steps timed after one that warms up.")
@click.option(
    "--page", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Page whose tables are replaced."
)
@click.option("--images", type=click.Path(file_okay=False, path_type=Path), help="Folder for growth.svg.")
def main(genes: int, batch: int, steps: int, page: Path | None, images: Path | None) -> None:
    """Measure a step for 4, 8 and 16 cells, streamed and resident, and for windows of 2 kb to 1 Mb."""
    elements = genes * Shape().ccres + genes
    point = partial(Point, genes=genes, batch=batch, steps=steps)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_signals(folder, max(CELLS), elements)
        kept = {"streamed": "stream", "resident": "resident"}
        cells = {said: [run(folder, point(number, 100_000, data)) for number in CELLS] for said, data in kept.items()}
        windows = [run(folder, point(min(CELLS), bp, "stream")) for bp in WINDOWS]
    lines = rows(cells, windows, elements * TRACKS * WIDTH * 2)
    click.echo(f"elements of {SPACING:,} bp spacing, {batch} genes a step")
    click.echo("\n".join(lines))
    if page:
        put(page, "\n".join(lines), MARKS)
    if images:
        plots.save(picture(cells, windows), images, "growth")
        (images / "growth.png").unlink()


if __name__ == "__main__":
    main()
