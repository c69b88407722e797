"""What several files of tests of evaluate share: cells, methods and screens small enough to work out by hand."""

from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import methods
from crexpress.evaluate import links, metrics
from crexpress.formats import screen_files
from crexpress.prepare import screening
from linkset_case import write

ROOT = Path(__file__).parents[1]
N_GENES = 400
SPLIT = np.array(["train"] * 200 + ["val"] * 50 + ["test"] * 150)


def lookup(rows: list[metrics.Metric], **wanted: str) -> list[metrics.Metric]:
    """Rows whose fields have these values."""
    return [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]


GENES = pl.DataFrame(
    {
        "gene_id": ["ENSG01.3", "ENSG02.1"],
        "gene_name": ["ABC", "DEF"],
        "chrom": ["chr1", "chr1"],
        "tss": [1_000, 90_000],
        "element": np.array([5, 5], np.int32),
    }
)


ELEMENTS = pl.DataFrame(
    {
        "chrom": ["chr1"] * 6,
        "ccre_start": [1_100, 5_000, 5_300, 20_000, 60_000, 1_000],
        "ccre_end": [1_300, 5_200, 5_400, 20_300, 60_200, 1_001],
        "class": ["PLS", "dELS", "dELS", "dELS", "dELS", "TSS"],
    }
).with_columns(start=pl.col("ccre_start"), end=pl.col("ccre_end"))


HEADER = (
    "chrom chromStart chromEnd measuredGeneSymbol measuredGeneEnsemblId startTSS ValidConnection CellType Regulated"
)


CHROMS = ("chr1", "chr2")


def screen_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """A screen in the layout of CRISPR_comparison."""
    return write(folder / "screen.tsv", header, *rows)


def read_pairs(folder: Path, *rows: str, header: str = HEADER) -> pl.DataFrame:
    """The pairs of such a screen, with their genes, as evaluate scores them."""
    return screening.pairs(screen_files.read(screen_file(folder, *rows, header=header), CHROMS).pairs, GENES)


GOOD = "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE"


def make_links(scores: list[dict], **columns: list) -> links.Links:
    """A links table of K562 with these columns, of which `scores` says which are scores."""
    table = pl.DataFrame(columns, schema_overrides={"element": pl.Int32})
    own = zip(scores, methods.of_links({"scores": scores}), strict=True)
    of_column = {score["name"]: (score["label"], score["higher_is_better"], about) for score, about in own}
    return links.Links("K562", table, of_column)


ATTENTION = {"name": "attention", "label": "attention", "higher_is_better": True}
