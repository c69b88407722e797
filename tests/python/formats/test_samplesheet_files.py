"""Files that a samplesheet names: absent, remote, accessions, and sheets as spreadsheets write them."""

from pathlib import Path

import pytest

from crexpress.core.errors import InputError
from crexpress.formats import encode, samplesheet
from samplesheet_case import GOOD, TRACKS, faults, sheet


def test_absent_files_are_told_and_the_disk_is_left_alone(tmp_path: Path) -> None:
    path = sheet(tmp_path, *GOOD, make=False)
    assert len(faults(path)) == 5
    (fault,) = faults(path, absent=["c.bw", "other.bw"])
    assert fault.startswith("row 5, column file: 'c.bw' does not exist")


def test_remote_files_and_accessions(tmp_path: Path) -> None:
    rows = ["A,dnase,ENCFF070LLG,1,", "A,rna,ENCFF934YBO,1,", "A,ccres,ENCFF924IMH,1,",
            "A,h3k27ac,s3://bucket/a.bigWig,1,", "A,h3k27ac,https://host/b.bw?key=1,2,"]  # fmt: skip
    files = [row.file for row in samplesheet.read(sheet(tmp_path, *rows, make=False), tracks=TRACKS)]
    assert files == [
        "https://www.encodeproject.org/files/ENCFF924IMH/@@download/ENCFF924IMH.bed.gz",
        "https://www.encodeproject.org/files/ENCFF070LLG/@@download/ENCFF070LLG.bigWig",
        "s3://bucket/a.bigWig",
        "https://host/b.bw?key=1",
        "https://www.encodeproject.org/files/ENCFF934YBO/@@download/ENCFF934YBO.tsv",
    ]


def test_an_accession_of_another_format_than_usual_says_which(tmp_path: Path) -> None:
    rows = ["A,dnase,ENCFF070LLG.bam,1,", "A,h3k27ac,ENCFF070LLG.bed.gz,1,", "A,loops,ENCFF924IMH.hic,1,",
            "A,cage,ENCFF934YBO.bam,1,", "A,rna,t.tsv,1,"]  # fmt: skip
    read = {row.assay: row.file for row in samplesheet.read(sheet(tmp_path, *rows[:1], *rows[2:], make=False), absent=[
        "ENCFF070LLG.bam", "ENCFF924IMH.hic", "ENCFF934YBO.bam"], target="cage")}  # fmt: skip
    portal = "https://www.encodeproject.org/files"
    assert read == {
        "dnase": f"{portal}/ENCFF070LLG/@@download/ENCFF070LLG.bam",
        "loops": f"{portal}/ENCFF924IMH/@@download/ENCFF924IMH.hic",
        "cage": f"{portal}/ENCFF934YBO/@@download/ENCFF934YBO.bam",
    }
    assert encode.address("ENCFF070LLG.bed", "dnase") == f"{portal}/ENCFF070LLG/@@download/ENCFF070LLG.bed.gz"
    assert encode.address("ENCFF070LLG.cram", "dnase") is None
    own = sheet(tmp_path, *rows[:1], rows[4])  # a file of that name is one's own
    assert [row.file for row in samplesheet.read(own)] == ["ENCFF070LLG.bam", "t.tsv"]


def test_peaks_of_an_accession_are_fetched_unless_they_are_there(tmp_path: Path) -> None:
    rows = ["A,dnase,ENCFF070LLG.bed.gz,1,", "A,rna,ENCFF934YBO,1,"]
    path = sheet(tmp_path, *rows, make=False)
    url = "https://www.encodeproject.org/files/ENCFF070LLG/@@download/ENCFF070LLG.bed.gz"
    for absent in (None, ["ENCFF070LLG.bed.gz"]):
        assert samplesheet.read(path, tracks=["dnase"], absent=absent)[0].file == url
    (tmp_path / "ENCFF070LLG.bed.gz").touch()
    for absent in (None, []):
        assert samplesheet.read(path, tracks=["dnase"], absent=absent)[0].file == "ENCFF070LLG.bed.gz"


def test_file_is_looked_for_in_the_working_directory_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = sheet(elsewhere, *GOOD)
    monkeypatch.chdir(tmp_path)
    (elsewhere / "a.bw").rename(tmp_path / "a.bw")
    assert len(samplesheet.read(path, tracks=TRACKS)) == 5


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'cell,assay,file\nA,dnase,"a.bw\n', "line 2: a quote is opened and not closed"),
        (b"cell assay\nA dnase\n", "the column 'file' is missing"),
        ("cell,assay,file\nA,dnase,a.bw\n".encode("utf-16"), "UTF-16"),
        ("cell,assay,file\nA,dnase,ä.bw\n".encode("latin-1"), "row 2: not UTF-8"),
        (b"PK\x03\x04\x00\x00", "no Excel workbook"),
        (b"", "is empty"),
        (b"cell,assay,file\n\n,,\n", "is empty"),
    ],
)
def test_unreadable_sheets(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "cells.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        samplesheet.read(path)


def test_spreadsheet_habits_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").touch()
    path = tmp_path / "cells.csv"
    path.write_bytes('\ufeff"cell", assay ,file\r\n\r\nHeLa-S3,RNA, a.tsv \r\n'.encode())
    assert samplesheet.read(path) == [samplesheet.Row("HeLa-S3", "rna", "a.tsv", 1, "", "train", {}, 3)]
