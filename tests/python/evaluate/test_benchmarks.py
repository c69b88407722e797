"""Benchmarks and importers by hand: matching, fills, builds, layouts, loops, domains, leakage, and the tool."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from crexpress.core import builds, methods
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import (
    BENCHMARKS,
    classes,
    contacts,
    crispr,
    domains,
    leakage,
    locus,
    predictors,
    sheet,
    specific_genes,
)
from crexpress.evaluate.benchmarks.base import Entry, Taught, World
from crexpress.evaluate.benchmarks.world import published_links
from crexpress.formats import chain, screen_files
from crexpress.links import published, simple_forms
from crexpress.links.importers import IMPORTERS
from crexpress.links.published import Linkset, Score
from tools import run

HEADER = "chrom chromStart chromEnd measuredGeneSymbol measuredGeneEnsemblId startTSS CellType Regulated"
GENES = pl.DataFrame(
    {
        "gene_id": ["ENSG01.3", "ENSG02.1"],
        "gene_name": ["ABC", "DEF"],
        "chrom": ["chr1", "chr1"],
        "start": [1_000, 90_000],
        "end": [8_000, 95_000],
        "tss": [1_000, 90_000],
        "element": np.array([0, 1], np.int32),
    }
)


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join("\t".join(row.split()) for row in rows) + "\n")
    return path


def score(aggregate: str, fill: float = 0, higher: bool = True) -> Score:
    return Score(aggregate, methods.Method(aggregate, aggregate, methods.PUBLISHED), higher, aggregate, fill)  # type: ignore[arg-type]


def linkset(*rows: tuple[str, int, int, str, float], **scores: Score) -> Linkset:
    columns = ["chrom", "start", "end", "key", *scores]
    return Linkset(
        None, pl.DataFrame([(*row, *[row[4]] * (len(scores) - 1)) for row in rows], columns, orient="row"), scores
    )


def test_a_pair_takes_what_its_predicted_elements_say_together_and_misses_take_the_fill():
    pairs = pl.DataFrame({"chrom": "chr1", "start": [10, 50, 90], "end": [20, 60, 95], "key": ["g", "g", "h"]})
    links = linkset(
        *(("chr1", 15, 30, "g", 0.2), ("chr1", 20, 30, "g", 0.3), ("chr1", 21, 30, "g", 9), ("chr1", 90, 92, "g", 0.9)),
        *(("chr1", 55, 57, "g", 0.5), ("chr1", 52, 100, "g", 0.1)),  # an element that overlaps two predictions
        total=score("sum"), best=score("max"), middle=score("mean", -7), least=score("max", float("inf"), False),
    )  # fmt: skip
    found, covered = published.of_pairs(pairs, links)
    assert covered.tolist() == [True, True, False]
    assert found["total"].tolist() == pytest.approx([0.5, 0.6, 0])  # one that touches counts, one base off does not
    assert found["best"].tolist() == [0.3, 0.5, 0]
    assert found["middle"].tolist() == pytest.approx([0.25, 0.3, -7])
    assert found["least"].tolist() == [-0.2, -0.1, -np.inf]


def test_elements_on_a_tss_interval_are_left_out_and_counted():
    links = linkset(("chr1", 1_249, 1_400, "a", 1), ("chr1", 1_250, 1_400, "a", 1), one=score("max"))
    left = published.without_promoters(links, GENES)
    assert (left.table["start"].to_list(), left.elements_on_tss) == ([1_250], 1)


def test_genes_are_compared_without_versions_and_by_symbols_that_one_gene_has():
    frame = pl.DataFrame({"ensembl": ["ENSG01.9", None, None, "ENSG77.1"], "symbol": ["OLD", "DEF", "XYZ", None]})
    assert published.gene_keys(frame, GENES).to_list() == ["ENSG01.3", "ENSG02.1", "XYZ", "ENSG77"]
    twice = GENES.with_columns(gene_name=pl.lit("DEF"))
    assert published.gene_keys(frame, twice).to_list() == ["ENSG01.3", "DEF", "XYZ", "ENSG77"]
    assert published.gene_keys(frame, None).to_list() == ["OLD", "DEF", "XYZ", "ENSG77"]


def test_nearest_genes_by_hand():
    pairs = pl.DataFrame(
        {"chrom": "chr1", "start": [4_000, 48_000, 45_000, 45_000], "end": [4_100, 50_000, 46_000, 46_000],
         "gene_id": ["ENSG01.3", "ENSG01.3", "ENSG02.1", None], "distance": [3_050, 48_000, 44_500, 200_000]}
    )  # fmt: skip
    forms = simple_forms.forms(pairs, GENES, np.array([False, True]))
    assert forms["nearest TSS"].tolist() == [1, 0, 1, 0]  # 45,500 is 44,500 from both, which both count
    assert forms["nearest gene"].tolist() == [1, 1, 0, 0]
    assert forms["nearest expressed TSS"].tolist() == [0, 0, 1, 0]
    assert forms["within 100 kb of the TSS"].tolist() == [1, 1, 1, 0]


# --- importers ---


def test_importers_know_their_columns_aggregates_and_fills(tmp_path):
    path = write(tmp_path / "e2g.tsv", "chr start end TargetGene TargetGeneEnsembl_ID CellType ENCODE-rE2G.Score",
                 "chr1 5000 5500 OLD ENSG01.7 K562 0.5", "chr1 1000 1200 ABC ENSG01 K562 0.9",
                 "chr1 7000 7500 NA NA K562 0.1")  # fmt: skip
    (links,) = published_links([str(path)], None)
    (one,) = links.scores.values()
    assert (one.label, one.aggregate, one.fill, links.cell) == ("ENCODE-rE2G (published)", "mean", 0, "K562")
    assert links.table["key"].to_list() == ["OLD", "ABC"]
    (links,) = published_links(
        [f"table:{path},label=mine,score=ENCODE-rE2G.Score,cell=A,aggregate=sum,fill=-1,lower"], None
    )
    (one,) = links.scores.values()
    assert (one.label, one.aggregate, one.worst, one.sign, links.cell) == ("mine", "sum", 1, -1, "A")
    assert set(IMPORTERS) >= {"abc", "encode_re2g", "alphagenome", "table"}


def test_columns_that_no_importer_knows_are_named_by_the_user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("peer.tsv"), "seq from to Target Score score", "chr1 5 9 ENSG01.7 2 3", "chr1 7 9 DEF 1 4")
    columns = "chrom=seq,start=from,end=to,gene=Target"
    (links,) = published_links([f"table:peer.tsv,label=Peer,aggregate=sum,fill=0,{columns},score=Score"], None)
    assert links.table.rows() == [("chr1", 5, 9, "ENSG01", 2), ("chr1", 7, 9, "DEF", 1)]
    with pytest.raises(InputError, match="has the score columns score, Score; name one, as in score=score"):
        published_links([f"peer.tsv,{columns}"], None)
    with pytest.raises(InputError, match="has no column for chrom, start, end of published score"):
        published_links(["peer.tsv,gene=Target,score=Score"], None)


@pytest.mark.parametrize(
    ("name", "column", "label", "number"),
    [
        ("ABC.EnhancerPredictionsAllPutative.ForVariantOverlap", "ABC.Score", "ABC (published)", 2_748),
        ("ENCODE-rE2G.dhs_intact_hic.threshold0.243", "ENCODE-rE2G.Score", "ENCODE-rE2G (published)", 7_218),
    ],
)
def test_importers_read_the_files_of_the_authors(name, column, label, number):
    path = Path(__file__).parents[4] / "shared" / "data" / "baselines" / f"K562_chr22.{name}.hg38.tsv.gz"
    if not path.is_file():
        pytest.skip("the whole files are in the shared data alone")
    (links,) = published_links([str(path)], None)
    (one,) = links.scores.values()
    table = pl.read_csv(path, separator="\t", infer_schema_length=None, null_values="NA")
    assert (one.label, one.fill, links.cell) == (label, 0, table.select(pl.col("^CellType$"))[0].item())
    assert links.table["score"].to_list() == table[column].to_list()
    assert links.table["key"].to_list() == table["TargetGene"].to_list()
    assert len(links.table) == number


def test_variants_are_places_with_absolute_effects(tmp_path):
    path = write(tmp_path / "a.tsv", "variant_id gene_id gene_name biosample_name raw_score",
                 "chr1:5001:A>T ENSG01 ABC K562 -0.5", "chr1:5002:ACG>A ENSG01 ABC K562 0.2")  # fmt: skip
    (links,) = published_links([str(path)], None)
    assert links.table.select("start", "end", "score").rows() == [(5_000, 5_001, 0.5), (5_001, 5_004, 0.2)]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("abc:nowhere.tsv", "there is no file nowhere.tsv; importers are table, abc"),
        ("t.tsv,colour=red", "'colour=red' is no setting"),
        ("t.tsv,fill=much", "fill=much is no number"),
        ("t.tsv,aggregate=median", "'median' is no way to put scores together; give max, sum, mean"),
        ("t.tsv,score=other", "has no column for score"),
        ("bad.tsv", "bad.tsv line 3: 'high' in column score is no number"),
        ("t.tsv,build=hg19", "t.tsv is of hg19, this run of hg38"),
    ],
)
def test_published_tables_that_cannot_be_read_are_refused(tmp_path, monkeypatch, spec, message):
    from crexpress.evaluate.benchmarks.world import Reference

    monkeypatch.chdir(tmp_path)
    write(Path("t.tsv"), "chrom start end gene score", "chr1 1 2 A 0.1")
    write(Path("bad.tsv"), "chrom start end gene score", "chr1 1 2 A 0.1", "chr1 1 2 A high")
    about = {"parameters": {"chromosomes": [["chr1", 248_956_422]]}}
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        published_links([spec], Reference(GENES, GENES, about))


# --- screens ---


def screen(folder: Path, *rows: str, header: str = HEADER) -> Path:
    return write(folder / "screen.tsv", header, *rows)


def test_a_screen_is_scored_by_a_published_table_alone(tmp_path):
    path = screen(
        tmp_path,
        *(f"chr1 {1000 * i} {1000 * i + 500} ABC ENSG01 1000 K {i < 8}" for i in range(3, 20)),
        "chr2 1 99 XYZ ENSG99 50 K FALSE",
    )
    links = linkset(*(("chr1", 1000 * i, 1000 * i + 9, "ABC", 20 - i) for i in range(3, 15)), one=score("max"))
    found = crispr.score(Entry("s", "crispr", None, path), World(links=[links], resamples=50))
    of = {(row.subset, row.method, row.metric): row.value for row in found.rows}
    assert of["all pairs", "max", "auroc"] == 1
    assert of["all pairs", "max", "coverage"] == pytest.approx(12 / 18)
    assert of["covered pairs", "all", "positives"] == 5
    assert any("max: 66.7% of pairs covered, 6 filled with 0" in note for note in found.notes)


def test_layouts_of_three_screens(tmp_path):
    gasperini = ("target_site.chr target_site.start target_site.stop gene_short_name ENSG site_type quality_rank_grna "
                 "pvalue.empirical.adjusted fold_change.transcript_remaining")  # fmt: skip
    path = screen(tmp_path, "chr1 5 9 ABC ENSG01 DHS top_two 0.05 0.7", "chr1 5 9 ABC ENSG01 DHS top_two 0.05 1.7",
                  "chr1 5 9 ABC ENSG01 DHS top_two not_applicable 0.9", "chr1 5 9 ABC ENSG01 NTC top_two 0.05 0.7",
                  "chr1 5 9 ABC ENSG01 DHS other 0.05 0.7", header=gasperini)  # fmt: skip
    table = screen_files.read(path, ["chr1"])
    assert (table.pairs["Regulated"].to_list(), table.build) == ([True, False], "hg19")
    assert table.left_out == {f"Gasperini 2019: {screen_files.NOT_TESTED}": [5, 6], screen_files.NO_VERDICT: [4]}
    path = tmp_path / "fulco.tsv"
    path.write_text("chr\tstart\tend\tGene\tGene TSS\tSignificant\tFraction change in gene expr\n"
                    "chr1\t5\t9\tABC\t1\tTRUE\t-0.4\nchr1\t5\t9\tABC\t1\tTRUE\t0.4\n")  # fmt: skip
    table = screen_files.read(path, ["chr1"])
    assert (table.pairs["Regulated"].to_list(), table.build) == ([True, False], "hg19")
    path = screen(tmp_path, "1 5 9 ABC -0.4 0.001", "1 5 9 ABC 0.4 0.001", "1 5 9 ABC -1 0.2",
                  header="enh_chr enh_start enh_end gene manual_lfc pval_adj_allTests")  # fmt: skip
    assert screen_files.read(path, ["chr1"]).pairs["Regulated"].to_list() == [True, False, False]
    for header, build in (("class Gene Gene_TSS Cell_type Significant", "hg38"), ("x Gene y z Significant", None)):
        path = tmp_path / "scpge.bed"
        names = [name.replace("_", " ") for name in ("chr", "start", "end", *header.split())]
        path.write_text("\t".join(names) + "\nchr1\t5\t9\tgenic\tABC\t1\tK\tTRUE\n")
        assert screen_files.read(path, ["chr1"]).build == build
    path = screen(tmp_path, "chr1 5 9 ABC 1", header="chrom start end gene regulated")
    assert screen_files.read(path, ["chr1"]).pairs["Regulated"].to_list() == [True]


def test_a_screen_of_another_build_is_refused_or_lifted(tmp_path):
    path = tmp_path / "fulco.tsv"
    path.write_text("chr\tstart\tend\tGene\tGene TSS\tCell type\tSignificant\tFraction change in gene expr\n"
                    "chr1\t5000\t5100\tABC\t1\tK\tTRUE\t-0.4\nchr1\t9000\t9100\tABC\t1\tK\tFALSE\t0\n")  # fmt: skip
    world = World(genes=GENES, build="hg38", resamples=0)
    with pytest.raises(InputError, match=r"fulco\.tsv is of hg19, this run of hg38; .* a chain file from hg19"):
        crispr.score(Entry("f", "crispr", "K", path), world)
    over = tmp_path / "over.chain.gz"
    over.write_bytes(gzip.compress(b"chain 900 chr1 20000 + 0 6000 chr1 30000 + 1000 7000 1\n6000\n\n"))
    found = crispr.score(Entry("f", "crispr", "K", path, {"chain": str(over)}), world)
    assert "lifted by over.chain.gz: 1 of 2 pairs" in found.notes
    (distance,) = [row.n for row in found.rows if (row.subset, row.metric) == ("5-50 kb", "positives")]
    assert distance == 1  # the middle, 6,050, is 5,050 bp from the TSS; at 5,050 it would be 4,050


def test_chains_by_hand(tmp_path):
    path = tmp_path / "c.chain"
    path.write_text(
        "chain 10 chr1 100 + 10 90 chrA 200 - 20 105 1\n30 10 15\n40\n\nchain 5 chr1 100 + 10 40 chrB 50 + 0 30 2\n30\n"
    )
    names, start, end = chain.read(path).lift(
        ["chr1"] * 4 + ["chr2"], *np.array([[10, 38, 50, 0, 1], [20, 52, 60, 5, 2]])
    )
    assert names == ["chrA", "chrA", "chrA", None, None]
    assert list(zip(start.tolist(), end.tolist(), strict=True))[:3] == [(170, 180), (133, 152), (125, 135)]
    path.write_text("chain of thoughts\n")
    with pytest.raises(InputError, match=r"c\.chain line 1: 'chain of thoughts' is no line of a chain file"):
        chain.read(path)


def test_builds_are_known_by_lengths():
    assert builds.of_lengths([["1", 249_250_621]]) == "hg19"
    assert builds.of_lengths({"chr22": 50_818_468, "x": None}) == "hg38"
    assert builds.of_lengths([["chr1", 5]]) is None
    builds.require_build("f", "GRCh38", "hg38")


def test_a_screen_whose_tss_lie_elsewhere_is_of_another_build_unless_it_says(tmp_path):
    genes = pl.concat([GENES.with_columns(gene_id=pl.lit(f"ENSG{i}0") + pl.col("gene_id")) for i in range(6)])
    rows = [f"chr1 {5000 + i} {5500 + i} ABC ENSG{i % 6}0ENSG01 900000 K {i < 3}" for i in range(12)]
    world = World(genes=genes, resamples=0)
    with pytest.raises(InputError, match="the TSSs of 100% of its genes lie more than 5 kb from this run's"):
        crispr.score(Entry("s", "crispr", "K", screen(tmp_path, *rows)), world)
    found = crispr.score(Entry("s", "crispr", "K", screen(tmp_path, *rows), {"build": "hg38"}), world)
    assert [row.n for row in found.rows if (row.subset, row.metric) == ("<10 kb", "positives")] == [12]
    assert any("from which distances are measured" in note for note in found.notes)


# --- other kinds ---


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


def test_what_was_taught_is_counted_and_the_rest_is_clean():
    table = pl.DataFrame(
        {"chrom": ["chr1", "chr1", "chr2"], "gene_id": ["ENSG01.3", "ENSG02.1", None], "gene": list("abc")}
    )
    split = np.array(["train", "test"])
    clean, told = leakage.clean(table, "K", World(genes=GENES, split=split, taught=[Taught("net", ("K",))]))
    assert clean is not None
    assert clean.tolist() == [False, True, True]
    assert told == ["net: gene and cell were trained on (expression, not links): 1 of 3 pairs, 1 genes"]
    clean, told = leakage.clean(table, "L", World(genes=GENES, split=split, taught=[Taught("net", ("K",))]))
    assert clean is None
    assert told[0].startswith("L was not trained on")
    clean, told = leakage.clean(table, "K", World(taught=[Taught("fit", (), ("K",), ("chr1",))]))
    assert clean is not None
    assert clean.tolist() == [True, True, False]


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
    world = World(genes=GENES, elements=pl.concat([elements, promoter]), links=[replace(links, cell="K")], resamples=20)
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
    for options, message in (
        ({"gene": "XYZ"}, "0 genes are called 'XYZ'"),
        ({"gene": "ABC", "reach": "10"}, "no element"),
    ):
        with pytest.raises(InputError, match=message):
            locus.score(Entry("myc", "locus", "K", path, options), world)
    write(path, "chr1 41100 41110", "chr1 9 5")
    with pytest.raises(InputError, match=r"known\.bed line 2: no known element"):
        locus.score(Entry("myc", "locus", "K", path, {"gene": "ABC"}), world)


# --- the sheet and the tool ---


def test_every_fault_of_benchmarks_csv_is_told_at_once(tmp_path):
    path = tmp_path / "b.csv"
    path.write_text("name,kind,cell,file\na b,crispr,K,nowhere.tsv\nx,colour,K,b.csv\nx,crispr,K,b.csv\n")
    with pytest.raises(InputError) as error:
        sheet.read(path)
    lines = str(error.value).splitlines()
    assert [line.partition(": ")[2].split(";")[0] for line in lines] == [
        "'a b' cannot name a file", f"there is no file {tmp_path / 'nowhere.tsv'}", "there is no kind 'colour'",
        "'x' is there twice",
    ]  # fmt: skip
    assert set(BENCHMARKS) == {"crispr", "contacts", "domains", "locus", "specific-genes", "classes"}
    path.write_text("name;kind;cell;file;gene\n\nmyc;locus;L;;\nown;specific-genes;;;\n")  # as a spreadsheet saves it
    with pytest.raises(InputError) as error:
        sheet.read(path, cells=["K"])
    assert str(error.value).splitlines() == [
        f"{path} line 3: its column file is empty, which locus needs",
        f"{path} line 3: its column gene is empty, which locus needs",
        f"{path} line 3: 'L' is no cell of the samplesheet; it has K",
        f"{path} line 4: its column cell is empty, which specific-genes needs",
    ]
    for content, message in (("", "is empty.*; its header is name,kind"), ("a,b\n1,2\n", "no column name, kind"),
                             ("name,kind\n", "holds a header and nothing else")):  # fmt: skip
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            sheet.read(path)


def test_files_of_a_sheet_are_found_where_they_were_put(tmp_path):
    (tmp_path / "b.csv").write_text(
        "name,kind,cell,file,chain\nx,crispr,K,s.tsv,c.chain\ny,crispr,K,t.tsv,\nz,classes,,,\n"
    )
    (tmp_path / "t.tsv").write_text("")
    staged = {"s.tsv": tmp_path / "b.csv", "c.chain": tmp_path / "t.tsv"}
    x, y, z = sheet.read(tmp_path / "b.csv", staged)
    assert (x.file, x.options, y.file) == (tmp_path / "b.csv", {"chain": str(tmp_path / "t.tsv")}, tmp_path / "t.tsv")
    assert (z.cell, z.file) == (None, None)
    with pytest.raises(InputError, match=r"no file .*s\.tsv\n.*no file .*c\.chain"):
        sheet.read(tmp_path / "b.csv")
    assert len(sheet.read(tmp_path / "b.csv", look=False)) == 3


def test_any_table_of_predictions_on_any_screen_by_hand(tmp_path):
    path = screen(tmp_path, *(f"chr1 {1000 * i} {1000 * i + 500} ABC ENSG01 1000 K {i < 15}" for i in range(3, 40)))
    scores = write(
        tmp_path / "mine.tsv",
        "chrom start end gene score",
        *(f"chr1 {1000 * i} {1000 * i + 9} ABC {i % 7}" for i in range(3, 40)),
    )
    result = run("evaluate", "--predictions", scores, "--benchmark", f"screen={path}", "--benchmark-resamples", 50,
                 "--outdir", tmp_path / "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    table = pl.read_csv(tmp_path / "out" / "benchmarks.tsv", separator="\t")
    whole = table.filter(subset="all pairs")
    assert whole["method"][0] == "distance"  # sorted
    assert whole["value"].is_sorted(descending=True)
    row = whole.row(by_predicate=pl.col("method") == "published score", named=True)
    assert row["best"] == "distance"
    assert row["difference"] == pytest.approx(row["value"] - whole["value"][0], abs=1e-5)
    assert 0 < row["p"] <= 1
    curves = pl.read_parquet(tmp_path / "out" / "curves.parquet")
    assert (curves["low"] <= curves["high"]).all()
    result = run("evaluate", "--predictions", scores)
    assert result.exit_code == 65
    assert "published scores are scored on a benchmark" in result.output
    assert run("evaluate", "--crispr", path).exit_code == 2
