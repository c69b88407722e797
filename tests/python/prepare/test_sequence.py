"""Sequence codes of the windows from plain and bgzipped FASTA, and what is refused."""

import gzip

import numpy as np
import polars as pl
import pysam
import pytest

from crexpress.core.errors import InputError
from crexpress.prepare import sequence

CHROMOSOMES = {"chr1": "ACGTN" * 100 + "acgtrykm", "chr2": "TTTTT" + "G" * 45}
LENGTHS = {name: len(bases) for name, bases in CHROMOSOMES.items()}


def write_fasta(path, chromosomes=CHROMOSOMES):
    text = "".join(
        f">{name} a comment\n" + "\n".join(bases[i : i + 60] for i in range(0, len(bases), 60)) + "\n"
        for name, bases in chromosomes.items()
    )
    if path.suffix == ".gz":
        with pysam.BGZFile(str(path), "wb") as file:
            file.write(text.encode())
    else:
        path.write_text(text)
    return path


def extract(fasta, places, width=20, lengths=LENGTHS):
    chroms, starts = zip(*places, strict=True)
    elements = pl.DataFrame({"chrom": list(chroms), "start": list(starts)})
    out = np.full((len(elements), width), 9, np.uint8)
    sequence.extract(elements, lengths, fasta, out)
    return out


def text_of(codes):
    return "".join(np.array(list("ACGTN"))[codes])


@pytest.mark.parametrize("name", ["genome.fa", "genome.fa.gz"])
def test_windows_are_read_folded_and_padded(tmp_path, name):
    fasta = write_fasta(tmp_path / name)
    got = extract(fasta, [("chr2", 0), ("chr1", -15), ("chr1", 490), ("chr2", 35), ("chr1", 7)])
    assert [text_of(row) for row in got] == [
        "TTTTT" + "G" * 15,
        "N" * 15 + "ACGTN",
        "ACGTNACGTN" + "ACGTNNNN" + "NN",
        "G" * 15 + "NNNNN",
        "GTN" + "ACGTN" * 3 + "AC",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]  # no index is left beside the user's file


def test_pieces_do_not_change_the_codes(tmp_path, monkeypatch):
    fasta = write_fasta(tmp_path / "genome.fa")
    places = [("chr1", place) for place in range(-10, 500, 7)]
    whole = extract(fasta, places)
    monkeypatch.setattr(sequence, "_PIECE", 33)
    monkeypatch.setattr(sequence, "_ROWS", 5)
    assert np.array_equal(whole, extract(fasta, places))


def test_reverse_complement():
    assert text_of(sequence.reverse_complement(sequence.encode("AACgtN"))) == "NACGTT"


def test_missing_chromosome_is_refused(tmp_path):
    fasta = write_fasta(tmp_path / "genome.fa", {"chr1": CHROMOSOMES["chr1"]})
    with pytest.raises(InputError, match=r"genome\.fa has no sequence for chr2"):
        extract(fasta, [("chr1", 0), ("chr2", 0)])


def test_other_genome_build_is_refused(tmp_path):
    fasta = write_fasta(tmp_path / "genome.fa")
    with pytest.raises(InputError, match="another genome build"):
        extract(fasta, [("chr1", 0)], lengths={"chr1": 600, "chr2": 50})
    with pytest.raises(InputError, match="same genome build"):
        extract(fasta, [("chr1", 700)], lengths={"chr1": None})


def test_gzip_as_ucsc_and_encode_have_it_is_read(tmp_path):
    plain = write_fasta(tmp_path / "genome.fa")
    zipped = tmp_path / "zipped.fa.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    places = [("chr1", 7), ("chr2", -3)]
    np.testing.assert_array_equal(extract(zipped, places), extract(plain, places))


def test_a_full_disk_while_unpacking_is_said(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    (tmp_path / "a.fa.gz").write_bytes(gzip.compress(b">chr1\nACGT\n"))
    with pytest.raises(InputError, match=r"cannot be unpacked .*No space left on device.*set TMPDIR"):
        extract(tmp_path / "a.fa.gz", [("chr1", 0)])


def test_files_that_cannot_be_indexed_are_refused(tmp_path):
    (tmp_path / "b.fa").write_text("chr1\t0\t100\n")
    with pytest.raises(InputError, match="not a FASTA that can be indexed"):
        extract(tmp_path / "b.fa", [("chr1", 0)])


def test_truncated_bgzip_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    bases = "".join(rng.choice(list("ACGT"), 300_000))
    fasta = write_fasta(tmp_path / "genome.fa.gz", {"chr1": bases})
    pysam.faidx(str(fasta))  # the index knows of all bases
    data = fasta.read_bytes()
    fasta.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"genome\.fa\.gz .*cut off"):
        extract(fasta, [("chr1", 290_000)], lengths={"chr1": 300_000})
