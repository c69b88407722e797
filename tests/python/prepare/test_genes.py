"""Genes of GTF and BED files and the choice of their TSS."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crexpress.core.errors import InputError
from crexpress.formats import gene_files
from crexpress.prepare import genes


def gene(
    gene_id: str,
    start: int,
    end: int,
    strand: str = "+",
    chrom: str = "chr1",
    kind: str = "protein_coding",
    name: str = "",
) -> str:
    attributes = f'gene_id "{gene_id}"; gene_type "{kind}"; gene_name "{name or gene_id.lower()}";'
    return "\t".join([chrom, "TEST", "gene", str(start), str(end), ".", strand, ".", attributes])


def transcript(
    gene_id: str, start: int, end: int, strand: str = "+", chrom: str = "chr1", tags: tuple[str, ...] = ()
) -> str:
    tagged = "".join(f' tag "{tag}";' for tag in tags)
    attributes = f'gene_id "{gene_id}"; transcript_id "T{start}.{end}";{tagged}'
    return "\t".join([chrom, "TEST", "transcript", str(start), str(end), ".", strand, ".", attributes])


def gtf(folder: Path, *lines: str) -> Path:
    path = folder / "genes.gtf"
    path.write_text("\n".join(["##description: test", *lines]) + "\n")
    return path


def test_coordinates_become_zero_based(tmp_path: Path) -> None:
    path = gtf(tmp_path, gene("A", 101, 200), gene("B", 301, 400, "-"))
    frame = genes.read_genes(path, "gene")
    assert frame.columns == ["gene_id", "gene_name", "gene_type", "chrom", "start", "end", "strand", "tss"]
    assert frame.select("gene_id", "gene_name", "start", "end", "tss").rows() == [
        ("A", "a", 100, 200, 100),
        ("B", "b", 300, 400, 399),
    ]


def test_main_tss_is_where_most_transcripts_start(tmp_path: Path) -> None:
    plus = [
        gene("A", 1001, 9000),
        transcript("A", 1001, 9000),
        transcript("A", 5001, 9000),
        transcript("A", 5201, 9000),
    ]
    minus = [
        gene("B", 1001, 9000, "-"),
        *(transcript("B", 1001, end, "-") for end in (9000, 5000, 4800)),
    ]
    frame = genes.read_genes(gtf(tmp_path, *plus, *minus))
    assert dict(frame.select("gene_id", "tss").rows()) == {
        "A": 5000,
        "B": 4999,
    }  # of two equal ones the most 5'


def test_transcripts_250_bp_away_still_vote(tmp_path: Path) -> None:
    starts = (1, 5000, 5250, 8000, 8251)
    lines = [gene("A", 1, 9000), *(transcript("A", start, 9000) for start in starts)]
    assert genes.read_genes(gtf(tmp_path, *lines))["tss"].to_list() == [4999]


def test_only_basic_transcripts_vote_where_there_are_any(tmp_path: Path) -> None:
    lines = [gene("A", 1, 9000), transcript("A", 1, 9000, tags=("basic",))]
    lines += [transcript("A", start, 9000) for start in (5001, 5002, 5003)]
    assert genes.read_genes(gtf(tmp_path, *lines))["tss"].to_list() == [0]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from("+-"), st.lists(st.integers(1, 1500), min_size=1, max_size=8)),
        min_size=1,
        max_size=4,
    )
)
def test_main_tss_against_counting_by_hand(tmp_path: Path, drawn: list[tuple[str, list[int]]]) -> None:
    lines, expected = [], {}
    for number, (strand, sites) in enumerate(drawn):
        name = f"G{number}"
        lines.append(gene(name, 1, 2000, strand))
        lines += [
            transcript(name, site, 2000, strand) if strand == "+" else transcript(name, 1, site, strand)
            for site in sites
        ]
        ahead = 1 if strand == "+" else -1
        best = max(sites, key=lambda site: (sum(abs(site - other) <= 250 for other in sites), -ahead * site))
        expected[name] = best - 1
    frame = genes.read_genes(gtf(tmp_path, *lines))
    assert dict(frame.select("gene_id", "tss").rows()) == expected


def test_canonical_tss_prefers_mane_and_falls_back(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = gtf(
        tmp_path,
        gene("A", 1, 900),
        transcript("A", 1, 900, tags=("basic", "Ensembl_canonical")),
        transcript("A", 301, 900, tags=("basic", "MANE_Select")),
        gene("B", 1001, 1900),
        transcript("B", 1101, 1900),
        gene("C", 2001, 2900, "-"),
        transcript("C", 2001, 2800, "-", tags=("Ensembl_canonical",)),
    )
    frame = genes.read_genes(path, "canonical")
    assert dict(frame.select("gene_id", "tss").rows()) == {"A": 300, "B": 1100, "C": 2799}
    assert "1 genes without a canonical transcript" in capsys.readouterr().err


def test_rules_that_the_annotation_cannot_serve(tmp_path: Path) -> None:
    path = gtf(tmp_path, gene("A", 1, 900))
    with pytest.raises(InputError, match="no transcript lines"):
        genes.read_genes(path, "main")
    path = gtf(tmp_path, gene("A", 1, 900), transcript("A", 1, 900))
    with pytest.raises(InputError, match="no MANE_Select or Ensembl_canonical"):
        genes.read_genes(path, "canonical")


def test_filters_on_biotype_and_chromosome(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = gtf(
        tmp_path,
        gene("A", 1, 900, chrom="chr10"),
        gene("B", 1, 900, chrom="chr2"),
        gene("L", 1, 900, kind="lncRNA"),
        gene("Y", 1, 900, chrom="chrY"),
        gene("S", 1, 900, chrom="chr1_KI270706v1_random"),
    )
    assert genes.read_genes(path, "gene")["gene_id"].to_list() == ["B", "A"]
    assert "2 genes on excluded" in capsys.readouterr().err
    assert set(genes.read_genes(path, "gene", ["all"], [])["gene_id"]) == {"A", "B", "L", "Y"}
    assert len(genes.read_genes(path, "gene", ["protein_coding", "lncRNA"], [], scaffolds=True)) == 5
    with pytest.raises(InputError, match="no gene of type miRNA; it has lncRNA, protein_coding"):
        genes.read_genes(path, "gene", ["miRNA"])
    with pytest.raises(InputError, match="no gene is left"):
        genes.read_genes(path, "gene", exclude=["chr10", "chr2", "1", "Y"])


def test_a_mistyped_chromosome_does_not_pass(tmp_path: Path) -> None:
    path = gtf(tmp_path, gene("A", 1, 900), gene("B", 1, 900, chrom="chr2"))
    with pytest.raises(InputError, match=r"no chromosome 'chr22' to exclude in .*genes\.gtf; it has chr1, chr2"):
        genes.read_genes(path, "gene", exclude=["chrY", "chr22"])
    assert genes.read_genes(path, "gene", exclude=["2", "chr22"], known=["22"])["gene_id"].to_list() == ["A"]


@pytest.mark.parametrize("name", ["MT", "chrM", "M", "chrMT"])
def test_the_mitochondrion_is_left_out_however_it_is_spelt(tmp_path: Path, name: str) -> None:
    path = gtf(tmp_path, gene("A", 1, 900), gene("MT-ND1", 1, 900, chrom=name))
    assert genes.read_genes(path, "gene")["gene_id"].to_list() == ["A"]


def test_a_gene_on_an_excluded_chromosome_is_no_second_one(tmp_path: Path) -> None:
    """RefSeq and older GENCODE give a gene of the pseudoautosomal region one id on X and Y."""
    path = gtf(
        tmp_path,
        *(gene("P", 1001, 9000, chrom="chrX"), transcript("P", 1001, 9000, chrom="chrX")),
        gene("P", 1001, 9000, chrom="chrY"),
        *(transcript("P", start, 9000, chrom="chrY") for start in (5001, 5002)),
    )
    assert genes.read_genes(path).select("chrom", "tss").rows() == [("chrX", 1000)]
    with pytest.raises(InputError, match="lines 2 and 4 both are gene P"):
        genes.read_genes(path, exclude=[])


def test_genes_as_the_released_code_has_them(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = gtf(
        tmp_path,
        gene("A", 101, 200, name="twin"),
        gene("B", 301, 400, "-"),
        gene("N", 501, 600, name="twin", kind="lncRNA"),
        gene("C", 701, 800, name="twin"),
    )
    frame = genes.read_genes(path, "scpge-compat")
    assert frame.select("gene_id", "start", "end", "tss").rows() == [("B", 300, 400, 400), ("C", 700, 800, 701)]
    assert "1 genes are lost to a later one of the same name" in capsys.readouterr().err
    assert genes.read_genes(path, "gene").select("gene_id", "tss").rows() == [("A", 100), ("B", 399), ("C", 700)]


def test_listed_tss_go_before_the_rule(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    frame = genes.read_genes(
        gtf(tmp_path, gene("A.3", 101, 200), gene("B.1", 301, 400, "-"), gene("C.1", 501, 600)), "gene"
    )
    path = tmp_path / "own.bed"
    path.write_text("1\t549\t550\tB\t0\t-\n1\t149\t150\tA.7\t0\t+\n1\t9\t10\tZ\t0\t+\n")
    own = genes.at_listed_tss(frame, path)
    assert own.columns == frame.columns
    assert own.select("gene_id", "tss").rows() == [("A.3", 149), ("C.1", 500), ("B.1", 549)]
    assert "2 of 3 genes at their listed TSS" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"gene B\.1 ends at 549, behind the end"):
        genes.on_chromosomes(own.filter(pl.col("gene_id") == "B.1"), {"chr1": 548}, "a.gtf")
    path.write_text("1\t549\t550\tB\t0\t-\n1\t149\t150\tA.7\t0\t+\n1\t20549\t20550\tC\t0\t+\n")
    genes.at_listed_tss(frame, path)
    said = capsys.readouterr().err
    assert f"warning: {path} line 3: the TSS of C" in said
    assert "1 of 3" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1\t1\t2\tA\t0\t+\nchr1\t5\t6\tA\t0\t+\n", "line 2: gene A is listed twice"),
        ("chr2\t1\t2\tB\t0\t+\nchr1\t5\t6\tA\t0\t-\n", "line 2: gene A is on another chromosome or strand"),
        ("chr2\t1\t2\tA\t0\t+\n", r"line 1: gene A is on another chromosome or strand than .* \(chr1 \+\)"),
        ("chr1\t1\t2\tX\t0\t+\n", "has none of the genes"),
        ("chr1\t1\t2\n", "line 1: 6 tab-separated columns"),
    ],
)
def test_lists_of_tss_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    frame = genes.read_genes(gtf(tmp_path, gene("A", 101, 200), gene("B", 1, 9, chrom="chr2")), "gene")
    (tmp_path / "own.bed").write_text(text)
    with pytest.raises(InputError, match=message):
        genes.at_listed_tss(frame, tmp_path / "own.bed")


def test_a_list_of_tss_of_another_build_is_refused(tmp_path: Path) -> None:
    frame = genes.read_genes(gtf(tmp_path, *(gene(f"G{at}", at, at + 99) for at in range(101, 1301, 100))), "gene")
    lines = [f"chr1\t{at + 30_000}\t{at + 30_001}\tG{at}\t0\t+\n" for at in range(101, 1301, 100)]
    (tmp_path / "own.bed").write_text("".join(lines))
    with pytest.raises(InputError, match=r"line 1: the TSS of G101 is 30,101, over 10 kb outside .* as are 12 of 12"):
        genes.at_listed_tss(frame, tmp_path / "own.bed")
    (tmp_path / "own.bed").write_text("".join(lines[:3]))  # so few may be meant
    assert genes.at_listed_tss(frame, tmp_path / "own.bed")["tss"].to_list()[-3:] == [30_101, 30_201, 30_301]


def test_ensembl_gtf(tmp_path: Path) -> None:
    line = '1\tensembl\tgene\t11\t90\t.\t+\t.\tgene_id "ENSG01"; gene_biotype "protein_coding";'
    frame = genes.read_genes(gtf(tmp_path, line), "gene")
    assert frame.select("gene_id", "gene_name", "chrom").rows() == [("ENSG01", "ENSG01", "1")]


def test_bad_annotations_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lines 2 and 4 both are gene A"):
        genes.read_genes(gtf(tmp_path, gene("A", 1, 9), gene("B", 1, 9), gene("A", 11, 19)), "gene")
    with pytest.raises(InputError, match="line 3: a gene or transcript needs"):
        genes.read_genes(gtf(tmp_path, gene("A", 1, 9), gene("B", 20, 9)), "gene")
    with pytest.raises(InputError, match="no gene has a strand"):
        genes.read_genes(gtf(tmp_path, gene("A", 1, 9, strand=".")), "gene")
    with pytest.raises(InputError, match="not a GTF"):
        genes.read_genes(gtf(tmp_path, "chr1\tx\tgene\t1\t9\t.\t+\t.\tID=gene1;Name=A"), "gene")


def test_bed_of_genes_gives_tss_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "genes.bed"
    path.write_text("chr1\t500\t501\tB\t0\t-\nchr1\t100\t200\tA\t0\t+\n")
    frame = genes.read_genes(path)
    assert frame.select("gene_id", "gene_name", "tss").rows() == [("A", "A", 100), ("B", "B", 500)]
    with pytest.raises(InputError, match="rule 'canonical' needs a GTF"):
        genes.read_genes(path, "canonical")
    path.write_text("chr1\t100\t200\tA\t0\t+\tSYMB\tlncRNA\nchr1\t1\t2\tB\t0\t+\tSYMC\tprotein_coding\n")
    assert genes.read_genes(path)["gene_name"].to_list() == ["SYMC"]


def test_genes_take_the_names_and_limits_of_the_genome(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    lines = [gene("A", 1, 900, chrom="1"), gene("B", 1, 900, chrom="2")]
    frame = genes.read_genes(gtf(tmp_path, *lines), "gene")
    assert genes.on_chromosomes(frame, {"chr1": 900}, "a.gtf")["chrom"].to_list() == ["chr1"]
    assert "1 genes on chromosomes that the genome lacks left out (2)" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"gene A ends at 900, behind the end of chr1 \(899 bp\)"):
        genes.on_chromosomes(frame, {"chr1": 899}, "a.gtf")


def test_transcripts_name_their_gene(tmp_path: Path) -> None:
    path = gtf(tmp_path, gene("A", 1, 900), transcript("A", 1, 900), transcript("A", 5, 900))
    assert gene_files.read_transcripts(path).rows() == [("T1.900", "A"), ("T5.900", "A")]


def test_digest_follows_the_tss(tmp_path: Path) -> None:
    frame = genes.read_genes(gtf(tmp_path, gene("A", 1, 900), transcript("A", 301, 900)), "gene")
    other = genes.read_genes(gtf(tmp_path, gene("A", 1, 900), transcript("A", 301, 900)), "main")
    assert genes.gene_digest(frame) != genes.gene_digest(other)
