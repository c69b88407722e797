#!/usr/bin/env python3
"""What each input of crexpress-small is worth: each left out in turn, K562 from four tracks (docs/results.md).

    python tests/benchmarks/profile_ablation.py --folder results/ablation --seeds 1,2,3 --neighbours 20

`profile`: bins along the gene, its body and its length; `window`: signal at the TSS (zero in every gene's window);
`elements`: none is seen; `body`, `length`: that alone; `no-TRACK`. chr16 chooses the weights, chr8 and chr9 test them.
What is in `--folder` already is not made again. Differences have the 95 % interval of a paired bootstrap over genes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import numpy as np
from real_case import ASSETS, CELL, FOUR, Case, Setting

from crexpress.core import artifacts, bootstrap
from crexpress.core.files import replacing
from crexpress.prepare import profile_bins
from crexpress.training.run import run

TRACKS = [name.lower() for name in FOUR]
FULL = "full"
PARTS = (FULL, "profile", "window", "elements", "body", "length", *(f"no-{track}" for track in TRACKS))
RESAMPLES = 1000
SPLITS = {"chr16": ("chr16",), "test": ("chr8", "chr9")}
COLUMNS = ("left out", *(f"{split}: {what}" for split in SPLITS
                         for what in ("r of seeds", "mean of seeds, r / MAE", "r less that of all")))  # fmt: skip


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--seeds", default="1,2,3")
@click.option("--neighbours", default=100)
@click.option("--only", multiple=True, type=click.Choice(PARTS))
def main(folder: Path, seeds: str, neighbours: int, only: tuple[str, ...]) -> None:
    """Train, and print the table."""
    case = Case(folder, {})
    store = prepare(case)
    found: dict[str, np.ndarray] = {}
    for part in only or PARTS:
        guesses = [predicted(case, store, part, int(seed), neighbours) for seed in seeds.split(",")]
        found[part] = np.stack(guesses)
    print("\n".join(table(found, store)))


def prepare(case: Case) -> dict[str, Path]:
    """Elements, genes, expression, and signals and profiles of four tracks."""
    elements, genes = case.elements("main")
    signals = elements.parent / "signals.K562.safetensors"
    tracks = [word for name in FOUR for word in ("--track", f"{name.lower()}={ASSETS}/{CELL}.{name}.peaks.hg38.bw")]
    given = ("--elements", elements, "--genes", genes, "--cell", CELL)
    case.make(signals, "extract-signals", *given, *tracks, "--output", signals)
    profiles = signals.with_name("profiles.K562.safetensors")
    expression = case.expression(Setting())
    return {"elements": elements, "genes": genes, "signals": signals, "profiles": profiles, "expression": expression}


def predicted(case: Case, store: dict[str, Path], part: str, seed: int, neighbours: int) -> np.ndarray:
    """What a model without a part predicts, float32 [genes]."""
    outdir = case.folder / f"{neighbours}elements" / part / f"seed{seed}"
    changes: dict[str, Any] = {"neighbours": 0 if part == "elements" else neighbours}
    changes |= {"profile_width": 0} if part == "profile" else {}
    own = store | without(case, store, part)
    files = {"signals": [own["signals"]], "profiles": [own["profiles"]], "expression": [own["expression"]]}
    files |= {"elements": own["elements"], "genes": own["genes"], "sequence": None, "motifs": None, "contacts": []}
    cache = outdir / "predicted.npy"
    if cache.exists():
        return np.asarray(np.load(cache))
    with blind_to_length(part):
        if not (outdir / "history.parquet").exists():
            run(
                **files, import_weights=None, preset="crexpress-small", inputs=["tracks"],
                tracks=[track for track in TRACKS if part != f"no-{track}"], val="chr16", test="chr8,chr9", fold=None,
                holdout_cells=[], seed=seed, device="cpu", data="auto", precision="float32", compiled=False,
                checkpoint=None, checkpoint_every=None, outdir=outdir, changes=changes,
            )  # fmt: skip
        found = predictions(outdir, files)
    with replacing(cache) as temporary, temporary.open("wb") as file:
        np.save(file, found)
    return found


def predictions(model: Path, files: dict[str, Any]) -> np.ndarray:
    """Of the genes in `SPLITS`, float32 [genes]; NaN for others, whose elements need not be encoded."""
    from crexpress.apply import cell_model
    from crexpress.training import validation
    from crexpress.training.engine import Engine
    from crexpress.training.samples import Samples

    options = {"device": "cpu", "precision": "float32"}
    loaded = cell_model.load(model, **{**files, "expression": []}, **options)
    chroms = [chrom for part in SPLITS.values() for chrom in part]
    genes = np.flatnonzero(loaded.store.genes["chrom"].is_in(chroms).to_numpy())
    own = Samples(np.zeros_like(genes), genes, np.zeros(len(genes), np.float32))
    parts = validation.predictions(loaded.model, loaded.store, own, 256, Engine())
    found = np.full(len(loaded.store.genes), np.nan, np.float32)
    found[genes] = np.concatenate([part.expression.numpy() for _, _, part in parts])
    return found


def without(case: Case, store: dict[str, Path], part: str) -> dict[str, Path]:
    """The file of tracks, or profiles, that a part is taken out of."""
    kind = {"window": "signals", "body": "profiles"}.get(part)
    if not kind:
        return {}
    path = case.folder / "store" / f"without-{part}" / store[kind].name
    if not path.exists():
        header, arrays = artifacts.open_arrays(store[kind], kind)
        changed = {name: np.array(values) for name, values in arrays.items()}
        genes, _ = artifacts.read_table(store["genes"], "genes")
        for track in header["parameters"]["tracks"]:
            if part == "window":
                changed[track][genes["element"].to_numpy()] = 0
            else:
                changed[track][:, -1] = np.nan
        artifacts.write_arrays(path, changed, header)
    return {kind: path}


@contextmanager
def blind_to_length(part: str) -> Iterator[None]:
    """No gene's length is known, where that is the part."""
    if part != "length":
        yield
        return
    with patch.object(profile_bins, "log_length", lambda genes: np.full(len(genes), np.nan, np.float32)):
        yield


