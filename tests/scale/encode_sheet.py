"""The samplesheets of the papers' data, with files that are at hand."""

import csv
from pathlib import Path

from launching import ROOT

KINDS = {"rna": "rna.1.genes.results.gz", "loops": "loops.longrange.gz"}


def write_sheet(source: Path, target: Path) -> set[str]:
    """Copy a samplesheet with a small file of the right kind in the place of each of its addresses; its cells."""
    rows = list(csv.DictReader(source.open()))
    for number, row in enumerate(rows):
        name = KINDS.get(row["assay"], f"{row['assay']}.bigWig")
        link = target.with_name(f"{target.stem}.{number}.{name}")
        link.symlink_to(ROOT / "assets/test/cell1" / name)
        row["file"] = str(link)
    with target.open("w") as sheet:
        table = csv.DictWriter(sheet, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return {row["cell"] for row in rows}
