"""check-files: faults of tables and screens before a run starts, all at once, and what is a warning only."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tools import run

GTF = "".join(
    f"chr{1 + number % 2}\tx\tgene\t{10_000 * number + 1}\t{10_000 * number + 900}\t.\t+\t.\t"
    f'gene_id "ENSG{number:011}.2"; gene_type "protein_coding"; gene_name "GENE{number}";\n'
    for number in range(1, 21)
)
HEAD = "chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tCellType\tRegulated\n"


def screen(path: Path, *lines: str, cell: str = "K", positives: int = 12) -> Path:
    """Two dozen pairs on cCREs, the first regulated, and these `lines` before them."""
    rows = [
        f"chr1\t{1000 * number}\t{1000 * number + 100}\tGENE{1 + number % 20}\t{cell}\t{number < positives}"
        for number in range(24)
    ]
    path.write_text(HEAD + "".join("\t".join(line.split()) + "\n" for line in lines) + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Options that name an annotation and cCREs."""
    monkeypatch.chdir(tmp_path)
    Path("genes.gtf").write_text(GTF)
    Path("ccres.bed").write_text(
        "".join(f"chr1\t{1000 * i + 50}\t{1000 * i + 90}\n" for i in range(24)) + "chr2\t800000\t800200\n"
    )
    return ["--gtf", "genes.gtf", "--ccres", "ccres.bed", "--output", "warnings.txt"]


def check(files: list[Any], *options: Any) -> tuple[Result, str]:
    """The tool's result, and the warnings that it wrote."""
    Path("warnings.txt").unlink(missing_ok=True)
    result = run("check-files", *files, *options)
    return result, Path("warnings.txt").read_text() if Path("warnings.txt").exists() else ""


def test_sound_files_have_no_warning(files: list[Any]) -> None:
    Path("rna.tsv").write_text("gene_id\tTPM\tFPKM\n" + "".join(f"ENSG{n:011}\t{n}\t1\n" for n in range(1, 9)))
    tags = "".join(f"chr1\t{n}\t{n + 1}\tx\t3\t+\n" for n in range(9))
    Path("tags.bed").write_text(tags)
    Path("blanks.bed").write_text(tags.replace("\t", " "))
    tables = ["--table", "K", "rna", "rna.tsv:TPM"]
    tables += ["--table", "L", "cage", "tags.bed:5", "--table", "L", "cage", "blanks.bed:5"]
    result, warnings = check(files, *tables, "--crispr", screen(Path("s.tsv")), "--cells", "K,L")
    assert (result.exit_code, warnings) == (0, ""), result.stderr


def test_variants_of_another_build_are_told_before_anything_starts(files: list[Any]) -> None:
    """And not after training; chromosomes may be spelt otherwise, and an annotation may lack one."""
    Path("genome.fa").write_text(f">chr1\n{'ACGT' * 30}\n>chrUn\nACGT\n")
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n"
    for name, ref in (("sound", "A"), ("other", "C")):
        Path(f"{name}.vcf").write_text(head + "".join(f"1\t{at}\trs{at}\t{ref}\tT\n" for at in range(1, 40, 4)))
    Path("word.bed").write_text("chr1\t1\t5\tinvert\n")
    given = ["--fasta", "genome.fa", "--variants"]
    result, warnings = check(files, *given, "sound.vcf")
    assert (result.exit_code, warnings) == (0, ""), result.stderr
    result, _ = check(files, *given, "other.vcf", "--ask-genes", "NOBODY")
    assert result.exit_code == 65
    assert "the input files have 2 faults:" in result.stderr
    assert "genes asked for: there is no gene NOBODY" in result.stderr  # by --genes, as the pipeline calls it
    assert "--variants: other.vcf line 3 says C at chr1:1, where genome.fa has A; 10 of 10 reference" in result.stderr
    result, _ = check(files, *given, "word.bed")
    assert "1. --variants: word.bed line 1: 'invert' is no edit" in result.stderr
    assert check(files, "--variants", "sound.vcf")[0].exit_code == 2


def test_every_fault_comes_in_one_message(files: list[Any]) -> None:
    Path("rna.tsv").write_text("gene_id\tTPM\tFPKM\nENSG00000000001\t1\t2\n")
    Path("tags.bed").write_text("chr1\t5\t6\tx\t3\t+\n")
    Path("other.tsv").write_text("gene_id\tTPM\nFBgn1\t2\n")
    screen(Path("build.tsv"), cell="K")
    text = Path("build.tsv").read_text()
    Path("build.tsv").write_text(text.replace("chr1\t", "chr2\t"))
    Path("nocell.tsv").write_text(text.replace("CellType", "Lab"))
    Path("wrong.tsv").write_text("a\tb\n1\t2\n")
    tables = ["--table", "K", "rna", "rna.tsv:TMP", "--table", "L", "cage", "tags.bed:7"]
    tables += ["--table", "M", "rna", "other.tsv", "--table", "N", "rna", "rna.tsv"]
    screens = [part for name in ("build", "nocell", "wrong") for part in ("--crispr", f"{name}.tsv")]
    result, warnings = check(files, *tables, *screens, "--cells", "K,L")
    assert (result.exit_code, warnings) == (65, "")
    assert "the input files have 7 faults" in result.stderr
    for fault in (
        "K, rna: rna.tsv has no column 'TMP'; it has gene_id, TPM, FPKM",
        "L, cage: tags.bed has no value column '7'",
        "M, rna: other.tsv (table of genes): none of its genes is among the 20 genes of this run; its names are "
        "like FBgn1",
        "N, rna: rna.tsv has several value columns",
        "--crispr build: build, K: none of the 24 tested pairs overlaps a cCRE; the screen has chr2:0-100, the cCREs",
        "--crispr nocell: nocell.tsv has no column CellType; name its cell (K, L) with --crispr-cell",
        "--crispr wrong: wrong.tsv has no column chrom, chromStart, chromEnd, Regulated",
    ):
        assert fault in result.stderr, result.stderr


