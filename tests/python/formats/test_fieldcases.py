"""Small inputs that users really have (tests/fieldcases), each with its right value, and others of their kinds."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, chromosome_names
from crexpress.core.errors import InputError
from crexpress.formats import chromosome_table, gene_files, loop_files, samplesheet, text_tables
from crexpress.prepare import cage, genes, quantifications
from tools import run

CASES = Path(__file__).parents[2] / "fieldcases"
IDS = ["ENSG00000279493.1", "ENSG00000277117.4", "ENSG00000280071.3", "ENSG00000276612.3", "ENSG00000275464.3",
       "ENSG00000280433.1", "ENSG00000155304.5", "ENSG00000154721.14", "ENSG00000099901.16"]  # fmt: skip
SYMBOLS = [*(f"CH507-9B2.{number}" for number in (2, 1, 3, 4, 5, 9)), "HSPA13", "JAM2", "RANBP1"]
GENES = pl.DataFrame({"gene_id": IDS, "gene_name": SYMBOLS})


def values(path: Path, column: str | None = None, table: pl.DataFrame = GENES, **options: object) -> dict[str, float]:
    """The measured values of a table by symbol."""
    found = quantifications.read_values(table, path, column, **options).values  # type: ignore[arg-type]
    return {name: value for name, value in zip(table["gene_name"], found, strict=True) if value is not None}


def text(folder: Path, content: str, name: str = "table.tsv") -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


# lift37-ids


@pytest.mark.parametrize("annotation", ["genes.gtf", "genes5.gtf"])
def test_ids_with_a_mapping_suffix(tmp_path: Path, annotation: str) -> None:
    folder = CASES / "lift37-ids"
    where = ["--ccres", folder / "ccres.bed", "--gtf", folder / annotation, "--chrom-sizes", folder / "sizes.tsv"]
    assert run("merge-ccres", *where, "--outdir", tmp_path).exit_code == 0
    told = ["--genes", tmp_path / "genes.parquet", "--cell", "X", "--rna", folder / "rsem.genes.results"]
    done = run("quantify-expression", *told, "--outdir", tmp_path)
    table, _ = artifacts.read_table(tmp_path / "genes.parquet", "genes")
    frame, _ = artifacts.read_table(tmp_path / "expression.X.parquet", "expression")
    by_name = dict(zip(table["gene_name"], frame["value"], strict=True))
    right = {"POTED": 10, "LIPI": 20, "RBM11": 30, "SEPT5": 40, "RANBP1": 50, "MED15": 60}
    assert by_name == {name: right[name] for name in by_name}
    assert len(by_name) == (6 if annotation == "genes.gtf" else 5)
    assert f"{len(by_name)} of {len(by_name)} genes matched by id" in done.output


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("ENSG00000182378", "ENSG00000182378"),
        ("ENSG00000182378.14", "ENSG00000182378"),
        ("ENSG00000182378.14_2", "ENSG00000182378"),
        ("ENSG00000182378.14_PLCXD1", "ENSG00000182378"),
        ("ENSG00000182378_PLCXD1", "ENSG00000182378"),
        ("ENSG00000182378.14|PLCXD1", "ENSG00000182378"),
        ("PLCXD1|ENSG00000182378.14", "ENSG00000182378"),
        ("PLCXD1_ENSG00000182378.14", "ENSG00000182378"),
        ("ENSG00000182378.14_PAR_Y", "ENSG00000182378_PAR_Y"),
        ("ENSG00000182378.14_PAR_Y_2", "ENSG00000182378_PAR_Y"),
        ("ENSGR0000182378.14", "ENSG00000182378_PAR_Y"),
        ("ENSMUSG00000051951.5", "ENSMUSG00000051951"),
        ("ENST00000381657.7_PAR_Y", "ENST00000381657_PAR_Y"),
        ("ENSA", "ENSA"),  # a symbol
        ("CH507-9B2.2", "CH507-9B2.2"),
        ("NM_006948.5", "NM_006948.5"),
    ],
)
def test_bare_ids(name: str, right: str) -> None:
    assert genes.bare_ids(pl.Series([name])).to_list() == [right]


def many(share: float, count: int = 40) -> tuple[pl.DataFrame, str]:
    """Genes, and a table that has this share of them among strangers."""
    table = pl.DataFrame(
        {"gene_id": [f"ENSG{n:011}.1" for n in range(count)], "gene_name": [f"N{n}" for n in range(count)]}
    )
    names = [f"ENSG{n:011}.9" if n < share * count else f"AT{n}G" for n in range(count)]
    return table, "gene_id\tTPM\n" + "".join(f"{name}\t{n}.5\n" for n, name in enumerate(names))


def test_a_table_of_another_annotation_is_refused_or_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table, content = many(0.05)
    with pytest.raises(
        InputError, match=r"only 2 of 40 genes matched, less than a tenth; .* like AT2G, .* ENSG00000000000\.1"
    ):
        values(text(tmp_path, content), table=table)
    table, content = many(0.25)
    assert len(values(text(tmp_path, content), table=table)) == 10
    said = capsys.readouterr().err
    assert "Warning: " in said
    assert "only 10 of 40 genes have a value; its names are like AT10G, AT11G, those of this run like ENSG" in said


def test_a_table_of_several_cells_below_each_other_is_refused(tmp_path: Path) -> None:
    """As the Human Protein Atlas gives them: the largest value would be that of some cell."""
    rows = "".join(
        f"{gene}\t{cell}\t{n + at}.5\n" for n, gene in enumerate(IDS) for at, cell in enumerate(("HeLa", "K562"))
    )
    with pytest.raises(InputError, match=r"several rows with different values \(ENSG00000279493 has 2\)"):
        values(text(tmp_path, "Gene\tCell line\tTPM\n" + rows))


@pytest.mark.parametrize("first", ["", "X", "Unnamed: 0", "...1", "index", "Gene stable ID"])
def test_what_row_names_are_called(tmp_path: Path, first: str) -> None:
    rows = "".join(f"{gene},{n},{n}.5\n" for n, gene in enumerate(IDS))
    assert values(text(tmp_path, f"{first},1,2\n{rows}"), "2") == {symbol: n + 0.5 for n, symbol in enumerate(SYMBOLS)}


@pytest.mark.parametrize("name", ["{0}|{1}", "{1}|{0}", "{0}_{1}", "{1}_{0}", "{1}|7105", "{1}"])
def test_names_of_two_parts(tmp_path: Path, name: str) -> None:
    rows = "".join(f"{name.format(i, s)}\t{n}.5\n" for n, (i, s) in enumerate(zip(IDS, SYMBOLS, strict=True)))
    assert values(text(tmp_path, "gene_id\tTPM\n" + rows)) == {s: n + 0.5 for n, s in enumerate(SYMBOLS)}


def test_two_genes_of_one_symbol_do_not_both_get_its_value(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table = pl.DataFrame({"gene_id": ["ENSG01.1", "ENSG02.1", "ENSG03.1"], "gene_name": ["MATR3", "MATR3", "HSPA13"]})
    assert values(text(tmp_path, "gene_name\tTPM\nMATR3\t5.5\nHSPA13\t2\n"), table=table) == {"HSPA13": 2}
    assert "2 genes share their symbol with another gene (MATR3) and stay empty" in capsys.readouterr().err


# header-one-short


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


# hiccups-loops


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


# excel-sheet


@pytest.mark.parametrize("name", sorted(path.name for path in (CASES / "excel-sheet").iterdir()))
def test_sheets_of_spreadsheets(tmp_path: Path, name: str) -> None:
    for file in ("a.bw", "r.tsv"):
        (tmp_path / file).touch()
    (tmp_path / name).write_bytes((CASES / "excel-sheet" / name).read_bytes())
    rows = [row[:5] for row in samplesheet.read(tmp_path / name, tracks=["dnase"], training=False)]
    column = "" if name == "short_rows.csv" else "TPM"
    right = [("X", "dnase", "a.bw", 1, ""), ("X", "rna", "r.tsv", 1, column)]
    assert rows == (right[:1] if name == "semicolons.csv" else right)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffsep=;\r\ncell;assay;file\r\nX;dnase;a.bw\r\n",
        '"","cell","assay","file"\n"1","X","dnase","a.bw"\n',  # R's row names
        ",cell,assay,file\n0,X,dnase,a.bw\n",  # those of pandas
        ",,cell,assay,file,\n,,X,dnase,a.bw,\n,,,,,\n",
        "cell\tassay\tfile\treplicate\nX\tdnase\ta.bw\t1.00\n",
        "cell;assay;file;replicate\nX;dnase;a.bw;1,0\n",
        "# my cells\n#cell,assay,file\nX,dnase,a.bw\n",
    ],
)
def test_other_sheets_of_spreadsheets(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.bw").touch()
    (row,) = samplesheet.read(text(tmp_path, content, "cells.csv"), tracks=["dnase"], training=False)
    assert row[:5] == ("X", "dnase", "a.bw", 1, "")


# counts-as-tpm


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("htseq.txt", "lines such as __no_feature say that it holds counts of htseq"),
        (
            "ReadsPerGene.out.tab",
            "N_unmapped say .* counts of STAR; its columns .* unstranded, first_strand, second_strand",
        ),
    ],
)
def test_counts_are_not_tpm(name: str, said: str) -> None:
    path = CASES / "counts-as-tpm" / name
    with pytest.raises(InputError, match=rf"{said}.*Counts are not TPM: give the table of RSEM.*--unit counts"):
        values(path)


def test_htseq_with_symbols_is_counts_too(tmp_path: Path) -> None:
    path = text(tmp_path, f"{IDS[0]}\tA\t5\n{IDS[1]}\tB\t6\n__ambiguous\t\t9\n")
    with pytest.raises(InputError, match="counts of htseq"):
        values(path)
    assert values(path, unit="counts") == {SYMBOLS[0]: 5, SYMBOLS[1]: 6}


def test_counts_can_be_asked_for(tmp_path: Path) -> None:
    path = CASES / "counts-as-tpm" / "htseq.txt"
    assert values(path, unit="counts")["CH507-9B2.3"] == 14
    path = CASES / "counts-as-tpm" / "ReadsPerGene.out.tab"
    assert values(path, "second_strand", unit="counts")["CH507-9B2.3"] == 2
    with pytest.raises(InputError, match=r"name one of them .*: unstranded, first_strand, second_strand"):
        values(path, unit="counts")


@pytest.mark.parametrize(
    ("header", "value", "said"),
    [
        ("", "{}", "column column_2 holds whole numbers alone"),
        ("gene_id\tK562\n", "{}", "column K562 holds whole numbers alone, 4,950 in all"),
        ("gene_id\tK562\n", "{}.0", "column K562 holds whole numbers alone"),
        ("gene_id\texpected_count\n", "{}.5", "column expected_count holds counts by the table's header"),
        ("gene_id\tK562.counts\n", "{}.5", "holds counts by the table's header"),
        ("Geneid\tK562.bam\n", "{}", "holds counts by the table's header"),
    ],
)
def test_other_counts(tmp_path: Path, header: str, value: str, said: str) -> None:
    table, _ = many(1, 100)
    rows = "".join(f"{gene}\t{value.format(n)}\n" for n, gene in enumerate(table["gene_id"]))
    with pytest.raises(InputError, match=said):
        values(text(tmp_path, header + rows), table=table)


def test_counts_with_lengths_become_tpm(tmp_path: Path) -> None:
    content = f"Geneid\tLength\tK562.bam\n{IDS[0]}\t1000\t30\n{IDS[1]}\t2000\t20\n"
    assert values(text(tmp_path, content)) == pytest.approx({SYMBOLS[0]: 750_000, SYMBOLS[1]: 250_000})
    assert values(text(tmp_path, content), unit="counts") == {SYMBOLS[0]: 30, SYMBOLS[1]: 20}


# strand-unknown

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


# stringtie


@pytest.mark.parametrize("name", ["gene_abund.tab", "renamed.tsv"])
def test_loci_of_a_gene_are_summed(name: str) -> None:
    assert values(CASES / "stringtie" / name) == {"HSPA13": 32, "JAM2": 5}


def test_stringtie_without_known_ids_goes_by_name(tmp_path: Path) -> None:
    content = (CASES / "stringtie" / "gene_abund.tab").read_text()
    content = content.replace("ENSG00000155304.5", "MSTRG.1").replace("ENSG00000154721.14", "MSTRG.2")
    assert values(text(tmp_path, content)) == {"HSPA13": 32, "JAM2": 5}


@pytest.mark.parametrize("name", ["{0}", "{0}|{1}", "{1}"])
def test_salmon_genes_by_id_or_symbol(tmp_path: Path, name: str) -> None:
    rows = "".join(f"{name.format(i, s)}\t9\t9\t{n}.5\t7\n" for n, (i, s) in enumerate(zip(IDS, SYMBOLS, strict=True)))
    path = text(tmp_path, "Name\tLength\tEffectiveLength\tTPM\tNumReads\n" + rows, "quant.genes.sf")
    assert values(path) == {symbol: n + 0.5 for n, symbol in enumerate(SYMBOLS)}
    with pytest.raises(InputError, match="column NumReads holds counts by the table's header"):
        values(path, "NumReads")


def test_cufflinks_becomes_tpm(tmp_path: Path) -> None:
    names = (
        "tracking_id class_code nearest_ref_id gene_id gene_short_name tss_id locus length coverage FPKM FPKM_status"
    )
    rows = [
        f"{i} - - {i} {s} - chr1:1-9 - - {f} OK"
        for i, s, f in zip(IDS, SYMBOLS, (1, 2, 5, 0, 0, 0, 0, 0, 0), strict=True)
    ]
    path = text(tmp_path, "\n".join([names, *rows]).replace(" ", "\t"))
    assert values(path)["CH507-9B2.3"] == pytest.approx(5e6 / 8)


def test_gct(tmp_path: Path) -> None:
    content = f"#1.2\n2\t2\nName\tDescription\tLiver\tLung\n{IDS[0]}\tx\t1.5\t2.5\n{IDS[1]}\ty\t3\t4\n"
    assert values(text(tmp_path, content, "a.gct.txt"), "Lung") == {SYMBOLS[0]: 2.5, SYMBOLS[1]: 4}
    content = (
        f"#1.3\n2\t2\t1\t1\nid\tDescription\tLiver\tLung\nbatch\tna\t7\t8\n{IDS[0]}\tx\t1.5\t2.5\n{IDS[1]}\ty\t3\t4\n"
    )
    assert values(text(tmp_path, content, "a.gct.txt"), "Lung") == {SYMBOLS[0]: 2.5, SYMBOLS[1]: 4}


# r-quotes


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("quoted.tsv", {"HSPA13": 12.5, "RANBP1": 7}),
        ("quoted_two.tsv", {"HSPA13": 12.5}),
        ("hash_header.tsv", {"HSPA13": 12.5}),
        ("rownames.csv", {"HSPA13": 12.5, "RANBP1": 7}),
        ("rownumbers.csv", {"HSPA13": 12.5, "RANBP1": 7}),
        ("excel.tsv", {"HSPA13": 12.5}),
    ],
)
def test_tables_as_r_and_spreadsheets_write_them(name: str, right: dict[str, float]) -> None:
    assert values(CASES / "r-quotes" / name) == right


def test_what_spreadsheets_change_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    values(CASES / "r-quotes" / "excel.tsv")
    assert (
        "2 names are dates or numbers (5-Sep, 7-Sep), which a spreadsheet made of gene symbols"
        in capsys.readouterr().err
    )
    with pytest.raises(InputError, match=r"line 2: '1,234\.5' in column TPM has thousands separators"):
        values(CASES / "r-quotes" / "thousands.csv")
    for odd, why in (("1.234,5", "thousands"), ("1 234", "thousands"), ("#DIV/0!", "a spreadsheet's error")):
        with pytest.raises(InputError, match=f"line 3: '{odd}' in column TPM .*{why}"):
            values(text(tmp_path, f"gene_id\tTPM\n{IDS[0]}\t1.5\n{IDS[1]}\t{odd}\n"))


@pytest.mark.parametrize("date", ["5-Sep", "Sep-05", "1-Mar", "2024-09-05", "2.31E+19", "5-SEP"])
def test_dates_of_spreadsheets(date: str) -> None:
    assert text_tables.spreadsheet_dates(pl.Series(["HSPA13", date, "MARCHF2", None])) == [date]


@pytest.mark.parametrize("content", ["gene_id;TPM\n{0};12,5\n{1};1234\n", "gene_id\tTPM\n{0}\t12,5\n{1}\t1234\n"])
def test_decimal_commas(tmp_path: Path, content: str) -> None:
    assert values(text(tmp_path, content.format(*IDS))) == {SYMBOLS[0]: 12.5, SYMBOLS[1]: 1234}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("gene_id,TPM\n{0},12,5\n{1},3,25\n", "line 2 has 3 fields, the header has 2: commas part"),
        ("gene_id\tTPM\n{0}\t1,234\n{1}\t2,500\n", "'1,234' in column TPM has thousands separators"),
        ("gene_id\tTPM\n{0}\t12,5\n{1}\t3.5\n", "'12,5' in column TPM is not a measured value"),
    ],
)
def test_commas_that_may_mean_two_things_are_told(tmp_path: Path, content: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        values(text(tmp_path, content.format(*IDS)))


@pytest.mark.parametrize("content", ["count,TPM\n{0},12,5\n{1},3,25\n", "name,count,TPM\n1,{0},12,5\n2,{1},3,25\n"])
def test_row_names_of_r_are_no_halves_of_numbers(tmp_path: Path, content: str) -> None:
    assert values(text(tmp_path, content.format(*IDS)), "TPM") == {SYMBOLS[0]: 5, SYMBOLS[1]: 25}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("gene_id\tTPM\n".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        ("gene_id\tTPM\nENSG1\t5\tgrün\n".encode("latin-1"), "is not UTF-8 text"),
        (b"PK\x03\x04\x14\x00\xff\xff", "is a workbook of a spreadsheet"),
        (b'gene_id,TPM\n"ENSG1,5\nENSG2,6\n', "line 2: a quote is opened and not closed"),
        (b"gene_id\tTPM\n\n\t\n", "holds a header and nothing else"),
        (b"ENSG1\t5\t6\nENSG2\t7\t8\n", "line 1: a header is needed"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "table.tsv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        values(path)


def test_two_spellings_of_one_chromosome_are_refused() -> None:
    with pytest.raises(InputError, match="uses both NC_1 and chr1, which are one chromosome"):
        chromosome_names.reconcile(["NC_1", "chr1"], ["chr1"], "a.bed", {"NC_1": "chr1"})
