#!/usr/bin/env python3
"""The shipped models of assets/pretrained: made from the built-in cells, and measured with each cell left out.

    python tests/benchmarks/pretrained.py --folder results/pretrained --ship assets/pretrained
    python tests/benchmarks/pretrained.py --folder results/pretrained --without HeLa-S3

Two models, direct and anchored, of K562, HeLa-S3, HUVEC and NHEK together (chr16 chose, chr8 and chr9 had no part).
What is in `--folder` already is not made again. `--without` trains both on the other three cells and prints what they
reach in the fourth: r, MAE, r of the mean of the others, r of change, with all tracks and with each hidden.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from crexpress.core import artifacts, model_config
from crexpress.data import anchor
from crexpress.prepare import quantiles
from real_case import ASSETS, FOUR, Case, threads
from safetensors import safe_open
from safetensors.numpy import save_file

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
def main(folder: Path, left_out: tuple[str, ...], target: Path | None, seeds: str) -> None:
    """Train, and ship or measure."""
    case = Case(folder, {})
    store = prepare(case)
    if target:
        ship(case, store, target)
    for cell in left_out:
        print("\n".join(measured(case, store, cell, [int(seed) for seed in seeds.split(",")])), flush=True)


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


def ship(case: Case, store: Sequence[Any], target: Path) -> None:
    """Write both models of all cells to `target`, with the distribution of the tracks that they know."""
    options = list(zip(store[::2], store[1::2], strict=True))
    signals, profiles = (
        [path for option, path in options if option == f"--{kind}"] for kind in ("signals", "profiles")
    )
    reference = quantiles.read_reference(signals, profiles)
    quantiles.write_reference(target / "quantiles.npz", reference)
    for mode in TRAIN:
        copy(trained(case, store, "all", mode, SEED), target / mode, reference.transform)


def copy(model: Path, target: Path, matched: str) -> None:
    """A model in small: large tensors in 16 bits, and no known cells of its own, which are given with the new one."""
    with safe_open(model / "model.safetensors", "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        about = file.metadata()
    small = {
        name: t.astype(np.float16) if t.size >= LARGE and t.dtype == np.float32 else t for name, t in tensors.items()
    }
    with artifacts.replacing(target / "model.safetensors") as temporary:
        save_file(small, temporary, about)
    config = model_config.read_config(model)
    config["model"]["matched"] = matched
    if config["model"]["anchored"]:
        config["anchor"] = anchor.GIVEN
    with artifacts.replacing(target / "config.json") as temporary:
        temporary.write_text(json.dumps(config, indent=1) + "\n")


def measured(case: Case, store: Sequence[Any], cell: str, seeds: Sequence[int]) -> list[str]:
    """Rows of a table: what models that have not seen a cell reach in it, on genes that they have not seen."""
    lines = []
    for mode in TRAIN:
        for seed in seeds:
            name = f"without-{cell}"
            model = trained(case, store, name, mode, seed, "--holdout-cells", cell)
            # an anchored model is given the new cell alone: it has kept its known cells
            own = [word for word in pairs_of(store, cell) if mode == "direct" or "expression" not in str(word)]
            for hidden in ("", *TRACKS):
                outdir = case.folder / name / f"{mode}-{seed}" / (hidden or "all")
                output = outdir / f"predictions.{cell}.parquet"
                hide = ["--hide-tracks", hidden] if hidden else []
                case.make(output, "predict", "--model", model, *store[:4], *own, *hide, "--outdir", outdir)
                figures = figures_of(output, store, cell)
                lines.append(f"| {cell} | {mode}, seed {seed} | {hidden or 'none'} | {' | '.join(figures)} |")
    return lines


def pairs_of(store: Sequence[Any], cell: str) -> list[Any]:
    """The options that name a file of this cell."""
    options = zip(store[::2], store[1::2], strict=True)
    return [word for option, path in options if f".{cell}." in Path(str(path)).name for word in (option, path)]


def figures_of(predictions: Path, store: Sequence[Any], cell: str) -> list[str]:
    """r, MAE and r of change of the test genes: those that differ fourfold from the mean of the other cells."""
    table, _ = artifacts.read_table(predictions, "predictions")
    files = [Path(str(path)) for path in store if "expression" in str(path) and str(path).endswith(".parquet")]
    by_cell = {path.name.split(".")[1]: artifacts.read_table(path, "expression")[0]["expression"] for path in files}
    known = np.nanmean([v.fill_null(np.nan).to_numpy() for name, v in by_cell.items() if name != cell], axis=0)
    truth = by_cell[cell].fill_null(np.nan).to_numpy()
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
