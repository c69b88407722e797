#!/usr/bin/env python3
"""What link models are worth on the screen that they were fitted to, chromosomes held out: tables for docs/results.md.

    OMP_NUM_THREADS=1 tests/benchmarks/link_models.py --folder results/links --loops rad21=FILE --loops hichip=FILE \\
        --model "ten tracks and loops=results/links/all.safetensors" --links results/demo/links/links.K562.parquet

The shipped models and those of `--model` score every chromosome by the fit that has not seen it. Beside them stand
scores that need no fit, a network's attention and perturbation (`--links`), and refits of ENCODE-rE2G's kind (logistic
regression alone, on the pieces that are its eight or thirteen features' here; no measured contact), with the same
chromosomes held out. All pairs; misses last; 95 % intervals of a bootstrap over genes; differences are paired. The
second table is of single genes, which alone `--genes` makes: no refit, seconds.
"""

from collections.abc import Mapping
from pathlib import Path

import click
import k562_links
import numpy as np
import polars as pl

from crexpress.core import artifacts, bootstrap, ranking, shipped
from crexpress.links import card, encode_re2g, fit, members, model, screen
from crexpress.links.closed_forms import closed_forms
from crexpress.links.read import on_scale
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
KIND = "rE2G's kind, 13 features"
FIRST = ("JUNB", "KLF1", "BAX", "MYC", "GATA1", "HBE1")  # genes of ScPGE's Figures 3 and 5
SHIPPED = {
    "four_tracks": "link model, four tracks",
    "four_tracks_loops": "link model, four tracks and two loop maps",
    "activity": "link model, DNase + H3K27ac",
    "access": "link model, DNase alone",
}


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option(
    "--loops", multiple=True, metavar="NAME=FILE", help="The two maps of loops; without, no model with loops."
)
@click.option("--model", "models", multiple=True, metavar="NAME=FILE", help="Beside those that ship.")
@click.option("--links", type=click.Path(path_type=Path), help="links.K562.parquet of a network.")
@click.option("--re2g", type=click.Path(path_type=Path), help="ENCODE-rE2G's links with features, some chromosomes.")
@click.option("--genes", "genes_alone", is_flag=True, help="The table of genes alone.")
def main(
    folder: Path,
    loops: tuple[str, ...],
    models: tuple[str, ...],
    links: Path | None,
    re2g: Path | None,
    genes_alone: bool,
) -> None:
    """Print both tables."""
    store, scene = k562_links.opened(folder, dict(entry.split("=", 1) for entry in loops))
    pairs = k562_links.pairs_of(store)
    files = {label: shipped.LINK_MODELS[name] for name, label in SHIPPED.items() if loops or "loops" not in name}
    files |= {name: Path(file) for name, _, file in (entry.partition("=") for entry in models)}
    scores = {}
    for name, file in files.items():
        one = model.read(file)
        scores[name] = k562_links.held_out(one, on_scale(scene, one.scales), pairs)
    placed = k562_links.with_tracks(scene, 4)
    if not genes_alone:
        for name, pieces in (("rE2G's kind, 7 of its 8 features", EIGHT), (KIND, THIRTEEN)):
            scores[name] = refit(k562_links.tested(placed, pairs, pieces))
    overlap = screening.overlaps(pairs, scene.elements, scene.genes)
    tracks = {"dnase": placed.tracks["access"], "h3k27ac": placed.tracks["h3k27ac"]}
    closed = closed_forms(pairs, overlap, scene.elements, scene.genes, tracks)
    scores |= {name: closed[name] for name in ("ABC", "activity/distance", "distance")}
    if links:
        scores |= network(links, pairs, overlap)
    if re2g:
        print(beside_public(scores, pairs, re2g))
    if not genes_alone:
        print(figures(scores, pairs))
    print(of_genes(scores, pairs))


def refit(known: screen.Tested) -> np.ndarray:
    """Logistic regression alone, held out as the link models are: [pairs]."""
    rows, (of_candidate, of_row) = k562_links.rows_of(known), k562_links.groups_of(known)
    odds = np.full(len(known.pair), -np.inf)
    for number in np.unique(of_candidate):
        out = of_candidate == number
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


