"""A samplesheet of two cells, written into a folder, and its faults."""

from pathlib import Path

import pytest

from crexpress.core.errors import InputErrors
from crexpress.formats import samplesheet

ROOT = Path(__file__).parents[1]
TRACKS = ("dnase", "h3k27ac")


def sheet(folder: Path, *rows: str, header: str = "cell,assay,file,replicate,column", make: bool = True) -> Path:
    """Write a samplesheet, and an empty file for each of its local ones."""
    path = folder / "cells.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    for row in rows:
        for field in row.split(","):
            if make and "." in field and ":" not in field:
                (folder / field).touch()
    return path


GOOD = ("A,dnase,a.bw,1,", "A,h3k27ac,b.bw,1,", "A,rna,a.tsv,1,TPM", "B,dnase,c.bw,1,", "B,h3k27ac,d.bw,1,")


def faults(path: Path, **options: object) -> list[str]:
    """All that is said of a samplesheet that is refused."""
    with pytest.raises(InputErrors) as caught:
        samplesheet.read(path, **{"tracks": TRACKS} | options)
    return caught.value.faults
