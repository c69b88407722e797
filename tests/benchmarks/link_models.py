#!/usr/bin/env python3
"""What link models are worth on the screen that they were fitted to, chromosomes held out: tables for docs/results.md.

    python tests/benchmarks/link_models.py --pairs four=pairs.four.parquet --pairs loops=pairs.four_loops.parquet \\
        --elements elements.parquet --genes genes.parquet --signals signals.K562.safetensors \\
        --expression expression.K562.parquet --known assets/link_models/known_expression.parquet --crispr screen.tsv.gz

`--pairs` are what `fit-links --pairs` wrote of one screen. Beside them stand scores that need no fit, and refits of
ENCODE-rE2G's kind (logistic regression alone, on the pieces that are its eight or thirteen features' here; no measured
contact), with the same chromosomes held out. All pairs; misses last; 95 % intervals of a bootstrap over genes;
differences are paired.
"""

from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
import polars as pl

from crexpress.core import artifacts, bootstrap, ranking
from crexpress.links import card, evidence, fit, inputs, members, screen
from crexpress.links.closed_forms import closed_forms
from crexpress.links.read import measure, on_scale
from crexpress.prepare import screening

EIGHT = (  # the eighth, contact, is not measured here
    "tss_between",  # numTSSEnhGene
    "distance",  # distanceToTSS
    "promoter_access",  # promoter DNase
    "activity_near",  # sumNearbyEnhancers
    "expression_least",  # ubiquitousExpressedGene
    "elements_between",  # numCandidateEnhGene
    "abc",  # ABC.Score
)
THIRTEEN = (
    *EIGHT,
    "element_access",
    "element_h3k27ac",
    "promoter_h3k27ac",
    "gene_activity",
    "promoter_share",
    "around_access",
)
FIRST = ("JUNB", "KLF1", "BAX", "MYC", "GATA1", "HBE1")  # genes of ScPGE's Figures 3 and 5
FOLDS, RESAMPLES = 12, 1000


@click.command()
@click.option("--pairs", multiple=True, required=True, metavar="NAME=FILE")
@click.option("--elements", type=click.Path(path_type=Path), required=True)
@click.option("--genes", type=click.Path(path_type=Path), required=True)
@click.option("--signals", type=click.Path(path_type=Path), required=True)
@click.option("--expression", type=click.Path(path_type=Path), required=True)
@click.option("--known", type=click.Path(path_type=Path), multiple=True)
@click.option(
    "--links", type=click.Path(path_type=Path), help="links.CELL.parquet of a network, for the table of genes."
)
@click.option("--crispr", "screen_file", type=click.Path(path_type=Path), required=True)
def main(
    pairs: tuple[str, ...],
    elements: Path,
    genes: Path,
    signals: Path,
    expression: Path,
    known: tuple[Path, ...],
    links: Path | None,
    screen_file: Path,
) -> None:
    store = inputs.Store.open(elements, genes)
    [(cell, scene)] = store.scenes([signals], [expression], [], [], known).items()
    tested = screen.read_pairs("screen", screen_file, [cell], store.genes, store.elements["chrom"].unique())[cell]
    scores: dict[str, np.ndarray] = {}
    for entry in pairs:
        name, _, file = entry.partition("=")
        scores[f"link model {name}"] = artifacts.read_table(file, "held_out_pairs")[0]["probability"].to_numpy()
    placed = on_scale(scene, measure(scene))
    for name, pieces in (("rE2G's kind, 7 of 8 features", EIGHT), ("rE2G's kind, 13 features", THIRTEEN)):
        scores[name] = refit(screen.tested(placed, "screen", tested, evidence.find(pieces)))
    overlap = screening.overlaps(tested, store.elements, store.genes)
    tracks = {"dnase": scene.tracks["access"], "h3k27ac": scene.tracks["h3k27ac"]}
    closed = closed_forms(tested, overlap, store.elements, store.genes, tracks)
    scores |= {name: closed[name] for name in ("ABC", "activity/distance", "distance")}
    if links:
        scores |= network(links, tested, overlap)
    print(figures(scores, tested))
    print(of_genes(scores, tested))


