#!/usr/bin/env python3
"""CPU time of creator-compat against the released CREaTor model, in one run on generated data of its size.

    git clone https://github.com/DLS5-Omics/CREaTor && git -C CREaTor checkout 8e3cb53
    tests/benchmarks/bench_creator.py --released CREaTor

400 elements of 350 bp a gene, 16 tracks at base resolution and the sequence; one cell type's cCREs, of which there are
about six a gene, so that neighbouring genes share nearly all of theirs. The released program is given its tensors in
memory. It has no training loop: a step is forward, backward and AdamW over one gene for both.
"""

import importlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import numpy as np
import torch
from bench_model import Shape, generate, seconds, show
from torch import Tensor, nn
from torch.nn import functional

from crexpress.apply.predict import predict
from crexpress.data.store import Store
from crexpress.models.config import ModelConfig
from crexpress.models.forward import forward
from crexpress.models.regulatory import RegulatoryModel
from crexpress.models.released import translate
from crexpress.pipeline.complexity import peak, resident
from crexpress.training.presets import read_preset

TRACKS, WIDTH, ELEMENTS_A_GENE = 16, 350, 6  # 85,248 to 138,179 cCREs of a cell type, and 19,000 genes
LETTERS = torch.tensor([1, 3, 4, 2, 0])  # the released numbers of A, C, G, T and unknown
GENE = 700


def as_released(store: Store, gene: int) -> dict[str, Tensor]:
    """A gene as the released program takes it, its elements without the TSS window."""
    row = store.index[gene]
    seen = row[(row >= 0) & (torch.arange(len(row)) != len(row) // 2)].long()
    tss = torch.tensor([store.genes["tss"][gene]])
    middle = torch.from_numpy((store.elements["start"] + store.elements["end"]).to_numpy() // 2)
    return {
        "E_ge": LETTERS[store.codes[seen].long()],
        "E_chp": store.cells[0].signals[seen].float().transpose(1, 2),
        "E_pos": middle[seen],
        "G_pos": tss,
        "G_gpos": tss.unsqueeze(1) + torch.arange(GENE) - GENE // 2,
    }


def step(model: nn.Module, optimiser: torch.optim.Optimizer, expression: Tensor) -> None:
    """What follows a forward pass in training."""
    optimiser.zero_grad(set_to_none=True)
    functional.poisson_nll_loss(expression, torch.ones_like(expression), log_input=False).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()


def memory(genes: int, neighbours: int, batch: int, seed: int) -> float:
    """GB that a step over neighbouring genes adds to this process, which has done nothing before."""
    store, config = case(genes, neighbours, seed)
    model = RegulatoryModel(config).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-6)
    first = (genes - batch) // 2
    given = store.batch(np.zeros(batch, np.int64), np.arange(first, first + batch))
    before = resident()
    step(model, optimiser, forward(model, given).expression)
    return (peak() - before) / 1e9


def case(genes: int, neighbours: int, seed: int) -> tuple[Store, ModelConfig]:
    """Generated data and the model that reads them."""
    store = generate(genes, neighbours, np.random.default_rng(seed), Shape(WIDTH, TRACKS, 0, ELEMENTS_A_GENE))
    config = read_preset("creator-compat")[0].replace(
        tracks=tuple(f"track{number}" for number in range(TRACKS)), sequence=True, width=WIDTH, neighbours=neighbours
    )
    return store, config


@click.command()
@click.option("--released", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Checkout of github.com/DLS5-Omics/CREaTor.")  # fmt: skip
@click.option("--genes", default=64, show_default=True, help="Genes of the chromosome that is predicted.")
@click.option("--neighbours", default=400, show_default=True, help="Elements a gene.")
@click.option("--batch", default=8, show_default=True, help="Neighbouring genes of the step whose memory is measured.")
@click.option("--repeats", default=1, show_default=True, help="Times that each is measured; the best counts.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated data.")
def main(released: Path, genes: int, neighbours: int, batch: int, repeats: int, seed: int) -> None:
    """Compare a training step and the prediction of a chromosome, per gene, and measure a step's memory."""
    torch.manual_seed(seed)
    store, config = case(genes, neighbours, seed)
    sys.path.insert(0, str(released))
    theirs: nn.Module = importlib.import_module("model.model").Model()
    ours = RegulatoryModel(config)
    ours.load_state_dict(translate(theirs.state_dict(), config))
    used = len(torch.unique(store.index[store.index >= 0]))
    click.echo(f"{genes} genes, {neighbours} elements each, {used} elements seen, {torch.get_num_threads()} threads")

    gene = genes // 2
    given, batch_of_one = as_released(store, gene), store.batch(np.array([0]), np.array([gene]))
    theirs.eval()
    with torch.no_grad():
        difference = abs(float(theirs(given)["expression"]) - float(predict(ours.eval(), store, 0, 64)[gene]))
    click.echo(f"difference of a prediction with the same weights: {difference:.1e}")
    if difference > 1e-5:
        raise SystemExit("the two do not agree")

    def predict_theirs() -> Tensor:
        with torch.no_grad():
            expression: Tensor = theirs(given)["expression"]
            return expression

    predicting = seconds(predict_theirs, repeats), 1
    show("prediction of a chromosome", predicting, (seconds(lambda: predict(ours, store, 0, 64), repeats), genes))

    theirs.train()
    ours.train()
    first, second = (torch.optim.AdamW(model.parameters(), lr=1e-6) for model in (theirs, ours))
    stepping = seconds(lambda: step(theirs, first, theirs(given)["expression"]), repeats), 1
    own = seconds(lambda: step(ours, second, forward(ours, batch_of_one).expression), repeats), 1
    show("forward, backward and update", stepping, own)

    for number in (1, batch):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            taken = pool.submit(memory, genes, neighbours, number, seed).result()
        click.echo(f"  memory of a step of {number} neighbouring genes, ours: {taken:.1f} GB")


if __name__ == "__main__":
    main()
