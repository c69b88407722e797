#!/usr/bin/env python3
"""Data preparation against the released ScPGE encoder's way, as ratios measured in one run, in CPU time on one thread.

The encoder's two costly operations are repeated here as it does them (scipy's convolve2d for every motif and
strand; one pyBigWig open and read for every element and track), on the same generated data as ours, and the
results are compared.
"""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numba
import numpy as np
import polars as pl
import pyBigWig
from scipy.signal import convolve2d

from crexpress.prepare import motif_scores, sequence, signals

WIDTH = 600


def seconds(work: Callable[[], object], repeats: int, clock: Callable[[], float] = time.process_time) -> float:
    """Shortest time of a call, by default on the CPU: a busy machine disturbs that least."""
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def show(what: str, value: str) -> None:
    click.echo(f"{what:<58}{value:>20}")


def bench_motifs(number: int, threads: int, rng: np.random.Generator) -> None:
    """Best match of `number` motifs of HOCOMOCO-like widths on both strands of 600 bp."""
    widths = rng.choice(np.arange(6, 25), number, p=np.r_[np.full(10, 0.075), np.full(9, 0.25 / 9)])
    matrices = [np.round(rng.dirichlet([0.4] * 4, width), 3) for width in widths]
    codes = rng.integers(0, 4, (512, WIDTH)).astype(np.uint8)
    scanner = motif_scores.Scanner([np.rint(matrix * 1000).astype(np.int16) for matrix in matrices])

    def ours(part: np.ndarray) -> np.ndarray:
        return np.maximum(scanner.best(part), scanner.best(sequence.reverse_complement(part)))

    def released(row: np.ndarray) -> np.ndarray:
        one_hot = np.eye(4, dtype=int)[row]
        other = np.eye(4, dtype=int)[sequence.reverse_complement(row)]
        return np.array(
            [max(convolve2d(strand, m, mode="valid").max() for strand in (one_hot, other)) for m in matrices]
        )

    difference = np.abs(ours(codes[:2]) / 1000 - [released(row) for row in codes[:2]]).max()
    slow = seconds(lambda: released(codes[0]), 5)
    fast = seconds(lambda: ours(codes), 5) / len(codes)
    show(f"motif scan, convolve2d, {number} motifs", f"{slow * 1e6:,.0f} us/element")
    show("motif scan, ours, 1 thread", f"{fast * 1e6:,.0f} us/element")
    show("largest difference of a score", f"{difference:.1e}")
    show("ratio (at least 300 wanted)", f"{slow / fast:,.0f} x")

    adds = 2 * WIDTH * int((scanner.steps * motif_scores._LANES).sum())
    rows = int(scanner.steps.max()) * scanner.tables.shape[2]
    first, second = peak_adds(32, rng), peak_adds(rows, rng)
    show("table look-ups and 16-bit additions", f"{adds / 1e6:,.2f} M/element")
    show("bytes read from the tables", f"{2 * adds / 1e6:,.2f} MB/element")
    show("16-bit additions a second, ours", f"{adds / fast / 1e9:,.1f} G/s")
    show(
        f"look-up and addition alone, {rows * motif_scores._LANES * 2 >> 10} KiB of tables as ours",
        f"{second / 1e9:,.1f} G/s",
    )
    show("look-up and addition alone, 8 KiB (first cache)", f"{first / 1e9:,.1f} G/s")
    show("ours as a fraction of the two", f"{adds / fast / second:.0%}, {adds / fast / first:.0%}")
    bench_threads(lambda: ours(codes), threads)


def bench_threads(work: Callable[[], object], threads: int) -> None:
    """Speed of `work` done side by side, against one thread; in turns, so that other programs slow all alike."""
    counts, rounds = range(1, threads + 1), 5
    wall: dict[int, float] = dict.fromkeys(counts, 0.0)
    busy: dict[int, float] = dict.fromkeys(counts, 0.0)
    for _ in range(rounds):
        for count in counts:
            with ThreadPoolExecutor(count) as pool:
                clock, cpu = time.perf_counter(), time.process_time()
                list(pool.map(lambda _: work(), range(2 * threads)))
                wall[count] += time.perf_counter() - clock
                busy[count] += time.process_time() - cpu
    for count in counts[1:]:
        show(f"motif scan, ours, {count} threads, by the clock", f"{wall[1] / wall[count]:,.2f} x")
        show(f"CPU time of the same work, {count} threads (1 is ideal)", f"{busy[count] / busy[1]:,.2f} x")
        show(f"cores that the machine gave to {count} threads", f"{busy[count] / wall[count]:,.2f}")


@numba.njit
def _add_up(total, table, order):  # type: ignore[no-untyped-def]
    for turn in order:
        row = table[turn]
        for lane in range(len(total)):
            total[lane] += row[lane]


def peak_adds(rows: int, rng: np.random.Generator) -> float:
    """16-bit additions a second that one core reaches when it only adds up rows of a table, in random order."""
    total, table = np.zeros(motif_scores._LANES, np.int16), np.ones((rows, motif_scores._LANES), np.int16)
    order = rng.integers(0, rows, 500_000)
    _add_up(total, table, order[:1])
    return len(order) * total.size / seconds(lambda: _add_up(total, table, order), 5)


def bench_signals(number: int, folder: Path, rng: np.random.Generator) -> None:
    """Base-level signal of `number` elements from one track."""
    length = 4_000 * number  # an element every 4 kb, as in the human genome
    path = folder / "track.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", length)])
        starts = np.arange(0, length, 10)
        values = rng.gamma(1, 2, len(starts))
        file.addEntries("chr1", starts.tolist(), values=values.tolist(), span=10)
    places = np.sort(rng.integers(0, length - WIDTH, number))
    elements = pl.DataFrame({"chrom": ["chr1"] * number, "start": places}).with_columns(end=pl.col("start") + WIDTH)
    out = {"track": np.zeros((number, WIDTH), np.float16)}

    def ours() -> None:
        signals.extract(elements, {"chr1": length}, {"track": [path]}, 1, "log10p1", out)

    def released(start: int) -> np.ndarray:
        file = pyBigWig.open(str(path))
        region = np.nan_to_num(np.array(file.values("chr1", start, start + WIDTH)))
        file.close()
        return np.log10(1 + region)

    some = places[:: max(1, number // 200)].tolist()
    slow = seconds(lambda: [released(place) for place in some], 3) / len(some)
    fast = seconds(ours, 3) / number
    expected = np.array([released(place) for place in some])
    difference = np.abs(out["track"][:: max(1, number // 200)] - expected).max()
    show("bigWig region, opened each time", f"{slow * 1e6:,.0f} us/element")
    show("bigWig region, ours, in genome order", f"{fast * 1e6:,.0f} us/element")
    show("largest difference of a value (float16 store)", f"{difference:.1e}")
    show("ratio", f"{slow / fast:,.0f} x")


@click.command()
@click.option("--motifs", "number", default=600, show_default=True, help="How many motifs are scanned for.")
@click.option("--elements", default=5_000, show_default=True, help="How many elements the signal is read for.")
@click.option("--threads", default=2, show_default=True, help="Up to how many threads the scan is measured.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated data.")
def main(number: int, elements: int, threads: int, seed: int) -> None:
    """Compare data preparation with the released encoder's way of doing it."""
    rng = np.random.default_rng(seed)
    bench_motifs(number, threads, rng)
    with tempfile.TemporaryDirectory() as folder:
        bench_signals(elements, Path(folder), rng)


if __name__ == "__main__":
    main()
