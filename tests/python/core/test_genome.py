"""Chromosome names and sizes, and text files that may be cut off."""

import gzip
import os
from pathlib import Path

import pybigtools
import pysam
import pytest

from crexpress.core import chromosome_names
from crexpress.core.errors import InputError
from crexpress.formats import genome_files, text_files


def bgzipped(path: Path, text: str) -> Path:
    with pysam.BGZFile(str(path), "w", None) as file:
        file.write(text.encode())
    return path


def test_text_is_read_plain_gzipped_and_bgzipped(tmp_path: Path) -> None:
    text = "# a comment\ntrack name=x\nchr1\t1\t2\n\nchr2\t3\t4\r\n"
    (tmp_path / "plain").write_text(text)
    (tmp_path / "gz").write_bytes(gzip.compress(text.encode()))
    bgzipped(tmp_path / "bgz", text)
    for name in ("plain", "gz", "bgz"):
        lines = text_files.read_lines(tmp_path / name)
        assert lines["line"].to_list() == [3, 5]
        assert lines["text"].to_list() == ["chr1\t1\t2", "chr2\t3\t4"]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "bom.bed").write_text("chr1\t1\t2\n", encoding="utf-8-sig")
    assert text_files.read_intervals(tmp_path / "bom.bed")["chrom"].to_list() == ["chr1"]


def test_cut_off_gzip_is_named(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"chr1\t{i}\t{i + 7}\n" for i in range(5000)).encode())
    (tmp_path / "cut.bed.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.bed\.gz is cut off"):
        text_files.read_lines(tmp_path / "cut.bed.gz")


def test_bgzip_cut_between_blocks_is_noticed(tmp_path: Path) -> None:
    whole = bgzipped(tmp_path / "whole.gz", "chr1\t1\t2\n" * 20000).read_bytes()
    second = whole.index(b"\x1f\x8b\x08\x04", 100)
    (tmp_path / "cut.gz").write_bytes(whole[:second])
    assert gzip.decompress(whole[:second])  # gzip alone finds nothing wrong
    with pytest.raises(InputError, match="no closing bgzip block"):
        text_files.read_lines(tmp_path / "cut.gz")


def test_binary_and_empty_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    (tmp_path / "empty").write_text("# nothing\n")
    with pytest.raises(InputError, match="not a text file"):
        text_files.read_lines(tmp_path / "binary")
    with pytest.raises(InputError, match="holds no line"):
        text_files.read_lines(tmp_path / "empty")


@pytest.mark.parametrize("bad", ["chr1\t-5\t20", "chr1\t30\t20", "chr1\t20\t20", "chr1\tx\t20", "chr1\t\t20"])
def test_bad_interval_names_file_and_line(tmp_path: Path, bad: str) -> None:
    (tmp_path / "a.bed").write_text(f"# head\nchr1\t1\t2\n{bad}\n")
    with pytest.raises(InputError, match=r"a\.bed line 3"):
        text_files.read_intervals(tmp_path / "a.bed")


def test_short_line_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.bed").write_text("chr1\t1\t2\nchr1 5 6\n")
    with pytest.raises(InputError, match=r"a\.bed line 2: 3 tab-separated columns"):
        text_files.read_intervals(tmp_path / "a.bed")


def test_sizes_are_the_same_from_every_source(tmp_path: Path) -> None:
    fasta = tmp_path / "a.fa"
    fasta.write_text(">chr2 second\nACGT\nAC\n>chr10\nACG\n")
    expected = {"chr2": 6, "chr10": 3}
    assert genome_files.chromosome_sizes(fasta) == expected
    assert not (tmp_path / "a.fa.fai").exists()  # nothing is written beside the user's file
    pysam.faidx(str(fasta))
    assert genome_files.chromosome_sizes(fasta) == expected
    assert genome_files.chromosome_sizes(tmp_path / "a.fa.fai") == expected
    assert genome_files.chromosome_sizes(bgzipped(tmp_path / "b.fa.gz", fasta.read_text())) == expected
    (tmp_path / "c.fa.gz").write_bytes(gzip.compress(fasta.read_bytes()))
    assert genome_files.chromosome_sizes(tmp_path / "c.fa.gz") == expected
    (tmp_path / "chrom.sizes").write_text("chr2\t6\nchr10\t3\n")
    assert genome_files.chromosome_sizes(tmp_path / "chrom.sizes") == expected
    writer = pybigtools.open(str(tmp_path / "a.bw"), "w")
    writer.write(expected, iter([("chr2", 0, 3, 1.0), ("chr10", 1, 2, 2.0)]))
    assert genome_files.chromosome_sizes(tmp_path / "a.bw") == expected