def table(found: dict[str, np.ndarray], store: dict[str, Path]) -> list[str]:
    """Rows: a part, r of each seed, r and MAE of their mean, difference from all parts; and the latter on chr16."""
    genes, _ = artifacts.read_table(store["genes"], "genes")
    values, _ = artifacts.read_table(store["expression"], "expression")
    truth = values["expression"].fill_null(np.nan).to_numpy()
    rows = {split: genes["chrom"].is_in(chroms).to_numpy() & np.isfinite(truth) for split, chroms in SPLITS.items()}
    drawn = {split: bootstrap.draw(int(own.sum()), RESAMPLES, 1) for split, own in rows.items()}
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    full = {split: mean_r(found[FULL], truth, rows[split], drawn[split]) for split in SPLITS} if FULL in found else {}
    for part, guesses in found.items():
        line = ["nothing" if part == FULL else part.removeprefix("no-")]
        for split, own in rows.items():
            r = mean_r(guesses, truth, own, drawn[split])
            each = " ".join(f"{np.corrcoef(guess[own], truth[own])[0, 1]:.3f}" for guess in guesses)
            line += [each, f"{r[0]:.3f} / {np.abs(guesses.mean(0)[own] - truth[own]).mean():.3f}"]
            low, high = bootstrap.interval(r - full[split]) if full else (0, 0)
            line.append(f"{r[0] - full[split][0]:+.3f} [{low:+.3f}, {high:+.3f}]" if full and part != FULL else "")
        lines.append(f"| {' | '.join(line)} |")
    return lines


def mean_r(guesses: np.ndarray, truth: np.ndarray, rows: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """r of the mean of the seeds' predictions in some genes, for each row of `bootstrap.draw`."""
    return correlations(guesses.mean(0)[rows], truth[rows], drawn)


def correlations(guess: np.ndarray, truth: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Pearson's r for each row of `bootstrap.draw`."""
    weight = drawn / drawn.sum(1, keepdims=True)
    one, two = guess - (weight @ guess)[:, None], truth - (weight @ truth)[:, None]
    covariance = (weight * one * two).sum(1)
    result: np.ndarray = covariance / np.sqrt((weight * one**2).sum(1) * (weight * two**2).sum(1))
    return result


if __name__ == "__main__":
    main()
