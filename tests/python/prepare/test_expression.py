"""Expression tables of every supported program, brought to one order of genes."""

import gzip
import math
from pathlib import Path
from runpy import run_path

import polars as pl
import pytest
from click.testing import CliRunner

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.prepare import expression, quantifications
from sketches import write_genes

GENES = pl.DataFrame(
    {
        "gene_id": ["ENSG01.4", "ENSG02.1", "ENSG03.9", "ENSG04.2_PAR_Y"],
        "gene_name": ["ABC", "DEF", "GHI", "JKL"],
        "chrom": ["chr1", "chr1", "chr2", "chrX"],
        "strand": ["+", "-", "+", "+"],
        "tss": [1000, 1000, 5000, 10],
    }
)


def table(folder: Path, *lines: str, name: str = "table.tsv") -> Path:
    path = folder / name
    path.write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n")
    return path


def values(path: Path, column: str | None = None, **options: object) -> list[float | None]:
    return quantifications.read_values(GENES, path, column, **options).values.to_list()  # type: ignore[arg-type]


RSEM = "gene_id transcript_id(s) length effective_length expected_count TPM FPKM"
ISOFORMS = "transcript_id gene_id length effective_length expected_count TPM FPKM IsoPct"
KALLISTO = "target_id length eff_length est_counts tpm"
TRANSCRIPTS = [("ENSG01.4", 0.5), ("ENSG03.9", 3.5), ("ENSG01.4", 1.5)]


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("RSEM genes", [RSEM, "ENSG03.9 T5 9 9 9 3.5 7", "ENSG01.4 T1,T2 9 9 9 2 7", "ENSG9 T 9 9 9 1 7"]),
        ("RSEM isoforms", [ISOFORMS, *(f"T{gene} {gene} 9 9 9 {tpm} 7 9" for gene, tpm in TRANSCRIPTS)]),
        ("Salmon genes", ["Name Length EffectiveLength TPM NumReads", "ENSG01 9 9 2 7", "ENSG03 9 9 3.5 7"]),
        ("kallisto transcripts", [KALLISTO, *(f"T|{gene}|x 9 9 7 {tpm}" for gene, tpm in TRANSCRIPTS)]),
        ("kallisto transcripts", [KALLISTO, "ERCC-1 9 9 7 8", "T1|ENSG01.4| 9 9 7 2", "T5|ENSG03| 9 9 7 3.5"]),
        ("two columns", ["ENSG01 2", "ENSG03 3.5"]),
        ("two columns", ["ABC 2", "GHI 3.5"]),
        ("table of genes", ["gene_id gene_name start TPM", "ENSG01.2 x 7 2", "ENSG03.2 x 7 3.5"]),
        ("table of symbols", ["symbol TPM", "ABC 2", "GHI 3.5"]),
    ],
)  # fmt: skip
def test_formats_are_known_by_their_header(tmp_path: Path, form: str, lines: list[str]) -> None:
    read = quantifications.read_values(GENES, table(tmp_path, *lines))
    assert read.format == form
    assert read.values.to_list() == [2, None, 3.5, None]  # a gene that is not in the table is not 0


def test_transcripts_are_summed_by_the_gtf(tmp_path: Path) -> None:
    path = table(tmp_path, "Name Length EffectiveLength TPM NumReads", "T1.2 9 9 0.5 7", "T2.1 9 9 1.5 7", "T9 9 9 4 7")
    gtf, line = tmp_path / "a.gtf", 'chr1\tt\ttranscript\t1\t9\t.\t+\t.\tgene_id "ENSG01.4"; transcript_id "{}";\n'
    gtf.write_text("".join(line.format(name) for name in ("T1.2", "T2.1")))
    assert values(path, gtf=gtf) == [2, None, None, None]
    with pytest.raises(InputError, match=r"holds transcripts.*give --gtf"):
        values(path)
    with pytest.raises(InputError, match="none of its transcripts"):
        values(table(tmp_path, "target_id length eff_length est_counts tpm", "X 9 9 7 1"), gtf=gtf)


