"""What users of other tools have reported, tried on ours; docs/reliability.md lists the reports by kind."""

import gzip
import os
from pathlib import Path

import numpy as np
import polars as pl
import pysam
import pytest

from crexpress.core.errors import InputError
from crexpress.formats import alignments, genome_files, loop_files, text_files
from crexpress.prepare import contacts, elements, expression, genes

GENES = pl.DataFrame({"gene_id": ["ENSG00000155304.5", "ENSG00000154721.14"], "gene_name": ["HSPA13", "JAM2"]})
GENE = 'chr21\tx\tgene\t{}\t.\t{}.\tgene_id "{}"; gene_type "protein_coding";\n'


@pytest.fixture
def file(tmp_path: Path):
    def write(content: str, name: str = "table.tsv") -> Path:
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return write


def read(path: Path, column: str | None = None) -> list[float | None]:
    return expression.read_values(GENES, path, column).values.to_list()


def test_blanks_behind_a_name(file) -> None:
    """griffithlab/VAtools 28"""
    assert read(file("gene_id\tTPM\nENSG00000155304 \t5.5\nENSG00000154721 \t6\n")) == [5.5, 6]


@pytest.mark.parametrize(
    "head", ["# gene_id\tTPM\treads\n", "#gene_id\tTPM\treads\n", "# made by x\n# v 1\ngene_id\tTPM\treads\n"]
)
def test_a_header_behind_hash_and_blank(file, head: str) -> None:
    """h2oai/datatable 3072"""
    assert read(file(head + "ENSG00000155304\t5.5\t1\nENSG00000154721\t6\t2\n"), "TPM") == [5.5, 6]


def test_an_apostrophe_is_no_quote(file) -> None:
    """biocore/qiime 996"""
    assert read(file("gene_id\tnote\tTPM\nENSG00000155304\tfoo's bar\t5.5\nENSG00000154721\tbaz\t6\n")) == [5.5, 6]


def test_a_bed_with_names_of_columns(file) -> None:
    """databio/gtars 121: a peak list from GEO; its last column is no class"""
    path = file("chr\tstart\tend\tpeak_signal\tChIP\tcondition\nchr1\t100\t200\t5.5\tH3K27ac\tINV\n", "peaks.bed")
    assert text_files.read_intervals(path).select("line", "start").rows() == [(2, 100)]
    assert elements.read_ccres([path], {"chr1": None})["class"].to_list() == ["cCRE"]


def test_fragments_behind_a_header(file) -> None:
    """aertslab/pycisTopic 12"""
    path = file("# id=CNAG_1\n#\n# primary_contig=chr1\nchr1\t10072\t10198\tTCGA-1\t1\n", "a.fragments.tsv")
    assert list(alignments.Coverage(path, "ends").lengths) == ["chr1"]


def test_pairs_with_commas(file) -> None:
    """aryeelab/hichipper 22"""
    found = loop_files.read_loops(file("chr10,100,200\tchr10,300,400\t1\nchr10,100,200\tchr10,500,600\t4\n"))
    assert found.table.select("start_1", "end_2", "count").rows() == [(100, 400, 1), (100, 600, 4)]
    with pytest.raises(InputError, match=r"line 2: 'chr10 500 90' is not a loop anchor"):
        loop_files.read_loops(file("chr10,100,200\tchr10,300,400\t1\nchr10,100,200\tchr10,500,90\t4\n"))
    with pytest.raises(InputError, match="4 columns are needed"):
        loop_files.read_loops(file("chr1\t1\t2\nchr1\t5\t6\n"))


def test_q_values_of_zero_are_as_strong_as_the_strongest(file) -> None:
    """ay-lab/FitHiChIP 60"""
    rows = "chr1\t0\t5000\tchr1\t50000\t55000\t9\t0\nchr1\t0\t5000\tchr1\t60000\t65000\t9\t1e-9\n"
    path = file("chr1\ts1\te1\tchr2\ts2\te2\tcc\tQ-Value_Bias\n" + rows)
    binned = contacts.bin_contacts([loop_files.read_loops(path)], [path], {"chr1": 100_000}, 5000)
    assert np.allclose(binned["neglog10q"], 9)


def test_a_line_of_a_gene_without_its_columns_is_counted(file, capsys: pytest.CaptureFixture) -> None:
    """deweylab/RSEM 84: FlyBase's file lacked the strand"""
    path = file(GENE.format("100\t900", "+\t", "A") + GENE.format("100\t900", "", "B"), "a.gtf")
    assert genes.read_genes(path, "gene")["gene_id"].to_list() == ["A"]
    assert "1 lines of genes that lack a column, or a gene_id, left out" in capsys.readouterr().err


