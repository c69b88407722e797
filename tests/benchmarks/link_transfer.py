#!/usr/bin/env python3
"""Does a link model fitted to one screen rank the pairs of another? The screens of the K562 table, apart.

    OMP_NUM_THREADS=1 tests/benchmarks/link_transfer.py --folder results/links

Written down before anything was scored: the table names three data sets (Gasperini 2019; Nasser 2021, most of it Fulco
2016 and 2019; Schraivogel 2020). The form of the shipped model (all that four tracks give, members chosen inside) is
fitted to the pairs of some, and scores those of another, always on chromosomes that the fit has not seen, so that
neither a gene nor an element nor a laboratory is on both sides. Beside it stand a fit to all three, chromosomes held
out, ABC and distance. Misses last; intervals of a bootstrap over genes, differences paired. Nothing is chosen by these.
Fits are kept in `--folder`, so that a run which was stopped goes on.
"""

from pathlib import Path

import click
import k562_links
import numpy as np

from crexpress.links.closed_forms import closed_forms
from crexpress.links.screen import Tested
from crexpress.prepare import screening

SETS = ("Gasperini2019", "Nasser2021", "Schraivogel2020")
FEWEST = 50  # regulated pairs that a data set must have to be fitted to alone


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
def main(folder: Path) -> None:
    """Print the table."""
    store, whole = k562_links.opened(folder, {})
    scene, pairs = k562_links.with_tracks(whole, 4), k562_links.pairs_of(store)
    known = k562_links.tested(scene, pairs, [])
    names, regulated = pairs["Dataset"].to_numpy(), pairs["Regulated"].to_numpy()
    overlap = screening.overlaps(pairs, scene.elements, scene.genes)
    tracks = {"dnase": scene.tracks["access"], "h3k27ac": scene.tracks["h3k27ac"]}
    closed = closed_forms(pairs, overlap, scene.elements, scene.genes, tracks)
    beside = {"ABC": closed["ABC"], "distance": closed["distance"], "all": fitted_to(folder, known, names, SETS)}
    fits = {(one,): [name for name in SETS if name != one] for one in SETS if regulated[names == one].sum() >= FEWEST}
    fits |= {tuple(name for name in SETS if name != one): [one] for one in SETS}
    titles = ("fitted to", "scored on", "regulated of pairs", "this fit", "fit to all three", "ABC", "distance")
    print("| " + " | ".join((*titles, "less ABC")) + " |\n" + "|---" * 8 + "|")
    for some, others in fits.items():
        score = fitted_to(folder, known, names, some)
        for other in others:
            inside = names == other
            found = k562_links.precision({"fit": score, **beside}, pairs, inside)
            cells = [k562_links.interval(found[name]) for name in ("fit", "all", "ABC", "distance")]
            less = k562_links.interval(found["fit"] - found["ABC"], sign=True)
            number = f"{regulated[inside].sum()} of {inside.sum():,}"
            print(f"| {' + '.join(some)} | {other} | {number} | {' | '.join(cells)} | {less} |", flush=True)


def fitted_to(folder: Path, known: Tested, names: np.ndarray, some: tuple[str, ...]) -> np.ndarray:
    """Score of every pair by fits to the pairs of some data sets, without the pair's chromosome: [pairs]."""
    of_row = names[known.pair][known.best]
    inside = np.isin(of_row, some)
    of_candidate, group = k562_links.groups_of(known)
    odds = np.empty(len(known.pair))
    for number in np.unique(of_candidate):
        out, path = of_candidate == number, folder / "transfer" / f"{'+'.join(some)}.{number}.npz"
        odds[out] = k562_links.kept(path, known, inside & (group != number), out)[1]
    return known.of_pairs(odds)


if __name__ == "__main__":
    main()
