"""Apply a link model to a cell: every candidate link of every gene, some genes at a time."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from crexpress.data import neighbours
from crexpress.data.neighbours import PAD
from crexpress.links import evidence, sentence
from crexpress.links.evidence import gene_body
from crexpress.links.evidence.piece import Piece
from crexpress.links.fit import Fit
from crexpress.links.model import LinkModel
from crexpress.links.scene import ACCESS, Links, Scene

_GENES = 256  # whose links are in memory at once
_RANKED = {"access": "accessibility", "h3k27ac": "H3K27ac"}  # tracks whose strongest element a sentence names
_TSS_HALF = 250  # bp: half of the interval around a TSS whose elements are promoters (EngreitzLab/CRISPR_comparison)


class Scored(NamedTuple):
    """Some genes' links, and the reasons of those that are called."""

    links: pl.DataFrame
    reasons: pl.DataFrame


def score(scene: Scene, model: LinkModel, window: int, cutoff: float) -> Iterator[Scored]:
    """All links to cCREs in `window` bp centred on the TSS, with `probability`, whether they are `linked`, and for
    those from the cutoff on a `sentence` why, or why not.

    A link is called where its probability is at least `cutoff` and screens test such links: of expressed genes
    (`Scene.expressed`), with accessible elements that have signal in the cell and overlap no TSS's 500-bp interval.
    `scene` must be on the model's scale.
    """
    pieces = evidence.find(model.pieces)
    for chrom in scene.genes["chrom"].unique(maintain_order=True):
        genes = np.flatnonzero((scene.genes["chrom"] == chrom).to_numpy())
        fit = model.fit_of(scene.cell, chrom, scene.copies)
        for first in range(0, len(genes), _GENES):
            some = genes[first : first + _GENES]
            index = neighbours.within(scene.genes[some], scene.elements, window)
            index[:, index.shape[1] // 2] = PAD
            row, column = np.nonzero(index != PAD)
            links = Links(scene, chrom, some[row], index[row, column].astype(np.int64))
            yield _score(links, pieces, fit, cutoff)


def _score(links: Links, pieces: list[Piece], fit: Fit, cutoff: float) -> Scored:
    table = evidence.table(pieces, links)
    probability = (1 / (1 + np.exp(-fit.log_odds(table)))).astype(np.float32)
    high, barred = probability >= cutoff, _untestable(links)
    linked = high & ~np.any([*barred.values()], axis=0)
    scene = links.scene
    frame = pl.concat(
        [
            scene.genes.select("gene_id", "gene_name")[links.gene],
            pl.DataFrame({"element": links.element.astype(np.int32)}),
            scene.elements.select("element_id", "class", "chrom", start="ccre_start", end="ccre_end")[links.element],
            pl.DataFrame(
                {
                    "tss": scene.tss[links.gene],
                    "distance": links.distance,
                    "probability": probability,
                    "linked": linked,
                }
            ),
        ],
        how="horizontal",
    )
    reasons = _reasons(links, frame, pieces, fit, table, linked)
    place = np.where(linked, np.cumsum(linked) - 1, -1)
    told = reasons["sentence"].gather(pl.Series(place).replace(-1, None))
    return Scored(frame.with_columns(told.fill_null(_why_not(barred, high)).alias("sentence")), reasons)


def _reasons(
    links: Links, frame: pl.DataFrame, pieces: list[Piece], fit: Fit, table: np.ndarray, linked: np.ndarray
) -> pl.DataFrame:
    """The called links with a sentence, and what every piece of evidence adds to the log odds."""
    contributions, start = fit.contributions(table[linked])
    plus = (links.scene.genes["strand"] == "+").to_numpy()[links.gene]
    inside = gene_body.own(links)[linked] > 0
    where = sentence.distances(links.distance[linked], ((links.distance < 0) == plus)[linked], inside)
    tracks = links.scene.tracks
    most = {
        label: sentence.strongest(links.gene, links.distance, tracks[name][links.element])[linked]
        for name, label in _RANKED.items()
        if name in tracks
    }
    between = links.line.tss_between(*links.span)[linked]
    told = sentence.sentences(where, most, between, sentence.reasons(pieces, contributions, table[linked], fit.median))
    columns = {f"by_{piece.name}": contributions[:, at].astype(np.float32) for at, piece in enumerate(pieces)}
    return frame.filter(pl.Series(linked)).select(
        "gene_id",
        "gene_name",
        "element",
        "element_id",
        "chrom",
        "start",
        "end",
        "tss",
        "distance",
        "probability",
        pl.Series("sentence", told, dtype=pl.String),
        pl.lit(start, pl.Float32).alias("base"),
        *(pl.Series(name, values) for name, values in columns.items()),
    )


def _untestable(links: Links) -> dict[str, np.ndarray]:
    """Links of which screens tell nothing: {why, which}."""
    scene = links.scene
    found = {"its gene is not expressed": ~scene.expressed[links.gene]}
    if ACCESS in scene.tracks:
        found["its element is not accessible"] = ~(scene.tracks[ACCESS][links.element] > 0)
    if scene.silent is not None:
        found["its element has no signal in the cell"] = scene.silent[links.element]
    return found | {"its element lies on a TSS": _on_promoter(links)}


def _why_not(barred: Mapping[str, np.ndarray], high: np.ndarray) -> pl.Series:
    """Of the links from the cutoff on that are not called: why; null of all others."""
    reasons = list(barred)
    code = sum(barred[why].astype(np.int64) << bit for bit, why in enumerate(reasons)) * high
    told = [[why for bit, why in enumerate(reasons) if number >> bit & 1] for number in range(1 << len(reasons))]
    words = pl.Series([f"not called: {', '.join(one)}" if one else None for one in told], dtype=pl.String)
    return words.gather(pl.Series(code))


def _on_promoter(links: Links) -> np.ndarray:
    """Whether each link's element overlaps the interval of any TSS."""
    elements, tss = links.scene.elements, links.line.tss
    start = elements["ccre_start"].to_numpy()[links.element] - _TSS_HALF
    end = elements["ccre_end"].to_numpy()[links.element] + _TSS_HALF
    return np.searchsorted(tss, end, "left") > np.searchsorted(tss, start, "right")
