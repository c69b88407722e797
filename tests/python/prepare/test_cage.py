"""CAGE signal at TSSs: strand, window and every kind of file."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pybigtools
import pysam
import pytest

from crexpress.core.errors import InputError
from crexpress.prepare import cage, expression, genes, quantifications

GENES = pl.DataFrame(
    {
        "gene_id": ["A", "B", "C", "D"],
        "chrom": ["chr1", "chr1", "chr2", "chrX"],
        "strand": ["+", "-", "+", "+"],
        "tss": [1000, 1000, 5000, 10],
    }
)
# position, strand and number of tags on chr1; the window of a TSS at 1000 is [808, 1192)
TAGS = [(807, "+", 9), (808, "+", 1), (1191, "+", 2), (1192, "+", 9), (900, "-", 4), (1300, "-", 5)]
EXPECTED = [3, 4, 0, None]  # 0 where CAGE looked and saw nothing, null where the file has no such chromosome


def table(folder: Path, *lines: str, name: str = "cage.bed") -> Path:
    path = folder / name
    path.write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n")
    return path


def as_bed(folder: Path) -> Path:
    lines = [f"chr1 {place} {place + 1} x {count} {strand}" for place, strand, count in TAGS]
    return table(folder, *lines, "chr2 1 2 x 6 +")


def as_ctss(folder: Path) -> Path:
    lines = [f"chr1 {place + 1} {strand} {count}" for place, strand, count in TAGS]
    return table(folder, *lines, "chr2 2 + 6", name="cage.ctss")


def as_bam(folder: Path) -> Path:
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": name, "LN": 9000} for name in ("chr1", "chr2")]}
    path = folder / "cage.bam"
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for chrom, (place, strand, count) in [*((0, tag) for tag in TAGS), (1, (1, "+", 6))]:
            for flag in [16 * (strand == "-")] * count + [256]:  # and one secondary alignment, which is not a tag
                read = pysam.AlignedSegment()
                read.query_name, read.query_sequence, read.flag = "r", "A" * 25, flag
                read.reference_id, read.cigarstring, read.mapping_quality = chrom, "25M", 30
                read.reference_start = place - 24 if flag == 16 else place
                file.write(read)
    return path


@pytest.mark.parametrize("write", [as_bed, as_ctss])
def test_tables_are_summed_on_the_strand_within_384_bp(tmp_path: Path, write: object) -> None:
    assert cage.at_genes(GENES, write(tmp_path)).to_list() == EXPECTED  # type: ignore[operator]


@pytest.mark.parametrize("write", [as_bed, as_ctss])
def test_tables_can_be_scaled_to_a_million(tmp_path: Path, write: object) -> None:
    found = cage.at_genes(GENES, write(tmp_path), per_million=True).to_list()  # type: ignore[operator]
    assert found == [pytest.approx(3e6 / 36), pytest.approx(4e6 / 36), 0, None]


def test_bam_counts_five_prime_ends_per_million(tmp_path: Path) -> None:
    found = cage.at_genes(GENES, as_bam(tmp_path)).to_list()
    assert found == [pytest.approx(3e6 / 36), pytest.approx(4e6 / 36), 0, None]


def test_bigwigs_measure_the_genes_on_their_strand(tmp_path: Path) -> None:
    for strand, sign in (("+", 1), ("-", -1)):  # a minus strand file often has negative values
        values = sorted((place, place + 1, float(sign * count)) for place, of, count in TAGS if of == strand)
        writer = pybigtools.open(str(tmp_path / f"cage{strand}.bw"), "w")
        writer.write({"chr1": 9000, "chr2": 9000}, iter(("chr1", *value) for value in values))
    pair = [(tmp_path / f"cage{strand}.bw", strand) for strand in "+-"]
    assert cage.at_genes(GENES, *pair[0]).to_list()[:2] == [3, None]
    together = expression.combine(GENES, expression.quantify_cage(GENES, pair))
    assert together["value"].to_list()[:2] == EXPECTED[:2]
    with pytest.raises(InputError, match="say the strand"):
        cage.at_genes(GENES, pair[0][0])
    with pytest.raises(InputError, match="one strand only"):
        cage.at_genes(GENES, *pair[0], per_million=True)


# K562-CAGE-Peaks of ENCODE's TSS annotation: the score is no expression, column 11 holds the TPM
PEAKS = [
    "chr1 629904 629938 hg38::chr1:629904..629938,+;hg_223433.1 241 + 629904 629938 255,0,0 629928 9.5",
    "chr1 633532 633561 hg19::chr1:568912..568941,+;hg_12.1 133 + 633532 633561 255,0,0 633535 3.5",
    "chr1 634007 634029 hg38::chr1:634007..634029,+;hg_223436.1 368 + 634007 634029 255,0,0 634028 31.2",
    "chr1 778605 778674 hg19::chr1:713985..714054,-;hg_9665.1 294 - 778605 778674 0,0,255 778632 15.6",
]


def test_peaks_of_encode_give_their_tpm_by_column_number(tmp_path: Path) -> None:
    around = pl.DataFrame({"chrom": "chr1", "tss": [633_900, 778_669, 778_669], "strand": ["+", "-", "+"]})
    path = table(tmp_path, *PEAKS)
    assert cage.at_genes(around, path, "11").to_list() == pytest.approx(
        [31.2, 15.6, 0]
    )  # 633,546 is 354 bp away, beyond 192
    assert cage.at_genes(around, path).to_list() == [368, 294, 0]


def test_a_table_of_genes_gives_its_named_cage_column(tmp_path: Path) -> None:
    path = table(tmp_path, "gene_id TPM CAGE_TPM", "A 7 2", "C 7 0", name="genes.tsv")
    named = GENES.with_columns(gene_name=pl.col("gene_id").str.to_lowercase())
    (read,) = expression.quantify_cage(named, [(path, "CAGE_TPM")])
    assert (read.values.to_list(), read.format) == ([2, None, 0, None], "table of genes")
    with pytest.raises(InputError, match="leave out --per-million"):
        expression.quantify_cage(named, [(path, "CAGE_TPM")], per_million=True)


def test_real_peaks_of_the_chr20_case() -> None:
    assets = Path(__file__).parents[3] / "assets"
    found = genes.read_genes(assets / "chr20/GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz")
    path = assets / "chr20/K562-CAGE-Peaks.TPM-1.hg38.chr20_0-10Mb.bed.gz"
    values = cage.at_genes(found, path)

    peaks = [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    expected = [
        sum(
            float(peak[4])
            for peak in peaks
            if peak[5] == strand and -192 <= (int(peak[1]) + int(peak[2])) // 2 - tss < 192
        )
        for tss, strand in found.select("tss", "strand").iter_rows()
    ]
    np.testing.assert_allclose(values, expected)

    # a table made otherwise: peaks of all strengths, within 500 bp of any TSS of the gene
    other = quantifications.read_values(
        found, assets / "k562/K562.gene_expression.GENCODE24_PC.tsv.gz", "CAGE_TPM"
    ).values
    assert np.corrcoef(np.log10(1 + values.to_numpy()), np.log10(1 + other.to_numpy()))[0, 1] > 0.8


def test_against_adding_up_every_entry(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    starts, lengths = random.integers(0, 9000, 300), random.integers(1, 60, 300)
    values, minus = random.integers(1, 99, 300), random.integers(0, 2, 300)
    rows = list(zip(starts.tolist(), (starts + lengths).tolist(), values.tolist(), minus.tolist(), strict=True))
    lines = [f"chr1 {start} {end} x 0 {'+-'[of]} . . . {value}" for start, end, value, of in rows]
    around = pl.DataFrame({"chrom": "chr1", "tss": random.integers(0, 9000, 40), "strand": ["+", "-"] * 20})
    expected = [
        sum(value for start, end, value, of in rows if "+-"[of] == strand and -192 <= (start + end) // 2 - tss < 192)
        for tss, strand in around.select("tss", "strand").rows()
    ]
    assert cage.at_genes(around, table(tmp_path, *lines), "10").to_list() == expected


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("chr1 1 2 a 5 .", None, "line 1: the strand must be"),
        ("chr1 1 2 a 5 +", "9", "no value column '9'"),
        ("chr1 1 2 a -5 +", None, "line 1: '-5' in column column_5"),
        ("chr1 0 + 5", None, "line 1: '0' is no 1-based position"),
        ("chr9 1 2 a 5 +", None, "shares no chromosome"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, line: str, column: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cage.at_genes(GENES, table(tmp_path, line), column)


def test_cut_off_bam_is_named(tmp_path: Path) -> None:
    path = as_bam(tmp_path)
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(InputError, match=r"cage\.bam is not a readable BAM"):
        cage.at_genes(GENES, path)
