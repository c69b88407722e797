"""What is known of a cell where links are scored: places, tracks, expression, loops, a network's scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl

from crexpress.data.neighbours import NEAREST
from crexpress.links.closed_forms import activity_sums
from crexpress.prepare.contacts import Contacts
from crexpress.prepare.elements import TSS

ACCESS, H3K27AC, CTCF = "access", "h3k27ac", "ctcf"
MEASURED = {"dnase": ACCESS, "atac": ACCESS}  # assays of accessibility: a model asks for it, by whichever assay
ACTIVITY, EXPRESSION, KNOWN, LOOPS, MATRIX = "activity", "expression", "known", "loops", "matrix"
SITES = "ctcf_sites"  # CTCF's motif, by strand
WIDTHS = "loop_widths"  # of loops' anchors; contacts of earlier versions have none
SCORES = ("attention", "perturbation")  # of a network
# what else evidence may need
NO_TRACKS = frozenset((ACTIVITY, EXPRESSION, KNOWN, LOOPS, WIDTHS, MATRIX, SITES, *SCORES))
TPM = "TPM"  # the unit of expression that evidence and `Scene.expressed` are in
_EXPRESSED, _SILENT = 1.0, 0.3  # TPM; share of promoters


@dataclass(frozen=True)
class Scene:
    """Elements, genes and what is measured of one cell; what is not there is None or left out.

    `tracks` {name: mean linear signal, float64 [elements]}, accessibility by the name "access"; `expression` float64
    [genes] and `known` float64 [other cells, genes], log10(1 + TPM), NaN where not measured; `contacts` one a map of
    loops, `matrices` one a Hi-C matrix; `network` a links table with `gene_id`, `element` and scores; `sites` bool
    [2, elements], whether an element has a match of CTCF's motif on the + and on the - strand; `silent` bool
    [elements], whether no track of the cell, as measured, has signal there (all below `tracks.FLOOR`); `namesakes`
    known cells that may be this one by their names, and so are none of the others; `copies` cells whose measurements
    these are, value by value, under another name; `held_out`, whether the cell's
    expression is withheld, and not merely missing; `assays` of accessibility that the cell has, dnase and atac, of
    which the first is read; `other_unit` of an expression that was given and is not read, as it is not in TPM.
    """

    cell: str
    elements: pl.DataFrame
    genes: pl.DataFrame
    tracks: Mapping[str, np.ndarray]
    expression: np.ndarray | None = None
    known: np.ndarray | None = None
    contacts: Sequence[Contacts] = ()
    matrices: Sequence[Contacts] = ()
    network: pl.DataFrame | None = None
    sites: np.ndarray | None = None
    silent: np.ndarray | None = None
    namesakes: Sequence[str] = ()
    copies: Sequence[str] = ()
    held_out: bool = False
    assays: Sequence[str] = ()
    other_unit: str | None = None

    @cached_property
    def has(self) -> frozenset[str]:
        """What evidence may need that is here: names of tracks, and of `NO_TRACKS`."""
        there = {*self.tracks}
        there |= {ACTIVITY} if ACCESS in self.tracks or H3K27AC in self.tracks else set()
        there |= {EXPRESSION} if self.expression is not None else set()
        there |= {KNOWN} if self.known is not None and len(self.known) else set()
        there |= {LOOPS} if self.contacts else set()
        there |= {WIDTHS} if any(one.widths is not None for one in self.contacts) else set()
        there |= {MATRIX} if self.matrices else set()
        there |= {SITES} if self.sites is not None else set()
        there |= set(self.network.columns) & set(SCORES) if self.network is not None else set()
        return frozenset(there)

    @cached_property
    def activity(self) -> np.ndarray:
        """ABC's activity of every element: sqrt(accessibility x H3K27ac), or the one of them that is there."""
        both = [self.tracks[name] for name in (ACCESS, H3K27AC) if name in self.tracks]
        result: np.ndarray = np.sqrt(both[0] * both[1]) if len(both) == 2 else both[0]
        return result

    @cached_property
    def sums(self) -> np.ndarray:
        """Activity/distance of all elements around each gene, summed [genes]; see `closed_forms.activity_sums`."""
        return activity_sums(self.genes, self.elements, self.activity)

    @cached_property
    def expressed(self) -> np.ndarray:
        """Whether each gene is expressed, as ABC has it, bool [genes]: from 1 TPM on; where that is not measured,
        unless its promoter's activity is among the lowest 30 %, where there is any activity.
        """
        on = np.ones(len(self.genes), bool)
        if ACTIVITY in self.has:
            promoter = self.activity[self.own]
            on = promoter > np.quantile(promoter, _SILENT)
        if self.expression is None:
            return on
        return np.where(np.isfinite(self.expression), self.expression >= np.log10(1 + _EXPRESSED), on)

    @cached_property
    def middle(self) -> np.ndarray:
        """Midpoint of every element's window, bp [elements]."""
        return ((self.elements["start"] + self.elements["end"]) // 2).to_numpy()

    @cached_property
    def tss(self) -> np.ndarray:
        """TSS of every gene, bp [genes]."""
        return self.genes["tss"].to_numpy()

    @cached_property
    def own(self) -> np.ndarray:
        """Row of the TSS window of every gene [genes]."""
        return self.genes["element"].to_numpy()

    def without(self, need: str) -> "Scene":
        """The same cell without one of the things that it `has`; activity goes with its last track."""
        tracks = {name: values for name, values in self.tracks.items() if name != need}
        contacts = [one.without_widths() for one in self.contacts] if need == WIDTHS else self.contacts
        network = self.network
        if network is not None and need in network.columns:
            network = network.drop(need)
        return replace(
            self,
            tracks=tracks,
            expression=None if need == EXPRESSION else self.expression,
            known=None if need == KNOWN else self.known,
            contacts=() if need == LOOPS else contacts,
            matrices=() if need == MATRIX else self.matrices,
            network=network,
            sites=None if need == SITES else self.sites,
        )

    def of(self, genes: np.ndarray) -> "Scene":
        """The same cell with some of the genes' sums only, where few are asked for; others are NaN."""
        sums = np.full(len(self.genes), np.nan)
        if ACTIVITY in self.has:
            sums[genes] = activity_sums(self.genes[genes], self.elements, self.activity)
        few = replace(self)
        few.__dict__["sums"] = sums  # takes the place of the cached property
        return few


@dataclass(frozen=True)
class Links:
    """Links of one chromosome: rows of genes and of elements, int64 [links]."""

    scene: Scene
    chrom: str
    gene: np.ndarray
    element: np.ndarray
    kept: dict[str, np.ndarray] = field(default_factory=dict)  # evidence that other evidence is made of

    @cached_property
    def distance(self) -> np.ndarray:
        """From the TSS to the element's midpoint, bp, along the genome [links]."""
        difference: np.ndarray = self.scene.middle[self.element] - self.scene.tss[self.gene]
        return difference

    @cached_property
    def apart(self) -> np.ndarray:
        """Distance without its sign; nearer than `NEAREST` is as near [links]."""
        return np.maximum(np.abs(self.distance), NEAREST)

    @cached_property
    def share(self) -> np.ndarray:
        """ABC: the part that activity/distance of the link is of its gene's sum [links]."""
        total = self.scene.sums[self.gene]
        part: np.ndarray = self.scene.activity[self.element] / self.apart / np.where(total > 0, total, np.inf)
        return part

    @cached_property
    def line(self) -> "Line":
        """The chromosome's cCREs and TSSs, in order."""
        return Line(self.scene, self.chrom)

    @cached_property
    def span(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end of the stretch between midpoint and TSS, bp [links]."""
        ends = self.scene.middle[self.element], self.scene.tss[self.gene]
        return np.minimum(*ends), np.maximum(*ends)


class Line:
    """cCREs and TSSs of one chromosome in order, for sums over stretches of it."""

    def __init__(self, scene: Scene, chrom: str) -> None:
        elements = scene.elements
        rows = np.flatnonzero(((elements["chrom"] == chrom) & (elements["class"] != TSS)).to_numpy())
        self.rows = rows[np.argsort(scene.middle[rows], kind="stable")]
        self.middle = scene.middle[self.rows]
        self.genes = np.flatnonzero((scene.genes["chrom"] == chrom).to_numpy())
        self.tss = np.sort(scene.tss[self.genes])

    def between(self, low: np.ndarray, high: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """Sum of `values` [elements] (none: their number) over cCREs with midpoints strictly between two places."""
        first = np.searchsorted(self.middle, low, "right")
        return self._sum(first, np.maximum(np.searchsorted(self.middle, high, "left"), first), values)

    def around(self, place: np.ndarray, reach: int, values: np.ndarray | None = None) -> np.ndarray:
        """The same over cCREs with midpoints at most `reach` bp from `place`."""
        ends = np.searchsorted(self.middle, place - reach, "left"), np.searchsorted(self.middle, place + reach, "right")
        return self._sum(*ends, values)

    def tss_between(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Number of TSSs strictly between `low` and `high`."""
        number = np.searchsorted(self.tss, high, "left") - np.searchsorted(self.tss, low, "right")
        return np.maximum(number, 0)  # -1 where the two are one place with a TSS

    def _sum(self, first: np.ndarray, end: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        if values is None:
            return (end - first).astype(np.float64)
        total = np.append(0, np.cumsum(values[self.rows]))
        result: np.ndarray = total[end] - total[first]
        return np.maximum(result, 0)  # rounding of the running sum
