"""What every benchmark is given, and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.evaluate.expression import ScoredCell
from crexpress.evaluate.metrics import Metric
from crexpress.links.published import Linkset

SECTION = "benchmark"  # of its rows in metrics.parquet


@dataclass(frozen=True)
class Entry:
    """A row of benchmarks.csv: `file` None for kinds that need none; `options` are its other columns."""

    name: str
    kind: str
    cell: str | None
    file: Path | None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Taught:
    """What a method was taught with: the cells of a model of expression; of a link model the cells whose screens it was
    fitted to, and the chromosomes that were held out when it scored them. None: its file does not say.
    """

    method: str
    cells: tuple[str, ...] | None = ()
    screens: tuple[str, ...] | None = ()
    held_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """Everything known of the run that a benchmark may ask for.

    `genes` and `elements` are None where only published tables are scored; `lengths` of chromosomes in bp. `tracks`
    {cell: {track: mean linear signal, float64 [elements]}}; `contacts` {cell: contacts.CELL.npz}; `split` of every
    gene ("" where no model says); `link_files` {cell: artefacts of links}, which hold what `links` has and attention
    besides; `trained_on` {benchmark: methods that its user says were}.
    """

    genes: pl.DataFrame | None = None
    elements: pl.DataFrame | None = None
    build: str | None = None
    lengths: Mapping[str, int] = field(default_factory=dict)
    links: Sequence[Linkset] = ()
    tracks: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    contacts: Mapping[str, Path] = field(default_factory=dict)
    expression: Mapping[str, ScoredCell] = field(default_factory=dict)
    split: np.ndarray = field(default_factory=lambda: np.empty(0, dtype="<U5"))
    taught: Sequence[Taught] = ()
    trained_on: Mapping[str, Sequence[str]] = field(default_factory=dict)
    resamples: int = 10_000
    seed: int = 1

    def cells(self) -> list[str]:
        """Cells that something speaks of, in order."""
        named = [links.cell for links in self.links if links.cell]
        return list(dict.fromkeys([*named, *self.tracks, *self.expression]))


class Found(NamedTuple):
    """Figures, curves, notes for the reader, and other tables {name: table}, each written as NAME.tsv."""

    rows: list[Metric]
    curves: list[pl.DataFrame] = []  # noqa: RUF012 -- NamedTuple
    notes: list[str] = []  # noqa: RUF012
    tables: Mapping[str, pl.DataFrame] = {}


def source(entry: Entry) -> list[dict[str, object]]:
    """The file of an entry as a header keeps it."""
    return [artifacts.source(entry.file)] if entry.file else []
