"""Kinds of benchmarks beside screens, worked out by hand: loops, domains, classes, profiles, loci."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from crexpress.core import methods
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import (
    classes,
    contacts,
    domains,
    leakage,
    locus,
    predictors,
    specific_genes,
)
from crexpress.evaluate.benchmarks.base import Entry, Taught, World
from crexpress.links.published import Linkset, Score
from linkset_case import GENES, linkset, score, write


def test_a_loop_makes_positive_what_it_joins_to_a_gene():
    elements = pl.DataFrame(
        {"chrom": "chr1", "ccre_start": [4_000, 12_000, 40_000], "ccre_end": [4_200, 12_200, 40_200], "class": "dELS"}
    ).with_columns(start="ccre_start", end="ccre_end")
    own = GENES[:1]
    loops = {"chrom_1": "chr1", "start_1": [39_000, 11_000], "end_1": [41_000, 12_500], "chrom_2": "chr1",
             "start_2": [7_000, 60_000], "end_2": [7_500, 61_000]}  # fmt: skip
    table, positive = contacts.candidates(pl.DataFrame(loops), elements, own)
    assert dict(zip(table["start"], positive.tolist(), strict=True)) == {4_000: False, 12_000: False, 40_000: True}
    _, positive = contacts.candidates(pl.DataFrame(loops), elements, own, "tss")
    assert not positive.any()  # 7,000 is in the body, 4 kb behind the window of the TSS
    medians = contacts._medians(np.array([0.1, 0.9, 0.5]), np.array([[1, 1, 1], [2, 0, 1], [0, 3, 0]]))
    assert medians.tolist() == [0.5, 0.1, 0.9]


def test_medians_over_genes_by_hand_leave_out_groups_of_fewer_than_ten():
    """Gene a: 10 pairs at 20 kb, two positive and ranked first; b: the same, ranked last; c: nine pairs, left out."""
    size = {"a": 10, "b": 10, "c": 9}
    table = pl.DataFrame({"gene_id": [name for name, n in size.items() for _ in range(n)], "distance": 20_000.0})
    positive = np.concatenate([np.arange(n) < 2 for n in size.values()])
    first, last = np.r_[10.0, 9, np.zeros(8)], np.r_[0.0, 0, np.full(8, 1.0)]
    score = np.concatenate([first, last, first[:9]])
    about = {"mine": methods.Method("mine", "mine", methods.PUBLISHED)}
    marked = contacts.Labelled("K", "b", table, positive, {"mine": score}, methods=about)
    rows = {(row.subset, row.metric): row for row in contacts.by_gene(marked, World(resamples=0))}
    near = "per gene, 5-50 kb"
    assert rows[near, "genes"].value == 2
    assert rows["per gene, 0-5 kb", "genes"].value == 0
    lower = {"auroc": 0, "auprc": 0.2, "specificity": 0, "precision": 0}  # of two, the lower of the middle: gene b
    assert {name: rows[near, f"median_{name}"].value for name in lower} == pytest.approx(lower)
    alone = {
        (row.subset, row.metric): row.value for row in contacts.by_gene(marked.part(np.arange(10)), World(resamples=0))
    }
    assert [alone[near, f"median_{name}"] for name in lower] == [1, 1, 1, 1]


def test_pairs_in_parts_are_scored_as_all_at_once():
    generator = np.random.default_rng(5)
    tss = np.arange(20) * 40_000 + 100_000
    genes = pl.DataFrame(
        {
            "gene_id": [f"g{i}" for i in range(20)],
            "gene_name": [f"n{i}" for i in range(20)],
            "chrom": ["chr1"] * 12 + ["chr2"] * 8,
            **{"start": tss, "end": tss + 5_000, "tss": tss, "strand": "+", "element": np.arange(20)},
        }
    )
    place = np.tile(np.arange(40) * 20_000 + 90_000, 2)
    elements = pl.DataFrame({"chrom": ["chr1"] * 40 + ["chr2"] * 40, "class": "dELS", "ccre_start": place,
                             "ccre_end": place + 300, "start": place, "end": place + 600})  # fmt: skip
    rows = generator.integers(0, 80, 300)
    pairs = elements.select("chrom", start="ccre_start", end="ccre_end")[rows]
    own = genes.select("gene_id", gene="gene_name", key="gene_id")[np.where(rows < 40, rows % 12, 12 + rows % 8)]
    pairs = pl.concat([pairs, own], how="horizontal").with_columns(distance=generator.integers(1_000, 90_000, 300))
    scored = pairs.select("chrom", "start", "end", "key").unique(maintain_order=True)[::2]
    score = scored.with_columns(mine=pl.Series(generator.random(len(scored))))
    links = Linkset("K", score, {"mine": Score("mine", methods.Method("mine", "mine", methods.PUBLISHED))}, 7)
    tracks = {name: generator.random(80) for name in ("dnase", "h3k27ac")}
    world = World(genes=genes, elements=elements, links=[links], tracks={"K": tracks}, resamples=0)
    positive = generator.random(300) < 0.3
    whole, notes = predictors.labelled("b", "K", pairs, positive, world, genes)
    one = (pairs["chrom"] == "chr1").to_numpy()
    parts = [(pairs.filter(pl.Series(inside)), positive[inside]) for inside in (one, ~one)]
    found, told = predictors.labelled_in_parts("b", "K", parts, world, genes)
    order = np.concatenate([np.flatnonzero(one), np.flatnonzero(~one)])
    assert {"mine", predictors.ABC_POWER_LAW, "distance", "activity/distance"} <= set(whole.scores)
    assert set(whole.scores) == set(found.scores)
    for name, values in found.scores.items():
        assert values == pytest.approx(whole.scores[name][order], rel=1e-12), name
    assert np.array_equal(found.covered["mine"], whole.covered["mine"][order])
    assert told == notes
    assert any("mine:" in note and "7 links on TSS intervals" in note for note in told)


def test_insulation_by_hand_and_links_that_stay_in_their_domain():
    links = pl.DataFrame({"chrom": "c", "tss": [985_000, 955_000, 985_000], "place": [1_015_000, 1_035_000, 995_000],
                          "score": [1.0, 2.0, 9.0], "key": "g"})  # fmt: skip
    around = domains.insulation(links, pl.DataFrame({"chrom": ["c"], "bin": [100]}))[0]
    middle = domains.REACH
    assert around[middle] == 1  # bins 98 and 101; 95 and 103 are 8 apart, 98 and 99 lie on one side
    assert around[middle - 1] == 1
    assert around[middle + 2] == 0
    held = domains._in_one(*(np.array(at) for at in ([10, 10, 60], [40, 70, 90], [0, 50], [50, 100])))
    assert held.tolist() == [True, False, True]
    ends = domains.domain_boundaries(pl.DataFrame({"chrom": ["c", "c"], "start": [0, 50_000], "end": [50_000, 90_000]}))
    assert ends["bin"].to_list() == [0, 5, 9]


def test_domains_are_found_where_links_keep_to_them(tmp_path):
    generator = np.random.default_rng(0)
    tss = np.sort(generator.integers(3_000_000, 27_000_000, 300))
    genes = pl.DataFrame({"gene_id": [f"g{i}" for i in range(300)], "gene_name": "n", "chrom": "chr1", "tss": tss})
    gene = generator.integers(0, 300, 40_000)
    place = tss[gene] + generator.integers(-400_000, 400_000, 40_000)
    same = place // 1_000_000 == tss[gene] // 1_000_000
    table = pl.DataFrame(
        {"chrom": "chr1", "start": place, "end": place + 2, "key": genes["gene_id"].gather(gene), "a": same * 1.0}
    )
    path = write(tmp_path / "d.bed", *(f"chr1 {i}000000 {i + 1}000000" for i in range(2, 28)))
    one = Score("attention", methods.Method("a", "attention", methods.MODEL))
    world = World(genes=genes, links=[Linkset("K", table, {"a": one})], resamples=100)
    found = domains.score(Entry("d", "domains", "K", path), world)
    of = {row.metric: row for row in found.rows}
    assert of["insulation_dip"].value == pytest.approx(1)  # nothing crosses
    assert of["insulation_dip_per_link"].value == pytest.approx(1)
    assert abs(of["insulation_dip_of_links"].value) < 0.3  # links there are at boundaries as anywhere
    assert of["insulation_dip_difference"].low > 0
    assert of["log2_inside_over_across_100_200kb"].n > 1_000
    profile = found.tables["d.insulation"].row(by_predicate=pl.col("offset_bp") == 0, named=True)
    assert profile["boundary"] == 0 < profile["shuffled"]


def test_genes_that_gather_at_boundaries_are_no_dip_of_what_a_link_has(tmp_path):
    """More links start at a boundary than between, all of about one score: the sums rise there, a link's does not."""
    generator = np.random.default_rng(1)
    near = np.repeat(np.arange(3_000_000, 27_000_000, 1_000_000), 40) + generator.integers(-60_000, 60_000, 960)
    tss = np.sort(np.concatenate([generator.integers(3_000_000, 27_000_000, 4_000), near]))
    genes = pl.DataFrame({"gene_id": [f"g{i}" for i in range(len(tss))], "gene_name": "n", "chrom": "chr1", "tss": tss})
    gene = np.repeat(np.arange(len(tss)), 20)
    place = tss[gene] + generator.integers(-100_000, 100_000, len(gene))
    value = np.where(np.arange(len(gene)) % 20 == 0, 0.0, generator.choice([0.9, 1.0], len(gene)))  # min-max a gene
    table = pl.DataFrame({"chrom": "chr1", "start": place, "end": place + 2, "key": genes["gene_id"][gene], "a": value})
    path = write(tmp_path / "d.bed", *(f"chr1 {i}000000 {i + 1}000000" for i in range(3, 26)))
    one = Score("attention", methods.Method("a", "attention", methods.MODEL))
    world = World(genes=genes, links=[Linkset("K", table, {"a": one})], resamples=200)
    of = {row.metric: row for row in domains.score(Entry("d", "domains", "K", path), world).rows}
    assert of["insulation_dip_of_links"].value < -0.3
    assert of["insulation_dip"].value == pytest.approx(of["insulation_dip_of_links"].value, abs=0.05)
    assert of["insulation_dip_per_link"].value == pytest.approx(0, abs=0.02)


