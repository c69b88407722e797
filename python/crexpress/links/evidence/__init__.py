"""Every piece of evidence on links, by name; one file each, those of a track made for any track.

Another package adds its own by an entry point of the group `crexpress.evidence` that names a `Piece`.
"""

from collections.abc import Iterable

import numpy as np

from crexpress.core.errors import InputError
from crexpress.core.registry import Registry
from crexpress.links.evidence import signals
from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import ACCESS, NO_TRACKS, Links

_OWN = {
    "distance": "distance:PIECE",
    "abc": "abc:PIECE",
    "tss_between": "tss_between:PIECE",
    "elements_between": "elements_between:PIECE",
    "activity_between": "activity_between:PIECE",
    "ctcf_between": "ctcf_between:PIECE",
    "ctcf_convergent": "ctcf_convergent:PIECE",
    "activity_near": "activity_near:PIECE",
    "gene_activity": "gene_activity:PIECE",
    "promoter_share": "promoter_share:PIECE",
    "competition": "competition:PIECE",
    "nearest_tss": "nearest_tss:PIECE",
    "promoter_like": "promoter_like:PIECE",
    "own_body": "gene_body:OWN",
    "other_body": "gene_body:OTHER",
    "expression": "expression:HERE",
    "expression_mean": "expression:MEAN",
    "expression_least": "expression:LEAST",
    "expression_specific": "expression:SPECIFIC",
    "loop": "loops:STRENGTH",
    "loop_maps": "loops:SUPPORT",
    "loop_width": "loops:WIDTH",
    "loops_of_gene": "loops:OF_GENE",
    "contact": "matrix:PIECE",
    "attention": "network:ATTENTION",
    "perturbation": "network:PERTURBATION",
    "learned": "network:LEARNED",
}
EVIDENCE: Registry[Piece] = Registry(
    "crexpress.evidence", {name: f"{__name__}.{place}" for name, place in _OWN.items()}
)
_ASKED_FOR = frozenset({"loop_width"})  # brings nothing (docs/results.md): for models that name it
_LABELS = {ACCESS: "accessibility", "ctcf": "CTCF", "polr2a": "POLR2A"}
_OF_TRACK = (signals.at_element, signals.at_promoter, signals.around)


def of_tracks(tracks: Iterable[str]) -> list[Piece]:
    """The pieces that every track has."""
    return [make(track, _LABELS.get(track, track.replace("h3k", "H3K"))) for track in tracks for make in _OF_TRACK]


def available(has: Iterable[str]) -> list[str]:
    """Names of all pieces that a cell with these things (`Scene.has`) has, those of `_ASKED_FOR` left out."""
    has = frozenset(has)
    every = {**EVIDENCE, **{piece.name: piece for piece in of_tracks(sorted(has - NO_TRACKS))}}
    return [name for name, piece in every.items() if has.issuperset(piece.needs) and name not in _ASKED_FOR]


def find(names: Iterable[str]) -> list[Piece]:
    """Pieces of these names. Raises InputError for one that is not known."""
    found = []
    for name in names:
        _, underscore, track = name.partition("_")
        of_track = {piece.name: piece for piece in of_tracks([track])} if underscore else {}
        own = EVIDENCE if name in EVIDENCE else of_track
        if name not in own:
            raise InputError(
                f"there is no evidence '{name}'; it is one of {', '.join(EVIDENCE)}, or element_, promoter_ or around_ "
                "and the name of a track"
            )
        found.append(own[name])
    return found


def table(pieces: Iterable[Piece], links: Links) -> np.ndarray:
    """Evidence of the links, float32 [links, pieces]; NaN is missing."""
    columns = [piece.of(links).astype(np.float32) for piece in pieces]
    return np.stack(columns, axis=1) if columns else np.empty((len(links.gene), 0), np.float32)
