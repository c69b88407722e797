"""What tests of benchmarks and importers share: two genes, published scores of a few links, screens of a few pairs."""

from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import methods
from crexpress.links.published import Linkset, Score

HEADER = "chrom chromStart chromEnd measuredGeneSymbol measuredGeneEnsemblId startTSS CellType Regulated"
GENES = pl.DataFrame(
    {
        "gene_id": ["ENSG01.3", "ENSG02.1"],
        "gene_name": ["ABC", "DEF"],
        "chrom": ["chr1", "chr1"],
        "start": [1_000, 90_000],
        "end": [8_000, 95_000],
        "tss": [1_000, 90_000],
        "element": np.array([0, 1], np.int32),
    }
)


def write(path: Path, *rows: str) -> Path:
    """A table with tabs; its rows are given with blanks."""
    path.write_text("\n".join("\t".join(row.split()) for row in rows) + "\n")
    return path


def score(aggregate: str, fill: float = 0, higher: bool = True) -> Score:
    """A published score that is named for how several elements of a pair are put together."""
    return Score(aggregate, methods.Method(aggregate, aggregate, methods.PUBLISHED), higher, aggregate, fill)  # type: ignore[arg-type]


def linkset(*rows: tuple[str, int, int, str, float], **scores: Score) -> Linkset:
    """Links of (chrom, start, end, gene, value); each score has that value."""
    columns = ["chrom", "start", "end", "key", *scores]
    return Linkset(
        None, pl.DataFrame([(*row, *[row[4]] * (len(scores) - 1)) for row in rows], columns, orient="row"), scores
    )


def screen(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """A screen in the layout of CRISPR_comparison, without distances and quality."""
    return write(folder / "screen.tsv", header, *rows)
