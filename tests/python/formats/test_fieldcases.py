"""Small inputs that users really have (tests/fieldcases), each with its right value, and others of their kinds."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, chromosome_names
from crexpress.core.errors import InputError
from crexpress.formats import chromosome_table, gene_files, loop_files
from crexpress.prepare import cage, genes
from field_case import CASES, IDS, SYMBOLS, text, values
from tools import run


@pytest.mark.parametrize(
    ("name", "column"),
    [("tpm_symbol.tsv", "HeLa"), ("tpm_matrix.tsv", "HeLa"), ("tximport_gene.tsv", "abundance.HeLa")],
)
def test_a_header_one_short(name: str, column: str) -> None:
    right = {symbol: 100.0 * n for n, symbol in enumerate(SYMBOLS[:6], 1)}
    assert values(CASES / "header-one-short" / name, column) == right
    with pytest.raises(InputError, match="several value columns; name one of them"):
        values(CASES / "header-one-short" / name)


@pytest.mark.parametrize("mark", ["\t", ",", ";", " "])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_header_one_short_in_every_dress(tmp_path: Path, mark: str, quote: str) -> None:
    """R's write.table as it comes: blanks and quotes."""
    rows = [["K562", "HeLa"], *([gene, f"{n}.25", f"{n}.5"] for n, gene in enumerate(IDS))]
    lines = [mark.join(f"{quote}{field}{quote}" if field[0].isalpha() else field for field in row) for row in rows]
    path = text(tmp_path, "\r\n".join(lines) + "\r\n")
    assert values(path, "HeLa") == {symbol: n + 0.5 for n, symbol in enumerate(SYMBOLS)}
    lines[4] += f"{mark}7"
    with pytest.raises(InputError, match="line 5 has 4 fields, the header has 3"):
        values(text(tmp_path, "\n".join(lines)), "HeLa")
    with pytest.raises(InputError, match="line 9 has 2 fields, the header has 3"):
        values(text(tmp_path, "\n".join([*lines[:4], *lines[5:-1], mark.join(lines[-1].split(mark)[:2])])), "HeLa")


@pytest.mark.parametrize("name", ["merged_loops.bedpe", "old_style.bedpe"])
def test_hiccups_observed(name: str) -> None:
    found = loop_files.read_loops(CASES / "hiccups-loops" / name)
    assert found.table["count"].to_list() == [60, 221]
    assert found.table["start_2"].to_list() == [20_200_000, 30_400_000]


ANCHORS = "chr1\t0\t5000\tchr1\t100000\t105000"


