"""Published scores: columns, aggregates and fills of importers, and screens of several layouts and builds."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import builds
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import contacts, crispr, domains, locus
from crexpress.evaluate.benchmarks import run as runs
from crexpress.evaluate.benchmarks.base import Entry, World
from crexpress.evaluate.benchmarks.world import published_links
from crexpress.formats import chain, screen_files
from crexpress.links.importers import IMPORTERS
from linkset_case import GENES, linkset, score, screen, write


def test_importers_know_their_columns_aggregates_and_fills(tmp_path):
    path = write(tmp_path / "e2g.tsv", "chr start end TargetGene TargetGeneEnsembl_ID CellType ENCODE-rE2G.Score",
                 "chr1 5000 5500 OLD ENSG01.7 K562 0.5", "chr1 1000 1200 ABC ENSG01 K562 0.9",
                 "chr1 7000 7500 NA NA K562 0.1")  # fmt: skip
    (links,) = published_links([str(path)], None)
    (one,) = links.scores.values()
    assert (one.label, one.aggregate, one.fill, links.cell) == ("ENCODE-rE2G (published)", "mean", 0, "K562")
    assert one.fitted_to == ("K562",)  # to the very screen that it may be scored on
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
    links = [linkset(("chr1", 5_000, 5_100, "ABC", 1.0), one=score("max"))]
    alone = crispr.score(Entry("f", "crispr", "K", path), World(links=links, resamples=0))
    assert "it is of hg19; that published scores are as well, nothing here can tell" in alone.notes
    theirs = write(
        tmp_path / "scores.tsv", "chrom start end gene score", "chr1 5000 5100 ABC 1", "chr1 9000 9100 ABC 0"
    )
    published = [f"{theirs},label=mine,build=GRCh38"]
    entry = Entry("f", "crispr", "K", path)
    with pytest.raises(InputError, match=r"fulco\.tsv is of hg19 and mine is of hg38: give tables of one genome build"):
        crispr.score(entry, World(links=published_links(published, None), resamples=0))
    same = published_links([f"{theirs},label=mine,build=hg19"], None)
    assert not any("hg19" in note for note in crispr.score(entry, World(links=same, resamples=0)).notes)
    unsaid = Entry("s", "crispr", "K", screen(tmp_path, "chr1 5000 5100 ABC ENSG01 1 K TRUE"))
    two = [*published, f"{theirs},label=other,build=hg19"]
    with pytest.raises(InputError, match=r"^mine is of hg38 and other is of hg19: give"):
        crispr.score(unsaid, World(links=published_links(two, None), resamples=0))
    world = World(genes=GENES, build="hg38", resamples=0)
    with pytest.raises(InputError, match=r"fulco\.tsv is of hg19, this run of hg38; .* a chain file from hg19"):
        crispr.score(Entry("f", "crispr", "K", path), world)
    over = tmp_path / "over.chain.gz"
    over.write_bytes(gzip.compress(b"chain 900 chr1 20000 + 0 6000 chr1 30000 + 1000 7000 1\n6000\n\n"))
    found = crispr.score(Entry("f", "crispr", "K", path, {"chain": str(over)}), world)
    assert "lifted by over.chain.gz: 1 of 2 pairs" in found.notes
    (distance,) = [row.n for row in found.rows if (row.subset, row.metric) == ("5-50 kb", "positives")]
    assert distance == 1  # the middle, 6,050, is 5,050 bp from the TSS; at 5,050 it would be 4,050


def test_places_of_another_build_are_refused_by_what_a_file_says_and_by_where_they_lie(tmp_path):
    """Elements every 9 to 11 kb; an hg19 file has them some 27 kb away, a good one has them where they are."""
    generator = np.random.default_rng(0)
    start = generator.integers(9_000, 11_000, 100).cumsum()
    elements = pl.DataFrame({"chrom": "chr1", "class": "dELS", "ccre_start": start, "ccre_end": start + 400})
    world = World(genes=GENES, elements=elements, build="hg38", lengths={"chr1": 1_200_000}, resamples=0)

    def locus_of(name: str, by: int, comment: str = "#x", **options: str) -> list[str]:
        path = write(tmp_path / name, comment, *(f"chr1 {at + by} {at + by + 300}" for at in start))
        wanted = {"gene": "ABC", **options}
        return locus.score(Entry("l", "locus", "K", path, wanted), world).notes

    assert not any("build" in note for note in locus_of("known.bed", 0))
    for name, by, comment, message in (
        ("known.bed", 27_000, "#x", r"known\.bed does not say of which genome build it is, and its places lie on cCREs "
         r"no more often \(\d+%\) than places 40 kb aside \(\d+%\); say it in the column build of benchmarks.csv"),
        ("known.bed", 900_000, "#x", "places end behind their chromosome, as chr1:.* where chr1 has 1,200,000 bp"),
        ("known_hg19.bed", 0, "#x", "known_hg19.bed is of hg19, this run of hg38"),
        ("known.bed", 0, "track name=a db=hg19", "known.bed is of hg19, this run of hg38"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            locus_of(name, by, comment)
    locus_of("known_hg19.bed", 0, build="GRCh38")  # who says it knows better than a name
    with pytest.raises(InputError, match="is of hg19"):
        locus_of("known.bed", 0, build="hg19")
    few = write(tmp_path / "few.bed", f"chr1 {start[3]} {start[3] + 9}")
    (note,) = locus.score(Entry("l", "locus", "K", few, {"gene": "ABC"}), world).notes[:1]
    assert note == "nothing tells of which build its 1 places are; they are taken for hg38"
    over = tmp_path / "over.chain"
    over.write_text("chain 900 chr1 3000000 + 27000 1227000 chr1 1200000 + 0 1200000 1\n1200000\n\n")
    assert locus_of("known_hg19.bed", 27_000, chain=str(over))[0] == "lifted by over.chain: 100 of 100 known elements"

    loops = write(tmp_path / "loops.bedpe", *(f"chr1 {at + 27_000} {at + 27_300} chr1 {at + 60_000} {at + 60_300}"
                                              for at in start))  # fmt: skip
    with pytest.raises(InputError, match=r"loops\.bedpe does not say of which genome build"):
        contacts.score(Entry("l", "contacts", "K", loops), replace(world, tracks={"K": {}}))
    lifted, notes = contacts.of_build(Entry("l", "contacts", "K", loops, {"chain": str(over)}), world)
    assert lifted["start_1"].to_list() == start.tolist()
    assert notes[0] == "lifted by over.chain: 100 of 100 loops by anchor 1"
    bare = screen(tmp_path, *(f"chr1 {at + 27_000} {at + 27_300} ABC K TRUE" for at in start),
                  header="chrom chromStart chromEnd measuredGeneSymbol CellType Regulated")  # fmt: skip
    with pytest.raises(InputError, match=r"screen\.tsv does not say of which genome build"):
        crispr.score(Entry("s", "crispr", "K", bare), world)
    wide = write(tmp_path / "domains.bed", "chr1 0 500000")
    for name, message in (("domains.bed", "domains are too wide to show it; say it in the column build"),
                          ("domains.hg19.bed", "domains.hg19.bed is of hg19")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            domains.read_domains(Entry("d", "domains", "K", wide.rename(tmp_path / name)), world)
        wide = tmp_path / name
    assert builds.of_name("a/hg19/x_GRCh38.bed") == "hg38"
    assert builds.of_name("hg19ToHg38.hg38.bed") is None


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


def test_genes_by_id_or_symbol_with_versions_or_without_are_the_same_figures(tmp_path):
    """A screen alone, without an annotation: its own ids tell which symbol an id of a published table is."""
    lines = [(i, "ABC" if i < 20 else "DEF", "ENSG00000000001" if i < 20 else "ENSG00000000002") for i in range(3, 37)]
    both = screen(tmp_path, *(f"chr1 {1000 * i} {1000 * i + 500} {s} {e}.4 1000 K {i % 3 == 0}" for i, s, e in lines))
    plain = tmp_path / "plain.tsv"
    write(plain, "chrom start end gene tss regulated",
          *(f"chr1 {1000 * i} {1000 * i + 500} {e}.4 1000 {i % 3 == 0}" for i, s, e in lines))  # fmt: skip
    found = {}
    for column, name in (("gene", 1), ("gene", 2), ("gene_id", 2)):
        for version in ("", ".7") if name == 2 else ("",):
            path = write(tmp_path / f"{column}{name}{version}.tsv", f"chrom start end {column} score",
                         *(f"chr1 {1000 * line[0]} {1000 * line[0] + 9} {line[name]}{version} {line[0] % 7}"
                           for line in lines))  # fmt: skip
            links = published_links([str(path)], None)
            for of in (both, plain) if name == 2 else (both,):
                rows = crispr.score(Entry("s", "crispr", "K", of), World(links=links, resamples=0)).rows
                found[path.name, of.name] = {
                    row.metric: row.value
                    for row in rows
                    if (row.subset, row.method) == ("all pairs", "published score")
                }
    assert len(found) == 9
    assert all(one["coverage"] == 1 for one in found.values())
    assert len({one["auprc"] for one in found.values()}) == 1


def test_what_cannot_be_said_of_a_screen_has_no_figures(tmp_path):
    """No TSS, so no distance; no annotation, so no nearest gene; a score that speaks of no pair is no score of 0."""
    rows = [(1000 * i, 1000 * i + 500, i < 8) for i in range(3, 20)]
    lines = [f"chr1 {low} {high} ABC {regulated}" for low, high, regulated in [*rows, (3000, 3500, False)]]
    bare = write(tmp_path / "bare.tsv", "chrom start end gene regulated", *lines)
    mine = linkset(*(("chr1", low, high, "ABC", low) for low, high, _ in rows), one=score("max"))
    other = linkset(("chr1", 3000, 3500, "abc", 1.0), one=score("sum"))
    found = crispr.score(Entry("s", "crispr", None, bare), World(links=[mine, other], resamples=0))
    assert {(row.cell, row.method) for row in found.rows} == {(crispr.NO_CELL, "max"), (crispr.NO_CELL, "all")}
    told = " ".join(found.notes)
    assert "sum: no pair has a score of it, and it has no figures" in told
    assert "1 pairs stand on more than one line (2), each of which counts, 1 of them regulated in one line" in told
    alone = runs.score([Entry("s", "crispr", "K", bare)], World(links=[other], resamples=0))
    with pytest.raises(InputError, match=r"no benchmark can be scored\. .*sum: no pair has a score of it"):
        runs.require(alone)
    path = write(tmp_path / "all.tsv", "chrom start end gene regulated", *(line for line in lines if "True" in line))
    found = crispr.score(Entry("s", "crispr", None, path), World(links=[mine], resamples=0))
    assert "no cell: 5 pairs, 5 positive, of which none can be ranked above another" in found.notes
    near = [f"chr1 {low} {high} ABC 5000 {regulated}" for low, high, regulated in rows]
    path = write(tmp_path / "near.tsv", "chrom start end gene tss regulated", *near)
    found = crispr.score(Entry("s", "crispr", None, path), World(links=[mine], resamples=0))
    assert {row.method for row in found.rows} == {"max", "all", "distance", "within 100 kb of the TSS"}
