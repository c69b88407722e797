"""Samplesheets as people have them: ENCODE's names of assays, a header in any case, a workbook of Excel."""

import zipfile
from pathlib import Path

import pytest

from crexpress.core.errors import InputError
from crexpress.formats import assays, samplesheet, spreadsheets
from workbooks import MAIN, workbook


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("RNA-seq", "rna"), ("polyA plus RNA-seq", "rna"), ("total RNA-seq", "rna"), ("CAGE-seq", "cage"),
        ("DNase-seq", "dnase"), ("DNase I hypersensitivity", "dnase"), ("ATAC-seq", "atac"), ("snATAC-seq", "atac"),
        ("H3K27ac ChIP-seq", "h3k27ac"), ("ChIP-seq H3K4me3", "h3k4me3"), ("Histone ChIP-seq (H3K27ac)", "h3k27ac"),
        ("TF ChIP-seq CTCF", "ctcf"), ("CTCF_ChIP-seq", "ctcf"), ("H3K27ac-human ChIP-seq", "h3k27ac"),
        ("dnase", "dnase"), ("h3k27ac", "h3k27ac"), ("my_own-track", "my_own-track"),
    ],
)  # fmt: skip
def test_assays_have_the_names_that_people_give_them(written: str, ours: str) -> None:
    assert assays.name_of(written) == ours
    assert assays.name_of(ours) == ours


def test_a_header_in_any_case_and_names_of_encode_are_read(tmp_path: Path) -> None:
    for name in ("K.bw", "K.ac.bw", "K.tsv"):
        (tmp_path / name).touch()
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Cell;ASSAY;File;Meta_Lab\nK;DNase-seq;K.bw;ours\nK;H3K27ac ChIP-seq;K.ac.bw;\nK;RNA-seq;K.tsv;\n")
    rows = samplesheet.read(sheet, tracks=["dnase", "h3k27ac"])
    assert [row.assay for row in rows] == ["dnase", "h3k27ac", "rna"]
    assert rows[0].meta == {"meta_Lab": "ours"}


@pytest.mark.parametrize(("suffix", "mark"), [("tsv", "\t"), ("txt", "\t"), ("csv", ";")])
def test_sheets_of_tabs_and_semicolons_and_numbers_with_a_decimal_comma_are_read(
    tmp_path: Path, suffix: str, mark: str
) -> None:
    for name in ("K.bw", "K2.bw", "K.tsv"):
        (tmp_path / name).touch()
    rows = ("cell assay file replicate", "K dnase K.bw 1,0", "K dnase K2.bw 2,0", "K rna K.tsv 1,0")
    sheet = tmp_path / f"sheet.{suffix}"
    sheet.write_text("".join(row.replace(" ", mark) + "\n" for row in rows))
    found = samplesheet.read(sheet, tracks=["dnase"])
    assert [(row.file, row.replicate) for row in found] == [("K.bw", 1), ("K2.bw", 2), ("K.tsv", 1)]


def test_a_decimal_comma_that_is_no_whole_number_or_stands_between_commas_is_told(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text("cell\tassay\tfile\treplicate\nK\tdnase\tK.bw\t1,5\n")
    with pytest.raises(InputError, match="row 2, column replicate: '1,5' is not a whole number above 0"):
        samplesheet.read(sheet, absent=())
    sheet.write_text("cell,assay,file,replicate\nK,dnase,K.bw,1,0\n")
    with pytest.raises(InputError, match="row 2 has 5 fields, the header has 4; check its separators"):
        samplesheet.read(sheet, absent=())


ROWS = [["cell", "assay", "file", "replicate"], ["K", "dnase", "K.bw", 1], ["K", "rna", "K.tsv", ""]]


@pytest.mark.parametrize("shared", [True, False])
def test_a_workbook_is_read_as_it_is(tmp_path: Path, shared: bool) -> None:
    for name in ("K.bw", "K.tsv"):
        (tmp_path / name).touch()
    path = workbook(tmp_path / "sheet.xlsx", ROWS, [], shared=shared)
    assert spreadsheets.rows(path) == [[str(value) for value in row] for row in ROWS]
    found = samplesheet.read(path, tracks=["dnase"])
    assert [(row.cell, row.assay, row.replicate) for row in found] == [("K", "dnase", 1), ("K", "rna", 1)]


def test_which_sheet_of_a_workbook_is_meant_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 2 sheets with something in them"):
        samplesheet.read(workbook(tmp_path / "two.xlsx", ROWS, ROWS))
    (tmp_path / "damaged.xlsx").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match="no Excel workbook that can be read"):
        samplesheet.read(tmp_path / "damaged.xlsx")
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", f'<!DOCTYPE x [<!ENTITY a "b">]><worksheet xmlns="{MAIN}"/>')
    with pytest.raises(InputError, match="declares entities"):
        samplesheet.read(tmp_path / "bomb.xlsx")
