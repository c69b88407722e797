"""Tables as each program writes them, whole headers and real-looking rows, brought to the genes of one annotation."""

import gzip
import re
from pathlib import Path

import polars as pl
import pytest

from crexpress.core.errors import InputError
from crexpress.prepare import quantifications

GENES = pl.DataFrame(
    {
        "gene_id": ["ENSG00000178591.6", "ENSG00000125788.5", "ENSG00000182378.14", "ENSG00000182378.14_PAR_Y"],
        "gene_name": ["DEFB125", "DEFB126", "PLCXD1", "PLCXD1"],
    }
)
MOUSE = pl.DataFrame({"gene_id": ["ENSMUSG00000051951.5", "ENSMUSG00000025902.13"], "gene_name": ["Xkr4", "Sox17"]})
RSEM_ENCODE = (
    "length effective_length expected_count TPM FPKM posterior_mean_count "
    "posterior_standard_deviation_of_count pme_TPM pme_FPKM TPM_ci_lower_bound TPM_ci_upper_bound "
    "FPKM_ci_lower_bound FPKM_ci_upper_bound"
)
REST = "0.00 0.00 1.5 1.2 0.1 2 0.1 2"

RSEM_GENES = f"""gene_id transcript_id(s) {RSEM_ENCODE}
10904 10904 93.00 0.00 0.00 0.00 0.00 {REST}
ENSG00000125788.5 ENST00000382398.3,ENST00000542572.1 531.50 431.5 41.00 2.25 1.80 {REST}
ENSG00000178591.6 ENST00000382410.2 1106.00 1006.00 12.00 0.50 0.40 {REST}
ENSG00000182378.14 ENST00000381657.7 2091.00 1991.00 312.00 7.00 5.50 {REST}
ENSG00000182378.14_PAR_Y ENST00000381657.7_PAR_Y 2091.00 1991.00 0.00 0.00 0.00 {REST}
ENSG00000000003.14 ENST00000373020.8 2206.00 2106.00 3.00 0.10 0.08 {REST}
"""

RSEM_ISOFORMS = f"""transcript_id gene_id {RSEM_ENCODE.replace("FPKM posterior", "FPKM IsoPct posterior", 1)}
10904 10904 93 0.00 0.00 0.00 0.00 0.00 {REST}
ENST00000382398.3 ENSG00000125788.5 608 508.0 30.00 2.00 1.60 88.90 {REST}
ENST00000542572.1 ENSG00000125788.5 455 355.0 11.00 0.25 0.20 11.10 {REST}
ENST00000382410.2 ENSG00000178591.6 1106 1006.0 12.00 0.50 0.40 100.00 {REST}
ENST00000381657.7 ENSG00000182378.14 2091 1991.0 312.00 7.00 5.50 100.00 {REST}
ENST00000381657.7_PAR_Y ENSG00000182378.14_PAR_Y 2091 1991.0 0.00 0.00 0.00 0.00 {REST}
"""

KALLISTO_BARE = """target_id length eff_length est_counts tpm
ENST00000382398.3 608 459.1 30 2
ENST00000542572.1 455 306.2 11 0.25
ENST00000382410.2 1106 957.1 12 0.5
ENST00000381657.7 2091 1942 312 7
ENST00000381657.7_PAR_Y 2091 1942 0 0
"""
TRANSCRIPTS = {  # of each transcript its gene
    "ENST00000382398.3": "ENSG00000125788.5",
    "ENST00000542572.1": "ENSG00000125788.5",
    "ENST00000382410.2": "ENSG00000178591.6",
    "ENST00000381657.7": "ENSG00000182378.14",
    "ENST00000381657.7_PAR_Y": "ENSG00000182378.14_PAR_Y",
}
# ENCODE's human transcript quantifications: kallisto's five columns under the long names of GENCODE's FASTA, spike-ins
KALLISTO_GENCODE = re.sub(
    r"(?m)^(ENST\S+)",
    lambda name: f"{name[0]}|{TRANSCRIPTS[name[0]]}|OTTHUMG00000031615.2|-|NAME-201|NAME|608|protein_coding|",
    KALLISTO_BARE + "gSpikein_ERCC-00002 1061 912.1 841 30.5\n",
)

SALMON = """Name Length EffectiveLength TPM NumReads
ENST00000382398.3 608 459.100 2.000000 30.000
ENST00000542572.1 455 306.200 0.250000 11.000
ENST00000382410.2 1106 957.100 0.500000 12.000
ENST00000381657.7 2091 1942.000 7.000000 312.000
ENST00000381657.7_PAR_Y 2091 1942.000 0.000000 0.000
"""

SALMON_GENES = """Name Length EffectiveLength TPM NumReads
ENSG00000125788.5 531.5 382.6 2.25 41
ENSG00000178591.6 1106 957.1 0.5 12
ENSG00000182378.14 2091 1942 7 312
ENSG00000182378.14_PAR_Y 2091 1942 0 0
"""

FEATURE_COUNTS = """# Program:featureCounts v2.0.6; Command:"featureCounts" "-a" "genes.gtf" "K562.bam"
Geneid Chr Start End Strand Length K562.bam
ENSG00000125788.5 chr20;chr20 142369;145415 142634;145751 +;+ 1000 45
ENSG00000178591.6 chr20;chr20 87250;96005 87359;97094 +;+ 1000 10
ENSG00000182378.14 chrX 276322 303356 + 2000 280
ENSG00000182378.14_PAR_Y chrY 276322 303356 + 2000 0
ENSG00000000003.14 chrX 100627109 100639991 - 500 2402.5
"""

