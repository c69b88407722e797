#!/usr/bin/env python3
"""The shipped models of assets/pretrained: made from the built-in cells, and measured with each cell left out.

    python tests/benchmarks/pretrained.py --folder results/pretrained --ship assets/pretrained
    python tests/benchmarks/pretrained.py --folder results/pretrained --without HeLa-S3
    python tests/benchmarks/pretrained.py --folder results/pretrained --without HeLa-S3 --ship results/pretrained/copy

Two models, direct and anchored, of K562, HeLa-S3, HUVEC and NHEK together (chr16 chose, chr8 and chr9 had no part).
What is in `--folder` already is not made again. `--without` trains both on the other three cells and prints what they
reach in the fourth: r, MAE, r of the mean of the others, r of change, with all tracks and with each hidden. `--ship`
beside it writes the models that have not seen that cell as the shipped ones are, and measures them as users ask them:
weights in 16 bits, and the known cells given with the new one.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from real_case import ASSETS, FOUR, Case, threads
from safetensors import safe_open
from safetensors.numpy import save_file

from crexpress.core import artifacts, files, model_config
from crexpress.core.means import mean_over_cells
from crexpress.prepare import quantiles

CELLS = ("K562", "HeLa-S3", "HUVEC", "NHEK")
TRACKS = [name.lower() for name in FOUR]
SEED = 1
TRAIN = {"direct": [], "anchored": ["--anchored"]}
COMMON = ["--preset", "crexpress-small", "--neighbours", 20, "--track-dropout", 0.1, "--tracks", ",".join(TRACKS)]
CHANGED = np.log10(4)  # fourfold, of 1 + TPM
LARGE = 1024  # values from which a tensor is kept in 16 bits


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--without", "left_out", type=click.Choice(CELLS), multiple=True)
@click.option("--ship", "target", type=click.Path(path_type=Path))
@click.option("--seeds", default=str(SEED), help="Seeds of --without.")
@click.option("--modes", default=",".join(TRAIN), help="Models that are shipped or measured.")
@click.option("--hide/--no-hide", default=True, help="Whether --without also hides each track in turn.")
def main(folder: Path, left_out: tuple[str, ...], target: Path | None, seeds: str, modes: str, hide: bool) -> None:
    """Train, and ship or measure."""
    case = Case(folder, {})
    store = prepare(case)
    if target and not left_out:
        ship(case, store, target, modes.split(","))
    for cell in left_out:
        if target:
            ship(case, store, target, modes.split(","), cell)
        for mode in modes.split(","):
            for seed in seeds.split(","):
                for row in measured(case, store, cell, mode, int(seed), TRACKS if hide else ()):
                    print(row, flush=True)
            if target:
                figures = figures_of(of_shipped(case, store, target / mode, cell), store, cell)
                print(f"| {cell} | {mode}, as shipped | none | {' | '.join(figures)} |", flush=True)


def prepare(case: Case) -> list[Any]:
    """Elements, genes, tracks, profiles and expression of all four cells, as options of train."""
    elements, genes = case.elements("main")
    place, given = elements.parent, ["--elements", elements, "--genes", genes]
    for cell in CELLS:
        folder = ASSETS if (ASSETS / f"{cell}.CTCF.peaks.hg38.bw").exists() else ASSETS.parent / "cells"
        files = [(name, folder / f"{cell}.{name}.peaks.hg38.bw") for name in FOUR]
        tracks = [word for name, file in files if file.exists() for word in ("--track", f"{name.lower()}={file}")]
        signals, profiles = (place / f"{kind}.{cell}.safetensors" for kind in ("signals", "profiles"))
        reference = ("--elements", elements, "--genes", genes, "--cell", cell)
        case.make(signals, "extract-signals", *reference, *tracks, "--output", signals)
        expression = place / f"expression.{cell}.parquet"
        table = f"{folder / cell}.gene_expression.GENCODE24_PC.tsv.gz:TPM_Roadmap"
        case.make(expression, "quantify-expression", *reference[2:], "--rna", table, "--outdir", place)
        given += ["--signals", signals, "--profiles", profiles, "--expression", expression]
    return given


def trained(case: Case, store: Sequence[Any], name: str, mode: str, seed: int, *more: object) -> Path:
    """Folder of a model of this mode."""
    outdir = case.folder / name / f"{mode}-{seed}"
    options = (*COMMON, *TRAIN[mode], "--seed", seed, "--threads", threads(), *more, "--outdir", outdir)
    case.make(outdir / "history.parquet", "train", *store, *options)
    return outdir


def ship(case: Case, store: Sequence[Any], target: Path, modes: Sequence[str], left_out: str | None = None) -> None:
    """Write models of all cells, or of all but one, to `target`, with the distribution of the tracks they know."""
    options = list(zip(store[::2], store[1::2], strict=True))
    signals, profiles = (
        [path for option, path in options if option == f"--{kind}" and f".{left_out}." not in path.name]
        for kind in ("signals", "profiles")
    )
    reference = quantiles.read_reference(signals, profiles)
    quantiles.write_reference(target / "quantiles.npz", reference)
    name, more = (f"without-{left_out}", ("--holdout-cells", left_out)) if left_out else ("all", ())
    for mode in modes:
        copy(trained(case, store, name, mode, SEED, *more), target / mode, reference.transform)


def copy(model: Path, target: Path, matched: str) -> None:
    """A model in small: large tensors in 16 bits, and no known cells of its own, which are given with the new one."""
    with safe_open(model / "model.safetensors", "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        about = file.metadata()
    small = {
        name: t.astype(np.float16) if t.size >= LARGE and t.dtype == np.float32 else t for name, t in tensors.items()
    }
    with files.replacing(target / "model.safetensors") as temporary:
        save_file(small, temporary, about)
    config = model_config.read_config(model)
    config["model"]["matched"] = matched
    if config["model"]["anchored"]:
        config["anchor"] = model_config.GIVEN
    with files.replacing(target / "config.json") as temporary:
        temporary.write_text(json.dumps(config, indent=1) + "\n")


def measured(case: Case, store: Sequence[Any], cell: str, mode: str, seed: int, hidden: Sequence[str]) -> Iterator[str]:
    """Rows of a table: what a model that has not seen a cell reaches in it, on genes that it has not seen."""
    for track in ("", *hidden):
        output = predictions_of(case, store, cell, mode, seed, track)
        yield f"| {cell} | {mode}, seed {seed} | {track or 'none'} | {' | '.join(figures_of(output, store, cell))} |"


def predictions_of(case: Case, store: Sequence[Any], cell: str, mode: str, seed: int, hidden: str = "") -> Path:
    """What a model of the other cells predicts in this one, with a track hidden or none."""
    model = trained(case, store, f"without-{cell}", mode, seed, "--holdout-cells", cell)
    # the anchored model has kept its known cells, and is given the new one alone
    own = [word for option, path in of_cell(store, cell) if option != "--expression" for word in (option, path)]
    outdir = model / (hidden or "all")
    options = (*store[:4], *own, *(["--hide-tracks", hidden] if hidden else []), "--threads", threads())
    return case.make(outdir / f"predictions.{cell}.parquet", "predict", "--model", model, *options, "--outdir", outdir)


def of_shipped(case: Case, store: Sequence[Any], model: Path, cell: str) -> Path:
    """What a shipped model predicts in a cell that is given by its tracks, an anchored one beside its known cells."""
    mine = of_cell(store, cell)
    others = [pair for pair in zip(store[4::2], store[5::2], strict=True) if pair not in mine]
    known = others if model_config.given_cells(model_config.read_config(model)) else []
    pairs = [pair for pair in mine if pair[0] != "--expression"] + known
    given = [word for pair in pairs for word in pair]
    output = model.with_name(f"{model.name}-{cell}") / f"predictions.{cell}.parquet"
    options = (*store[:4], *given, "--predict-cells", cell, "--threads", threads(), "--outdir", output.parent)
    return case.make(output, "predict", "--model", model, *options)


def of_cell(store: Sequence[Any], cell: str) -> list[tuple[str, Path]]:
    """The options that name a file of this cell, with the file."""
    options = zip(store[::2], store[1::2], strict=True)
    return [(option, path) for option, path in options if f".{cell}." in path.name]


def figures_of(predictions: Path, store: Sequence[Any], cell: str) -> list[str]:
    """r, MAE and r of change of the test genes: those that differ fourfold from the mean of the other cells."""
    table, _ = artifacts.read_table(predictions, "predictions")
    by_cell = {
        name: artifacts.read_table(path, "expression")[0]["expression"].fill_null(np.nan).to_numpy()
        for name in CELLS
        for option, path in of_cell(store, name)
        if option == "--expression"
    }
    known = mean_over_cells([values for name, values in by_cell.items() if name != cell])
    truth = by_cell[cell]
    guess = table["predicted"].fill_null(np.nan).to_numpy()
    rows = (table["split"] == "test").to_numpy() & np.isfinite(truth) & np.isfinite(guess) & np.isfinite(known)
    truth, guess, known = truth[rows], guess[rows], known[rows]
    changed = np.abs(truth - known) > CHANGED

    def r(one: np.ndarray, two: np.ndarray) -> str:
        return f"{np.corrcoef(one, two)[0, 1]:.3f}"

    change = r((guess - known)[changed], (truth - known)[changed])
    return [r(guess, truth), f"{np.abs(guess - truth).mean():.3f}", r(known, truth), f"{change} ({changed.sum()})"]


if __name__ == "__main__":
    main()
