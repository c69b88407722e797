#!/usr/bin/env python3
"""Forms of the link model that were tried beside the one that ships, of K562's screen: `signs`, `more` evidence, and
`widths` of loops' anchors.

    OMP_NUM_THREADS=1 tests/benchmarks/link_more.py signs --folder results/links
    OMP_NUM_THREADS=1 tests/benchmarks/link_more.py more --folder results/links --loops rad21=FILE \\
        --loops hichip=FILE --links results/network/links.K562.parquet

`signs`: trees that may only rise with what should help a link and only fall with what should not, with and without
logistic regression; average precision on three inner groups of chromosomes of all pairs, four tracks.

`more`, written down before it was scored: ten tracks and the maps of loops, and beside their evidence (a) `among`: how
a link stands among the gene's other cCREs (its activity/distance over the largest of the others, how many have more,
how many active ones lie nearer), (b) `network`: a network's attention, perturbation and learned activity (--links). In
each of the twelve outer folds the set with the highest average precision on the inner chromosomes is taken, and the
log odds of fits with two seeds are averaged. All sets are shown, and the chosen; misses last. What is in
`--folder` is not fitted again, so that a run which was stopped goes on (`--folds` does some).

`widths`, written down before it was scored: four tracks and both maps of loops, all evidence that `fit-links` takes by
default ("as before": the form that ships, seed 1), and the same with `loop_width`. Twelve outer folds of whole
chromosomes, members chosen and calibrated on inner chromosomes in each, as `fit-links` does; all pairs, misses last;
the difference is paired over genes. Its interval above 0 is a gain; nothing else is scored.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from unittest.mock import patch

import click
import k562_links
import numpy as np
import polars as pl
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

from crexpress.links import evidence, fit
from crexpress.links.evidence.piece import Piece
from crexpress.links.members import BOOSTED, EXTRA, LOGISTIC
from crexpress.links.scene import ACCESS, ACTIVITY, SCORES, Links, Scene
from crexpress.links.screen import Tested

RISE = (
    "abc",
    "competition",
    "element_access",
    "around_access",
    "element_h3k27ac",
    "around_h3k27ac",
    "expression_specific",
)
FALL = ("distance", "tss_between", "elements_between", "activity_between", "ctcf_between", "expression_least")
FORMS = ((LOGISTIC, BOOSTED), (LOGISTIC, BOOSTED, EXTRA), (BOOSTED, EXTRA))
SEEDS = (1, 2)
REACH = 500_000  # bp from the TSS: elements that a link is held against


def among(links: Links) -> np.ndarray:
    """Each link among its gene's other cCREs: [3, links], kept for the pieces that share it."""
    if "among" not in links.kept:
        scene, found = links.scene, np.empty((3, len(links.gene)))
        open_ = scene.tracks[ACCESS] > 0
        for gene in np.unique(links.gene):
            here = np.flatnonzero(links.gene == gene)
            rows = links.line.rows[np.abs(links.line.middle - scene.tss[gene]) <= REACH]
            apart = np.maximum(np.abs(scene.middle[rows] - scene.tss[gene]), 1)
            strength = scene.activity[rows] / apart
            for at in here:
                others = rows != links.element[at]
                own = scene.activity[links.element[at]] / links.apart[at]
                best = strength[others].max(initial=0)
                found[:, at] = (
                    np.log((own + 1e-6) / (best + 1e-6)),
                    np.log1p((strength[others] > own).sum()),
                    np.log1p((open_[rows] & (apart < links.apart[at]))[others].sum()),
                )
        links.kept["among"] = found
    return links.kept["among"]


AMONG = [
    Piece(name, name, unit, (ACTIVITY, ACCESS), lambda links, row=row: among(links)[row])
    for row, (name, unit) in enumerate((("over_best", "ln"), ("stronger", "ln(1 + n)"), ("nearer", "ln(1 + n)")))
]


