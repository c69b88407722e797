"""Tables as R and spreadsheets write them, and what they change on the way (tests/fieldcases)."""

from pathlib import Path

import polars as pl
import pytest

from crexpress.core.errors import InputError
from crexpress.formats import samplesheet, text_tables
from field_case import CASES, IDS, SYMBOLS, text, values


@pytest.mark.parametrize("name", sorted(path.name for path in (CASES / "excel-sheet").iterdir()))
def test_sheets_of_spreadsheets(tmp_path: Path, name: str) -> None:
    for file in ("a.bw", "r.tsv"):
        (tmp_path / file).touch()
    (tmp_path / name).write_bytes((CASES / "excel-sheet" / name).read_bytes())
    rows = [row[:5] for row in samplesheet.read(tmp_path / name, tracks=["dnase"], training=False)]
    column = "" if name == "short_rows.csv" else "TPM"
    right = [("X", "dnase", "a.bw", 1, ""), ("X", "rna", "r.tsv", 1, column)]
    assert rows == (right[:1] if name == "semicolons.csv" else right)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffsep=;\r\ncell;assay;file\r\nX;dnase;a.bw\r\n",
        '"","cell","assay","file"\n"1","X","dnase","a.bw"\n',  # R's row names
        ",cell,assay,file\n0,X,dnase,a.bw\n",  # those of pandas
        ",,cell,assay,file,\n,,X,dnase,a.bw,\n,,,,,\n",
        "cell\tassay\tfile\treplicate\nX\tdnase\ta.bw\t1.00\n",
        "cell;assay;file;replicate\nX;dnase;a.bw;1,0\n",
        "# my cells\n#cell,assay,file\nX,dnase,a.bw\n",
    ],
)
def test_other_sheets_of_spreadsheets(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.bw").touch()
    (row,) = samplesheet.read(text(tmp_path, content, "cells.csv"), tracks=["dnase"], training=False)
    assert row[:5] == ("X", "dnase", "a.bw", 1, "")


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("quoted.tsv", {"HSPA13": 12.5, "RANBP1": 7}),
        ("quoted_two.tsv", {"HSPA13": 12.5}),
        ("hash_header.tsv", {"HSPA13": 12.5}),
        ("rownames.csv", {"HSPA13": 12.5, "RANBP1": 7}),
        ("rownumbers.csv", {"HSPA13": 12.5, "RANBP1": 7}),
        ("excel.tsv", {"HSPA13": 12.5}),
    ],
)
def test_tables_as_r_and_spreadsheets_write_them(name: str, right: dict[str, float]) -> None:
    assert values(CASES / "r-quotes" / name) == right


def test_what_spreadsheets_change_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    values(CASES / "r-quotes" / "excel.tsv")
    assert (
        "2 names are dates or numbers (5-Sep, 7-Sep), which a spreadsheet made of gene symbols"
        in capsys.readouterr().err
    )
    with pytest.raises(InputError, match=r"line 2: '1,234\.5' in column TPM has thousands separators"):
        values(CASES / "r-quotes" / "thousands.csv")
    for odd, why in (("1.234,5", "thousands"), ("1 234", "thousands"), ("#DIV/0!", "a spreadsheet's error")):
        with pytest.raises(InputError, match=f"line 3: '{odd}' in column TPM .*{why}"):
            values(text(tmp_path, f"gene_id\tTPM\n{IDS[0]}\t1.5\n{IDS[1]}\t{odd}\n"))


@pytest.mark.parametrize("date", ["5-Sep", "Sep-05", "1-Mar", "2024-09-05", "2.31E+19", "5-SEP"])
def test_dates_of_spreadsheets(date: str) -> None:
    assert text_tables.spreadsheet_dates(pl.Series(["HSPA13", date, "MARCHF2", None])) == [date]


@pytest.mark.parametrize("content", ["gene_id;TPM\n{0};12,5\n{1};1234\n", "gene_id\tTPM\n{0}\t12,5\n{1}\t1234\n"])
def test_decimal_commas(tmp_path: Path, content: str) -> None:
    assert values(text(tmp_path, content.format(*IDS))) == {SYMBOLS[0]: 12.5, SYMBOLS[1]: 1234}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("gene_id,TPM\n{0},12,5\n{1},3,25\n", "line 2 has 3 fields, the header has 2: commas part"),
        ("gene_id\tTPM\n{0}\t1,234\n{1}\t2,500\n", "'1,234' in column TPM has thousands separators"),
        ("gene_id\tTPM\n{0}\t12,5\n{1}\t3.5\n", "'12,5' in column TPM is not a measured value"),
    ],
)
def test_commas_that_may_mean_two_things_are_told(tmp_path: Path, content: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        values(text(tmp_path, content.format(*IDS)))


@pytest.mark.parametrize("content", ["count,TPM\n{0},12,5\n{1},3,25\n", "name,count,TPM\n1,{0},12,5\n2,{1},3,25\n"])
def test_row_names_of_r_are_no_halves_of_numbers(tmp_path: Path, content: str) -> None:
    assert values(text(tmp_path, content.format(*IDS)), "TPM") == {SYMBOLS[0]: 5, SYMBOLS[1]: 25}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("gene_id\tTPM\n".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        ("gene_id\tTPM\nENSG1\t5\tgrün\n".encode("latin-1"), "is not UTF-8 text"),
        (b"PK\x03\x04\x14\x00\xff\xff", "is a workbook of a spreadsheet"),
        (b'gene_id,TPM\n"ENSG1,5\nENSG2,6\n', "line 2: a quote is opened and not closed"),
        (b"gene_id\tTPM\n\n\t\n", "holds a header and nothing else"),
        (b"ENSG1\t5\t6\nENSG2\t7\t8\n", "line 1: a header is needed"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "table.tsv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        values(path)
