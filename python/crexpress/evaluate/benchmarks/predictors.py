"""Every score that a run has of some pairs: link tables, published ones, closed forms; with what each is."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from crexpress.core import methods
from crexpress.core.errors import InputError
from crexpress.core.methods import Method
from crexpress.core.tracks import ACTIVITY_TRACKS
from crexpress.data import neighbours
from crexpress.data.neighbours import PAD
from crexpress.evaluate.benchmarks import leakage
from crexpress.evaluate.benchmarks.base import World
from crexpress.evaluate.benchmarks.pairs import Labelled, joined
from crexpress.links import abc, closed_forms, simple_forms
from crexpress.links.abc_contacts import measured
from crexpress.links.published import Linkset, Score, of_pairs, without_promoters
from crexpress.prepare import screening
from crexpress.prepare.contacts import Contacts

ABC_POWER_LAW, ABC_CONTACTS = "ABC (authors' form, power law)", "ABC (authors' form, contacts)"
_LISTED = 3  # genes that a note names
EXPRESSED = 1  # TPM: ABC's and CRISPR_comparison's


class _Told:
    """What is said of a score: how it was put together, of how many pairs it speaks, which genes it does not name."""

    def __init__(self, score: Score) -> None:
        self.score, self.there, self.pairs, self.on_tss = score, 0, 0, 0
        self.genes: dict[str, bool] = {}  # {name: whether it is named}

    def add(self, there: np.ndarray, links: Linkset, table: pl.DataFrame) -> None:
        self.there, self.pairs = self.there + int(there.sum()), self.pairs + len(there)
        own = self.score.method.kind == methods.CLOSED_FORM  # made of these pairs' genes alone
        self.on_tss = self.on_tss + links.elements_on_tss if own else links.elements_on_tss
        if not own:
            asked = table.select("gene", "key").drop_nulls("gene").unique("gene", keep="first", maintain_order=True)
            named = asked["key"].is_in(links.table["key"].unique().implode()).fill_null(False)
            self.genes |= dict(zip(asked["gene"], named, strict=True))

    def note(self) -> str:
        if not self.there and self.score.method.kind == methods.PUBLISHED:
            return (
                f"{self.score.label}: no pair has a score of it, and it has no figures{self._unnamed()}; are its "
                f"genes named as the benchmark's are, and its places of the same genome build?"
            )
        fill = "the worst value" if not np.isfinite(self.score.fill) else f"{self.score.fill:g}"
        share, missing = self.there / max(self.pairs, 1), self.pairs - self.there
        return (
            f"{self.score.label}: {share:.1%} of pairs covered, {missing:,} filled with {fill}, "
            f"{self.score.aggregate} over elements"
            + (f", {self.on_tss:,} links on TSS intervals left out" if self.on_tss else "")
            + self._unnamed()
        )

    def _unnamed(self) -> str:
        unnamed = [name for name, named in self.genes.items() if not named]
        if not unnamed:
            return ""
        first = ", ".join([*unnamed[:_LISTED], *(["..."] if len(unnamed) > _LISTED else [])])
        return f"; it names {len(unnamed):,} of {len(self.genes):,} genes nowhere ({first})"


def labelled(
    benchmark: str,
    cell: str,
    table: pl.DataFrame,
    positive: np.ndarray,
    world: World,
    genes: pl.DataFrame,
    own: Mapping[str, np.ndarray] | None = None,
) -> tuple[Labelled, list[str]]:
    """Pairs (chrom, start, end, key, gene, gene_id, distance) of a cell with every score, and notes.

    `genes` are the run's, or those that the benchmark names; `own` are scores that the benchmark's table has itself.
    Raises InputError where two scores have one name.
    """
    return labelled_in_parts(benchmark, cell, [(table, positive)], world, genes, own)


def labelled_in_parts(
    benchmark: str,
    cell: str,
    parts: Iterable[tuple[pl.DataFrame, np.ndarray]],
    world: World,
    genes: pl.DataFrame,
    own: Mapping[str, np.ndarray] | None = None,
) -> tuple[Labelled, list[str]]:
    """As `labelled`, of pairs that come in parts with all pairs of their genes, which take less memory one by one."""
    told: dict[str, _Told] = {}
    found = [_scored(benchmark, cell, table, positive, world, genes, own, told) for table, positive in parts]
    whole = joined(found)
    silent = [
        name
        for name, method in whole.methods.items()
        if method.kind == methods.PUBLISHED and name in told and not told[name].there and told[name].pairs
    ]
    whole = replace(
        whole.without(silent), methods={name: whole.methods[name] for name in whole.methods if name not in silent}
    )
    leaks = leakage.clean(whole.table, cell, world, whole.methods, benchmark)
    elsewhere = [
        f"{links.labels} of {links.cell}: not scored here, in {cell} (cell={cell} of --published says otherwise)"
        for links in world.links
        if links.cell not in (None, cell)
    ]
    marked = replace(whole, clean=leaks.clean, taught=leaks.without)
    return marked, [*elsewhere, *(one.note() for one in told.values()), *leaks.told]


def nearest_pairs(
    elements: pl.DataFrame, genes: pl.DataFrame, number: int
) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Pairs of each gene with the `number` cCREs nearest to its TSS, half on each side, as `labelled` takes them, and
    the rows of gene and element, int64 [pairs].
    """
    index = neighbours.nearest(genes, elements, number)
    apart = neighbours.distances(genes, elements, index)
    index[:, number // 2] = PAD  # its own TSS window
    gene, column = np.nonzero(index != PAD)
    element = index[gene, column].astype(np.int64)
    extents = elements.select("chrom", start="ccre_start", end="ccre_end")[element]
    own = genes.select("gene_id", gene="gene_name", key="gene_id")[gene]
    distance = pl.Series("distance", np.abs(apart[gene, column]))
    return pl.concat([extents, own], how="horizontal").with_columns(distance), gene, element


def closed_links(name: str, cell: str, world: World, number: int) -> Linkset:
    """Every closed form as links of each gene with its `number` nearest cCREs, those on TSS intervals left out, as
    models' links are. A form by the name of a score that is given is left out. The world must have elements and genes.
    """
    assert world.elements is not None
    assert world.genes is not None
    alone = replace(world, links=(), taught=())
    chroms = (world.genes.filter(chrom=chrom) for chrom in world.genes["chrom"].unique(maintain_order=True))
    tables = [nearest_pairs(world.elements, genes, number)[0] for genes in chroms]
    parts = [(table, np.zeros(len(table), bool)) for table in tables if len(table)]
    if not parts:
        return Linkset(cell, pl.DataFrame(), {})
    marked, _ = labelled_in_parts(name, cell, parts, alone, world.genes)
    given = {score.label for links in world.links for score in links.scores.values()}
    columns = {f"form{at}": label for at, label in enumerate(marked.scores) if label not in given}
    values = {column: marked.scores[label] for column, label in columns.items()}
    known = pl.DataFrame({column: np.where(np.isfinite(own), own, np.nan) for column, own in values.items()})
    table = marked.table.select("chrom", "start", "end", "key").hstack(known.fill_nan(None))
    scores = {column: Score(label, marked.methods[label]) for column, label in columns.items()}
    return without_promoters(Linkset(cell, table, scores), world.genes)


def _scored(
    benchmark: str,
    cell: str,
    table: pl.DataFrame,
    positive: np.ndarray,
    world: World,
    genes: pl.DataFrame,
    own: Mapping[str, np.ndarray] | None,
    told: dict[str, _Told],
) -> Labelled:
    """Every score of some pairs; what is to be told of each is added to `told`."""
    scores: dict[str, np.ndarray] = {}
    covered: dict[str, np.ndarray] = {}
    about: dict[str, Method] = {}
    for links in [*world.links, *_closed_sets(cell, world, table)]:
        if links.cell not in (None, cell):
            continue
        values, there = of_pairs(table, links)
        for column, score in links.scores.items():
            if score.label in scores:
                raise InputError(f"two scores of {cell} are called '{score.label}'; give one of them another label")
            scores[score.label], about[score.label] = values[column], score.method
            if score.method.kind != methods.CLOSED_FORM:
                covered[score.label] = there
            told.setdefault(score.label, _Told(score)).add(there, links, table)
    for name, form in {**(own or {}), **_forms(cell, table, world, genes)}.items():
        if name in scores:
            continue
        scores[name] = form
        about[name] = Method(name, name, methods.PUBLISHED) if name in (own or {}) else methods.closed_form(name)
    seen = world.expression[cell].seen if cell in world.expression else None
    return Labelled(cell, benchmark, table, positive, scores, covered, about, None, seen)


def _forms(cell: str, table: pl.DataFrame, world: World, genes: pl.DataFrame) -> dict[str, np.ndarray]:
    """Closed forms that are computed pair by pair."""
    distance = np.abs(table["distance"].cast(pl.Float64).fill_null(np.inf).to_numpy())
    if not np.isfinite(distance).any():  # no TSS is known: nothing can be said by distance
        return {}
    found: dict[str, np.ndarray] = {}
    if world.elements is not None and world.genes is not None:
        screen = table.rename({"start": "chromStart", "end": "chromEnd"}).with_columns(
            distance=pl.col("distance").abs()
        )
        overlap = screening.overlaps(screen, world.elements, world.genes)
        known = {name: values for name, values in world.tracks.get(cell, {}).items() if name in ACTIVITY_TRACKS}
        found |= closed_forms.closed_forms(screen, overlap, world.elements, world.genes, known)
    else:
        found["distance"] = np.where(np.isfinite(distance), -np.maximum(distance, 1), -np.inf)
    expressed = None
    if cell in world.expression and world.genes is not None:
        expressed = np.nan_to_num(world.expression[cell].log2_value) >= np.log2(1 + EXPRESSED)
    if {"gene_id", "tss"} <= set(genes.columns):
        found |= simple_forms.forms(table, genes if world.genes is not None else None, expressed)
    return found


def _closed_sets(cell: str, world: World, table: pl.DataFrame) -> list[Linkset]:
    """ABC as its authors compute it, for the pairs' genes; by power law, and with contacts where there are some."""
    tracks = world.tracks.get(cell, {})
    if world.elements is None or world.genes is None or not {"dnase", "atac"} & set(tracks):
        return []
    wanted = world.genes.filter(pl.col("gene_id").is_in(table["gene_id"].drop_nulls().unique().implode()))
    if wanted.is_empty():
        return []
    activity = abc.activity(tracks, world.elements, world.genes)
    ways: dict[str, abc.Measured | None] = {ABC_POWER_LAW: None}
    if cell in world.contacts:
        ways[ABC_CONTACTS] = measured(Contacts.open(world.contacts[cell]), world.elements, wanted)
    found = []
    for name, contact in ways.items():
        scored = abc.scores(world.elements, wanted, activity, contact)
        extents = world.elements.select("chrom", start="ccre_start", end="ccre_end")[scored.element]
        frame = extents.with_columns(
            wanted["gene_id"].gather(scored.gene).alias("key"), pl.Series("score", scored.score)
        )
        frame = frame.filter(pl.col("score") > 0)
        one = Score(name, methods.closed_form(name), aggregate="sum", fill=0)
        found.append(without_promoters(Linkset(cell, frame, {"score": one}), world.genes))
    return found