@pytest.mark.parametrize(
    ("content", "count", "neglog10q"),
    [
        ("#chrom1\tstart1\tend1\tchrom2\tstart2\tend2\tname\tscore\n" + ANCHORS + "\tx\t7\n", 7, None),
        ("#chr1\tx1\tx2\tchr2\ty1\ty2\tcolor\tobserved\n" + ANCHORS + "\t0,0,1\t12.5\t\n", 12.5, None),  # a tab more
        ("BIN1_CHR\tBIN1_START\tBIN1_END\tBIN2_CHROMOSOME\tBIN2_START\tBIN2_END\tFDR\tDETECTION_SCALE\n"
         + ANCHORS + "\t0.001\t1.6\n", None, 3),  # Mustache
        ("chr1\tfragmentMid1\tchr2\tfragmentMid2\tcontactCount\tp-value\tq-value\tbias1\tbias2\n"
         "chr1\t2500\tchr1\t102500\t12\t1\t1e-4\t1\t1\n", 12, 4),  # FitHiC
        ("1\t2500\t1\t102500\t12\t0.5\t0.1\n", 12, 1),  # FitHiC without its header
        (ANCHORS.replace("\t", " ") + " x 9\n", 9, None),  # hichipper
        ("chrom1\tstart1\tend1\tchrom2\tstart2\tend2\tcount\tla_exp.donut.value\tla_exp.donut.qval\n"
         + ANCHORS + "\t9.5\t1\t0.01\n", 9.5, 2),  # cooltools
        ("chrom1,start1,end1,chrom2,start2,end2,count,-log10(q)\n" + ANCHORS.replace("\t", ",") + ",3,2.5\n", 3, 2.5),
        ('"V1"\t"V2"\t"V3"\t"V4"\t"V5"\t"V6"\t"counts"\n"1"\t"chr1"\t0\t5000\t"chr1"\t100000\t105000\t4\n', 4, None),
    ],
)  # fmt: skip
def test_strengths_of_loops(tmp_path: Path, content: str, count: float | None, neglog10q: float | None) -> None:
    found = loop_files.read_loops(text(tmp_path, content, "loops.bedpe")).table
    assert [value // 5000 for value in found.select("start_1", "start_2").row(0)] == [0, 20]
    for name, right in (("count", count), ("neglog10q", neglog10q)):
        assert np.isnan(found[name][0]) if right is None else found[name][0] == pytest.approx(right)


def test_a_header_behind_hash_of_another_width_is_told(tmp_path: Path) -> None:
    content = "#chr1\tx1\tx2\tchr2\ty1\ty2\tcolor\tobserved\n" + ANCHORS + "\t12\n"
    with pytest.raises(InputError, match="its header behind # has 8 names, its first line 7 fields"):
        loop_files.read_loops(text(tmp_path, content, "loops.bedpe"))


@pytest.mark.parametrize("name", ["a.cool", "a.hic"])
def test_a_matrix_of_fractions_is_not_cut_to_whole_numbers(tmp_path: Path, name: str) -> None:
    import hictkpy  # starts a thread that may spin; see loop_formats

    kind = hictkpy.cooler if name == "a.cool" else hictkpy.hic
    writer = kind.FileWriter(tmp_path / name, {"chr1": 100_000}, 5000)
    writer.add_pixels_from_dict({"bin1_id": [1, 2], "bin2_id": [3, 4], "count": [0.25, 1.75]})
    writer.finalize()
    assert loop_files.read_loops(tmp_path / name).table["count"].to_list() == [0.25, 1.75]


def test_balanced_counts_are_read_where_they_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """cooler's own values; a bin without a weight has none (open2c/cooler issues 120 and 182)."""
    import cooler
    import pandas as pd

    bins = pd.DataFrame({"chrom": "chr1", "start": range(0, 50_000, 5000), "end": range(5000, 55_000, 5000)})
    bins["weight"] = [0.5, 0.25, np.nan, *np.linspace(0.1, 0.7, 7)]
    pixels = pd.DataFrame({"bin1_id": [0, 0, 1, 3], "bin2_id": [1, 2, 4, 9], "count": [8, 5, 7, 6]})
    path = tmp_path / "a.cool"
    cooler.create_cooler(str(path), bins, pixels)
    assert loop_files.read_loops(path).table["count"].to_list() == [8, 5, 7, 6]
    assert "read as they are stored; it also has weights that balance them (weight)" in capsys.readouterr().err
    right = cooler.Cooler(str(path)).pixels()[:]
    weight = bins["weight"].to_numpy()
    right = right["count"].to_numpy() * weight[right["bin1_id"]] * weight[right["bin2_id"]]
    found = loop_files.read_loops(path, normalization="weight").table["count"].to_list()
    assert found == pytest.approx(right[np.isfinite(right)].tolist())
    assert len(found) == 3
    with pytest.raises(InputError, match="has no weights 'KR'; it has weight"):
        loop_files.read_loops(path, normalization="KR")


STRAND = CASES / "strand-unknown"


@pytest.mark.parametrize("name", ["question.gtf", "renamed.gtf"])
def test_a_gene_without_strand_stops_nobody(name: str) -> None:
    found = genes.read_genes(STRAND / name)
    assert found.select("gene_id", "chrom", "tss").rows() == [
        ("HSPA13", "chr21", 14_383_483), ("RANBP1", "chr22", 20_119_282),
    ]  # fmt: skip


def test_a_gene_without_strand_is_counted(capsys: pytest.CaptureFixture) -> None:
    assert genes.read_genes(STRAND / "question.gtf", biotypes=["all"])["gene_id"].to_list() == ["HSPA13", "RANBP1"]
    assert "1 genes without a strand left out (line 4: TRNAX)" in capsys.readouterr().err
    with pytest.raises(InputError, match="lines 1 and 4 both are gene HSPA13"):
        genes.read_genes(STRAND / "twice.gtf")


def test_accessions_are_told_or_mapped(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"calls them NC_000021\.9, NC_000022\.11, not chr1 or 1; .*--chromosome-names"
    ):
        genes.read_genes(STRAND / "nc.gtf")
    sizes = text(tmp_path, "chr21\t46709983\nchr22\t50818468\n", "sizes.tsv")
    names = text(tmp_path, "NC_000021.9\tchr21\nNC_000022.11\tchr22\n", "names.tsv")
    where = ["--ccres", STRAND / "c.bed", "--chrom-sizes", sizes, "--gtf", STRAND / "nc.gtf", "--outdir", tmp_path]
    done = run("merge-ccres", *where)
    assert (done.exit_code, "--chromosome-names" in done.output) == (65, True)
    assert run("merge-ccres", *where, "--chromosome-names", names).exit_code == 0
    table, _ = artifacts.read_table(tmp_path / "genes.parquet", "genes")
    assert table.select("gene_id", "chrom", "tss").rows() == [
        ("HSPA13", "chr21", 14_383_483), ("RANBP1", "chr22", 20_119_282),
    ]  # fmt: skip
    bed = text(tmp_path, "NC_000021.9\t20000000\t20000300\tc1\nNC_000022.11\t20000000\t20000300\tc2\n", "nc.bed")
    where[1] = bed
    assert run("merge-ccres", *where, "--chromosome-names", names).exit_code == 0


@pytest.mark.parametrize(
    "content",
    [
        "chr21\tNC_000021.9\nchr22\tNC_000022.11\n",
        "name,accession\n\nchr21,NC_000021.9\nchr22,NC_000022.11\n",
        "# ucsc\tassembly\tgenbank\trefseq\nchr21\t21\tCM000683.2\tNC_000021.9\nchr22\t22\tCM000684.2\tNC_000022.11\n"
        "chr22_KI270731v1_random\t22\tKI270731.1\tNT_187386.1\n",
    ],
)
def test_tables_of_chromosome_names(tmp_path: Path, content: str) -> None:
    found = chromosome_table.read(text(tmp_path, content), {"chr21": 9, "chr22": 9})
    assert {name: found[name] for name in ("NC_000021.9", "NC_000022.11")} == {
        "NC_000021.9": "chr21", "NC_000022.11": "chr22",
    }  # fmt: skip
    assert "chr22_KI270731v1_random" not in found
    assert chromosome_table.read(tmp_path / "table.tsv", {"21": 9, "22": 9})["NC_000022.11"] == "22"
    with pytest.raises(InputError, match="names none of the genome's chromosomes"):
        chromosome_table.read(text(tmp_path, content), {"2L": 9})


def test_an_annotation_without_gene_lines(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    line = '{0}\trefGene\t{1}\t{2}\t{3}\t.\t{4}\t.\tgene_id "{5}"; transcript_id "{6}";\n'
    rows = [
        ("chr1", "exon", 101, 200, "+", "A", "T1"), ("chr1", "exon", 901, 1000, "+", "A", "T1"),
        ("chr1", "CDS", 150, 200, "+", "A", "T1"), ("chr1", "exon", 601, 1000, "+", "A", "T2"),
        ("chr1", "exon", 101, 200, "-", "B", "T3"), ("chr1", "exon", 5, 90, "+", "C", "T4"),
        ("chr2", "exon", 5, 90, "+", "C", "T4"), ("chr1", "CDS", 5, 90, "+", "C", "T4"),
        ("chr2", "CDS", 5, 90, "+", "C", "T4"),
    ]  # fmt: skip
    path = text(tmp_path, "".join(line.format(*row) for row in rows), "genes.gtf")
    found = genes.read_genes(path)
    assert found.select("gene_id", "gene_type", "start", "end", "tss").rows() == [
        ("A", "protein_coding", 100, 1000, 100)
    ]
    said = capsys.readouterr().err
    assert "genes with a CDS are taken for protein_coding" in said
    assert "1 genes on several chromosomes or strands left out (C)" in said
    assert set(genes.read_genes(path, biotypes=["all"])["gene_id"]) == {"A", "B"}
    assert gene_files.read_transcripts(path).rows() == [("T1", "A"), ("T2", "A"), ("T3", "B"), ("T4", "C")]


def test_cage_lines_without_strand_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table = pl.DataFrame({"chrom": ["chr1"], "strand": ["+"], "tss": [100]})
    path = text(tmp_path, "chr1\t90\t91\tx\t5\t+\nchr1\t91\t92\tx\t7\t.\n", "a.bed")
    assert cage.at_genes(table, path).to_list() == [5]
    assert "1 lines without a strand left out (the first is line 2)" in capsys.readouterr().err


def test_two_spellings_of_one_chromosome_are_refused() -> None:
    with pytest.raises(InputError, match="uses both NC_1 and chr1, which are one chromosome"):
        chromosome_names.reconcile(["NC_1", "chr1"], ["chr1"], "a.bed", {"NC_1": "chr1"})