WIDE = """gene_id gene_name chrom start end strand tss_5p TPM_K562 TPM_HeLa haystack
ENSG00000125788.5 DEFB126 chr20 142369 145751 + 142369 2.25 9 1
ENSG00000178591.6 DEFB125 chr20 87250 97094 + 87250 0.5 NA 0
ENSG00000182378.14 PLCXD1 chrX 276322 303356 + 276322 7 NA 0
ENSGR0000182378.14 PLCXD1 chrY 276322 303356 + 276322 0 NA 0
"""

SYMBOLS = "DEFB126 2.25\nDEFB125 0.5\nTSPAN6 0.03\n"
COMMAS = '"gene_id","gene_name","TPM"\n"ENSG00000125788","DEFB126, the first",2.25\n"ENSG00000178591","DEFB125",0.5\n'


def gtf(folder: Path) -> Path:
    path = folder / "genes.gtf.gz"
    line = 'chr20\tHAVANA\ttranscript\t1\t9\t.\t+\t.\tgene_id "{1}"; transcript_id "{0}"; gene_type "protein_coding";\n'
    text = "##provider: GENCODE\n" + "".join(line.format(*names) for names in TRANSCRIPTS.items())
    path.write_bytes(gzip.compress(text.encode()))
    return path


def read(folder: Path, text: str, column: str | None = None, genes: pl.DataFrame = GENES, zipped: bool = False):
    """The values of a table given with spaces for tabs."""
    path = folder / ("table.tsv.gz" if zipped else "table.tsv")
    data = "".join(f"{row}\n" if row[0] in '#"' else row.replace(" ", "\t") + "\n" for row in text.splitlines())
    path.write_bytes(gzip.compress(data.encode()) if zipped else data.encode())
    return quantifications.read_values(genes, path, column, gtf(folder))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("form", "column", "text"),
    [
        ("RSEM genes", "TPM", RSEM_GENES),
        ("RSEM isoforms", "TPM", RSEM_ISOFORMS),
        ("kallisto transcripts", "tpm", KALLISTO_GENCODE),
        ("kallisto transcripts", "tpm", KALLISTO_BARE),
        ("Salmon transcripts", "TPM", SALMON),
        ("Salmon genes", "TPM", SALMON_GENES),
        ("table of genes", "TPM_K562", WIDE),
    ],
)
def test_every_program_gives_the_same_tpm(tmp_path: Path, form: str, column: str, text: str, zipped: bool) -> None:
    found = read(tmp_path, text, column if form.startswith("table") else None, zipped=zipped)
    assert (found.format, found.column) == (form, column)
    assert found.values.to_list() == [0.5, 2.25, 7, 0]  # the twin on chrY stays apart from the gene on chrX


def test_feature_counts_become_tpm_by_their_lengths(tmp_path: Path) -> None:
    found = read(tmp_path, FEATURE_COUNTS)
    assert (found.format, found.column) == ("featureCounts", "K562.bam")
    assert found.values.to_list() == [pytest.approx(value * 1000) for value in (2, 9, 28, 0)]


def test_a_column_that_is_not_tpm_can_be_asked_for(tmp_path: Path) -> None:
    assert read(tmp_path, RSEM_GENES, "pme_TPM").column == "pme_TPM"
    assert read(tmp_path, RSEM_GENES, "FPKM").values.to_list() == [0.4, 1.8, 5.5, 0]


def test_mouse_transcripts_are_summed_to_their_genes(tmp_path: Path) -> None:
    rows = [
        "transcript_id gene_id length effective_length expected_count TPM FPKM IsoPct",
        "ENSMUST00000162897.1 ENSMUSG00000051951.5 4153 4000 2 0.25 0.2 60",
        "ENSMUST00000159265.1 ENSMUSG00000051951.5 2989 2800 1 0.5 0.1 40",
        "ENSMUST00000027035.9 ENSMUSG00000025902.13 3127 3000 9 4 3 100",
    ]
    assert read(tmp_path, "\n".join(rows), genes=MOUSE).values.to_list() == [0.75, 4]


def test_tables_without_ids_go_by_symbol(tmp_path: Path) -> None:
    found = read(tmp_path, SYMBOLS)
    assert (found.format, found.values.to_list()) == ("two columns", [0.5, 2.25, None, None])


def test_commas_and_quotes_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, COMMAS)
    assert (found.column, found.values.to_list()) == ("TPM", [0.5, 2.25, None, None])


def test_an_unknown_header_is_told_with_its_columns(tmp_path: Path) -> None:
    header = " ".join(["probe", "set", *(f"array{number}" for number in range(20))])
    with pytest.raises(InputError, match=r"no known header \(its columns are probe, set, array0, .* and 10 more\)"):
        read(tmp_path, f"{header}\n" + " ".join(["1007_s_at"] * 22))
    with pytest.raises(InputError, match="2 columns are needed, separated by tabs or commas, found 'TSPAN6'"):
        read(tmp_path, "TSPAN6\nTNMD")
