"""check-samplesheet: every fault at once, in words that say how to mend it."""

import subprocess
import sys
from pathlib import Path

import pytest

from crexpress.formats import samplesheet
from samplesheet_case import GOOD, ROOT, TRACKS, faults, sheet

TOOL = [sys.executable, ROOT / "bin/check-samplesheet"]


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
    assert "no cell is left to train on: all with rna are held out (A)" in faults(path, holdout_cells=["A"])[0]
    assert "choose --target rna" in faults(path, target="cage")[0]
    told = faults(sheet(tmp_path, *GOOD[3:]))[0]
    assert "add a row with the assay rna; to apply a trained model give --model pretrained" in told


def test_target_chooses_between_rna_and_cage(tmp_path: Path) -> None:
    path = sheet(tmp_path, *GOOD, "B,cage,a.tsv,1,CAGE_TPM")
    assert {(row.cell, row.role) for row in samplesheet.read(path, target="cage")} == {
        ("A", "predict"),
        ("B", "train"),
    }
    assert not any(row.assay == "rna" for row in samplesheet.read(path, target="cage"))
    assert not any(row.assay == "cage" for row in samplesheet.read(path))


def test_rows_without_a_header_are_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("A,dnase,a.bw,1\nA,rna,a.tsv,1\n")
    told = faults(path)
    assert told == ["row 1 has no name of a column; put cell,assay,file,replicate above the rows"]
    path.write_text("cell,assay,file\nmy K562,dnase,a.bw\n")
    assert any(
        "'my K562' cannot name a file; use letters, digits, '.', '_', '-', as in my_K562" in one for one in faults(path)
    )
