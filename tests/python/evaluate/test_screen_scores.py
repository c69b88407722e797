"""Scores of a screen's pairs: overlaps, closed forms by hand, the field's rules, groups by distance."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import bootstrap, methods, ranking
from crexpress.core.errors import InputError
from crexpress.evaluate import links
from crexpress.links import closed_forms
from crexpress.prepare import screening
from evaluate_case import ATTENTION, ELEMENTS, GENES, GOOD, HEADER, ROOT, lookup, make_links, read_pairs, screen_file

SCREEN = ROOT / "assets" / "k562" / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"


def scored(
    path: Path, *tables: links.Links, only: str | None = None, elements: pl.DataFrame | None = None
) -> list[links.Screen]:
    """Every cell of the screen with the scores of these links tables."""
    elements = ELEMENTS if elements is None else elements
    found = links.screening("screen", path, elements, GENES, tables, only)
    return list(links.screens(found, elements, GENES, tables, {}))


def test_touching_counts_and_promoter_elements_do_not(tmp_path):
    pairs = read_pairs(
        tmp_path,
        "chr1 900 1400 DEF ENSG02 90000 TRUE K562 TRUE",  # only an element on the TSS of ABC, and its TSS window
        "chr1 5200 5299 ABC ENSG01 1000 TRUE K562 TRUE",  # touches the second element, one base from the third
        "chr1 5200 5300 ABC ENSG01 1000 TRUE K562 TRUE",
        "chr2 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE",
        "chr1 4000 70000 ABC ENSG01 1000 TRUE K562 TRUE",
    )
    pair, element = screening.overlaps(pairs, ELEMENTS, GENES)
    found = [sorted(element[pair == row].tolist()) for row in range(len(pairs))]
    assert found == [[], [1], [1, 2], [], [1, 2, 3, 4]]


def test_the_promoter_interval_is_half_open(tmp_path):
    pairs = read_pairs(tmp_path, "chr1 400 1900 DEF ENSG02 90000 TRUE K562 TRUE")
    starts, ends = [1_249, 1_250, 500, 500], [1_400, 1_400, 750, 751]  # the interval of ABC is [750, 1250)
    elements = pl.DataFrame({"chrom": "chr1", "ccre_start": starts, "ccre_end": ends, "class": "dELS"})
    assert sorted(screening.overlaps(pairs, elements, GENES)[1]) == [1, 2]


def test_overlaps_equal_all_against_all():
    generator = np.random.default_rng(0)
    start = generator.integers(10_000, 50_000, 200)
    elements = pl.DataFrame(
        {
            "chrom": generator.choice(["chr1", "chr2"], 200),
            "ccre_start": start,
            "ccre_end": start + generator.integers(1, 3000, 200),
        }
    ).with_columns(pl.lit("dELS").alias("class"))
    start = generator.integers(10_000, 50_000, 60)
    tested = pl.DataFrame(
        {
            "chrom": generator.choice(["chr1", "chr2", "chr3"], 60),
            "chromStart": start,
            "chromEnd": start + generator.integers(1, 3000, 60),
        }
    )
    pair, element = screening.overlaps(tested, elements, GENES)
    expected = {
        (i, j)
        for i, (chrom, low, high) in enumerate(tested.iter_rows())
        for j, (other, left, right, _) in enumerate(elements.iter_rows())
        if chrom == other and low <= right and left <= high
    }
    assert set(zip(pair.tolist(), element.tolist(), strict=True)) == expected
    assert len(pair) == len(expected)


def test_closed_forms_by_hand(tmp_path):
    header = HEADER + " DHS.RPM H3K27ac.RPM.expandedRegion"
    pairs = read_pairs(
        tmp_path,
        "chr1 5000 5500 ABC ENSG01 1250 TRUE K562 TRUE 4 9",
        "chr1 40000 40500 ABC ENSG01 1250 TRUE K562 FALSE 1 NA",
        header=header,
    )
    activity = {"dnase": np.array([0, 4.0, 0, 0, 0, 0]), "h3k27ac": np.array([0, 9.0, 2, 0, 0, 0])}
    forms = closed_forms.closed_forms(pairs, screening.overlaps(pairs, ELEMENTS, GENES), ELEMENTS, GENES, activity)
    assert forms["distance"].tolist() == [-4000, -39000]
    assert forms["activity/distance"].tolist() == [3 / 4000, 0]  # mean of 6 and 0
    assert forms["H3K27ac/distance"].tolist() == [5.5 / 4000, 0]
    assert forms["activity/distance (screen's read counts)"].tolist() == [6 / 4000, 0]
    near = 6 / 4100  # the only active element, 4,100 bp from the TSS; one of none is 4,350 bp away
    assert forms["ABC"] == pytest.approx([3 / 4000 / near, 0])
    without = closed_forms.closed_forms(
        pairs.drop("DHS.RPM"), screening.overlaps(pairs, ELEMENTS, GENES), ELEMENTS, GENES, {}
    )
    assert list(without) == ["distance"]


@pytest.mark.parametrize(("transform", "stored"), [("log10p1", np.log10([1, 4])), ("log1p", np.log([1, 4])),
                                                  ("arcsinh", np.arcsinh([0, 3])), ("none", [0, 3]),
                                                  ("quantile:1234abcd", np.log10([1, 4]))])  # fmt: skip
def test_activity_is_the_mean_on_the_linear_scale(transform, stored):
    signal = np.array([stored], np.float16)
    assert closed_forms.linear_signal({"dnase": signal}, transform)["dnase"] == pytest.approx([1.5], rel=2e-3)


RANK = {"name": "rank", "label": "rank in gene", "higher_is_better": False}


def test_a_pair_takes_the_best_of_its_elements_and_misses_rank_last(tmp_path):
    path = screen_file(
        tmp_path,
        "chr1 5000 5500 ABC ENSG01 1000 TRUE K562 TRUE",  # two elements of ABC
        "chr1 5000 5500 DEF ENSG02 90000 TRUE K562 FALSE",  # the same elements, but only ABC's links are there
        "chr1 20000 20500 ABC ENSG01 1000 TRUE K562 FALSE",
        "chr1 60000 60500 ABC ENSG01 1000 TRUE K562 TRUE",  # linked, but without a score
        "chr1 60000 60500 XYZ ENSG99 1000 TRUE K562 FALSE",
        "chr1 20000 20500 ABC ENSG01 1000 TRUE HeLa TRUE",
    )
    table = make_links(
        [ATTENTION, RANK],
        gene_id=["ENSG01.3"] * 4,
        element=[1, 2, 3, 4],
        attention=[0.1, 0.4, 0.0, float("nan")],
        rank=[5.0, 2.0, 9.0, None],
    )
    (screen,) = scored(path, table)
    assert screen.scores["attention"].tolist() == [0.4, -np.inf, 0, -np.inf, -np.inf]
    assert screen.scores["rank in gene"].tolist() == [-2, -np.inf, -9, -np.inf, -np.inf]
    assert list(screen.scores) == ["attention", "rank in gene", "distance"]
    rows, curves = links.evaluate(screen, True, 20, 1)
    assert lookup(rows, method="attention", subset="all pairs", metric="coverage")[0].value == pytest.approx(0.4)
    assert lookup(rows, method="attention", metric="coverage_positives")[0].value == pytest.approx(0.5)
    assert lookup(rows, method="all", subset="all pairs", metric="unknown_genes")[0].value == 1
    assert lookup(rows, method="all", subset="all pairs", metric="prevalence")[0].value == pytest.approx(0.4)
    precision = lookup(rows, method="attention", subset="all pairs", metric="average_precision")[0]
    assert precision.value == pytest.approx((1 + 2 / 5) / 2)
    assert precision.n == 5
    covered = lookup(rows, method="attention", subset="covered pairs", metric="average_precision")[0]
    assert (covered.value, covered.n) == (pytest.approx(1), 2)
    assert not curves  # two positives


def test_a_screen_of_other_cells_is_told_and_only_where_no_other_can_be_scored_refused(tmp_path):
    path = screen_file(tmp_path, GOOD)
    table = make_links([ATTENTION], gene_id=["ENSG01.3"], element=[1], attention=[1.0])
    other = links.screening("s", path, ELEMENTS, GENES, [table], "HeLa")
    assert not other.cells
    assert "s: no pair to score in HeLa; its cells are K562" in other.warnings[0]
    with pytest.raises(InputError, match=r"no screen can be scored\. s: no pair to score in HeLa; its cells are K562"):
        screening.require_one([other])
    screening.require_one([other, links.screening("s", path, ELEMENTS, GENES, [table], None)])
    screening.require_one([])
    with pytest.raises(InputError, match="two links tables of K562 hold a score 'attention'"):
        scored(path, table, table)


def test_a_screen_without_cells_is_taken_for_the_only_one_and_that_is_said(tmp_path):
    path = screen_file(tmp_path, GOOD.replace(" K562", ""), header=HEADER.replace(" CellType", ""))
    table = make_links([ATTENTION], gene_id=["ENSG01.3"], element=[1], attention=[1.0])
    for only in (None, "K562"):
        found = links.screening("s", path, ELEMENTS, GENES, [table], only)
        assert found.warnings == ["s: the screen names no cell (no column CellType); it is taken for one of K562."]
        assert found.facts()["assumed_cell"] == "K562"
        (screen,) = links.screens(found, ELEMENTS, GENES, [table], {})
        assert screen.scores["attention"].tolist() == [1]
    with pytest.raises(InputError, match=r"no column CellType; name its cell \(HeLa, K562\) with --crispr-cell"):
        links.screening("s", path, ELEMENTS, GENES, [table, table._replace(cell="HeLa")], None)


def test_a_screen_of_another_build_or_species_is_not_scored_at_chance(tmp_path):
    table = make_links([ATTENTION], gene_id=["ENSG01.3"], element=[1], attention=[1.0])
    path = screen_file(tmp_path, GOOD.replace("5000 5500", "35000 35500"))
    found = links.screening("s", path, ELEMENTS, GENES, [table], None)
    assert not found.cells
    (said,) = found.warnings
    assert said == (
        "s, K562: none of the 1 tested pairs overlaps a cCRE; the screen has chr1:35,000-35,500, the cCREs "
        "chr1:1,100-1,300; is it of the same genome build?"
    )
    path = screen_file(tmp_path, GOOD.replace("ABC ENSG01", "Abc ENSMUSG01"))
    (said,) = links.screening("s", path, ELEMENTS, GENES, [table], None).warnings
    assert "names a gene of this run; the screen has ENSMUSG01, the annotation ENSG01.3 ABC, ENSG02.1 DEF" in said
    far = GOOD.replace("5000 5500", "35000 35500")
    found = links.screening("s", screen_file(tmp_path, GOOD, far, far), ELEMENTS, GENES, [table], None)
    assert list(found.cells) == ["K562"]
    assert found.warnings[0].startswith("s, K562: only 33% of the 3 tested pairs overlap a cCRE; ")
    assert not links.screening("s", screen_file(tmp_path, GOOD, far), ELEMENTS, GENES, [table], None).warnings


def test_groups_and_curves_by_distance():
    generator = np.random.default_rng(0)
    distance = generator.integers(0, 200_000, 400).astype(float)
    positive = generator.random(400) < np.exp(-distance / 50_000)
    pairs = pl.DataFrame(
        {"gene": generator.choice(list("abcdefgh"), 400), "gene_id": "x", "distance": distance, "Regulated": positive}
    )
    about = {"distance": methods.closed_form("distance")}
    screen = links.Screen("K562", "screen", pairs, {"distance": -distance}, {}, about)
    rows, curves = links.evaluate(screen, None, 50, 1)
    sizes = {row.subset: row.n for row in lookup(rows, metric="prevalence")}
    groups = ["<10 kb", "10-50 kb", "50-100 kb", ">100 kb"]
    assert list(sizes) == ["all pairs", *groups]
    assert sum(sizes[group] for group in groups) == 400
    assert sizes["10-50 kb"] == ((distance >= 10_000) & (distance < 50_000)).sum()
    by_gene = lookup(rows, subset="all pairs", metric="average_precision")[0]
    by_pairs = lookup(rows, subset="all pairs", metric="average_precision_by_pairs")[0]
    assert by_gene.value == by_pairs.value
    assert by_gene.low < by_gene.value < by_gene.high
    drawn = bootstrap.draw(8, 50, 1)[:, [list("abcdefgh").index(gene) for gene in pairs["gene"]]]
    expected = bootstrap.interval(ranking.measures(-distance, positive, drawn)["average_precision"])
    assert (by_gene.low, by_gene.high) == pytest.approx(expected)
    everything = pl.concat(curves).filter(pl.col("subset") == "all pairs")
    assert everything["recall"][-1] == 1
    assert everything["recall"].is_sorted()
    assert len(everything) == positive.sum()


def test_k562_screen_reaches_the_published_figures():
    """Figures of design/peers.md, measured there with the field's own code."""
    chroms = [f"chr{name}" for name in (*range(1, 23), "X")]
    everywhere = pl.DataFrame({"chrom": chroms, "ccre_start": 0, "ccre_end": 300_000_000, "class": "dELS"})
    gene = {"gene_id": ["ENSG00000116198"], "gene_name": ["CEP104"], "chrom": ["chr1"], "tss": [3_857_213]}
    found = screening.screen("K562", SCREEN, pl.DataFrame(gene), chroms, ["K562"])
    assert not found.warnings
    (screen,) = links.screens(found, everywhere, pl.DataFrame(gene), [], {})
    positive = screen.pairs["Regulated"].to_numpy()
    assert (len(positive), positive.sum()) == (10_356, 471)
    once = np.ones((1, len(positive)))
    distance = ranking.measures(screen.scores["distance"], positive, once)
    counts = ranking.measures(screen.scores["activity/distance (screen's read counts)"], positive, once)
    assert distance["auprc"][0] == pytest.approx(0.4359, abs=5e-5)
    assert distance["precision_at_70_recall"][0] == pytest.approx(0.3158, abs=5e-5)
    assert counts["auprc"][0] == pytest.approx(0.5263, abs=5e-5)
    assert counts["precision_at_70_recall"][0] == pytest.approx(0.4204, abs=5e-5)