def test_featurecounts_become_tpm(tmp_path: Path) -> None:
    header = "Geneid Chr Start End Strand Length a.bam"
    path = table(tmp_path, "# Program:featureCounts", header, "ENSG01.4 1 1 9 + 1000 30", "ENSG02.1 1 1 9 + 2000 20")
    assert values(path) == [pytest.approx(750_000), pytest.approx(250_000), None, None]
    two = table(tmp_path, f"{header} b.bam", "ENSG01.4 1 1 9 + 1000 30 0", "ENSG02.1 1 1 9 + 2000 20 5")
    with pytest.raises(InputError, match=r"several samples; name one of a\.bam, b\.bam"):
        values(two)
    assert values(two, "b.bam")[:2] == [0, 1_000_000]


WIDE = [
    "gene_id gene_name chrom start TPM_A TPM_B split",
    "ENSG01.4 x 1 7 2 NA train",
    "ENSG02.1 x 1 7 0 3 test",
]


def test_wide_table_needs_a_named_column(tmp_path: Path) -> None:
    path = table(tmp_path, *WIDE)
    assert values(path, "TPM_A") == [2, 0, None, None]
    assert values(path, "TPM_B") == [None, 3, None, None]  # NA is not 0
    with pytest.raises(InputError, match=r"several value columns.*TPM_A, TPM_B$"):
        values(path)
    with pytest.raises(InputError, match="no column 'TPM'; it has gene_id, gene_name"):
        values(path, "TPM")


def test_what_replicates_and_names_are_worth_is_in_the_header(tmp_path: Path) -> None:
    write_genes(tmp_path / "genes.parquet", GENES)
    one = table(tmp_path, "gene_id TPM", "ENSG01 1", "ENSG02 2", "ENSG03 3", "ENSG9 4", name="1.tsv")
    two = table(tmp_path, "gene_id TPM", "ENSG01 1", "ENSG02 3", "ENSG03 2", name="2.tsv")
    quantify = run_path(str(Path(__file__).parents[3] / "bin" / "quantify-expression"))["main"]

    def about(*files: Path) -> dict[str, object]:
        words = [part for file in files for part in ("--rna", str(file))]
        words += ["--genes", str(tmp_path / "genes.parquet"), "--cell", "K", "--outdir", str(tmp_path)]
        done = CliRunner().invoke(quantify, words)
        assert done.exit_code == 0, done.output
        return dict(artifacts.read_table(tmp_path / "expression.K.parquet", "expression")[1]["parameters"])

    found = about(one, two)
    assert found["agreement"] == 0.5  # ranks 1 2 3 and 1 3 2: 1 - 6 * 2 / (3 * 8)
    assert (found["strange"], found["strange_examples"]) == ([1, 0], [["ENSG9"], []])
    assert about(one)["agreement"] is None


def test_symbols_do_not_help_a_table_that_has_ids(tmp_path: Path) -> None:
    path = table(tmp_path, "gene_id gene_name TPM", "ENSG77 ABC 5", "ENSG02.7 DEF 3")
    assert values(path) == [None, 3, None, None]


def test_repeated_symbols_keep_the_larger(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert values(table(tmp_path, "ABC 1", "ABC 7", "ABC NA", "DEF 2")) == [7, 2, None, None]
    assert "2 of 4 genes matched by symbol; 1 repeated names, the largest value kept" in capsys.readouterr().err


@pytest.mark.parametrize("bad", ["-1", "nan", "inf", "five"])
def test_bad_values_name_file_line_and_column(tmp_path: Path, bad: str) -> None:
    path = table(tmp_path, "gene_id TPM", "ENSG01 1", f"ENSG02 {bad}", name="bad.tsv")
    with pytest.raises(InputError, match=rf"bad\.tsv line 3: '{bad}' in column TPM"):
        values(path, "TPM")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["what ever TPM", "ENSG01 x 1"], "no known header"),
        (["gene_id TPM TPM", "ENSG01 1 1"], "column TPM stands twice"),
        (["gene_id strand", "ENSG01 +"], "no column of numbers"),
        (["gene_id TPM"], "holds a header and nothing else"),
        (["gene_id TPM", "XYZ 1"], "none of its genes is among the 4 genes of this run; its names are like XYZ, those"),
        (["gene_id TPM", "ENSG01"], "line 2: 2 columns are needed, separated by tabs"),
    ],
)
def test_tables_that_cannot_be_used_say_why(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        values(table(tmp_path, *lines))


def test_cut_off_table_is_named(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"G{i}\t{i * 7919 % 1009}\n" for i in range(9000)).encode())
    (tmp_path / "cut.gz").write_bytes(whole[:-2000])
    with pytest.raises(InputError, match=r"cut\.gz is cut off"):
        values(tmp_path / "cut.gz")


