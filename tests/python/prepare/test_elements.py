"""The element store: reading cCRE lists, merging them, TSS windows."""

from pathlib import Path

import polars as pl
import pysam
import pytest

from crexpress.core.errors import InputError
from crexpress.prepare import elements

CHROMOSOMES = {"chr1": 100_000, "chr2": None}


def bed(folder: Path, *lines: str, name: str = "ccres.bed") -> Path:
    (path := folder / name).write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n")
    return path


def ccres(intervals: list[tuple[str, int, int]]) -> pl.DataFrame:
    frame = pl.DataFrame(intervals, schema=["chrom", "start", "end"], orient="row")
    names = pl.Series([f"E{number}" for number in range(len(intervals))])
    return frame.with_columns(element_id=names, **{"class": pl.lit("dELS"), "classes": pl.lit("dELS")})


def midpoints(merged: pl.DataFrame) -> list[tuple[str, int]]:
    return merged.select("chrom", (pl.col("start") + pl.col("end")) // 2).rows()


@pytest.mark.parametrize(
    ("line", "name", "kind"),
    [
        ("chr1 100 300 EH38D01 EH38E01 pELS", "EH38E01", "pELS"),
        ("chr1 100 300 EH38D01 EH38E01 pELS,CTCF-bound", "EH38E01", "pELS"),
        ("chr1 100 300 EH38E01 0 . 100 300 255,205,0", "EH38E01", "dELS"),
        (
            "chr1 100 300 EH38E01 0 . 100 300 225,225,225 CTCF-only,CTCF-bound All-data",
            "EH38E01",
            "CTCF-only",
        ),
        ("chr1 100 300", "chr1:100-300", "cCRE"),
        ("chr1 100 300 .", "chr1:100-300", "cCRE"),
        ("chr1 100 300 peak7 5 +", "peak7", "cCRE"),
    ],
)
def test_names_and_classes_of_every_form(tmp_path: Path, line: str, name: str, kind: str) -> None:
    frame = elements.read_ccres([bed(tmp_path, line)], CHROMOSOMES)
    assert frame.select("chrom", "start", "end", "element_id", "class").rows() == [("chr1", 100, 300, name, kind)]


def test_union_of_lists_keeps_every_class(tmp_path: Path) -> None:
    first = bed(tmp_path, "chr1 100 300 D1 E1 PLS", "chr1 500 700 D2 E2 dELS", name="a.bed")
    second = bed(tmp_path, "chr1 100 300 D1 E1 pELS", "chr2 500 700 D3 E3 dELS", name="b.bed")
    frame = elements.read_ccres([first, second], CHROMOSOMES)
    assert frame.select("element_id", "class", "classes").rows() == [
        ("E1", "PLS", "PLS;pELS"),
        ("E2", "dELS", "dELS"),
        ("E3", "dELS", "dELS"),
    ]


def test_what_is_inactive_in_a_cell_is_no_cell_specific_ccre(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Both papers drop DNase-only and low-DNase; the union of cells' lists has what is active in any cell."""
    row = "chr1 {0} {1} E{0} 0 . {0} {1} 0,0,0 {2} All-data/Full-classification"
    kinds = {
        "K562": ("PLS", "Low-DNase", "DNase-only", "Low-DNase"),
        "HepG2": ("PLS", "dELS,CTCF-bound", "dELS", "DNase-only"),
    }
    cells = {
        cell: bed(
            tmp_path,
            *(row.format(at, at + 100, kind) for at, kind in zip((100, 300, 500, 700), found, strict=True)),
            name=cell,
        )
        for cell, found in kinds.items()
    }
    own = elements.read_ccres([cells["K562"]], CHROMOSOMES)
    assert own["element_id"].to_list() == ["E100"]
    assert "K562: 3 of 4 cCREs are of class DNase-only or Low-DNase" in capsys.readouterr().err
    union = elements.read_ccres([cells["K562"], cells["HepG2"]], CHROMOSOMES)
    assert union.select("element_id", "class").rows() == [("E100", "PLS"), ("E300", "dELS"), ("E500", "dELS")]
    whole = elements.read_ccres([cells["K562"]], CHROMOSOMES, exclude=[])
    assert whole["class"].to_list() == list(kinds["K562"])
    with pytest.raises(InputError, match=r"no class 'dels' to exclude; the lists have .*dELS"):
        elements.read_ccres([cells["K562"]], CHROMOSOMES, exclude=["dels"])


def test_names_that_are_not_unique_are_replaced(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    frame = elements.read_ccres([bed(tmp_path, "chr1 1 3 DHS", "chr1 5 7 DHS", "chr1 8 9 x")], CHROMOSOMES)
    assert frame["element_id"].to_list() == ["chr1:1-3", "chr1:5-7", "x"]
    assert "2 cCREs share their name" in capsys.readouterr().err


def test_other_chromosomes_are_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    frame = elements.read_ccres([bed(tmp_path, "1 1 3", "KI270728.1 5 7", "Y 8 9")], CHROMOSOMES)
    assert frame["chrom"].to_list() == ["chr1"]
    message = capsys.readouterr().err
    assert "respelt" in message
    assert "2 cCREs on other chromosomes and scaffolds left out (Y, KI270728.1)" in message


def test_a_list_of_another_build_is_refused(tmp_path: Path) -> None:
    path = bed(tmp_path, "chr1 1 3", "chr1 99999 100001")
    with pytest.raises(InputError, match=r"ccres\.bed line 2: .*behind the end of chr1 \(100,000 bp\)"):
        elements.read_ccres([path], CHROMOSOMES)


def test_blacklist_touching_is_not_overlapping(tmp_path: Path) -> None:
    frame = ccres([("chr1", 100, 200), ("chr1", 200, 300), ("chr1", 300, 400), ("chr2", 200, 300)])
    path = bed(tmp_path, "chr1 200 220", "chr1 205 300", "chr9 1 2")
    assert elements.drop_blacklisted(frame, path)["element_id"].to_list() == ["E0", "E2", "E3"]


def test_cluster_keeps_id_and_class_of_its_middle() -> None:
    frame = ccres([("chr1", 0, 100), ("chr1", 200, 300), ("chr1", 600, 700), ("chr1", 5000, 5100)])
    frame = frame.with_columns(pl.Series("class", ["PLS", "pELS", "dELS", "dELS"]), classes=pl.Series(list("abcd")))
    assert elements.merge(frame).rows() == [
        ("E1", "chr1", -50, 550, 0, 700, "pELS", "E0,E1,E2", "a,b,c"),
        ("E3", "chr1", 4750, 5350, 5000, 5100, "dELS", "E3", "d"),
    ]


def test_adjacent_ccres_join_and_the_nearest_to_the_middle_names_them() -> None:
    frame = ccres([("chr1", 0, 100), ("chr1", 100, 200), ("chr1", 200, 700), ("chr1", 701, 800)])
    merged = elements.merge(frame, "interval")
    assert merged.select("element_id", "ccre_start", "ccre_end", "members").rows() == [
        ("E2", 0, 700, "E0,E1,E2"),  # midpoints 50, 150, 450; the whole one's is 350
        ("E3", 701, 800, "E3"),
    ]


def test_nothing_to_merge_is_said() -> None:
    with pytest.raises(InputError, match="no cCRE is left"):
        elements.merge(ccres([("chr1", 0, 100)]).clear())


def test_no_width_no_element() -> None:
    with pytest.raises(InputError, match="0 bp wide"):
        elements.merge(ccres([("chr1", 0, 100)]), width=0)


GENES = pl.DataFrame({"gene_id": ["A", "B"], "chrom": ["chr1", "chr2"], "tss": [100, 50_000], "strand": ["+", "-"]})


def test_every_gene_points_at_its_tss_window() -> None:
    store, genes = elements.with_tss_windows(elements.merge(ccres([("chr1", 0, 100)])), GENES)
    windows = store[genes["element"]]
    assert windows.select("element_id", "class", "start", "end", "ccre_start", "ccre_end").rows() == [
        ("TSS:A", "TSS", -200, 400, 100, 101),
        ("TSS:B", "TSS", 49_700, 50_300, 50_000, 50_001),
    ]


def test_browser_file_is_sorted_and_inside_the_chromosome(tmp_path: Path) -> None:
    merged = elements.merge(ccres([("chr1", 0, 100), ("chr1", 99_900, 100_000)]))
    store, _ = elements.with_tss_windows(merged, GENES)
    elements.write_bed(tmp_path / "e.bed.gz", store, CHROMOSOMES)
    pysam.tabix_index(str(tmp_path / "e.bed.gz"), preset="bed")  # raises unless bgzipped and sorted
    with pysam.TabixFile(str(tmp_path / "e.bed.gz")) as file:
        rows = [row.split("\t")[:4] for row in file.fetch()]
    assert rows == [
        ["chr1", "0", "350", "E0"],
        ["chr1", "0", "400", "TSS:A"],
        ["chr1", "99650", "100000", "E1"],
        ["chr2", "49700", "50300", "TSS:B"],
    ]


def test_digest_follows_windows_and_ids() -> None:
    frame = elements.merge(ccres([("chr1", 0, 100), ("chr1", 1000, 1100)]))
    same = elements.merge(ccres([("chr1", 0, 100), ("chr1", 1000, 1100)]))
    narrow = elements.merge(ccres([("chr1", 0, 100), ("chr1", 1000, 1100)]), width=350)
    assert elements.element_digest(frame) == elements.element_digest(same) != elements.element_digest(narrow)


V4 = {
    "255,0,0": "PLS",
    "255,205,0": "dELS",
    "255,170,170": "CA-H3K4me3",
    "0,176,240": "CA-CTCF",
    "6,218,147": "CA",
    "190,40,229": "CA-TF",
    "216,118,236": "TF",
    "140,140,140": "Unclassified",
}


def test_screens_version_4_is_read_alike_by_name_and_by_colour(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [f"chr1\t{at}\t{at + 200}\tE{at}\t0\t.\t{at}\t{at + 200}\t{colour}" for at, colour in enumerate(V4)]
    (tmp_path / "colour.bed").write_text("\n".join(rows))
    (tmp_path / "name.bed").write_text("\n".join(f"{row}\t{V4[row.split()[8]]}" for row in rows))
    found = [elements.read_ccres([tmp_path / f"{name}.bed"], {"chr1": None}) for name in ("colour", "name")]
    assert found[0].equals(found[1])
    assert found[0]["class"].to_list() == [name for name in V4.values() if name != "CA"]  # which was DNase-only
    said = capsys.readouterr().err
    assert said.count("1 of 8 cCREs are of class DNase-only or Low-DNase or CA and left out") == 2
    assert said.count("1 of 8 cCREs are Unclassified; they are kept") == 2
    others = elements.read_ccres([tmp_path / "name.bed"], {"chr1": None}, exclude=["Low-DNase"])
    assert "CA" in others["class"].to_list()


@pytest.mark.parametrize("rest", ["peak\t0\t.\t5.5\t-1\t3\t75", "x\t0\t+\t1\t9\t0,0,0\t2\t4,4,\t0,9,", "n\t960\t17"])
def test_a_column_of_numbers_is_no_class(tmp_path: Path, rest: str) -> None:
    (tmp_path / "a.bed").write_text(f"chr1\t100\t300\t{rest}\n")
    found = elements.read_ccres([tmp_path / "a.bed"], {"chr1": None})
    assert found.select("element_id", "class").row(0) == (rest.split("\t")[0], "cCRE")
