"""check-samplesheet: every fault at once, in words that say how to mend it."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from crexpress.core.errors import InputError, InputErrors
from crexpress.formats import encode, samplesheet

ROOT = Path(__file__).parents[3]
TOOL = [sys.executable, ROOT / "bin/check-samplesheet"]
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
    with pytest.raises(InputErrors) as caught:
        samplesheet.read(path, **{"tracks": TRACKS} | options)
    return caught.value.faults


def test_valid_sheet(tmp_path: Path) -> None:
    rows = samplesheet.read(sheet(tmp_path, *reversed(GOOD)), tracks=TRACKS)
    assert [row[:6] for row in rows] == [
        ("A", "dnase", "a.bw", 1, "", "train"),
        ("A", "h3k27ac", "b.bw", 1, "", "train"),
        ("A", "rna", "a.tsv", 1, "TPM", "train"),
        ("B", "dnase", "c.bw", 1, "", "predict"),
        ("B", "h3k27ac", "d.bw", 1, "", "predict"),
    ]


def test_five_faults_in_one_message(tmp_path: Path) -> None:
    path = sheet(tmp_path, "A,dnase,a.bw,1,,x", "A,dnase,b.bw,1,,x", "A,rna,a.tsv,two,,x",
                 header="cell,assay,file,replicate,column,colum")  # fmt: skip
    (tmp_path / "b.bw").unlink()
    output = tmp_path / "validated.csv"
    command = [*TOOL, "--samplesheet", path, "--tracks", "dnase,h3k27ac", "--output", output]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 65
    assert "5 faults" in done.stderr
    for text in (
        "'colum' (did you mean 'column'?)",
        "'b.bw' does not exist",
        "row 3, column replicate: A has replicate 1",
        "A has no h3k27ac",
        "row 4, column replicate: 'two' is not a whole number",
    ):
        assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()


def test_tool_writes_the_validated_sheet(tmp_path: Path) -> None:
    rows = ["A,dnase,a.bw,1,,liver", "A,rna,a.tsv,1,TPM,", "B,dnase,b.bw,1,,", "B,rna,a.tsv,1,TPM_B,"]
    path = sheet(tmp_path, *rows, header="cell,assay,file,replicate,column,meta_tissue")
    output = tmp_path / "out" / "validated.csv"
    command = [
        *TOOL,
        "--samplesheet",
        path,
        "--tracks",
        "DNase",
        "--holdout-cells",
        "B",
        "--output",
        output,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1 holdout, 1 train" in done.stderr
    assert output.read_text() == (
        "cell,assay,file,replicate,column,role,meta_tissue\n"
        "A,dnase,a.bw,1,,train,liver\nA,rna,a.tsv,1,TPM,train,\nB,dnase,b.bw,1,,holdout,\nB,rna,a.tsv,1,TPM_B,holdout,\n"
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A,dnase,x.bw,0,", "row 7, column replicate: '0' is not a whole number above 0"),
        ("A,dnase,x.bw,1.5,", "'1.5' is not a whole number"),
        ("A,dnase,x.bw,01,", "row 7, column replicate: A has replicate 01 of dnase in row 2 already"),
        ("A,dnase,a.bw,2,", "row 7, column file: 'a.bw' is in row 2 already"),
        (",dnase,x.bw,1,", "row 7, column cell: is empty"),
        ("A,,x.bw,1,", "row 7, column assay: is empty"),
        ("A,dnase,,2,", "row 7, column file: is empty"),
        ("A/b,dnase,x.bw,1,", "column cell: 'A/b' cannot name a file"),
        ("..,dnase,x.bw,1,", "column cell: '..' cannot name a file"),
        ("a,dnase,x.bw,1,", "'a' and 'A' differ only in case"),
        (
            "A,dnase,x.tsv,2,",
            "column file: 'x.tsv' does not fit the assay dnase (taken for a track), which takes .bw",
        ),
        ("A,dnase,x.bw.gz,2,", "'x.bw.gz' does not fit the assay dnase"),
        ("A,rna,x.bw,2,", "'x.bw' does not fit the assay rna, which takes .tsv"),
        ("A,dnase,x.bw,2,TPM", "column column: 'TPM' names a column"),
        ("A,cage,x.bam,2,+", "column column: '+' names a column"),
        ("A,cage,x.bw,2,", "column column: 'x.bw' holds one strand; say here which, + or -"),
        ("A,cage,x.bw,2,TPM", "'x.bw' holds one strand"),
        ("A,dnase,x.bw,2,,x", "row 7 has 6 fields, the header has 5"),
        ("A,dnase", "row 7, column file: is empty"),
        ("A,dnase,ENCSR000EOT,2,", "'ENCSR000EOT' is no accession of an ENCODE file"),
        ("A,loops,x.mcool::/resolutions/5000,1,", "names a resolution; give 'x.mcool', of which --loop_bin_size takes"),
        ("A,cage,ENCFF070LLG,2,", "give the URL of ENCFF070LLG"),
    ],
)
def test_row_faults(tmp_path: Path, row: str, said: str) -> None:
    found = faults(sheet(tmp_path, *GOOD, row))
    assert any(said in fault for fault in found), found


def test_header_faults(tmp_path: Path) -> None:
    found = faults(sheet(tmp_path, "A,dnase,a.bw,1,,", header="cells,assay,path,replicate,column,column"), tracks=())
    assert any("unknown column 'cells' (did you mean 'cell'?)" in fault for fault in found)
    assert any("unknown column 'path'" in fault for fault in found)
    assert any("'column' is there 2 times" in fault for fault in found)
    assert any("'cell' is missing" in fault for fault in found)
    assert any("'file' is missing" in fault for fault in found)


def test_missing_track(tmp_path: Path) -> None:
    path = sheet(tmp_path, *GOOD[:4], "B,h3k27acc,d.bw,1,")
    (fault,) = faults(path)
    assert "B has no h3k27ac file (is 'h3k27acc' in row 6 meant?)" in fault
    assert len(samplesheet.read(path, tracks=TRACKS, allow_missing_tracks=True)) == 5


def test_a_cell_without_any_known_track_is_refused_even_when_tracks_may_be_missing(tmp_path: Path) -> None:
    found = faults(sheet(tmp_path, *GOOD[:3], "B,ctcf,c.bw,1,"), allow_missing_tracks=True)
    assert len(found) == 2
    assert "B has no dnase" in found[0]


def test_cells_to_train_on(tmp_path: Path) -> None:
    path = sheet(tmp_path, *GOOD)
    assert "did you mean 'A'?" in faults(path, holdout_cells=["a"])[0]
    assert "no cell is left to train on, all with rna are held out (A)" in faults(path, holdout_cells=["A"])[0]
    assert "choose --target rna" in faults(path, target="cage")[0]
    assert "add a row with the assay rna" in faults(sheet(tmp_path, *GOOD[3:]))[0]


def test_target_chooses_between_rna_and_cage(tmp_path: Path) -> None:
    path = sheet(tmp_path, *GOOD, "B,cage,a.tsv,1,CAGE_TPM")
    assert {(row.cell, row.role) for row in samplesheet.read(path, target="cage")} == {
        ("A", "predict"),
        ("B", "train"),
    }
    assert not any(row.assay == "rna" for row in samplesheet.read(path, target="cage"))
    assert not any(row.assay == "cage" for row in samplesheet.read(path))


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
    assert samplesheet.read(path) == [samplesheet.Row("HeLa-S3", "rna", "a.tsv", 1, "", "train", {})]


SCHEMA = json.loads((ROOT / "assets/schema_input.json").read_text())


@pytest.mark.parametrize(
    "row",
    [
        *GOOD,
        "A,dnase,x.bigWig,7,",
        "A,DNase,ENCFF070LLG,1,",
        "A,rna,x.genes.results.gz,1,TPM",
        "A,RNA,quant.sf,,",
        "A,cage,x.bed.gz,1,",
        "A,cage,ENCFF070LLG,1,",
        "A,loops,x.longrange.gz,1,",
        "A,loops,x.mcool.gz,1,",
        "A,ccres,x.bed.gz,1,",
        "A,ccres,x.bw,1,",
        "A,dnase,https://host/x.bw?key=1,1,",
        "A,dnase,x.bed,1,",
        "A,dnase,x.narrowPeak.gz,1,",
        "A,h3k27ac,x.broadPeak,1,",
        "A,dnase,ENCFF070LLG.bed.gz,1,",
        "A,dnase,x.bed12,1,",
        "A,dnase,x.bw.gz,1,",
        "A,dnase,x.bw,1,TPM",
        "A,cage,x.bw,1,TPM",
        "A,cage,x.bw,1,+",
        "A,cage,x.BIGWIG,1,-",
        "A,cage,x.bw,1,",
        "A,cage,x.bed.gz,1,11",
        "A,cage,x.tsv,1,CAGE_TPM",
        "A,cage,x.bam,1,",
        "A,cage,x.bam,1,5",
        "A,cage,x.ctss,1,4",
        "A,rna,gene_abund.tab,1,",
        "A,rna,x.gct.gz,1,Liver",
        "A,rna,genes.fpkm_tracking,1,",
        "A,dnase,x.bam,1,",
        "A,dnase,x.bam.gz,1,",
        "A,atac,x.fragments.tsv.gz,1,",
        "A,atac,fragments.tsv,1,",
        "A,atac,https://host/atac_fragments.tsv.gz?key=1,1,",
        "A,atac,x.tsv.gz,1,",
        "A,rna,x.bw,1,",
        "A b,dnase,x.bw,1,",
        "-A,dnase,x.bw,1,",
        "A,d/n,x.bw,1,",
        ",dnase,x.bw,1,",
        "A,,x.bw,1,",
        "A,dnase,,1,",
        "A,dnase,x.bw,0,",
        "A,dnase,x.bw,two,",
        "A,dnase,x.bw,-1,",
    ],
)
def test_schema_agrees_with_the_checks_of_a_row(tmp_path: Path, row: str) -> None:
    path = sheet(tmp_path, row, "T,rna,t.tsv,1,")
    (tmp_path / "t.tsv").touch()
    record = {name: value for name, value in next(csv.DictReader(path.open())).items() if value}
    if record.get("replicate", "").lstrip("-").isdigit():
        record["replicate"] = int(record["replicate"])
    try:
        samplesheet.read(path)
        accepted = True
    except InputErrors:
        accepted = False
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid([record]) == accepted


def test_schema_takes_meta_columns_and_no_others() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    row = {"cell": "A", "assay": "dnase", "file": "a.bw"}
    assert validator.is_valid([row | {"meta_donor": "1"}])
    assert not validator.is_valid([row | {"donor": "1"}])
    assert not validator.is_valid([])
