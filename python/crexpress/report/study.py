"""What every part of the report is made from: the inputs, where figures go, the choices of the user."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from matplotlib.figure import Figure

from crexpress.report import metrics, plots
from crexpress.report.inputs import Inputs
from crexpress.report.page import Block, Picture

Blocks = list[Block]


@dataclass(frozen=True)
class Study:
    """`pairs` are the tested pairs of a screen (see `locus.screen`), `genes` the symbols or ids asked for,
    `explained` the words of `--explain` of the run, `attended` the genes that its attention was asked of."""

    inputs: Inputs
    figures: Path
    pairs: pl.DataFrame | None = None
    genes: Sequence[str] = ()
    explained: Sequence[str] = ()
    attended: Sequence[str] = ()

    def picture(self, figure: Figure, name: str, alt: str, caption: str, pdf: bool = False) -> Picture:
        """Save a figure under `figures` and wrap it for the page."""
        return Picture(name, plots.save(figure, self.figures, name, pdf), alt, caption)

    def views(self, section: str) -> list[metrics.View]:
        """Figures of a section of metrics.parquet, cells that were trained on first."""
        frame = self.inputs.metrics.data if self.inputs.metrics else None
        return sorted(metrics.views(frame, section), key=lambda view: not view.seen)