def test_what_a_run_can_do_without_is_a_warning(files: list[Any]) -> None:
    bad = "chr1 500 500 GENE1 K TRUE"
    screens = ["--crispr", screen(Path("mine.tsv"), bad), "--crispr", screen(Path("theirs.tsv"), cell="HeLa")]
    result, warnings = check(files, *screens, "--cells", "K,L")
    assert result.exit_code == 0, result.stderr
    mine, theirs = warnings.splitlines()
    assert mine.startswith("mine: 1 of 25 lines cannot be used and are left out: no interval")
    assert "theirs: no pair to score in K or L; its cells are HeLa" in theirs
    result, warnings = check(files, *screens[2:], "--cells", "K,L")
    assert (result.exit_code, warnings) == (65, "")  # nothing is left that could be scored
    assert "no screen can be scored. theirs: no pair to score in K or L; its cells are HeLa" in result.stderr


def test_an_assumed_cell_is_said_and_one_without_links(files: list[Any]) -> None:
    text = screen(Path("s.tsv")).read_text().replace("CellType", "Lab")
    Path("s.tsv").write_text(text)
    for chosen in (["--cells", "K"], ["--cells", "K,L", "--crispr-cell", "K"]):
        result, warnings = check(files, "--crispr", "s.tsv", *chosen)
        assert result.exit_code == 0, result.stderr
        assert warnings == "s: the screen names no cell (no column CellType); it is taken for one of K.\n"
    result, warnings = check(files, "--crispr", "s.tsv", "--cells", "L", "--crispr-cell", "K")
    assert result.exit_code == 0, result.stderr
    assert warnings.startswith("--crispr-cell: links are scored of L, not of K: screens tell what needs no model.\n")


def test_a_fit_needs_regulated_pairs_of_its_cell(files: list[Any]) -> None:
    options = ["--cells", "K", "--crispr-cell", "K", "--fit-links", "s"]
    assert check(files, "--crispr", screen(Path("s.tsv")), *options)[0].exit_code == 0
    result, _ = check(files, "--crispr", screen(Path("s.tsv"), positives=3), *options)
    assert result.exit_code == 65
    assert "--crispr s: it has 3 regulated pairs in K, and fit-links needs 10" in result.stderr


def test_a_screen_of_another_build_is_refused_by_its_tss_or_its_layout(files: list[Any]) -> None:
    """As hg19 beside hg38: every position 60 kb off, or a layout that is of hg19 beside an annotation of GRCh38."""
    rows = [line.split("\t") for line in screen(Path("s.tsv")).read_text().splitlines()]
    tss = {f"GENE{number}": 10_000 * number for number in range(1, 21)}
    for name, shift in (("same", 300), ("old", 60_000)):
        lines = [[*rows[0], "startTSS"], *([*row, str(tss[row[3]] + shift)] for row in rows[1:])]
        Path(f"{name}.tsv").write_text("\n".join("\t".join(line) for line in lines) + "\n")
    assert check(files, "--crispr", "same.tsv", "--cells", "K")[0].exit_code == 0
    result, warnings = check(files, "--crispr", "same.tsv", "--crispr", "old.tsv", "--cells", "K")
    assert (result.exit_code, warnings) == (65, "")
    told = "--crispr old: old.tsv: the TSSs of 100% of its genes lie more than 5 kb from this run's, as in another"
    assert told in result.stderr, result.stderr
    header = "chrPerturbationTarget\tstartPerturbationTarget\tendPerturbationTarget\tGeneSymbol\tCellType\tRegulated"
    Path("nasser.tsv").write_text("\n".join([header, *("\t".join(row) for row in rows[1:])]) + "\n")
    assert check(files, "--crispr", "nasser.tsv", "--cells", "K")[0].exit_code == 0  # nothing says what the run is of
    Path("sizes").write_text("chr1\t248956422\n")
    sized = check(files, "--crispr", "nasser.tsv", "--cells", "K", "--chrom-sizes", "sizes")[0]
    assert (sized.exit_code, "nasser.tsv is of hg19, this run of hg38" in sized.stderr) == (65, True)
    Path("genes.gtf").write_text(f"##description: the human genome (GRCh38), version 24\n{GTF}")
    result, _ = check(files, "--crispr", "nasser.tsv", "--cells", "K")
    assert result.exit_code == 65
    assert "--crispr nasser: nasser.tsv is of hg19, this run of hg38; give a table of hg38" in result.stderr
    Path("genes.gtf").write_text(f"##description: genome (GRCh38), version 45, mapped to GRCh37 with backmap\n{GTF}")
    assert check(files, "--crispr", "nasser.tsv", "--cells", "K")[0].exit_code == 0


def test_nothing_to_check_opens_nothing(files: list[Any]) -> None:
    Path("genes.gtf").write_text("no annotation\n")
    result, warnings = check(files, "--cells", "K")
    assert (result.exit_code, warnings) == (0, ""), result.stderr
