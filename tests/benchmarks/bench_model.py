#!/usr/bin/env python3
"""CPU time of scpge-compat and scpge against the released ScPGE model and its data path, in one run on generated data.

    for name in model datasets; do git -C ScPGE show f60583a:code/$name.py > $name.py; done
    tests/benchmarks/bench_model.py --released .                      (github.com/turningpoint1988/ScPGE)

The released program starts from its tensors repeated for each gene (int64 and float64, as it keeps them), already in
memory: what it spends on reading them from gzipped HDF5 is not counted against it. Ours starts from the element store.
With --chrom, genes and elements lie where they do on a chromosome of assets/k562, and all its genes are predicted;
without, genes lie evenly, as densely among elements as in the human genome. The released program has no perturbation
code; masking stands for one forward pass of its model for each masked element, as the paper describes it. Each program
runs in a process of its own with one thread. Ours is measured in float32, as the released one computes, and with
products in bfloat16 (--precision bf16), which pays only on a CPU that has instructions for them.

Above 300 lines, so that both programs and what is held equal between them are read in one place.
"""

import contextlib
import copy
import importlib.util
import io
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import click
import numpy as np
import polars as pl
import torch
from real_case import Case
from torch import Tensor, nn
from torch.utils.data import DataLoader

from crexpress.apply.predict import predict
from crexpress.data.neighbours import distances, nearest
from crexpress.data.store import CellData, Store
from crexpress.interpret.links import link_table
from crexpress.models.config import ModelConfig
from crexpress.models.regulatory import RegulatoryModel
from crexpress.models.released import translate
from crexpress.prepare.elements import TSS
from crexpress.training.batches import make
from crexpress.training.config import TrainingConfig
from crexpress.training.engine import Engine
from crexpress.training.loop import update
from crexpress.training.presets import read_preset
from crexpress.training.samples import Samples

WIDTH, MOTIFS = 600, 600
TRACKS = ("dnase", "h3k4me3", "h3k27ac", "ctcf")
SPACING = 4_200  # bp between elements
ELEMENTS_A_GENE = 38  # 726,796 merged cCREs and 19,000 genes
Per = tuple[float, float]


class Shape(NamedTuple):
    """What is generated: bp of an element, tracks, motifs, cCREs a gene; by default of ScPGE's data."""

    width: int = WIDTH
    tracks: int = len(TRACKS)
    motifs: int = MOTIFS
    ccres: int = ELEMENTS_A_GENE


SCPGE = Shape()


class Places(NamedTuple):
    """Middles of the cCREs and TSSs of the genes on one chromosome, bp, in order."""

    ccres: np.ndarray
    genes: np.ndarray


