"""The gene's expression here and in other cells: mean, least (a gene on everywhere has few enhancers), difference."""

import numpy as np

from crexpress.links.evidence.piece import Piece
from crexpress.links.scene import Links


def _here(links: Links) -> np.ndarray:
    assert links.scene.expression is not None
    return links.scene.expression[links.gene]


def _over_cells(links: Links, least: bool) -> np.ndarray:
    known = links.scene.known
    assert known is not None
    there = np.isfinite(known).any(axis=0)
    filled = np.where(np.isfinite(known), known, np.inf if least else 0)
    number = np.maximum(np.isfinite(known).sum(axis=0), 1)
    of_genes = filled.min(axis=0) if least else filled.sum(axis=0) / number
    return np.where(there, of_genes, np.nan)[links.gene]


def _mean(links: Links) -> np.ndarray:
    return _over_cells(links, least=False)


def _least(links: Links) -> np.ndarray:
    return _over_cells(links, least=True)


HERE = Piece("expression", "expression", "log10(1 + TPM)", ("expression",), _here)
MEAN = Piece("expression_mean", "expression in other cells", "log10(1 + TPM)", ("known",), _mean)
LEAST = Piece("expression_least", "expression in the weakest other cell", "log10(1 + TPM)", ("known",), _least)
SPECIFIC = Piece(
    "expression_specific",
    "expression above other cells",
    "log10(1 + TPM)",
    ("expression", "known"),
    lambda links: _here(links) - _mean(links),
)
