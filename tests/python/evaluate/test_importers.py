"""Published scores: columns, aggregates and fills of importers, and screens of several layouts and builds."""

from pathlib import Path

import polars as pl
import pytest

from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import crispr
from crexpress.evaluate.benchmarks import run as runs
from crexpress.evaluate.benchmarks.base import Entry, World
from crexpress.evaluate.benchmarks.world import published_links
from crexpress.formats import screen_files
from crexpress.links.importers import IMPORTERS
from linkset_case import GENES, linkset, score, screen, write
from shared_data import DATA, missing


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
    assert links.table.rows() == [("chr1", 5, 9, "ENSG01", 2, "ENSG01.7"), ("chr1", 7, 9, "DEF", 1, None)]
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
    path = DATA / "baselines" / f"K562_chr22.{name}.hg38.tsv.gz"
    if not path.is_file():
        pytest.skip(missing(path))
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


def test_genes_by_id_or_symbol_with_versions_or_without_are_the_same_figures(tmp_path):
    """A screen alone, without an annotation: its own ids tell which symbol an id of a published table is."""
    lines = [(i, "ABC" if i < 20 else "DEF", "ENSG00000000001" if i < 20 else "ENSG00000000002") for i in range(3, 37)]
    both = screen(tmp_path, *(f"chr1 {1000 * i} {1000 * i + 500} {s} {e}.4 1000 K {i % 3 == 0}" for i, s, e in lines))
    plain = tmp_path / "plain.tsv"
    write(plain, "chrom start end gene tss regulated",
          *(f"chr1 {1000 * i} {1000 * i + 500} {e}.4 1000 {i % 3 == 0}" for i, s, e in lines))  # fmt: skip
    found = {}
    for column, name in (("gene", 1), ("gene", 2), ("gene_id", 2), ("gene gene_id", 2)):  # the last: of old symbols
        for version in ("", ".7") if name == 2 else ("",):
            old = "OLD" if " " in column else ""
            path = write(tmp_path / f"{column}{name}{version}.tsv", f"chrom start end {column} score",
                         *(f"chr1 {1000 * line[0]} {1000 * line[0] + 9} {old} {line[name]}{version} {line[0] % 7}"
                           for line in lines))  # fmt: skip
            links = published_links([str(path)], None)
            for of in (both, plain) if name == 2 else (both,):
                rows = crispr.score(Entry("s", "crispr", "K", of), World(links=links, resamples=0)).rows
                found[path.name, of.name] = {
                    row.metric: row.value
                    for row in rows
                    if (row.subset, row.method) == ("all pairs", "published score")
                }
    assert len(found) == 13
    assert all(one["coverage"] == 1 for one in found.values())
    assert len({one["auprc"] for one in found.values()}) == 1


def test_symbols_that_a_spreadsheet_made_dates_of_are_told(tmp_path, capsys):
    rows = [(1000 * i, 1000 * i + 500, f"{i}-Mar" if i < 8 else "ABC", i < 12) for i in range(3, 20)]
    path = write(
        tmp_path / "s.tsv", "chrom start end gene regulated", *(f"chr1 {a} {b} {g} {y}" for a, b, g, y in rows)
    )
    scores = write(
        tmp_path / "p.tsv",
        "chrom start end gene score",
        *(f"chr1 {a} {b} {g.replace('3-Mar', '1-Sep')} 1" for a, b, g, _ in rows if g[0] in "3A"),
    )
    links = published_links([str(scores)], None)
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "SEPTIN5" in line]
    assert "p.tsv: 1 name is a date or number (1-Sep), which a spreadsheet made of gene symbols" in told
    found = crispr.score(Entry("s", "crispr", "K", path), World(links=links, resamples=0))
    said = "5 names are dates or numbers (3-Mar, 4-Mar, 5-Mar, ...), which a spreadsheet made of gene symbols"
    assert [note.startswith(said) for note in found.notes if "spreadsheet" in note] == [True]
    by_id = write(tmp_path / "i.tsv", "chrom start end gene gene_id regulated",
                  *(f"chr1 {a} {b} {g} ENSG0{a % 2} {y}" for a, b, g, y in rows))  # fmt: skip
    found = crispr.score(Entry("s", "crispr", "K", by_id), World(links=links, resamples=0))
    assert not any("spreadsheet" in note for note in found.notes)


def test_genes_that_a_published_table_does_not_name_are_listed(tmp_path):
    genes = ["A", "B", "C", "D", "E"]
    rows = [(1000 * i, 1000 * i + 500, genes[i % 5], i < 12) for i in range(3, 30)]
    path = write(
        tmp_path / "s.tsv", "chrom start end gene regulated", *(f"chr1 {a} {b} {g} {y}" for a, b, g, y in rows)
    )
    few = linkset(*(("chr1", a, b, g, 1.0) for a, b, g, _ in rows if g == "B"), few=score("max"))
    most = linkset(*(("chr1", a, a + 9, g, 1.0) for a, b, g, _ in rows if g != "D"), most=score("sum"))
    none = linkset(("chr1", 1, 2, "a", 1.0), none=score("mean"))
    whole = linkset(*(("chr1", a, b, g, 1.0) for a, b, g, _ in rows), whole=score("max"))
    found = crispr.score(Entry("s", "crispr", "K", path), World(links=[few, most, none], resamples=0))
    told = {note.split(":")[0]: note for note in found.notes}
    assert told["max"].endswith("max over elements; it names 4 of 5 genes nowhere (D, E, A, ...)")
    assert told["sum"].endswith("sum over elements; it names 1 of 5 genes nowhere (D)")
    assert "has no figures; it names 5 of 5 genes nowhere (D, E, A, ...); are its genes named" in told["mean"]
    found = crispr.score(Entry("s", "crispr", "K", path), World(links=[whole], resamples=0))
    assert not any("nowhere" in note for note in found.notes)


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
