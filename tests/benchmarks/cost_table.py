"""What `scpge` costs by elements, layers and tracks, as docs/science.md shows it: `python cost_table.py PAGE`."""

import sys
from pathlib import Path

import polars as pl
from marked_page import put

from crexpress.pipeline import complexity

MARKS = "<!-- made by: make table-costs -->", "<!-- end of costs -->"
SIZES = [(4, 20, 4), (4, 60, 4), (4, 100, 4), (4, 200, 4), (13, 20, 4), (13, 60, 4), (13, 100, 4), (13, 200, 4)]
SIZES += [(4, 20, layers) for layers in range(4)]
MOTIFS, BATCH, STEPS = 600, 2, 2


def points(sizes: list[tuple[int, int, int]]) -> list[tuple[str, dict[str, str]]]:
    """Settings of tracks, elements and layers."""
    return [
        (
            f"{tracks} {neighbours} {layers}",
            {
                "preset": "scpge",
                "neighbours": str(neighbours),
                "layers": str(layers),
                "tracks": ",".join(f"track{number}" for number in range(tracks)),
            },
        )
        for tracks, neighbours, layers in sizes
    ]


def table(measured: pl.DataFrame) -> list[str]:
    """Lines of the page, of what was measured of `points`."""
    lines = ["| tracks | elements | layers | parameters | GFLOP a gene | s a step | GB a step |", "|---|" + "--:|" * 6]
    for row in measured.iter_rows(named=True):
        cells = [*row["point"].split(), f"{row['parameters']:,}", f"{row['gflop_per_gene']:.2f}"]
        cells += [f"{row['seconds_per_step']:.1f}", f"{row['peak_memory_gb']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    way = complexity.Way(BATCH, STEPS, "cpu")
    measured = complexity.table(points(SIZES), complexity.Shape((), MOTIFS, sequence=True), way)
    put(Path(sys.argv[1]), "\n".join(table(measured)), MARKS)