@click.group(help=__doc__)
def main() -> None:
    """Which question."""


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
def signs(folder: Path) -> None:
    """Print what signs bring and cost."""
    store, scene = k562_links.opened(folder, {})
    scene = k562_links.with_tracks(scene, 4)
    names = evidence.available(scene.has)
    rows = k562_links.rows_of(k562_links.tested(scene, k562_links.pairs_of(store), names))
    way = [1 if name in RISE else -1 if name in FALL else 0 for name in names]
    signed = {one: partial(one, monotonic_cst=way) for one in (HistGradientBoostingClassifier, ExtraTreesClassifier)}
    _, free = fit.fit(rows, 1, FORMS)
    with (
        patch("sklearn.ensemble.HistGradientBoostingClassifier", signed[HistGradientBoostingClassifier]),
        patch("sklearn.ensemble.ExtraTreesClassifier", signed[ExtraTreesClassifier]),
    ):
        _, bound = fit.fit(rows, 1, FORMS)
    print("| members | without signs | with |\n|---|---|---|")
    for form in FORMS:
        print(f"| {' + '.join(form)} | {free[form]:.3f} | {bound[form]:.3f} |")


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--loops", multiple=True, metavar="NAME=FILE")
@click.option("--links", type=click.Path(path_type=Path), help="links.K562.parquet of a network.")
@click.option("--folds", default="", help="Of the outer folds, 0 to 11.  [default: all]")
def more(folder: Path, loops: tuple[str, ...], links: Path | None, folds: str) -> None:
    """Print what more evidence and seeds bring."""
    for piece in AMONG:
        evidence.EVIDENCE.register(piece.name, piece)
    store, scene = k562_links.opened(folder, dict(entry.split("=", 1) for entry in loops), links)
    scene = k562_links.with_tracks(scene, 10)
    every = evidence.available(scene.has)
    network = {name for name in every if set(evidence.find([name])[0].needs) & set(SCORES)}
    extra = {piece.name for piece in AMONG}
    sets = {"as before": [name for name in every if name not in network | extra]}
    sets["among"] = [name for name in every if name not in network]
    if network:
        sets["network"] = [name for name in every if name not in extra]
    pairs = k562_links.pairs_of(store)
    known = evidence_of(folder / "more" / "evidence.npz", scene, pairs, every)
    group, of_row = k562_links.groups_of(known)
    wanted = [int(number) for number in folds.split(",")] if folds else list(range(k562_links.FOLDS))
    scores = {name: np.full(len(known.pair), -np.inf) for name in (*sets, "as before, two seeds", "chosen, two seeds")}
    chosen = []
    for number in wanted:
        out = group == number

        def fitted(name: str, seed: int, number: int = number, out: np.ndarray = out) -> tuple[float, np.ndarray]:
            path = folder / "more" / f"{name.replace(' ', '_')}.{number}.{seed}.npz"
            columns = [every.index(one) for one in sets[name]]
            return k562_links.kept(path, known, of_row != number, out, columns, seed)

        of_sets = {name: fitted(name, 1) for name in sets}
        best = max(sets, key=lambda name: of_sets[name][0])
        chosen.append(best)
        for name in sets:
            scores[name][out] = of_sets[name][1]
        for name, which in (("as before, two seeds", "as before"), ("chosen, two seeds", best)):
            scores[name][out] = np.mean([fitted(which, seed)[1] for seed in SEEDS], axis=0)
    if len(wanted) == k562_links.FOLDS:
        print(table({name: known.of_pairs(score) for name, score in scores.items()}, pairs))
        print("chosen: " + ", ".join(f"{name} in {chosen.count(name)} folds" for name in sets))


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--loops", multiple=True, metavar="NAME=FILE", required=True)
@click.option("--folds", default="", help="Of the outer folds, 0 to 11.  [default: all]")
def widths(folder: Path, loops: tuple[str, ...], folds: str) -> None:
    """Print what the width of loops' anchors brings."""
    store, scene = k562_links.opened(folder, dict(entry.split("=", 1) for entry in loops))
    scene = k562_links.with_tracks(scene, 4)
    every = [*evidence.available(scene.has), "loop_width"]
    pairs = k562_links.pairs_of(store)
    known = evidence_of(folder / "widths" / "evidence.npz", scene, pairs, every)
    group, of_row = k562_links.groups_of(known)
    sets = {"as before": range(len(every) - 1), "loop_width": range(len(every))}
    scores = {name: np.full(len(known.pair), -np.inf) for name in sets}
    wanted = [int(number) for number in folds.split(",")] if folds else list(range(k562_links.FOLDS))
    for number in wanted:
        out = group == number
        for name, columns in sets.items():
            path = folder / "widths" / f"{name.replace(' ', '_')}.{number}.npz"
            scores[name][out] = k562_links.kept(path, known, of_row != number, out, columns)[1]
    if len(wanted) == k562_links.FOLDS:
        inside = known.best
        there = np.isfinite(known.table[inside, -1])
        print(
            f"{there.sum():,} of {inside.sum():,} pairs have a width, {known.regulated[inside][there].sum()} regulated"
        )
        print(table({name: known.of_pairs(score) for name, score in scores.items()}, pairs))


def evidence_of(path: Path, scene: Scene, pairs: pl.DataFrame, names: list[str]) -> Tested:
    """Evidence of the pairs' links, read from `path` where it was made before: a network's takes a while."""
    if path.exists():
        with np.load(path) as found:
            if found["names"].tolist() == names:
                return k562_links.tested(scene, pairs, ["distance"])._replace(table=found["table"])
    known = k562_links.tested(scene, pairs, names)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, names=names, table=known.table)
    return known


def table(scores: Mapping[str, np.ndarray], pairs: pl.DataFrame) -> str:
    """Average precision of every set, and its difference from the first."""
    found = k562_links.precision(scores, pairs)
    first = found["as before"]
    lines = ["| evidence | average precision | from the first |", "|---|---|---|"]
    for name, values in found.items():
        less = k562_links.interval(values - first, sign=True) if name != "as before" else ""
        lines.append(f"| {name} | {k562_links.interval(values)} | {less} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
