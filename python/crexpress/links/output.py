"""Write scored links: all of them as a table, those that are called also as text and for genome browsers."""

from pathlib import Path

import polars as pl

from crexpress.core import artifacts
from crexpress.core.artifacts import Header
from crexpress.links.apply import score
from crexpress.links.exports import tables
from crexpress.links.exports.bedpe import write_bedpe
from crexpress.links.inputs import Chosen


def write(outdir: Path, chosen: Chosen, window: int, header: Header) -> tuple[int, int]:
    """links.CELL.parquet, .tsv.gz and .bedpe.gz; the number of called links and of all."""
    cell, called, total = chosen.scene.cell, [], 0
    with artifacts.create_table(outdir / f"links.{cell}.parquet", header) as append:
        for part in score(chosen.scene, chosen.model, window, chosen.cutoff):
            append(part.links)
            called.append(part.reasons)
            total += len(part.links)
    reasons = pl.concat(called)
    tables.write_table(outdir / f"links.{cell}.tsv.gz", reasons)
    write_bedpe(outdir / f"links.{cell}.bedpe.gz", reasons, "probability", len(reasons))
    return len(reasons), total