def refit(known: screen.Tested) -> np.ndarray:
    """Logistic regression alone, held out as the link models are: [pairs]."""
    rows = fit.Rows(known.table, known.regulated, np.ones(len(known.pair)), known.chrom.astype(str)).where(known.best)
    group = fit.groups(rows.chrom, rows.regulated, FOLDS)
    of_row = np.array([group[str(chrom)] for chrom in rows.chrom])
    odds = np.full(len(known.pair), -np.inf)
    for number in range(FOLDS):
        out = np.array([group[str(chrom)] == number for chrom in known.chrom])
        own, _ = fit.fit(rows.where(of_row != number), 1, ((members.LOGISTIC,),))
        odds[out] = own.log_odds(known.table[out])
    return known.of_pairs(odds)


def network(path: Path, pairs: pl.DataFrame, overlap: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Best attention and perturbation of each pair's elements: {name: [pairs]}."""
    table, _ = artifacts.read_table(path, "links")
    pair, element = overlap
    hits = pl.DataFrame({"pair": pair, "element": element.astype(np.int32), "gene_id": pairs["gene_id"].gather(pair)})
    hits = hits.join(table, on=["gene_id", "element"])
    found = {}
    for name in ("attention", "perturbation"):
        found[name] = np.full(len(pairs), -np.inf)
        np.maximum.at(found[name], hits["pair"].to_numpy(), hits[name].to_numpy())
    return found


def figures(scores: Mapping[str, np.ndarray], pairs: pl.DataFrame) -> str:
    """Every score's average precision, trapezoid, by distance, and difference from the first and from rE2G's kind."""
    regulated = pairs["Regulated"].to_numpy()
    gene = pairs["gene"].rank("dense").to_numpy().astype(np.int64) - 1
    drawn = bootstrap.draw(int(gene.max()) + 1, RESAMPLES, 1)[:, gene]
    measured = {name: ranking.measures(score, regulated, drawn) for name, score in scores.items()}
    kind = measured["rE2G's kind, 13 features"]["average_precision"]
    groups = ("<10 kb", "10-50 kb", "50-100 kb", ">100 kb")
    lines = [
        f"| score | average precision | trapezoid | P at 70 % | {' | '.join(groups)} | from rE2G's kind (13) |",
        "| --- " * (5 + len(groups)) + "|",
    ]
    for name, of in measured.items():
        parts = card.short(scores[name], regulated, pairs["distance"].fill_null(np.inf).to_numpy())
        cells = [_with_interval(of["average_precision"]), _with_interval(of["auprc"])]
        cells += [f"{of['precision_at_70_recall'][0]:.3f}", *(f"{parts[group]:.3f}" for group in groups)]
        difference = of["average_precision"] - kind
        low, high = bootstrap.interval(difference)
        cells.append(f"{difference[0]:+.3f} [{low:+.3f}, {high:+.3f}]" if name in scores and difference.any() else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def of_genes(scores: Mapping[str, np.ndarray], pairs: pl.DataFrame) -> str:
    """Share of a gene's regulated pairs among its k best, k their number; the mean over all genes with one last."""
    regulated, gene = pairs["Regulated"].to_numpy(), pairs["measuredGeneSymbol"].to_numpy()
    positive = np.unique(gene[regulated])
    shares: dict[str, dict[str, float]] = {name: {} for name in scores}
    for one in positive:
        rows = np.flatnonzero(gene == one)
        k = int(regulated[rows].sum())
        for name, score in scores.items():
            best = rows[np.argsort(-score[rows], kind="stable")[:k]]
            shares[name][one] = float(regulated[best].mean())
    first = [one for one in FIRST if one in positive]
    numbers = [f"{one} ({int(regulated[gene == one].sum())} of {(gene == one).sum()})" for one in first]
    lines = [f"| score | {' | '.join(numbers)} | all {len(positive)} genes |", "| --- " * (len(first) + 2) + "|"]
    for name, of in shares.items():
        cells = [f"{of[one]:.2f}" for one in first] + [f"{np.mean(list(of.values())):.3f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _with_interval(values: np.ndarray) -> str:
    low, high = bootstrap.interval(values)
    return f"{values[0]:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