def evenly(genes: int, neighbours: int, rng: np.random.Generator, shape: Shape) -> Places:
    """cCREs at equal distances, genes anywhere between them."""
    ccres = SPACING * np.arange(1, genes * shape.ccres + neighbours + 1)
    return Places(ccres, np.sort(rng.integers(0, ccres[-1], genes)) + SPACING // 2)


def real_places(chrom: str) -> Places:
    """Those of a chromosome of the real case K562."""
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder), {})
        elements, genes = (pl.read_parquet(path).filter(chrom=chrom) for path in case.elements("main"))
    ccres = elements.filter(pl.col("class") != TSS)
    return Places(((ccres["start"] + ccres["end"]) // 2).to_numpy(), genes["tss"].to_numpy())


def generate(genes: int, neighbours: int, rng: np.random.Generator, shape: Shape = SCPGE) -> Store:
    """A store of one cell on one chromosome, in memory."""
    return fill(evenly(genes, neighbours, rng, shape), neighbours, rng, shape)


def fill(places: Places, neighbours: int, rng: np.random.Generator, shape: Shape = SCPGE) -> Store:
    """A store of generated values at these places."""
    ccres, genes = len(places.ccres), len(places.genes)
    middle = np.concatenate(places)
    elements = pl.DataFrame(
        {
            "chrom": ["chr1"] * len(middle),
            "start": middle - shape.width // 2,
            "end": middle + shape.width // 2,
            "class": ["dELS"] * ccres + [TSS] * genes,
        }
    )
    table = pl.DataFrame(
        {
            "gene_id": [f"G{i}" for i in range(genes)],
            "gene_name": [f"G{i}" for i in range(genes)],
            "chrom": ["chr1"] * genes,
            "strand": ["+"] * genes,
            "tss": middle[ccres:],
            "element": np.arange(ccres, ccres + genes, dtype=np.int32),
        }
    )
    extents = {
        "element_id": [f"E{i}" for i in range(len(middle))],
        "ccre_start": middle - 150,
        "ccre_end": middle + 150,
    }
    index = nearest(table, elements, neighbours)
    signals = rng.gamma(1, 0.5, (len(middle), shape.tracks, shape.width)).astype(np.float16)
    cell = CellData("cell", torch.from_numpy(signals), torch.ones(shape.tracks, dtype=torch.bool))
    return Store(
        table,
        elements.with_columns(**{name: pl.Series(values) for name, values in extents.items()}),
        torch.from_numpy(index),
        torch.from_numpy(distances(table, elements, index).astype(np.float32)),
        [cell],
        torch.from_numpy(rng.integers(0, 4, (len(middle), shape.width), dtype=np.uint8)),
        torch.from_numpy(rng.uniform(size=(len(middle), shape.motifs)).astype(np.float16)),
        {},
        [("chr1", None)],
    )


def repeated(store: Store, genes: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same genes as the released program stores them: sequence, motifs, signals and target, each gene whole."""
    index = store.index.numpy()[genes]
    codes, motifs = store.codes[index].numpy(), store.motifs[index].numpy()
    sequence = (codes[:, None] == np.arange(4)[:, None, None]).astype(np.int64)
    signals = store.cells[0].signals[index].numpy().transpose(0, 2, 1, 3)
    return sequence, motifs[:, None].astype(float), signals.astype(float), np.ones((len(genes), 1))


class Released:
    """The released model, run as its train.py and test.py run it."""

    def __init__(self, folder: Path) -> None:
        self.datasets = load(folder / "datasets.py")
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = load(folder / "model.py").GenePredictionT5(fea_dim=len(TRACKS))

    def batches(self, arrays: tuple[np.ndarray, ...], size: int) -> Any:
        """Batches as float32 tensors."""
        for batch in DataLoader(self.datasets.SourceDataSet(*arrays), batch_size=size):
            yield [batch[name].float() for name in ("seq", "motif", "fea", "exp")]

    def predict(self, arrays: tuple[np.ndarray, ...]) -> Tensor:
        self.model.eval()
        with torch.no_grad():
            return torch.cat([self.model(*batch[:3])[0][:, 0] for batch in self.batches(arrays, 64)])

    def mask_each(self, arrays: tuple[np.ndarray, ...]) -> None:
        """One pass for each element of each gene, its inputs set to zero."""
        self.model.eval()
        for sequence, motifs, signals, _ in self.batches(arrays, 1):
            copies = [part.repeat(part.shape[2] - 1, 1, 1, 1) for part in (sequence, motifs, signals)]
            columns = [column for column in range(sequence.shape[2]) if column != sequence.shape[2] // 2]
            for part in copies:
                part[torch.arange(len(columns)), :, columns] = 0
            with torch.no_grad():
                self.model(*copies)

    def step(self, arrays: tuple[np.ndarray, ...], optimiser: torch.optim.Optimizer) -> None:
        self.model.train()
        for sequence, motifs, signals, target in self.batches(arrays, len(arrays[0])):
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(self.model(sequence, motifs, signals)[0], target)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 0.2)
            optimiser.step()


def load(path: Path) -> ModuleType:
    """A file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seconds(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds of a call: the best of some, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times[1:])


def show(what: str, theirs: Per, ours: Per) -> None:
    """Seconds and number of genes on either side."""
    slow, fast = theirs[0] / theirs[1], ours[0] / ours[1]
    click.echo(f"  {what:<44} released {slow * 1e3:>9,.0f}   ours {fast * 1e3:>8,.0f} ms/gene   {slow / fast:>6.1f} x")


class Measured(NamedTuple):
    """CPU seconds and genes of a program, its predictions before training and, of the released one, their weights."""

    stepping: Per
    predicting: Per
    masking: Per
    predictions: np.ndarray
    weights: dict[str, Tensor] | None = None


def released(
    folder: Path, training: tuple[np.ndarray, ...], some: tuple[np.ndarray, ...], masks: bool, repeats: int
) -> Measured:
    """Measure the released program."""
    program, batch, few = Released(folder), len(training[0]), len(some[0])
    weights = copy.deepcopy(program.model.state_dict())
    predictions = program.predict(some).numpy()
    optimiser = torch.optim.AdamW(program.model.parameters(), lr=1e-6)
    stepping = seconds(lambda: program.step(training, optimiser), repeats)
    predicting = seconds(lambda: program.predict(some), repeats)
    masking = seconds(lambda: program.mask_each(tuple(part[:1] for part in some)), repeats) if masks else 0.0
    return Measured((stepping, batch), (predicting, few), (masking, 1), predictions, weights)


def ours(
    preset: str,
    precision: str,
    store: Store,
    chosen: np.ndarray,
    weights: dict[str, Tensor] | None,
    masks: bool,
    repeats: int,
) -> Measured:
    """Measure a preset: steps over the chosen genes, then prediction and masking of all."""
    genes, batch = len(store.genes), len(chosen)
    config: ModelConfig = read_preset(preset)[0].replace(
        tracks=TRACKS, motifs=tuple(f"M{i}" for i in range(MOTIFS)), sequence=True, neighbours=store.index.shape[1] - 1
    )
    model, training, engine = RegulatoryModel(config), TrainingConfig(batch_size=batch), Engine(precision=precision)
    if weights:
        model.load_state_dict(translate(weights, config))
    predictions = predict(model.eval(), store, 0, 64, precision)
    samples = Samples(np.zeros(genes, np.int64), np.arange(genes), np.ones(genes, np.float32))
    ready, optimiser = engine.ready(model), torch.optim.AdamW(model.parameters(), lr=1e-6)
    model.train()
    stepping = seconds(lambda: update(ready, *make(store, samples, chosen), optimiser, 1e-6, training, engine), repeats)
    model.eval()
    predicting = seconds(lambda: predict(model, store, 0, 64, precision), repeats)
    masking = seconds(lambda: link_table(model, store, 0, 20_000, precision=precision), repeats) if masks else 0.0
    return Measured((stepping, batch), (predicting, genes), (masking, genes), predictions)


def start(seed: int) -> None:
    """Begin a process that is measured: of several threads CPU time would count their waiting for each other."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)


def alone(measure: Callable[..., Measured], *given: object, seed: int, huge_pages: bool) -> Measured:
    """Measure in a process of its own, whose memory no other has used."""
    os.environ["THP_MEM_ALLOC_ENABLE"] = str(int(huge_pages))  # as crexpress.cli asks torch for; torch itself does not
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), start, (seed,)) as process:
        return process.submit(measure, *given).result()


@click.command()
@click.option(
    "--released", "folder", type=click.Path(exists=True, path_type=Path), required=True, help="model.py, datasets.py."
)
@click.option("--genes", default=64, show_default=True, help="Genes of the cell that is predicted.")
@click.option("--chrom", help="Chromosome of assets/k562 that is predicted, instead of generated --genes.")
@click.option("--neighbours", default=20, show_default=True, help="Elements a gene (m).")
@click.option("--batch", default=16, show_default=True, help="Genes of a training step.")
@click.option("--masks/--no-masks", default=True, help="Whether masking is measured, too.")
@click.option("--repeats", default=1, show_default=True, help="Times that each is measured; the best counts.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated data and the weights.")
def main(
    folder: Path, genes: int, chrom: str | None, neighbours: int, batch: int, masks: bool, repeats: int, seed: int
) -> None:
    """Compare training steps, prediction and masking, per gene."""
    rng = np.random.default_rng(seed)
    store = fill(real_places(chrom), neighbours, rng) if chrom else generate(genes, neighbours, rng)
    genes = len(store.genes)
    few = np.arange(genes // 2, genes // 2 + max(2, 160 // (neighbours + 1)))
    chosen = np.sort(rng.choice(genes, batch, replace=False))
    arrays = repeated(store, chosen), repeated(store, few)
    used = len(torch.unique(store.index[store.index >= 0]))
    click.echo(f"{genes} genes, m = {neighbours}, {used} elements seen, one thread")
    theirs = alone(released, folder, *arrays, masks, repeats, seed=seed, huge_pages=False)
    for preset, precision in product(("scpge-compat", "scpge"), ("float32", "bf16")):
        weights = theirs.weights if preset == "scpge-compat" else None
        found = alone(ours, preset, precision, store, chosen, weights, masks, repeats, seed=seed, huge_pages=True)
        click.echo(f"{preset}, {precision}")
        if weights:
            difference = np.abs(found.predictions[few] - theirs.predictions).max()
            spread = theirs.predictions.std()
            click.echo(f"  largest difference with the same weights: {difference:.1e} (sd of genes {spread:.1e})")
        show("training step, from data to updated weights", theirs.stepping, found.stepping)
        show("prediction of a whole cell", theirs.predicting, found.predicting)
        if masks:
            show("masking every element of every gene", theirs.masking, found.masking)


if __name__ == "__main__":
    main()
