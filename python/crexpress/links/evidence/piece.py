"""What a piece of evidence is."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from crexpress.links.scene import Links

SMALL = 1e-6  # share taken for none where logarithms are


class Piece(NamedTuple):
    """One piece of evidence on links.

    `name` in files, `label` and `unit` for readers; `needs`, what a cell must have (`Scene.has`): without it the piece
    is missing, NaN and never 0. `values` of links, float64 [links], on a scale that a linear model can add up.
    """

    name: str
    label: str
    unit: str
    needs: tuple[str, ...]
    values: Callable[[Links], np.ndarray]

    def of(self, links: Links) -> np.ndarray:
        """Values of the links, NaN where the cell lacks what they need."""
        if not links.scene.has.issuperset(self.needs):
            return np.full(len(links.gene), np.nan)
        return self.values(links)
