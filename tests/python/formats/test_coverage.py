"""Coverage of BAM and fragment files against counting read by read."""

import gzip

import numpy as np
import polars as pl
import pytest

import alignments
from crexpress.core.errors import InputError
from crexpress.formats import text_files
from crexpress.formats.alignments import Coverage
from crexpress.prepare import signals

PROPER = 0x1 | 0x2


def write_bam(path, reads, length=1_000):
    return alignments.write_bam(path, {"chr1": reads}, {"chr1": length, "chr2": 500})


def read(coverage, start, end, name="chr1"):
    bases = np.full(end - start, np.nan)
    coverage.read(name, start, end, bases)
    return bases


PAIR = [(100, 20, PROPER | 0x40, 180, 100), (180, 20, PROPER | 0x80 | 0x10, 100, -100)]
SINGLE = [(300, 25, 0, 0, 0), (300, 25, 0x10, 0, 0)]


def test_fragments_of_a_bam(tmp_path):
    found = Coverage(write_bam(tmp_path / "a.bam", PAIR + SINGLE), "fragments")
    expected = np.zeros(1000)
    expected[100:200] += 1
    expected[300:325] += 2
    np.testing.assert_allclose(read(found, 0, 1000), expected * 1e6 / 3)
    np.testing.assert_allclose(read(found, 150, 310), expected[150:310] * 1e6 / 3)
    assert read(found, 0, 50, "chr2").tolist() == [0] * 50


def test_ends_of_a_bam(tmp_path):
    found = Coverage(write_bam(tmp_path / "a.bam", PAIR + SINGLE), "ends")
    expected = np.zeros(1000)
    expected[[100, 199, 300, 324]] = 1
    np.testing.assert_allclose(read(found, 0, 1000), expected * 1e6 / 4)


def test_reads_that_do_not_count_are_left_out(tmp_path):
    poor = [(100, 20, flag, 0, 0) for flag in (0x4, 0x100, 0x200, 0x400, 0x800)]
    found = Coverage(write_bam(tmp_path / "a.bam", [*poor, (500, 10, 0, 0, 0)]), "fragments")
    assert read(found, 0, 400).sum() == 0
    with pytest.raises(InputError, match="no aligned read"):
        Coverage(write_bam(tmp_path / "b.bam", poor), "fragments")


@pytest.mark.parametrize("count", ["fragments", "ends"])
def test_fragment_file_agrees_with_counting(tmp_path, count):
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 900, 200)
    ends = starts + rng.integers(1, 100, 200)
    path = tmp_path / "fragments.tsv.gz"
    lines = "".join(f"chr1\t{low}\t{high}\tAAAC-1\t1\n" for low, high in zip(starts, ends, strict=True))
    path.write_bytes(gzip.compress(f"# id=x\n{lines}".encode()))
    expected = np.zeros(1000)
    for low, high in zip(starts, ends, strict=True):
        if count == "fragments":
            expected[low:high] += 1
        else:
            expected[low] += 1
            expected[high - 1] += 1
    expected *= 1e6 / (200 if count == "fragments" else 400)
    np.testing.assert_allclose(read(Coverage(path, count), 37, 990), expected[37:990])


def test_reads_go_through_extract_like_a_bigwig(tmp_path):
    path = write_bam(tmp_path / "a.bam", SINGLE)
    elements = pl.DataFrame({"chrom": ["chr1", "chr1"], "start": [280, -20], "end": [320, 20]})
    out = {"atac": np.zeros((2, 2), np.float16)}
    signals.extract(elements, {"chr1": 1_000}, {"atac": [path]}, 20, "log10p1", out)
    np.testing.assert_allclose(out["atac"], np.log10(1 + np.array([[0, 1e6], [0, 0]])), rtol=1e-3)
    with pytest.raises(InputError, match="another genome build"):
        signals.extract(elements, {"chr1": 1_001}, {"atac": [path]}, 20, "log10p1", out)


def test_a_bam_needs_no_index(tmp_path, capfd):
    path = write_bam(tmp_path / "a.bam", SINGLE)
    assert not path.with_name("a.bam.bai").exists()
    assert read(Coverage(path, "fragments"), 300, 301).tolist() == [1e6]
    assert capfd.readouterr().err == "a.bam: 2 fragments counted, per million\n"


def test_a_fragment_file_is_read_in_blocks(tmp_path, monkeypatch):
    path = tmp_path / "fragments.tsv"
    path.write_text("".join(f"chr{number % 2 + 1}\t{number}\t{number + 9}\tAAAC-1\t1\n" for number in range(25)))
    whole = [read(Coverage(path, "fragments"), 0, 40, chrom) for chrom in ("chr1", "chr2")]
    blocks = text_files.interval_blocks
    monkeypatch.setattr(text_files, "interval_blocks", lambda path: blocks(path, 4))
    again = Coverage(path, "fragments")
    np.testing.assert_array_equal(whole, [read(again, 0, 40, chrom) for chrom in ("chr1", "chr2")])
    path.write_text(path.read_text() + "chr1\t9\t4\tAAAC-1\t1\n")
    with pytest.raises(InputError, match="line 26: 'chr1 9 4' is not an interval"):
        Coverage(path, "fragments")
    path.write_text("chr1\t9\t3000000000\tAAAC-1\t1\n")
    with pytest.raises(InputError, match="line 1: no chromosome reaches 3,000,000,000"):
        Coverage(path, "fragments")


def test_damaged_bam_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    reads = [(int(start), 50, 0, 0, 0) for start in np.sort(rng.integers(0, 900_000, 20_000))]
    path = write_bam(tmp_path / "a.bam", reads, 1_000_000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"a\.bam is not a readable BAM"):
        Coverage(path, "fragments")
