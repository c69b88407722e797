#!/usr/bin/env python3
"""A second view on a link model: ScPGE's set of CRISPR pairs (Integration.hg38.bed), apart from what it was fitted to.

    python tests/benchmarks/second_screen.py --model four_tracks.safetensors --elements ... --genes ... \\
        --signals signals.K562.safetensors --expression expression.K562.parquet --known known_expression.parquet \\
        --screen Integration.hg38.bed --fitted EPCrisprBenchmark...tsv.gz

Every chromosome is scored by the fit that has not seen it. Pairs of which the screen that the model was fitted to has
the gene and an overlapping element are counted, and shown apart from the others. `Significant` counts as regulated: the
file does not say in which direction. Misses last; 95 % intervals of a bootstrap over genes, differences are paired.

Of the pairs that the fitted screen lacks, parts are shown, written down before they were scored. Testable: the gene is
known here and has 1 TPM, a cCRE is overlapped, the interval lies on no TSS (250 bp about it) and within 500 kb; these
by distance, by whether the fitted screen has the gene at all, and the element with another gene. `--but GENES` shows
the testable ones without some genes, which are named after looking at the scores. Last, what score-links reaches, whose
window leaves out what lies beyond 500 kb: it counts as missed. And how far the two files agree where both have a pair.
"""

import itertools
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
FARTHEST, TSS_HALF = 500_000, 250  # bp
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
@click.option("--but", default="", help="Genes, separated by commas.")
def main(
    model_file: Path,
    elements: Path,
    genes: Path,
    signals: Path,
    expression: Path,
    known: tuple[Path, ...],
    second: Path,
    fitted: Path,
    but: str,
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
    seen = shared(pairs, first, "gene_id")
    print("| pairs | regulated | score | average precision | from ABC |\n|---|---|---|---|---|")
    shown = [("all", np.full(len(pairs), True)), *parts(pairs, first, seen, scene)]
    if but:
        others = ~pairs["measuredGeneSymbol"].is_in(but.split(",")).to_numpy()
        shown += [(f"{name}, without {but}", rows & others) for name, rows in shown if name.startswith("not in it")]
    for name, rows in shown:
        if not rows.any():
            print(f"| {name}, 0 | | | | |")
            continue
        for line in figures(pairs.filter(rows), {score: values[rows] for score, values in scores.items()}):
            print(f"| {name}, {rows.sum():,} | {line}")
    apart = pairs["distance"].fill_null(np.inf).to_numpy()
    within = {score: np.where(apart <= FARTHEST, values, -np.inf) for score, values in scores.items()}
    for line in figures(pairs, within):
        print(f"| all, beyond {FARTHEST // 1000} kb missed, {len(pairs):,} | {line}")
    print(agreement(pairs, first))


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


def both(pairs: pl.DataFrame, first: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Rows of `pairs` (as `row`) with those of the first screen of the same `by` whose interval overlaps theirs."""
    columns = [*by, "chrom", pl.col("chromStart").alias("low"), pl.col("chromEnd").alias("high")]
    known = first.select(*columns, verdict="Regulated", significant=pl.col("Significant") == "TRUE")
    joined = pairs.with_row_index("row").join(known, on=[*by, "chrom"])
    return joined.filter((pl.col("chromStart") < pl.col("high")) & (pl.col("low") < pl.col("chromEnd")))


def shared(pairs: pl.DataFrame, first: pl.DataFrame, *by: str) -> np.ndarray:
    """Whether the first screen has the same `by` with an element that overlaps, bool [pairs]."""
    found = np.zeros(len(pairs), bool)
    found[both(pairs, first, *by)["row"].unique().to_numpy()] = True
    return found


def parts(
    pairs: pl.DataFrame, first: pl.DataFrame, seen: np.ndarray, scene: inputs.Scene
) -> list[tuple[str, np.ndarray]]:
    """(name, bool [pairs]) of the parts in the order in which they are shown."""
    place = pairs.select("gene_id").join(
        pl.DataFrame({"gene_id": scene.genes["gene_id"], "on": scene.expressed}),
        on="gene_id",
        how="left",
        maintain_order="left",
    )
    overlapped = np.zeros(len(pairs), bool)
    overlapped[screening.overlaps(pairs, scene.elements, scene.genes)[0]] = True
    apart = pairs["distance"].fill_null(np.inf).to_numpy()
    testable = place["on"].fill_null(False).to_numpy() & overlapped & ~on_tss(pairs, scene) & (apart < FARTHEST)
    new = ~seen & testable
    known = pairs["gene_id"].is_in(first["gene_id"].drop_nulls().implode()).fill_null(False).to_numpy()
    element = shared(pairs, first)
    told = [("in the fitted screen", seen), ("not in it", ~seen), ("not in it, not testable", ~seen & ~testable)]
    told += [("not in it, testable", new)]
    ends = (0, 10_000, 50_000, 100_000, FARTHEST)
    for low, high in itertools.pairwise(ends):
        told.append((f"testable, {low // 1000}-{high // 1000} kb", new & (apart >= low) & (apart < high)))
    told += [("testable, its gene in the fitted screen", new & known), ("testable, its gene not", new & ~known)]
    told += [("testable, its element there", new & element), ("testable, its element not", new & ~element)]
    return told


def on_tss(pairs: pl.DataFrame, scene: inputs.Scene) -> np.ndarray:
    """Whether an interval comes within 250 bp of any TSS, bool [pairs]."""
    found = np.zeros(len(pairs), bool)
    for chrom, tss in scene.genes.group_by("chrom").agg(pl.col("tss").sort()).iter_rows():
        here = (pairs["chrom"] == chrom).to_numpy()
        low, high = pairs["chromStart"].to_numpy()[here] - TSS_HALF, pairs["chromEnd"].to_numpy()[here] + TSS_HALF
        found[here] = np.searchsorted(tss, high) > np.searchsorted(tss, low)
    return found


def agreement(pairs: pl.DataFrame, first: pl.DataFrame) -> str:
    """How far the two files agree on the pairs that both have."""
    one = (
        both(pairs, first, "gene_id")
        .group_by("row")
        .agg(pl.col("Regulated").first(), pl.col("verdict").any(), pl.col("significant").any())
    )
    called = one.filter("Regulated")
    against = called.filter(~pl.col("verdict"))
    return (
        f"\nOf {len(called)} shared pairs that are Significant here, {len(against)} are not regulated in the fitted "
        f"screen ({against['significant'].sum()} of them significant there, in the other direction); of "
        f"{len(one) - len(called)} that are not, {one.filter(~pl.col('Regulated'))['verdict'].sum()} are."
    )


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