def test_classes_equal_scikit_learn():
    generator = np.random.default_rng(0)
    called, label = generator.random(200) < 0.4, generator.random(200) < 0.5
    f1, mcc = classes.f1_mcc(*classes._table(called, label, np.ones((1, 200))))
    assert (f1[0], mcc[0]) == pytest.approx((f1_score(label, called), matthews_corrcoef(label, called)))
    values = np.array([1.0, 2, 3, 4])
    assert 2 < classes.best_cut(values, np.array([False, False, True, True])) <= 3


PAIRS = pl.DataFrame(
    {"chrom": ["chr1", "chr1", "chr2"], "gene_id": ["ENSG01.3", "ENSG02.1", None], "gene": list("abc")}
)


def leaks(cell: str, *taught: Taught, about: dict[str, methods.Method] | None = None, **world: Any) -> leakage.Leaks:
    return leakage.clean(PAIRS, cell, World(genes=GENES, taught=taught, **world), about or {}, "b")


def test_what_was_taught_is_counted_and_the_rest_is_clean():
    split = np.array(["train", "test"])
    found = leaks("K", Taught("net", ("K",)), split=split)
    assert found.clean is not None
    assert found.clean.tolist() == [False, True, True]
    assert found.told == ["net: gene and cell were trained on (expression, not links): 1 of 3 pairs, 1 genes"]
    assert leaks("k", Taught("net", ("K",)), split=split).told == found.told  # by another name
    found = leaks("L", Taught("net", ("K",)), split=split)
    assert found.clean is None
    assert found.told[0].startswith("L was not trained on")
    found = leaks("K", Taught("fit", (), ("K",), ("chr1",)))
    assert found.clean is not None
    assert found.clean.tolist() == [True, True, False]