def test_a_gene_that_ends_before_it_starts_is_named(file) -> None:
    """mhammell-laboratory/TEtranscripts 89"""
    path = file(GENE.format("100\t900", "+\t", "A") + GENE.format("955\t464", "-\t", "B"), "a.gtf")
    with pytest.raises(InputError, match="line 2: a gene or transcript needs a start before its end"):
        genes.read_genes(path, "gene")


def test_a_title_that_grew_moves_the_bases(file) -> None:
    """arq5x/bedtools2 228: the index was left in place"""
    path = file(">chr1\ncggggggggg\n>chr2\nAAATTTTTTTTTT\n", "t.fa")
    pysam.faidx(str(path))
    file(">chr1 ver 2.2.2.2.2\ncggggggggg\n>chr2\nAAATTTTTTTTTT\n", "t.fa")
    os.utime(path, ns=(0, 0))  # as where times were lost in copying
    with genome_files.open_fasta(path) as genome:
        assert genome.fetch("chr2", 2, 10) == "ATTTTTTT"


def test_an_index_of_a_genome_with_empty_lines_is_used(file, capsys: pytest.CaptureFixture) -> None:
    """mdshw5/pyfaidx 83 and 160: human_g1k_v37 has one between two sequences"""
    path = file(">MT\nCTCCG\nATAA\n\n>GL000207.1 dna\nTATTT\n\n\n>last\nAC\n\n", "t.fa")
    pysam.faidx(str(path))
    with genome_files.open_fasta(path) as genome:
        assert [genome.fetch(name) for name in genome.references] == ["CTCCGATAA", "TATTT", "AC"]
    assert "or of another file" not in capsys.readouterr().err


def test_a_genome_that_was_cut_off_does_not_fit_its_whole_index(file) -> None:
    """mdshw5/pyfaidx 102: the download of the genome was interrupted, that of the index was not"""
    path = file(">chr1\nACGT\nACGT\n>chr2\nAAAA\nCCCC\n", "t.fa")
    pysam.faidx(str(path))
    file(">chr1\nACGT\nACGT\n>chr2\nAA", "t.fa")
    os.utime(path, ns=(0, 0))
    assert genome_files.chromosome_sizes(path) == {"chr1": 8, "chr2": 2}


@pytest.mark.parametrize(
    "text",
    [
        "chr1 100 300 EH1 EH2 dELS\nchr1 900 1100 EH3 EH4 PLS\n",  # brentp/mosdepth 81, tleonardi/bedparse 13
        "chr1 100  300   EH1 EH2 dELS\nchr1  900 1100 EH3 EH4 PLS\n",  # samtools/samtools 142
        "chr \t start \t stop \t a \t b \t kind\nchr1 \t 100 \t 300 \t EH1 \t EH2 \t dELS\n"
        "chr1\t900\t1100 \tEH3\tEH4\tPLS\n",  # jmacdon/LDblocks_GRCh38 9, heathsc/gemBS 69
    ],
)
def test_a_bed_with_blanks_between_its_fields_or_beside_tabs(file, text: str) -> None:
    read = elements.read_ccres([file(text, "a.bed")], {"chr1": None})
    assert read.select("start", "end", "element_id", "class").rows() == [
        (100, 300, "EH2", "dELS"),
        (900, 1100, "EH4", "PLS"),
    ]


def test_blanks_in_a_field_of_a_bed_with_tabs_stay(file) -> None:
    path = file("chr1\t100\t300\ta name\nchr1\t400\t500\tother\n", "a.bed")
    assert text_files.read_intervals(path)["column_4"].to_list() == ["a name", "other"]
    with pytest.raises(InputError, match="line 2: 3 tab-separated columns are needed"):  # tabs in some lines alone
        text_files.read_intervals(file("chr1\t100\t300\nchr1 400 500\n", "b.bed"))


def test_a_list_of_gapped_peaks_behind_a_track_line(file) -> None:
    """macs3-project/MACS 362: blanks, and fifteen columns whose tenth is a number of blocks"""
    line = "chr1 818930 819140 r1 0 . 818930 819140 0 2 1,1 0,209 0.00000 0.00000 0.00000\n"
    path = file('track name="peak" description="peak" type=gappedPeak nextItemButton=on\n\n' + line, "a.gappedPeak")
    assert elements.read_ccres([path], {"chr1": None}).select("start", "class").rows() == [(818930, "cCRE")]


