"""What of a benchmark a method was taught with: counted, told, and the pairs that are clean of it.

A model of expression was taught with a gene's expression, not with labels of links: a pair is clean where the gene was
none of its training genes, or the cell none of its cells. A link model was taught with screens: of a cell that it was
fitted to, clean are the chromosomes that were held out when it scored them. A published score that was fitted to this
cell's screens, or that the benchmark's column `trained_on` names, has no clean pair, and no figure of them. What cannot
be known is said.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import methods, splits
from crexpress.core.methods import Method
from crexpress.core.names import akin
from crexpress.evaluate.benchmarks.base import World
from crexpress.links import encode_re2g

NONE = "none"  # in the column `trained_on`: its user says that no method was


class Leaks(NamedTuple):
    """Pairs that no method was taught with, bool [pairs] (None: nothing was), what to tell, and the methods that were
    taught with all of them, or may have been, which are no part of that.
    """

    clean: np.ndarray | None
    told: list[str]
    without: frozenset[str] = frozenset()


def clean(table: pl.DataFrame, cell: str, world: World, about: Mapping[str, Method], benchmark: str) -> Leaks:
    """What the methods `about` {label: what it is} were taught with, of pairs (`chrom`, `gene_id`) of a cell."""
    result = np.ones(len(table), bool)
    told = []
    models = [one for one in world.taught if one.screens == ()]
    who = sorted({one.method for one in models if any(akin(cell, other) for other in one.cells or ())})
    if world.genes is not None and len(world.split) and (world.split != "").any():
        trained = world.genes.filter(pl.Series(world.split == splits.TRAIN))["gene_id"]
        taught = table["gene_id"].is_in(trained.implode()).fill_null(False).to_numpy()
        if who:
            result &= ~taught
            told.append(
                _told(taught, table, f"{', '.join(who)}: gene and cell were trained on (expression, not links)")
            )
        elif any(one.cells for one in models):
            told.append(_told(taught, table, f"{cell} was not trained on; genes that were, in other cells"))
    elif who:
        told.append(
            f"{', '.join(who)}: trained on {cell}, on which genes is not known without --predictions and --expression; "
            "what they were taught with is not counted, and no pair is known to be clean"
        )
    unsaid = sorted({one.method for one in models if one.cells is None})
    told += (
        [f"{', '.join(unsaid)}: what they were trained on is not in their files, and is not counted"] if unsaid else []
    )
    for one in world.taught:
        if one.held_out or any(akin(cell, other) for other in one.screens or ()):
            seen = ~table["chrom"].is_in(list(one.held_out)).fill_null(False).to_numpy()
            result &= ~seen
            told.append(_told(seen, table, f"{one.method}: fitted to screens of {cell}, chromosomes not held out"))
        elif one.screens:
            told.append(
                f"{one.method}: fitted to screens of {', '.join(one.screens)}; {cell} is taken for another cell"
            )
        elif one.screens is None:
            told.append(f"{one.method}: of which cells the screens were that it was fitted to is not in its file")
    without, more = _published(cell, world, about, world.trained_on.get(benchmark, ()))
    return Leaks(None if result.all() else result, told + more, without)


def _published(
    cell: str, world: World, about: Mapping[str, Method], named: Collection[str]
) -> tuple[frozenset[str], list[str]]:
    """Labels of scores without a clean pair, and what to tell of them and of those of which nothing is known."""
    fitted = {
        one.label: one.fitted_to for links in world.links if links.cell in (None, cell) for one in links.scores.values()
    }
    fitted |= {label: encode_re2g.FITTED_TO for label in about if label.startswith(encode_re2g.PREFIX)}
    told = []
    all_of_it, unknown = set(named) & about.keys(), []
    fitted = dict.fromkeys(about, ()) | {label: cells for label, cells in fitted.items() if cells} if named else fitted
    for label, method in about.items():
        if method.kind != methods.PUBLISHED or label in all_of_it:
            continue
        cells = fitted.get(label)
        if cells is None:
            unknown.append(label)
        elif any(akin(cell, other) for other in cells):
            all_of_it.add(label)
    if all_of_it:
        told.append(f"{', '.join(sorted(all_of_it))}: fitted to screens of {cell}; none of its pairs is clean")
    if unknown:
        told.append(
            f"{', '.join(unknown)}: whether it was fitted to these pairs is not known, and it has no figure of clean "
            "ones (column trained_on of benchmarks.csv: the methods that were, or none)"
        )
    absent = sorted(set(named) - about.keys() - {NONE})
    told += [f"trained_on names {', '.join(absent)}, which is none of the scores"] if absent else []
    return frozenset(all_of_it | set(unknown)), told


def _told(seen: np.ndarray, table: pl.DataFrame, what: str) -> str:
    genes = table.filter(pl.Series(seen))["gene"].n_unique()
    return f"{what}: {int(seen.sum()):,} of {len(table):,} pairs, {genes:,} genes"