def test_what_cannot_be_counted_is_said():
    """Links without predictions, files that do not say, a link model on its own screen under another name."""
    (told,) = leaks("K", Taught("net", ("K",))).told
    assert told.startswith("net: trained on K, on which genes is not known without --predictions and --expression")
    assert leaks("K", Taught("net", None)).told == [
        "net: what they were trained on is not in their files, and is not counted"
    ]
    found = leaks("k-562", Taught("fit", (), ("K562",), ()))
    assert found.clean is not None
    assert not found.clean.any()
    assert found.told == ["fit: fitted to screens of k-562, chromosomes not held out: 3 of 3 pairs, 3 genes"]
    assert leaks("HeLa", Taught("fit", (), ("HeLa-S3",), ())).clean is not None  # may be one cell
    found = leaks("mine", Taught("fit", (), ("K562",), ()))
    assert (found.clean, found.told) == (None, ["fit: fitted to screens of K562; mine is taken for another cell"])
    assert "is not in its file" in leaks("mine", Taught("fit", (), None, ())).told[0]


def test_a_published_score_that_was_fitted_to_the_screen_has_no_clean_pair():
    names = ("rE2G", "ABC", "mine", "re2g:dhs_megamap")
    about = {name: methods.Method(name, name, methods.PUBLISHED) for name in names}
    fitted = {"rE2G": ("K562",), "ABC": (), "mine": None}
    scores = {name: Score(name, about[name], fitted_to=cells) for name, cells in fitted.items()}
    links = [Linkset(None, pl.DataFrame(), scores)]
    found = leaks("K562", about=about, links=links)
    assert found.without == {"rE2G", "mine", "re2g:dhs_megamap"}
    assert found.told[0] == "rE2G, re2g:dhs_megamap: fitted to screens of K562; none of its pairs is clean"
    assert found.told[1].startswith("mine: whether it was fitted to these pairs is not known")
    assert leaks("HCT116", about=about, links=links).without == {"mine"}
    said = leaks("K562", about=about, links=links, trained_on={"b": ["ABC", "abc"]})
    assert said.without == {"ABC", "rE2G", "re2g:dhs_megamap"}  # who says one speaks of all
    assert said.told[-1] == "trained_on names abc, which is none of the scores"
    assert leaks("HCT116", about=about, links=links, trained_on={"b": ["none"]}) == (None, [], frozenset())


