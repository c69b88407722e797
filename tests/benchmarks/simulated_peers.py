#!/usr/bin/env python3
"""Every predictor beside the truth, on the simulated case `test` (assets/test), three seeds each.

    OMP_NUM_THREADS=1 tests/benchmarks/simulated_peers.py --folder results/simulated-peers --seeds 1,2,3

Models and peers of small presets, trained on cells 1 to 4 (chr5 chose the weights, chr6 tests) and applied to cell5,
which none has seen: expression of its chr6, and average precision on its planted links. Beside them a link model fitted
to cell1's screen, and closed forms. What is in `--folder` already is not made again.
"""

from pathlib import Path

import click
import numpy as np
import polars as pl
from real_case import ROOT, Case, threads
from simulated_links import CELLS, FIT, NEW, prepare

from crexpress.core import artifacts

DATA = ROOT / "assets" / "test"
STEPS = 200
MODELS = ("scpge-small", "creator-small", "crexpress-small", "epinformer-small", "epinformer-pe-small",
          "epinformer-contact-small", "graphreg-elements", "graphreg-elements-distance")  # fmt: skip
WIDE = ("--neighbours", 32)
SCORES = ("attention", "attention_share", "perturbation", "saliency", "probability")


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--seeds", default="1,2,3")
@click.option("--models", default=",".join(MODELS))
def main(folder: Path, seeds: str, models: str) -> None:
    """Train what is missing, and print the table."""
    case = Case(folder.resolve(), {})
    reference = prepare(case, DATA)
    print(
        "| predictor | r, cell5 chr6 | score of links | average precision, planted links of cell5 |\n|---|---|---|---|"
    )
    for model in models.split(","):
        found = [of_model(case, reference, model, int(seed)) for seed in seeds.split(",")]
        r = shown([r for r, _ in found])
        for score in found[0][1]:
            print(f"| {model} | {r} | {score} | {shown([by_score[score] for _, by_score in found])} |", flush=True)
    _, by_score = scored(case, reference, link_model(case, reference), "link-model")
    for score, value in by_score.items():
        print(f"| {'link model' if score == 'probability' else 'none'} | - | {score} | {value:.3f} |")


def shown(values: list[float]) -> str:
    """The mean of seeds, and each."""
    return f"{np.mean(values):.3f}" + (f" ({', '.join(f'{value:.3f}' for value in values)})" if len(values) > 1 else "")


def of_model(case: Case, reference: tuple[object, ...], model: str, seed: int) -> tuple[float, dict[str, float]]:
    """r of predicted expression, and average precision of each of the model's scores."""
    place, where = case.folder / model / f"seed{seed}", case.folder
    loops = "contact" in model or model == "graphreg-elements"
    kinds = ["signals", *(["profiles"] if model.startswith("crexpress") else []), *(["contacts"] if loops else [])]

    def files(cell: str) -> list[object]:
        names = {kind: f"{kind}.{cell}.{'npz' if kind == 'contacts' else 'safetensors'}" for kind in kinds}
        return [word for kind, name in names.items() for word in (f"--{kind}", where / name)]

    known = [
        word for cell in CELLS[:4] for word in (*files(cell), "--expression", where / f"expression.{cell}.parquet")
    ]
    options = ("--preset", model, *WIDE, "--steps", STEPS, "--validate-every", 50, "--val", "chr5", "--test", "chr6")
    trained = place / "model"
    more = (*options, "--seed", seed, "--threads", threads(), "--outdir", trained)
    case.make(trained / "history.parquet", "train", *reference, *known, *more)
    given = ("--model", trained, *reference, *files(NEW), "--threads", threads(), "--outdir", place)
    predictions = case.make(place / f"predictions.{NEW}.parquet", "predict", *given)
    own = ("--more-scores",) if model.startswith("epinformer") else ("--also", "saliency")
    links = case.make(place / f"links.{NEW}.parquet", "interpret", *given, *own)
    table, _ = artifacts.read_table(predictions, "predictions")
    observed, _ = artifacts.read_table(where / f"expression.{NEW}.parquet", "expression")
    both = table.join(observed, on="gene_id").filter(pl.col("split") == "test").drop_nulls(["predicted", "expression"])
    return float(np.corrcoef(both["predicted"], both["expression"])[0, 1]), scored(case, reference, links, model, seed)[
        1
    ]


def link_model(case: Case, reference: tuple[object, ...]) -> Path:
    """Links of the new cell by a model fitted to the noisy screen of another."""
    where = case.folder
    fit, new = (
        [word for kind, end in (("signals", "safetensors"), ("contacts", "npz"), ("expression", "parquet"))
         for word in (f"--{kind}", where / f"{kind}.{cell}.{end}")]
        for cell in (FIT, NEW)
    )  # fmt: skip
    model = where / "link_model.safetensors"
    screen = ("--crispr", f"screen={DATA / 'crispr.tsv.gz'}", "--name", FIT, "--folds", 3, "--output", model)
    case.make(model, "fit-links", *reference, *fit, *screen)
    links = where / "link-model" / f"links.{NEW}.parquet"
    given = ("--link-model", model, *reference, *new, "--window", 100_000, "--outdir", links.parent)
    return case.make(links, "score-links", *given)


def scored(
    case: Case, reference: tuple[object, ...], links: Path, name: str, seed: int = 1
) -> tuple[Path, dict[str, float]]:
    """Average precision on all planted pairs of the new cell, by score: a model's own, or with the link model the
    closed forms as well.
    """
    metrics = case.folder / "scored" / name / f"seed{seed}" / "metrics.parquet"
    signals = ("--signals", case.folder / f"signals.{NEW}.safetensors")
    truth = ("--links", links, "--crispr", f"truth={DATA / 'truth.tsv.gz'}", "--resamples", 0)
    case.make(metrics, "evaluate", *reference, *signals, *truth, "--outdir", metrics.parent)
    table, _ = artifacts.read_table(metrics, "metrics")
    table = table.filter(section="links", subset="all pairs", metric="average_precision")
    own = table if name == "link-model" else table.filter(pl.col("score").is_in(SCORES))
    return metrics, dict(own.select("score", "value").iter_rows())


if __name__ == "__main__":
    main()
