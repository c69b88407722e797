"""Files of another genome build than the run, or than published scores: refused, or lifted."""

import gzip
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crexpress.core import builds
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import contacts, crispr, domains, locus
from crexpress.evaluate.benchmarks.base import Entry, World
from crexpress.evaluate.benchmarks.world import published_links
from crexpress.formats import chain
from linkset_case import GENES, linkset, score, screen, write


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