def test_a_prediction_is_placed_among_observed_profiles():
    from crexpress.evaluate.expression import ScoredCell

    generator = np.random.default_rng(0)
    own = {name: generator.random(60) + (3 * (np.arange(60) < 30) if name == "K" else 0) for name in "KLM"}
    cells = {name: ScoredCell(name, False, "u", values, values / np.log10(2)) for name, values in own.items()}
    cells["K"].add(Path("p"), "net", methods.of_predictions({"preset": "net"}), own["K"] + 0.01, None)
    genes = pl.DataFrame({"gene_id": [f"g{i}" for i in range(60)]})
    found = specific_genes.score(
        Entry("s", "specific-genes", "K", None), World(genes=genes, expression=cells, resamples=50)
    )
    of = {row.metric: row.value for row in found.rows}
    assert of["genes"] == 30
    assert of["pearson"] == pytest.approx(1)
    assert (of["nearest_is_own"], of["rank_of_own"]) == (1, 1)
    assert of["cophenetic_to_own"] == pytest.approx(0, abs=1e-9)


def test_a_locus_by_hand(tmp_path):
    """Six cCREs of ABC (TSS 1,000), one 2.5 Mb away, a promoter; known is the third best by its score."""
    start = [3_000, 21_000, 41_000, 61_000, 81_000, 2_500_000]
    elements = pl.DataFrame({"chrom": "chr1", "class": "dELS", "ccre_start": start}).with_columns(
        ccre_end=pl.col("ccre_start") + 200, start=pl.col("ccre_start"), end=pl.col("ccre_start") + 600
    )
    promoter = elements[:1].with_columns(pl.lit("TSS").alias("class"))
    scored = zip(start, (5, 4, 3, 2, 1), strict=False)
    links = linkset(*(("chr1", at, at + 200, "ENSG01.3", value) for at, value in scored), mine=score("max"))
    world = World(
        genes=GENES, elements=pl.concat([elements, promoter]), links=[replace(links, cell="K")], resamples=200
    )
    path = write(tmp_path / "known.bed", "chr1 41100 41110 e1", "chr1 90000 90500 e2", "chr2 5 9 other")
    found = locus.score(Entry("myc", "locus", "K", path, {"gene": "ABC"}), world)
    table = found.tables["locus.myc"]
    assert table["start"].to_list() == start[:5]
    assert table["known"].to_list() == [False, False, True, False, False]
    assert table["max: rank"].to_list() == [1, 2, 3, 4, 5]
    assert table["distance: rank"].to_list() == [1, 2, 3, 4, 5]
    of = {(row.subset, row.method, row.metric): row.value for row in found.rows}
    assert of["all pairs", "max", "average_precision"] == pytest.approx(1 / 3)
    assert found.curves == []  # one positive: no curve
    interval = next(row for row in found.rows if row.method == "distance" and row.metric == "average_precision")
    assert interval.low < interval.value < interval.high  # of its elements: it is one gene
    few = replace(world, links=[replace(links, cell="K", table=links.table.filter(pl.col("mine").is_in([4, 3, 1])))])
    few.links[0].table[1, "mine"] = 4
    table = locus.score(Entry("myc", "locus", "K", path, {"gene": "ABC"}), few).tables["locus.myc"]
    assert table["max: rank"].to_list() == [None, 1.5, 1.5, None, 3]  # what is not covered has no place
    assert table["max"].to_list() == [None, 4, 4, None, 1]
    for options, message in (
        ({"gene": "XYZ"}, "0 genes are called 'XYZ'"),
        ({"gene": "ABC", "reach": "10"}, "no element"),
    ):
        with pytest.raises(InputError, match=message):
            locus.score(Entry("myc", "locus", "K", path, options), world)
    write(path, "chr1 41100 41110", "chr1 9 5")
    with pytest.raises(InputError, match=r"known\.bed line 2: no known element"):
        locus.score(Entry("myc", "locus", "K", path, {"gene": "ABC"}), world)
