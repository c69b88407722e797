"""Every piece of evidence on links, by name; one file each, those of a track made for any track."""

from collections.abc import Iterable

import numpy as np

from crexpress.core.errors import InputError
from crexpress.links.evidence import (
    abc,
    activity_between,
    activity_near,
    competition,
    ctcf_between,
    distance,
    elements_between,
    expression,
    gene_activity,
    gene_body,
    loops,
    matrix,
    nearest_tss,
    network,
    promoter_like,
    promoter_share,
    signals,
    tss_between,
)
from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import ACCESS, NO_TRACKS, Links

_PLAIN = (
    distance.PIECE,
    abc.PIECE,
    tss_between.PIECE,
    elements_between.PIECE,
    activity_between.PIECE,
    ctcf_between.PIECE,
    activity_near.PIECE,
    gene_activity.PIECE,
    promoter_share.PIECE,
    competition.PIECE,
    nearest_tss.PIECE,
    promoter_like.PIECE,
    gene_body.OWN,
    gene_body.OTHER,
    expression.HERE,
    expression.MEAN,
    expression.LEAST,
    expression.SPECIFIC,
    loops.STRENGTH,
    loops.SUPPORT,
    loops.OF_GENE,
    matrix.PIECE,
    network.ATTENTION,
    network.PERTURBATION,
    network.LEARNED,
)
_LABELS = {ACCESS: "accessibility", "ctcf": "CTCF", "polr2a": "POLR2A"}
_OF_TRACK = (signals.at_element, signals.at_promoter, signals.around)


def of_tracks(tracks: Iterable[str]) -> list[Piece]:
    """The pieces that every track has."""
    return [make(track, _LABELS.get(track, track.replace("h3k", "H3K"))) for track in tracks for make in _OF_TRACK]


def available(has: Iterable[str]) -> list[str]:
    """Names of all pieces that a cell with these things (`Scene.has`) has."""
    has = frozenset(has)
    return [piece.name for piece in (*_PLAIN, *of_tracks(sorted(has - NO_TRACKS))) if has.issuperset(piece.needs)]


def find(names: Iterable[str]) -> list[Piece]:
    """Pieces of these names. Raises InputError for one that is not known."""
    plain = {piece.name: piece for piece in _PLAIN}
    found = []
    for name in names:
        _, underscore, track = name.partition("_")
        own = {piece.name: piece for piece in of_tracks([track])} if underscore and name not in plain else plain
        if name not in own:
            raise InputError(
                f"there is no evidence '{name}'; it is one of {', '.join(plain)}, or element_, promoter_ or around_ "
                "and the name of a track"
            )
        found.append(own[name])
    return found


def table(pieces: Iterable[Piece], links: Links) -> np.ndarray:
    """Evidence of the links, float32 [links, pieces]; NaN is missing."""
    columns = [piece.of(links).astype(np.float32) for piece in pieces]
    return np.stack(columns, axis=1) if columns else np.empty((len(links.gene), 0), np.float32)
