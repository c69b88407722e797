"""Links in the formats of browsers: read back by other programs, each link lies where the links table has it."""

import gzip
from pathlib import Path
from xml.etree import ElementTree

import bioframe
import numpy as np
import polars as pl
import pyBigWig
import pysam
import pytest

import link_case
from crexpress.core import artifacts, files
from crexpress.formats import loop_files
from crexpress.links.exports import igv, shown
from crexpress.links.exports.bigwig import write_sums
from tools import run

KEYS = ("chrom", "start", "end", "tss")


@pytest.fixture(scope="module")
def case() -> link_case.Case:
    return link_case.make()


@pytest.fixture(scope="module")
def exported(case: link_case.Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two links of each gene with the highest attention, in every format."""
    folder = tmp_path_factory.mktemp("exports")
    link_case.write(case, folder)
    result = export(folder, "--top", 2, "--genome", "hg38")
    assert result.exit_code == 0, result.output
    assert "72 of 144 links" in result.output
    return folder / "out"


def export(folder: Path, *more: object):
    given = ("--links", folder / "links.K.parquet", "--elements", folder / "elements.parquet")
    return run("export-links", *given, "--outdir", folder / "out", *more)


def wanted(case: link_case.Case, top: int = 2) -> pl.DataFrame:
    best = case["links"].filter(pl.col("attention").rank("ordinal", descending=True).over("gene_id") <= top)
    return best.sort(*KEYS, "gene_id")


def same_places(found: pl.DataFrame, case: link_case.Case) -> bool:
    return found.sort(KEYS).rows() == wanted(case).select(KEYS).sort(KEYS).rows()


def test_bedpe_is_read_by_bioframe(exported: Path, case: link_case.Case) -> None:
    found = pl.from_pandas(bioframe.read_table(exported / "links.K.bedpe.gz", schema="bedpe", comment="#"))
    assert same_places(found.select(pl.col("chrom1").alias("chrom"), start="start1", end="end1", tss="start2"), case)
    assert (found["end2"] == found["start2"] + 1).all()
    assert found["name"].str.contains(r"^E\d+\|NAME\d+$").all()


def test_bed_is_read_by_bioframe_and_tabix(exported: Path, case: link_case.Case) -> None:
    found = pl.from_pandas(bioframe.read_table(exported / "elements.K.bed.gz", schema="bed9"))
    elements = wanted(case).group_by("element_id").agg(pl.col("chrom", "start", "end").first(), pl.max("attention"))
    expected = elements.sort("chrom", "start", "end")
    assert found.select("chrom", "start", "end").rows() == expected.select("chrom", "start", "end").rows()
    assert found["name"].to_list() == expected["element_id"].to_list()
    most = wanted(case)["attention"].max()
    np.testing.assert_allclose(found["score"], 1000 * expected["attention"] / most, atol=0.51)
    assert set(found["itemRgb"]) == {"255,205,0"}  # ENCODE's colour of dELS
    chrom, start, end = expected.select("chrom", "start", "end").row(0)
    with pysam.TabixFile(str(exported / "elements.K.bed.gz")) as file:
        assert [row.split("\t")[3] for row in file.fetch(chrom, start, end)] == [expected["element_id"][0]]


def test_longrange_is_read_as_loops_from_both_ends(exported: Path, case: link_case.Case) -> None:
    path = exported / "links.K.longrange.gz"
    loops = loop_files.read_loops(path)
    assert loops.format == "longrange"
    with pysam.TabixFile(str(path)) as file:
        rows = [row.split("\t") for chrom in file.contigs for row in file.fetch(chrom)]
    assert len(rows) == 2 * len(wanted(case))
    ends = {(f"{chrom}:{start}-{end}", other.split(",")[0]) for chrom, start, end, other in rows}
    assert ends == {(there, here) for here, there in ends}
    for row in wanted(case).iter_rows(named=True):
        place = f"{row['chrom']}:{row['start']}-{row['end']}"
        assert (place, f"{row['chrom']}:{row['tss']}-{row['tss'] + 1}") in ends


def test_interact_spans_both_ends(exported: Path, case: link_case.Case) -> None:
    head, *lines = gzip.decompress((exported / "links.K.interact.gz").read_bytes()).decode().splitlines()
    assert head.startswith("track type=interact")
    rows = pl.DataFrame([line.split("\t") for line in lines], orient="row").cast(
        {f"column_{i}": pl.Int64 for i in (1, 2, 4, 9, 10, 14, 15)}
    )
    assert rows.width == 18
    places = rows.select(chrom="column_8", start="column_9", end="column_10", tss="column_14")
    assert same_places(places, case)
    assert (rows["column_1"] == rows.select(pl.min_horizontal("column_9", "column_14")).to_series()).all()
    assert (rows["column_2"] == rows.select(pl.max_horizontal("column_10", "column_15")).to_series()).all()
    assert rows["column_4"].is_between(0, 1000).all()
    assert rows["column_4"].max() == 1000


def test_a_small_number_is_not_written_as_0(tmp_path: Path) -> None:
    """A score over distance is some 1e-9, a q of enriched motifs may be less."""
    case = link_case.make()
    case["links"] = case["links"].with_columns(attention=pl.col("attention") * 1e-9)
    link_case.write(case, tmp_path)
    done = export(tmp_path, "--top", 2, "--formats", "tsv,elements,bedpe,interact,longrange")
    assert done.exit_code == 0, done.output
    best = wanted(case)["attention"].sort()
    rows = gzip.decompress((tmp_path / "out/links.K.interact.gz").read_bytes()).decode().splitlines()[1:]
    np.testing.assert_allclose(sorted(float(row.split("\t")[5]) for row in rows), best, rtol=1e-5)
    bedpe = bioframe.read_table(tmp_path / "out/links.K.bedpe.gz", schema="bedpe", comment="#")
    np.testing.assert_allclose(sorted(bedpe["score"].astype(float)), best, rtol=1e-5)
    tables = (pl.read_csv(tmp_path / f"out/{name}.K.tsv.gz", separator="\t") for name in ("links", "elements"))
    np.testing.assert_allclose(next(tables)["attention"].sort(), best, rtol=1e-3)
    assert next(tables)["sum_attention"].min() > 0
    files.write_tsv(tmp_path / "table.tsv", pl.DataFrame({"q": [1.5e-12, 0.25, 1234.5]}))
    assert pl.read_csv(tmp_path / "table.tsv")["q"].to_list() == [1.5e-12, 0.25, 1234.5]


def test_bigwig_holds_sums_over_all_genes(exported: Path, case: link_case.Case) -> None:
    sums = case["links"].group_by("chrom", "start", "end").agg(pl.sum("attention"), pl.len().alias("genes"))
    assert sums["genes"].max() > 1
    with pyBigWig.open(str(exported / "links.K.bw")) as file:
        for chrom, start, end, value, _ in sums.iter_rows():
            np.testing.assert_allclose(file.values(chrom, start, end), value, rtol=1e-5)
            assert np.isnan(file.values(chrom, end, end + 1)[0])


def test_sums_of_elements_that_overlap_are_added(tmp_path: Path) -> None:
    links = pl.DataFrame({"chrom": ["1"] * 3, "start": [10, 15, 40], "end": [20, 30, 50], "p": [0.5, 0.25, -1.0]})
    write_sums(tmp_path / "a.bw", links, "p", {"1": 100, "2": 50})
    with pyBigWig.open(str(tmp_path / "a.bw")) as file:
        assert file.intervals("1") == ((10, 15, 0.5), (15, 20, 0.75), (20, 30, 0.25), (40, 50, 0.0))
        assert file.chroms("1") == 100


def test_tables_have_a_row_a_link_and_a_row_an_element(exported: Path, case: link_case.Case) -> None:
    links = pl.read_csv(exported / "links.K.tsv.gz", separator="\t")
    assert same_places(links.select(KEYS), case)
    strongest = wanted(case, 1)
    assert links.filter(pl.col("rank") == 1).select(KEYS).sort(KEYS).rows() == strongest.select(KEYS).sort(KEYS).rows()
    assert pl.read_parquet(exported / "links.K.plain.parquet").select(KEYS).rows() == links.select(KEYS).rows()
    assert artifacts.read_header(exported / "links.K.plain.parquet") is None  # no second artefact of the cell
    elements = pl.read_csv(exported / "elements.K.tsv.gz", separator="\t")
    assert elements["genes"].sum() == len(links)
    shared = elements.sort("genes").row(-1, named=True)
    own = links.filter(pl.col("element_id") == shared["element_id"]).sort("attention", descending=True)
    assert shared["gene_names"].split(",") == own["gene_name"].to_list()


def test_session_names_files_beside_it(exported: Path) -> None:
    session = ElementTree.parse(exported / "links.K.igv.xml").getroot()
    assert session.attrib["genome"] == "hg38"
    paths = [resource.attrib["path"] for resource in session.iter("Resource")]
    assert len(paths) == 3
    assert all((exported / path).is_file() for path in paths)
    assert [track.attrib["id"] for track in session.iter("Track")] == paths
    coloured = ["color" in track.attrib for track in session.iter("Track")]
    assert coloured == [False, False, True]  # links have the colours of their genes, elements those of their classes


def test_session_opens_at_a_gene_that_has_links_else_at_the_strongest(case: link_case.Case) -> None:
    header = {"cell": "K", "parameters": {"scores": [{"name": "attention", "label": "attention"}]}}
    found = shown.choose(case["links"], header, {}, top=2)
    best = found.chosen.sort("attention", descending=True).row(0, named=True)
    alone = pl.col("gene_id").n_unique().over("gene_name") == 1
    weak = found.chosen.filter(pl.col("gene_name") != best["gene_name"], alone).row(0, named=True)
    own = found.chosen.filter(pl.col("gene_id") == weak["gene_id"])
    low, high = min(own["start"].min(), own["tss"].min()), max(own["end"].max(), own["tss"].max() + 1)
    right = f"{weak['chrom']}:{max(low - 50_000, 0) + 1}-{high + 50_000}"
    assert igv.place(found, weak["gene_name"]) == igv.place(found, weak["gene_id"]) == right
    low, high = min(best["start"], best["tss"]), max(best["end"], best["tss"] + 1)
    strongest = f"{best['chrom']}:{max(low - 50_000, 0) + 1}-{high + 50_000}"
    assert igv.place(found, "NOSUCH") == igv.place(found) == strongest


def test_same_links_give_the_same_bytes(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nonexistent")  # nor does it matter where libraries would keep parts of theirs
    files = {path.name: path.read_bytes() for path in exported.iterdir()}
    assert export(exported.parent, "--top", 2, "--genome", "hg38").exit_code == 0
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == files


def test_called_links_are_shown_where_a_link_model_calls_them(case: link_case.Case) -> None:
    links = case["links"].with_columns(pl.col("attention").alias("probability"), linked=pl.col("attention") > 0.7)
    header = {"cell": "K", "parameters": {"scores": [{"name": name, "label": name} for name in ("probability",)]}}
    found = shown.choose(links, header, {})
    assert len(found.chosen) == links["linked"].sum()
    assert len(shown.choose(links, header, {}, cutoff=0.9).chosen) == (links["probability"] >= 0.9).sum()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--formats", "bedpe,bam"), "there is no format 'bam' of links"),
        (("--formats", "igv"), "needs the name of the genome"),
        (("--score", "abc"), "the links hold no score 'abc'; choose from attention"),
        (("--cutoff", "2"), "no link of K reaches 2 (attention); give a lower --cutoff"),
    ],
)
def test_what_cannot_be_shown_is_said(
    case: link_case.Case, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    link_case.write(case, tmp_path)
    result = export(tmp_path, *options)
    assert result.exit_code == 65
    assert message in result.output
    assert not (tmp_path / "out").exists()
