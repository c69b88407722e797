"""Perturbation screens: which lines count, how genes and chromosomes are matched, what is refused."""

import gzip

import pytest

from crexpress.core.errors import InputError
from crexpress.evaluate import links
from crexpress.formats import screen_files
from crexpress.prepare import screening
from evaluate_case import ATTENTION, CHROMS, ELEMENTS, GENES, GOOD, HEADER, make_links, read_pairs, screen_file


def test_pairs_that_do_not_count_are_left_out(tmp_path):
    pairs = read_pairs(
        tmp_path,
        "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE",
        "chr1 5100 5500 ABC ENSG01 1000 overlaps_promoter K562 TRUE",
        "chr1 5200 5500 ABC ENSG01 1000 TRUE K562 NA",
        "chr1 5300 5500 ABC ENSG01 1000 NA K562 TRUE",
        "chr1 5400 5500 ABC ENSG01 1000 true K562 false",
    )
    assert pairs["chromStart"].to_list() == [5000, 5400]
    assert pairs["Regulated"].to_list() == [True, False]


def test_genes_match_by_id_without_version_then_by_symbol_and_unknown_ones_stay(tmp_path):
    pairs = read_pairs(
        tmp_path,
        "chr1 5000 5500 OLD ENSG01.9 1000 TRUE K562 TRUE",
        "chr1 5000 5500 DEF ENSG99 NA TRUE K562 TRUE",
        "chr1 5000 5500 XYZ ENSG98 7000 TRUE K562 FALSE",
        "chr1 5000 5500 XYZ NA NA TRUE K562 FALSE",
    )
    assert pairs["gene_id"].to_list() == ["ENSG01.3", "ENSG02.1", None, None]
    assert pairs["distance"].to_list() == [4250, 84750, 1750, None]


def test_a_stored_distance_goes_before_any_other(tmp_path):
    header = HEADER + " distanceToTSS"
    pairs = read_pairs(tmp_path, "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE -77", header=header)
    assert pairs["distance"].to_list() == [77]


def test_scpge_layout_is_read(tmp_path):
    path = tmp_path / "Integration.bed"
    path.write_text("chr\tstart\tend\tclass\tGene\tGene TSS\tCell type\tSignificant\n"
                    "chr1\t5000\t5500\tpromoter\tABC\t1000\tK562\tTRUE\n")  # fmt: skip
    pairs = screening.pairs(screen_files.read(path, CHROMS).pairs, GENES)
    assert pairs.select("gene_id", "distance", "Regulated").row(0) == ("ENSG01.3", 4250, True)


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (HEADER.replace("chromEnd", "stop"), "chr1 1 2 A E 1 TRUE K TRUE", "no column chromEnd; needed are chrom,"),
        ("chrom chromStart chromEnd Regulated", "chr1 1 2 TRUE", "measuredGeneEnsemblId or measuredGeneSymbol"),
        (HEADER, "chr1 1 2 A E 1 TRUE K maybe", r"no line that can be scored: Regulated is neither .*: 1 line \(2\)"),
        (HEADER.replace("startTSS", "chrom"), "chr1 1 2 A E 1 TRUE K TRUE", "line 1: the column 'chrom' stands twice"),
        (
            HEADER,
            "chr7 1 9 A E 1 TRUE K TRUE",
            "shares no chromosome with the other input: it has chr7, the other chr1",
        ),
    ],
)
def test_unusable_screens_are_refused(tmp_path, header, row, message):
    with pytest.raises(InputError, match=message):
        screen_files.read(screen_file(tmp_path, row, header=header), CHROMS)


UNUSABLE = {  # a line, and why it is left out
    "chr1 5500 5500 ABC ENSG01 1000 TRUE HeLa TRUE": "no interval (chromStart must be before chromEnd)",
    "chr1 -5 5500 ABC ENSG01 1000 TRUE K562 TRUE": "no interval (chromStart must be before chromEnd)",
    "chr1 5000 5e9.1 ABC ENSG01 1000 TRUE K562 TRUE": "chromEnd is no number",
    "chr1 5000 5500 ABC ENSG01 inf TRUE K562 TRUE": "startTSS is no number",
    "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 maybe": "Regulated is neither TRUE nor FALSE",
    "chr1 5000 5500 ABC ENSG01 1000 TRUE NA TRUE": "CellType is empty",
    "chr1 5000 5500 NA . 1000 TRUE K562 TRUE": "no gene is named",
    "NA 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE": "chrom is empty",
    "chr77 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE": "on a chromosome that this run does not have (chr77)",
    "chr1 5000 5500 ABC ENSG01 1000 TRUE K562": "another number of fields than the header (9)",
}


def test_a_line_that_cannot_be_used_is_left_out_and_listed_and_the_rest_is_scored(tmp_path):
    rows = [row for bad in UNUSABLE for row in (bad, GOOD)]
    table = screen_files.read(screen_file(tmp_path, *rows, "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 NA"), CHROMS)
    assert table.pairs["line"].to_list() == list(range(3, 2 * len(UNUSABLE) + 2, 2))
    expected = {screen_files.NO_VERDICT: [2 * len(UNUSABLE) + 2]}
    for number, reason in enumerate(UNUSABLE.values()):
        expected.setdefault(reason, []).append(2 * number + 2)
    assert table.left_out == expected
    table = make_links([ATTENTION], gene_id=["ENSG01.3"], element=[1], attention=[1.0])
    found = links.screening("s", tmp_path / "screen.tsv", ELEMENTS, GENES, [table], None)
    (said,) = found.warnings
    assert said.startswith(f"s: {len(UNUSABLE)} of {2 * len(UNUSABLE) + 1} lines cannot be used and are left out: ")
    assert "no interval (chromStart must be before chromEnd): 2 lines (2, 4)" in said
    assert screen_files.NO_VERDICT not in said  # the field's rule, no fault
    assert found.facts()["left_out_by_rule"] == [f"{screen_files.NO_VERDICT}: 1 line (22)"]
    assert len(found.cells["K562"]) == len(UNUSABLE)


def test_many_lines_left_out_name_the_first():
    assert screen_files.told({"odd": list(range(2, 2002))}) == ["odd: 2,000 lines (2, 3, 4, 5, 6, ...)"]


def test_chromosomes_are_spelt_as_in_the_run(tmp_path, capsys):
    path = screen_file(tmp_path, GOOD.removeprefix("chr"))
    assert screen_files.read(path, CHROMS).pairs["chrom"].to_list() == ["chr1"]
    assert "chromosome names respelt (1 -> chr1" in capsys.readouterr().err
    assert screen_files.read(screen_file(tmp_path, GOOD), ["1", "2"]).pairs["chrom"].to_list() == ["1"]


def test_a_cut_off_screen_is_refused(tmp_path):
    path = tmp_path / "cut.tsv.gz"
    path.write_bytes(gzip.compress(screen_file(tmp_path, "chr1 1 2 A E 1 TRUE K TRUE").read_bytes())[:-12])
    with pytest.raises(InputError, match=r"cut\.tsv\.gz is cut off or damaged"):
        screen_files.read(path, CHROMS)
