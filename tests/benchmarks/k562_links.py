"""The real case K562 as link models see it: its scene, the pairs of its screen, and what scores of these reach."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from real_case import CELL, FOUR, SCREEN, TEN, Case, Setting
from ship_links import LINKS, loop_map

from crexpress.core import bootstrap, ranking
from crexpress.links import evidence, fit, inputs, screen
from crexpress.links.model import LinkModel
from crexpress.links.read import measure, on_scale
from crexpress.links.scene import MEASURED, Scene

FOLDS, RESAMPLES = 12, 1000
NAME = SCREEN.name.split("_")[0]


def opened(folder: Path, loops: Mapping[str, str], links: Path | None = None) -> tuple[inputs.Store, Scene]:
    """The store in `folder`, made where it is not there, and K562 with all ten tracks on their own scale."""
    case = Case(folder, {})
    store = case.store("main")
    maps = [loop_map(case, store, name, file) for name, file in sorted(loops.items())]
    found = inputs.Store.open(store["elements"], store["genes"])
    known = [LINKS / "known_expression.parquet"]
    expression = [case.expression(Setting())]
    scenes = found.scenes([store["signals"]], expression, maps, [links] if links else [], known)
    return found, scenes[CELL]


def with_tracks(scene: Scene, number: int) -> Scene:
    """The cell with four or all ten of its tracks, on their own scale."""
    names = {MEASURED.get(name.lower(), name.lower()) for name in (FOUR if number == 4 else TEN)}
    kept = {name: values for name, values in scene.tracks.items() if name in names}
    own = inputs.choose_tracks(scene, sorted(kept))
    return on_scale(own, measure(own))


def pairs_of(store: inputs.Store, file: Path = SCREEN) -> pl.DataFrame:
    """The screen's pairs in K562."""
    return screen.read_pairs(NAME, file, [CELL], store.genes, store.elements["chrom"].unique())[CELL]


def tested(scene: Scene, pairs: pl.DataFrame, names: Sequence[str]) -> screen.Tested:
    """Evidence of these names (none: all that the cell has) of the pairs' links."""
    return screen.tested(scene, NAME, pairs, evidence.find(names or evidence.available(scene.has)))


def rows_of(known: screen.Tested) -> fit.Rows:
    """The link that stands for each pair, to fit to."""
    weight = np.ones(len(known.pair))
    return fit.Rows(known.table, known.regulated, weight, known.chrom.astype(str)).where(known.best)


def groups_of(known: screen.Tested) -> tuple[np.ndarray, np.ndarray]:
    """Group of whole chromosomes of every candidate, and of every row to fit to, as `fit-links` has them."""
    rows = rows_of(known)
    group = fit.groups(rows.chrom, rows.regulated, FOLDS)
    of_candidate, of_row = (np.array([group[str(chrom)] for chrom in chroms]) for chroms in (known.chrom, rows.chrom))
    return of_candidate, of_row


def kept(
    path: Path,
    known: screen.Tested,
    inside: np.ndarray,
    out: np.ndarray,
    columns: Sequence[int] | None = None,
    seed: int = 1,
) -> tuple[float, np.ndarray]:
    """Best inner average precision of a fit to the rows `inside`, and its log odds of the candidates `out`.

    Of these columns of evidence (none: all). Read from `path` where it was made before.
    """
    if not path.exists():
        columns = list(columns or range(known.table.shape[1]))
        rows = rows_of(known)
        own, inner = fit.fit(rows._replace(table=rows.table[:, columns]).where(inside), seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, inner=max(inner.values()), odds=own.log_odds(known.table[out][:, columns]))
        part.rename(path)
    with np.load(path) as found:
        return float(found["inner"]), found["odds"]


def held_out(one: LinkModel, placed: Scene, pairs: pl.DataFrame) -> np.ndarray:
    """Log odds of every pair by the fit of a model that has not seen its chromosome, -inf without an element: [pairs].

    `placed` must be on the model's scale.
    """
    known = tested(placed, pairs, one.pieces)
    odds = np.empty(len(known.pair))
    for chrom in np.unique(known.chrom):
        here = known.chrom == chrom
        odds[here] = one.fit_of(CELL, str(chrom)).log_odds(known.table[here])
    return known.of_pairs(odds)


def precision(
    scores: Mapping[str, np.ndarray], pairs: pl.DataFrame, inside: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Average precision of each score of these pairs (none: all), then of RESAMPLES resamples of genes."""
    kept = np.full(len(pairs), True) if inside is None else inside
    regulated = pairs["Regulated"].to_numpy()[kept]
    gene = pairs["gene"].to_numpy()[kept]
    gene = np.unique(gene, return_inverse=True)[1]
    drawn = bootstrap.draw(int(gene.max()) + 1, RESAMPLES, 1)[:, gene]
    return {
        name: ranking.measures(score[kept], regulated, drawn)["average_precision"] for name, score in scores.items()
    }


def interval(values: np.ndarray, sign: bool = False) -> str:
    """A value with the 95 % interval of its resamples."""
    low, high = bootstrap.interval(values)
    form = "+.3f" if sign else ".3f"
    return f"{values[0]:{form}} [{low:{form}}, {high:{form}}]"
