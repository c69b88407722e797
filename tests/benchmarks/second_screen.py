#!/usr/bin/env python3
"""A second view on a link model: ScPGE's set of CRISPR pairs (Integration.hg38.bed), apart from what it was fitted to.

    python tests/benchmarks/second_screen.py --model four_tracks.safetensors --elements ... --genes ... \\
        --signals signals.K562.safetensors --expression expression.K562.parquet --known known_expression.parquet \\
        --screen Integration.hg38.bed --fitted EPCrisprBenchmark...tsv.gz

Every chromosome is scored by the fit that has not seen it. Pairs of which the screen that the model was fitted to has
the gene and an overlapping element are counted, and shown apart from the others. `Significant` counts as regulated: the
file does not say in which direction. Misses last; 95 % intervals of a bootstrap over genes, differences are paired.
"""

import tempfile
from pathlib import Path

import click
import numpy as np
import polars as pl

from crexpress.core import bootstrap, ranking
from crexpress.links import evidence, inputs, model, screen
from crexpress.links.closed_forms import closed_forms
from crexpress.links.read import on_scale
from crexpress.prepare import screening

RESAMPLES = 1000
FILE = click.Path(path_type=Path, exists=True)


@click.command()
@click.option("--model", "model_file", type=FILE, required=True)
@click.option("--elements", type=FILE, required=True)
@click.option("--genes", type=FILE, required=True)
@click.option("--signals", type=FILE, required=True)
@click.option("--expression", type=FILE, required=True)
@click.option("--known", type=FILE, multiple=True)
@click.option("--screen", "second", type=FILE, required=True)
@click.option("--fitted", type=FILE, required=True)
def main(
    model_file: Path,
    elements: Path,
    genes: Path,
    signals: Path,
    expression: Path,
    known: tuple[Path, ...],
    second: Path,
    fitted: Path,
) -> None:
    """Print the table."""
    store = inputs.Store.open(elements, genes)
    [(cell, scene)] = store.scenes([signals], [expression], [], [], known).items()
    chromosomes = store.elements["chrom"].unique()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "screen.tsv"
        laid_out(second).write_csv(table, separator="\t")
        pairs = screen.read_pairs("second", table, [cell], store.genes, chromosomes)[cell]
    first = screen.read_pairs("first", fitted, [cell], store.genes, chromosomes)[cell]
    scores = scored(model.read(model_file), scene, pairs)
    seen = shared(pairs, first)
    print("| pairs | regulated | score | average precision | from ABC |\n|---|---|---|---|---|")
    for name, rows in (("all", np.full(len(pairs), True)), ("in the fitted screen", seen), ("not in it", ~seen)):
        if not rows.any():
            print(f"| {name}, 0 | | | | |")
            continue
        for line in figures(pairs.filter(rows), {score: values[rows] for score, values in scores.items()}):
            print(f"| {name}, {rows.sum():,} | {line}")


def laid_out(path: Path) -> pl.DataFrame:
    """The pairs in the columns of EngreitzLab/CRISPR_comparison."""
    table = pl.read_csv(path, separator="\t", infer_schema=False)
    return table.select(
        pl.col("chr").alias("chrom"),
        pl.col("start").alias("chromStart"),
        pl.col("end").alias("chromEnd"),
        pl.col("Gene").alias("measuredGeneSymbol"),
        pl.col("Cell type").alias("CellType"),
        pl.col("Significant").alias("Regulated"),
    )


def scored(fitted: model.LinkModel, scene: inputs.Scene, pairs: pl.DataFrame) -> dict[str, np.ndarray]:
    """The link model's log odds and closed forms of every pair, -inf where there is none."""
    placed = on_scale(scene, fitted.scales)
    known = screen.tested(placed, "second", pairs, evidence.find(fitted.pieces))
    odds = np.empty(len(known.pair))
    for chrom in np.unique(known.chrom):
        here = known.chrom == chrom
        odds[here] = fitted.fit_of(scene.cell, str(chrom)).log_odds(known.table[here])
    overlap = screening.overlaps(pairs, scene.elements, scene.genes)
    tracks = {"dnase": scene.tracks["access"], "h3k27ac": scene.tracks["h3k27ac"]}
    closed = closed_forms(pairs, overlap, scene.elements, scene.genes, tracks)
    return {"link model": known.of_pairs(odds)} | {
        name: closed[name] for name in ("ABC", "activity/distance", "distance")
    }


def shared(pairs: pl.DataFrame, first: pl.DataFrame) -> np.ndarray:
    """Whether the first screen has the same gene with an element that overlaps, bool [pairs]."""
    columns = [pl.col("gene_id"), pl.col("chrom"), pl.col("chromStart").alias("low"), pl.col("chromEnd").alias("high")]
    joined = pairs.with_row_index("row").join(first.select(columns), on=["gene_id", "chrom"])
    hits = joined.filter((pl.col("chromStart") < pl.col("high")) & (pl.col("low") < pl.col("chromEnd")))["row"].unique()
    found = np.zeros(len(pairs), bool)
    found[hits.to_numpy()] = True
    return found


def figures(pairs: pl.DataFrame, scores: dict[str, np.ndarray]) -> list[str]:
    """Rows of the table, from the column of regulated pairs on."""
    regulated = pairs["Regulated"].to_numpy()
    gene = pairs["gene"].rank("dense").to_numpy().astype(np.int64) - 1
    drawn = bootstrap.draw(int(gene.max()) + 1, RESAMPLES, 1)[:, gene]
    precision = {name: ranking.measures(score, regulated, drawn)["average_precision"] for name, score in scores.items()}
    lines = []
    for name, values in precision.items():
        low, high = bootstrap.interval(values)
        difference = values - precision["ABC"]
        near, far = bootstrap.interval(difference)
        told = "" if name == "ABC" else f"{difference[0]:+.3f} [{near:+.3f}, {far:+.3f}]"
        lines.append(f"{regulated.sum()} | {name} | {values[0]:.3f} [{low:.3f}, {high:.3f}] | {told} |")
    return lines


if __name__ == "__main__":
    main()
