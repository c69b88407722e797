"""Write scored links: all of them as a table, those that are called also as text and for genome browsers."""

import gzip
from pathlib import Path

import polars as pl

from crexpress.core import artifacts, files
from crexpress.core.artifacts import Header
from crexpress.links.apply import score
from crexpress.links.bedpe import write_bedpe
from crexpress.links.inputs import Chosen

_DECIMALS = 4


def write(outdir: Path, chosen: Chosen, window: int, header: Header) -> tuple[int, int]:
    """links.CELL.parquet, .tsv.gz and .bedpe.gz; the number of called links and of all."""
    cell, called, total = chosen.scene.cell, [], 0
    with artifacts.create_table(outdir / f"links.{cell}.parquet", header) as append:
        for part in score(chosen.scene, chosen.model, window, chosen.cutoff):
            append(part.links)
            called.append(part.reasons)
            total += len(part.links)
    reasons = pl.concat(called)
    rounded = reasons.with_columns(pl.col(pl.Float32).round(_DECIMALS))
    with files.replacing(outdir / f"links.{cell}.tsv.gz") as temporary:
        temporary.write_bytes(gzip.compress(rounded.write_csv(separator="\t").encode(), mtime=0))
    write_bedpe(outdir / f"links.{cell}.bedpe.gz", reasons, "probability", len(reasons))
    return len(reasons), total