def beside_public(scores: Mapping[str, np.ndarray], pairs: pl.DataFrame, path: Path) -> str:
    """Average precision beside ENCODE-rE2G by its public coefficients, of the pairs of the chromosomes that its table
    holds; a pair without a link in it, which is below its threshold, comes last.
    """
    table = pl.read_csv(path, separator="\t", infer_schema=False)
    own = pl.DataFrame(
        {
            "gene_id": table["TargetGeneEnsembl_ID"],
            "chrom": table["chr"],
            "low": table["start"].cast(pl.Int64),
            "high": table["end"].cast(pl.Int64),
            "score": encode_re2g.probability(table),
        }
    )
    inside = pairs["chrom"].is_in(table["chr"].unique().implode()).to_numpy()
    some = pairs.with_row_index("row").with_columns(pl.col("gene_id").str.split(".").list.first())
    hits = some.join(own, on=["gene_id", "chrom"])
    hits = hits.filter((pl.col("chromStart") < pl.col("high")) & (pl.col("low") < pl.col("chromEnd")))
    score = np.full(len(pairs), -np.inf)
    np.maximum.at(score, hits["row"].to_numpy(), hits["score"].to_numpy())
    found = k562_links.precision({"ENCODE-rE2G": score, **scores}, pairs, inside)
    number = pairs["Regulated"].to_numpy()[inside].sum()
    lines = [f"{inside.sum()} pairs, {number} regulated, {np.isfinite(score[inside]).sum()} with a published link", ""]
    lines += ["| score | average precision | less ENCODE-rE2G |", "|---|---|---|"]
    for name, values in found.items():
        less = k562_links.interval(values - found["ENCODE-rE2G"], sign=True)
        lines.append(f"| {name} | {k562_links.interval(values)} | {less} |")
    return "\n".join([*lines, ""])


def figures(scores: Mapping[str, np.ndarray], pairs: pl.DataFrame) -> str:
    """Every score's average precision, trapezoid, by distance, and difference from the first and from rE2G's kind."""
    regulated = pairs["Regulated"].to_numpy()
    gene = pairs["gene"].rank("dense").to_numpy().astype(np.int64) - 1
    drawn = bootstrap.draw(int(gene.max()) + 1, k562_links.RESAMPLES, 1)[:, gene]
    measured = {name: ranking.measures(score, regulated, drawn) for name, score in scores.items()}
    kind = measured[KIND]["average_precision"]
    groups = ("<10 kb", "10-50 kb", "50-100 kb", ">100 kb")
    lines = [
        f"| score | average precision | trapezoid | P at 70 % | {' | '.join(groups)} | from rE2G's kind (13) |",
        "| --- " * (5 + len(groups)) + "|",
    ]
    for name, of in measured.items():
        parts = card.short(scores[name], regulated, pairs["distance"].fill_null(np.inf).to_numpy())
        cells = [k562_links.interval(of["average_precision"]), k562_links.interval(of["auprc"])]
        cells += [f"{of['precision_at_70_recall'][0]:.3f}", *(f"{parts[group]:.3f}" for group in groups)]
        difference = of["average_precision"] - kind
        cells.append(k562_links.interval(difference, sign=True) if difference.any() else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def of_genes(scores: Mapping[str, np.ndarray], pairs: pl.DataFrame) -> str:
    """Share of a gene's regulated pairs among its k best, k their number, a pair that a score does not see never being
    among them; means over all genes with one, and over those of them that have other pairs, too.
    """
    regulated, gene = pairs["Regulated"].to_numpy(), pairs["measuredGeneSymbol"].to_numpy()
    positive = np.unique(gene[regulated])
    both = [one for one in positive if not regulated[gene == one].all()]
    shares: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in scores}
    for one in positive:
        rows = np.flatnonzero(gene == one)
        k = int(regulated[rows].sum())
        for name, score in scores.items():
            best = rows[np.argsort(-score[rows], kind="stable")[:k]]
            shares[name][one] = int((regulated[best] & np.isfinite(score[best])).sum()), k
    numbers = [f"{one} ({int(regulated[gene == one].sum())} of {(gene == one).sum()})" for one in FIRST]
    titles = [*numbers, f"all {len(positive)} genes", f"{len(both)} with others"]
    lines = [f"| score | {' | '.join(titles)} |", "| --- " * (len(titles) + 1) + "|"]
    for name, of in shares.items():
        cells = [f"{of[one][0]} of {of[one][1]}" if one in of else "none" for one in FIRST]
        cells += [f"{np.mean([of[one][0] / of[one][1] for one in some]):.3f}" for some in (positive, both)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