def test_replicates_are_averaged_before_the_logarithm(tmp_path: Path) -> None:
    one = table(tmp_path, "ABC 1", "DEF 5", name="one.tsv")
    two = table(tmp_path, "ABC 3", "GHI 8", name="two.tsv")
    read = expression.quantify(GENES, [(one, None), (two, None)])
    frame = expression.combine(GENES, read)
    assert frame["value"].to_list() == [2, 5, 8, None]  # a replicate that lacks the gene does not count as 0
    assert frame["expression"].dtype == pl.Float32
    assert frame["expression"].to_list()[:3] == pytest.approx([math.log10(3), math.log10(6), math.log10(9)])
    summed = expression.combine(GENES, read, "sum")  # science.md row 1: what the released code does
    assert summed["value"].to_list() == [4, 5, 8, None]


@pytest.mark.parametrize(("scale", "base"), [("log10", 10), ("ln", math.e), ("log2", 2)])
def test_scales(tmp_path: Path, scale: expression.Scale, base: float) -> None:
    read = expression.quantify(GENES, [(table(tmp_path, "ABC 6", "DEF 0"), None)])
    frame = expression.combine(GENES, read, scale=scale)
    assert frame["expression"].to_list() == [pytest.approx(math.log(7, base)), 0, None, None]


def test_specific_genes_stand_out_against_the_mean_of_the_others() -> None:
    def cell(*found: float | None) -> pl.DataFrame:
        return pl.DataFrame({"value": found}, schema={"value": pl.Float64})

    ours = cell(15, 15.1, None, 9, 0)
    others = [cell(1, 1, 1, None, 9), cell(5, 5, 5, None, None)]  # (1 + 15) / (1 + 3) is a fold change of 4
    assert expression.mark_specific(ours, others)["specific"].to_list() == [False, True, None, None, False]


def test_file_and_column(tmp_path: Path) -> None:
    path = table(tmp_path, "ABC 1", name="odd:name.tsv")
    assert expression.file_and_column(str(path)) == (path, None)
    assert expression.file_and_column(f"{path}:TPM") == (path, "TPM")
    with pytest.raises(InputError, match=r"nothing\.tsv does not exist"):
        expression.file_and_column("nothing.tsv:TPM")


def test_tool_writes_the_artefact(tmp_path: Path) -> None:
    tool = run_path(str(Path(__file__).parents[3] / "bin/quantify-expression"))["main"]
    digest = write_genes(tmp_path / "genes.parquet", GENES, "e")
    command = ["--genes", str(tmp_path / "genes.parquet"), "--cell", "K562", "--outdir", str(tmp_path)]
    path = table(tmp_path, *WIDE)
    done = CliRunner().invoke(tool, [*command, "--rna", f"{path}:TPM_A"])
    assert done.exit_code == 0, done.output
    frame, written = artifacts.read_table(tmp_path / "expression.K562.parquet", "expression")
    assert frame["gene_id"].to_list() == GENES["gene_id"].to_list()
    assert (written["elements"], written["genes"], written["cell"]) == ("e", digest, "K562")
    assert written["parameters"]["column"] == ["TPM_A"]
    assert written["units"]["expression"] == "log10(1 + TPM)"
    rest = [*command, "--rna", f"{path}:TPM_A", "--others", str(tmp_path / "expression.K562.parquet")]
    assert CliRunner().invoke(tool, rest).exit_code == 0
    frame, _ = artifacts.read_table(tmp_path / "expression.K562.parquet", "expression")
    assert frame["specific"].to_list() == [False, False, None, None]
    done = CliRunner().invoke(tool, command)
    assert done.exit_code == 2
