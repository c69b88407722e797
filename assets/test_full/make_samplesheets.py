#!/usr/bin/env python3
"""Make human.csv and mouse.csv: ScPGE's 19 human and 2 mouse cells as ENCODE accessions.

    python assets/test_full/make_samplesheets.py one_bigwig_per_track.tsv accessions.tsv.gz

The first table has the columns cell, track, accession, experiment, build and confidence, one bigWig a cell and
track; the second paper, cell, assay, accession, type, build, url and confidence, of which the RNA files and the
H3K27ac HiChIP loops of ScPGE are taken. README.md says where the tables come from.
"""

import csv
import gzip
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
COLUMNS = ("cell", "assay", "file", "replicate", "column", "meta_experiment", "meta_library", "meta_confidence")
SHEETS = {"GRCh38": "human.csv", "hg38": "human.csv", "mm10": "mouse.csv"}
# the loops as ScPGE used them, at the commit whose tree lists them
LOOPS = ("/ScPGE/main/", "/ScPGE/f60583a55d0ad6f8f2cf60f96028b22320841ed4/")


def table(path: str) -> list[dict[str, str]]:
    """Rows of a tab-separated table, plain or gzipped."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def name(cell: str) -> str:
    """The cell as a samplesheet may spell it."""
    return cell.replace(" ", "_")


def tracks(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """Sheet and fields of one bigWig a track."""
    return [
        (SHEETS[r["build"]], name(r["cell"]), r["track"].lower(), r["accession"], r["experiment"], "", r["confidence"])
        for r in rows
    ]


def expression(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """Sheet and fields of every RNA quantification that ScPGE lists: files of transcripts."""
    found = []
    for r in rows:
        library = re.fullmatch(r"RNA-seq \((.*) RNA-seq\)", r["assay"])
        if r["paper"] == "ScPGE" and library and r["type"].startswith("file; tsv"):
            experiment = re.search(r"exp (ENCSR\w+)", r["type"])[1]  # type: ignore[index]
            kind = library[1].replace(" ", "_")
            found.append(
                (SHEETS[r["build"]], name(r["cell"]), "rna", r["accession"], experiment, kind, r["confidence"])
            )
    return found


def loops(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """Sheet and fields of the loops that ScPGE's repository lists."""
    return [
        (SHEETS[r["build"]], name(r["cell"]), "loops", r["url"].replace(*LOOPS), "", "", r["confidence"])
        for r in rows
        if r["accession"].startswith("data/Loops/")
    ]


def main(one_a_track: str, accessions: str) -> None:
    """Write both sheets beside this script; replicates are numbered in the order of the tables."""
    listed = table(accessions)
    rows = tracks(table(one_a_track)) + expression(listed) + loops(listed)
    for sheet in sorted(set(SHEETS.values())):
        own = sorted((row[1:] for row in rows if row[0] == sheet), key=lambda row: (row[0].lower(), row[1] == "rna"))
        count: dict[tuple[str, str], int] = {}
        with (HERE / sheet).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for cell, assay, accession, experiment, library, confidence in own:
                count[cell, assay] = count.get((cell, assay), 0) + 1
                writer.writerow([cell, assay, accession, count[cell, assay], "", experiment, library, confidence])


if __name__ == "__main__":
    main(*sys.argv[1:])
