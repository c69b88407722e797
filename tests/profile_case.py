"""Tools on the tiny case with profiles."""

from pathlib import Path
from typing import Any

import polars as pl

from bigwigs import Entries, peaks, write_bigwig
from crexpress.core import artifacts
from tools import run

TRACKS = ("dnase", "h3k27ac")
CHROMOSOMES = {"chr1": 500_000, "chr2": 500_000, "chr3": 500_000}
QUICK = ["--neighbours", 4, "--batch-size", 16, "--steps", 30, "--validate-every", 10, "--threads", 1]
SPLIT = ["--val", "chr2", "--test", "chr3"]


def entries(seed: int) -> Entries:
    """Peaks of a track, apart from each other."""
    return peaks(seed, CHROMOSOMES, 1_250, 900)


def extract(tiny: Any, folder: Path, cell: str, tracks: dict[str, Entries], *more: Any) -> None:
    """Signals of a cell whose tracks are bigWigs of these peaks; with `--genes` given, profiles beside them."""
    folder.mkdir(exist_ok=True, parents=True)
    given: list[Any] = []
    for name, found in tracks.items():
        write_bigwig(folder / f"{name}.bw", CHROMOSOMES, found)
        given += ["--track", f"{name}={folder / f'{name}.bw'}"]
    done = run("extract-signals", "--elements", tiny.elements, "--genes", tiny.genes, "--cell", cell, *given,
               *more, "--output", folder / f"signals.{cell}.safetensors")  # fmt: skip
    assert done.exit_code == 0, done.output


def seeds(cell: str) -> dict[str, Entries]:
    """The peaks of a cell's tracks, the same at each call."""
    return {track: entries(10 * "ABC".index(cell) + number) for number, track in enumerate(TRACKS)}


def inputs(tiny: Any, folder: Path, *cells: str, expression: bool = False) -> list[Any]:
    """Options that give a tool the signals and profiles, and expression, of these cells."""
    given: list[Any] = ["--elements", tiny.elements, "--genes", tiny.genes]
    for cell in cells:
        given += ["--signals", folder / f"signals.{cell}.safetensors"]
        given += ["--profiles", folder / f"profiles.{cell}.safetensors"]
        given += ["--expression", tiny.expression(cell)] if expression else []
    return given


def train(tiny: Any, folder: Path, outdir: Path, *more: Any, cells: str = "A", preset: str = "crexpress-small") -> Any:
    """A short training on these cells, one letter each."""
    given = inputs(tiny, folder, *cells, expression=True)
    return run("train", *given, *QUICK, *SPLIT, "--preset", preset, "--outdir", outdir, *more)


def predict(tiny: Any, model: Path | str, folder: Path, outdir: Path, cell: str, *more: Any) -> pl.DataFrame:
    """What a model predicts in a cell."""
    given = [*inputs(tiny, folder, cell), "--threads", 1, "--outdir", outdir]
    done = run("predict", "--model", model, *given, *more)
    assert done.exit_code == 0, done.output
    return artifacts.read_table(outdir / f"predictions.{cell}.parquet", "predictions")[0]
