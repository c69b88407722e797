"""The samplesheets of ScPGE's cells that assets/test_full ships, and the script that makes them."""

import csv
import gzip
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crexpress.core.errors import InputErrors
from crexpress.formats import samplesheet

FOLDER = Path(__file__).parents[3] / "assets/test_full"
TRACKS = ("dnase", "h3k4me3", "h3k27ac", "ctcf")


@pytest.mark.parametrize(("sheet", "cells", "rna"), [("human.csv", 19, 118), ("mouse.csv", 2, 18)])
def test_shipped_sheets_are_sound(sheet: str, cells: int, rna: int) -> None:
    rows = samplesheet.read(FOLDER / sheet, tracks=TRACKS)
    assert len({row.cell for row in rows}) == cells
    assert {row.role for row in rows} == {"train"}
    assert sum(row.assay == "rna" for row in rows) == rna
    assert sum(row.assay in TRACKS for row in rows) == 4 * cells
    for row in rows:
        if row.assay != "loops":
            extension = "tsv" if row.assay == "rna" else "bigWig"
            host = r"https://www\.encodeproject\.org/files"
            assert re.fullmatch(rf"{host}/(ENCFF\d{{3}}[A-Z]{{3}})/@@download/\1\.{extension}", row.file)
    assert [row.cell for row in rows if row.assay == "loops"] == (["GM12878", "K562"] if cells == 19 else [])


def test_a_wrong_accession_is_told_with_all_other_faults(tmp_path: Path) -> None:
    rows = list(csv.reader((FOLDER / "mouse.csv").open()))
    header, rows = rows[0], rows[1:]
    rows[0][2], rows[1][2], rows[4][2] = (
        "ENCFF49GIZ",
        "encff228lwm",
        "ENCSR000CWD",
    )  # a digit short, lower case, experiment
    rows[2][1] = "cage"
    sheet = tmp_path / "cells.csv"
    with sheet.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    with pytest.raises(InputErrors) as caught:
        samplesheet.read(sheet, tracks=TRACKS)
    said = "\n".join(caught.value.faults)
    for row, accession in ((2, "ENCFF49GIZ"), (3, "encff228lwm"), (6, "ENCSR000CWD")):
        assert f"row {row}, column file: '{accession}' is no accession of an ENCODE file" in said
    assert "row 4, column file: give the URL of ENCFF666CND" in said
    assert "CH12.LX has no h3k27ac file" in said


def test_the_script_takes_what_scpge_lists(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "make_samplesheets.py", tmp_path)
    (tmp_path / "tracks.tsv").write_text(
        "cell\ttrack\taccession\texperiment\tbuild\tconfidence\n"
        "B cell\tDNase\tENCFF134KAD\tENCSR381PXW\tGRCh38\tA\n"
        "MEL\tCTCF\tENCFF244ZJY\tENCSR000CFH\tmm10\tA\n"
    )
    kind = "file; tsv; transcript quantifications; exp ENCSR000CTV"
    rna = "ScPGE\tB cell\tRNA-seq (polyA plus RNA-seq)"
    listed = [
        "paper\tcell\tassay\taccession\ttype\tbuild\turl\tconfidence",
        f"{rna}\tENCFF614VJE\t{kind}; bio_rep 2\tGRCh38\t\tB",
        f"{rna}\tENCFF544EQA\t{kind}; bio_rep 1\tGRCh38\t\tB",
        f"{rna}\tENCSR000CTV\texperiment\tGRCh38\t\tB",
        f"CREaTor\tK562\tRNA-seq (total RNA-seq)\tENCFF000AAA\t{kind}\tGRCh38\t\tD",
        "ScPGE\tK562\tH3K27ac HiChIP loops\tdata/Loops/K562/a.bed\tfile\thg38\thttps://host/ScPGE/main/a.bed\tB",
    ]
    with gzip.open(tmp_path / "accessions.tsv.gz", "wt") as file:
        file.write("\n".join(listed) + "\n")
    script = [sys.executable, tmp_path / "make_samplesheets.py"]
    subprocess.run([*script, tmp_path / "tracks.tsv", tmp_path / "accessions.tsv.gz"], check=True)
    assert (tmp_path / "human.csv").read_text().splitlines()[1:] == [
        "B_cell,dnase,ENCFF134KAD,1,,ENCSR381PXW,,A",
        "B_cell,rna,ENCFF614VJE,1,,ENCSR000CTV,polyA_plus,B",
        "B_cell,rna,ENCFF544EQA,2,,ENCSR000CTV,polyA_plus,B",
        "K562,loops,https://host/ScPGE/f60583a55d0ad6f8f2cf60f96028b22320841ed4/a.bed,1,,,,B",
    ]
    assert (tmp_path / "mouse.csv").read_text().splitlines()[1:] == ["MEL,ctcf,ENCFF244ZJY,1,,ENCSR000CFH,,A"]