def test_bad_sizes_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.sizes").write_text("chr1\t100\nchr2\tlong\n")
    with pytest.raises(InputError, match=r"a\.sizes line 2: 'long'"):
        genome_files.chromosome_sizes(tmp_path / "a.sizes")
    (tmp_path / "b.sizes").write_text("chr1\t100\nchr1\t100\n")
    with pytest.raises(InputError, match="chr1 twice"):
        genome_files.chromosome_sizes(tmp_path / "b.sizes")
    (tmp_path / "c.bw").write_bytes(b"not a bigWig at all")
    with pytest.raises(InputError, match="not a readable bigWig"):
        genome_files.chromosome_sizes(tmp_path / "c.bw")
    (tmp_path / "d.fa.gz").write_bytes(gzip.compress(b">chr1\nACGT\n")[:-9])
    with pytest.raises(InputError, match=r"d\.fa\.gz is cut off"):
        genome_files.chromosome_sizes(tmp_path / "d.fa.gz")
    (tmp_path / "e.fa").write_text("not a FASTA\n")
    with pytest.raises(InputError, match=r"e\.fa is not a FASTA"):
        genome_files.chromosome_sizes(tmp_path / "e.fa")


def test_natural_order() -> None:
    names = ["chrX", "chr10", "chr2", "chrM", "chr1", "chrY", "chrUn_KI270302v1", "chr2"]
    assert chromosome_names.natural_order(names) == [
        *("chr1", "chr2", "chr10", "chrX", "chrY", "chrM", "chrUn_KI270302v1"),
    ]


@pytest.mark.parametrize("name", ["chr1", "22", "chrX", "Y", "MT", "chrM", "2L", "chrIV"])
def test_whole_chromosomes_are_canonical(name: str) -> None:
    assert chromosome_names.is_canonical(name)


@pytest.mark.parametrize("name", ["chr1_KI270706v1_random", "chrUn_GL000195v1", "GL000009.2", "chrEBV", "HLA-A*01"])
def test_scaffolds_are_not_canonical(name: str) -> None:
    assert not chromosome_names.is_canonical(name)


def test_usable_chromosomes() -> None:
    names = ["Y", "2", "1", "KI270728.1"]
    assert chromosome_names.usable(names, ["chrY"]) == ["1", "2"]
    assert chromosome_names.usable(names, [], scaffolds=True) == ["1", "2", "Y", "KI270728.1"]


def test_names_that_agree_are_kept(capsys: pytest.CaptureFixture) -> None:
    assert chromosome_names.reconcile(["chr1", "chrUn"], ["chr1", "chr2"], "a.bed") == {"chr1": "chr1"}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("ours", "theirs"), [(["1", "X"], ["chr1", "chrX"]), (["chr1", "chrX"], ["1", "X"])])
def test_the_other_spelling_is_taken_and_told(
    ours: list[str], theirs: list[str], capsys: pytest.CaptureFixture
) -> None:
    assert chromosome_names.reconcile(ours, theirs, "a.bed") == dict(zip(ours, theirs, strict=True))
    assert "a.bed" in capsys.readouterr().err


def test_unclear_names_are_refused() -> None:
    with pytest.raises(InputError, match="both 1 and chr1"):
        chromosome_names.reconcile(["1", "chr1"], ["chr1"], "a.bed")
    with pytest.raises(InputError, match="spells chr1 as the other input does and 2 otherwise"):
        chromosome_names.reconcile(["chr1", "2"], ["chr1", "chr2"], "a.bed")
    assert chromosome_names.reconcile(["1", "MT"], ["chr1", "chrM"], "a.bed") == {"1": "chr1"}  # hg19's chrM is not MT
    with pytest.raises(InputError, match="shares no chromosome"):
        chromosome_names.reconcile(["NC_000001.11"], ["chr1"], "a.bed")


def test_another_build_is_refused() -> None:
    chromosome_names.require_same_build({"chr1": 100, "chr7": 5}, {"chr1": 100, "chr2": None}, "a.bw")
    with pytest.raises(InputError, match=r"a\.bw: chr1 is 99 bp long here but 100 bp"):
        chromosome_names.require_same_build({"chr1": 99}, {"chr1": 100}, "a.bw")


@pytest.mark.parametrize("name", ["a.fa", "a.fa.gz"])
@pytest.mark.parametrize("stale", ["older", "another"])
def test_an_index_of_another_file_is_not_used(
    tmp_path: Path, name: str, stale: str, capsys: pytest.CaptureFixture
) -> None:
    """A genome that was replaced and its index not: htslib would read bases from the old places."""
    fasta, plain = tmp_path / name, tmp_path / "plain.fa"

    def write(first: str, second: str) -> None:
        plain.write_text(f">chr1 one\n{first[:60]}\n{first[60:]}\n>chr2\n{second}\n")
        pysam.tabix_compress(str(plain), str(fasta), force=True) if name.endswith(".gz") else plain.rename(fasta)

    write("A" * 100, "C" * 30)
    pysam.faidx(str(fasta))
    with genome_files.open_fasta(fasta) as file:  # which fits is used
        assert file.fetch("chr2") == "C" * 30
    assert "older" not in capsys.readouterr().err
    write("A" * 90, "G" * 30 if stale == "older" else "G" * 40)
    for index in tmp_path.glob("a.fa*.*i"):
        changed = fasta.stat().st_mtime_ns + (-1 if stale == "older" else 10**9)
        os.utime(index, ns=(changed, changed))
    with genome_files.open_fasta(fasta) as file:
        assert file.fetch("chr2") == "G" * (30 if stale == "older" else 40)
    assert genome_files.chromosome_sizes(fasta) == {"chr1": 90, "chr2": 30 if stale == "older" else 40}
    assert f"{fasta}.fai is older than {fasta}, or of another file" in capsys.readouterr().err