def test_a_peak_without_a_summit(file) -> None:
    """austintwang/finemo_gpu 44: -1 in the tenth column moves nothing, and is no class"""
    path = file("chr1\t100\t300\tp\t1000\t.\t5.5\t-1\t3.3\t-1\n", "a.narrowPeak")
    assert elements.read_ccres([path], {"chr1": None}).select("start", "end", "class").rows() == [(100, 300, "cCRE")]


def test_an_empty_line_between_comments(file) -> None:
    """fulcrumgenomics/pybedlite 1"""
    path = file("# some line\n#\t\t third line\n\n#\n# CHROM START END NAME\nchr5\t1\t500\n", "a.bed")
    assert text_files.read_intervals(path).select("line", "chrom", "start", "end").rows() == [(6, "chr5", 1, 500)]


def test_juicers_header_without_a_hash(file) -> None:
    """billgreenwald/pgltools 8"""
    head = "chr1\tx1\tx2\tchr2\ty1\ty2\tname\tscore\tstrand1\tstrand2\tcolor\tobserved\n"
    row = "chr10\t97990000\t97995000\tchr10\t98160000\t98165000\t.\t.\t.\t.\t0,0,0\t60\n"
    found = loop_files.read_loops(file(head + row, "a.bedpe")).table
    assert found.select("start_1", "end_2", "count").rows() == [(97990000, 98165000, 60)]


def test_genes_that_stringtie_lists_twice(file) -> None:
    """gpertea/stringtie 506 and 509 (a second line of zeros), 111, 202 and 382 (loci of one gene, to be summed)"""
    head = "Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM\n"
    zeros = "ENSG00000155304.5\tHSPA13\tchr21\t-\t1\t9\t{}\n"
    loci = "ENSG00000154721.14\tJAM2\tchr21\t+\t{}\t1.5\t0.5\t{}\n"
    rows = zeros.format("0.37\t0.068\t0.063986") + zeros.format("0.0\t0.0\t0.0")
    rows += loci.format("20\t40", "26.5") + loci.format("50\t90", "28.25")
    assert read(file(head + rows, "gene_abund.tab")) == [0.063986, 54.75]


def test_a_gct_of_one_column_more_than_its_head_says(file) -> None:
    """cmap/cmapR 23: the names tell which column is which; Victorian-Bioinformatics-Consortium/degust 28"""
    rows = "Name\tDescription\tA\tB\nENSG00000155304\tHSPA13\t5.5\t6.5\nENSG00000154721\tJAM2\t7.5\t8.5\n"
    assert read(file("#1.2\n2\t1\n" + rows, "a.gct"), "B") == [6.5, 8.5]


@pytest.mark.parametrize("head", ["#1.2\n\u00b2\tNAME\t14.5\n", "#1.2\nName\tDescription\tA\n", "#1.3\n9\n"])
def test_a_gct_that_does_not_say_how_large_it_is(file, head: str) -> None:
    """cmap/cmapR 69; the second was found by the fuzz"""
    with pytest.raises(InputError, match="line 2 should say how many rows and columns the GCT has"):
        read(file(head, "a.gct"))


def test_ucscs_genes_without_gene_lines(file) -> None:
    """NBISweden/GUESSmyLT 16"""
    line = 'chr1\tucsc\t{}\t{}\t{}\t0\t-\t.\tgene_id "NM_1"; transcript_id "NM_1";\n'
    parts = ("transcript", 101, 900), ("exon", 101, 300), ("5UTR", 880, 900), ("CDS", 151, 300), ("3UTR", 101, 150)
    path = file("".join(line.format(*part) for part in parts), "a.gtf")
    assert genes.read_genes(path).select("gene_id", "start", "end", "tss").rows() == [("NM_1", 100, 900, 899)]


def test_text_that_would_fill_the_memory(tmp_path: Path) -> None:
    """A bomb of gzip: a line without end, or lines without end."""
    path = tmp_path / "a.bed.gz"
    with gzip.open(path, "wb", 1) as out:
        for _ in range(70):
            out.write(b"0" * 1_000_000)
    with pytest.raises(InputError, match=r"line 1 is longer than 67,108,864 characters"):
        text_files.read_intervals(path)


def test_lines_that_would_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bed.gz"
    path.write_bytes(gzip.compress(b"chr1\t1\t2\n" * 300_000))
    assert len(text_files.read_intervals(path)) == 300_000  # no bomb by its size
    monkeypatch.setattr(text_files, "_LARGE", 2**20)
    with pytest.raises(InputError, match="unpacks to more than 300 times its size"):
        text_files.read_intervals(path)
