"""bigWigs are written whole or not at all, and say the same at every scale, whatever libraries do."""

import errno
from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crexpress.formats import bigwig_writer

LENGTHS = {"chr2": 50_000, "chr1": 400_000, "chr10": 77}


def rows(count: int = 5_000) -> list[bigwig_writer.Row]:
    return [("chr10", 0, 77, 0.5)] + [("chr1", at * 50, at * 50 + 40, at % 997 / 7) for at in range(count)]


def read(path: Path) -> list[bigwig_writer.Row]:
    with pyBigWig.open(str(path)) as file:
        return [(name, *row) for name in sorted(file.chroms()) for row in file.intervals(name) or ()]


def test_what_is_written_is_read_by_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its means are exact at every scale, by its zoom levels."""
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    bigwig_writer.write(tmp_path / "a.bw", LENGTHS, rows())
    found = read(tmp_path / "a.bw")
    assert [row[:3] for row in found] == sorted(row[:3] for row in rows())
    assert [row[3] for row in found] == pytest.approx([row[3] for row in sorted(rows())])
    with pyBigWig.open(str(tmp_path / "a.bw")) as file:
        assert file.chroms() == LENGTHS
        coverage = file.stats("chr1", 0, 400_000, type="coverage", exact=False)
        assert coverage[0] == pytest.approx(5_000 * 40 / 400_000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.bw"]


@pytest.mark.parametrize(("count", "size", "gap"), [(9_000, 500, 2_000), (70_000, 40, 3), (3_000, 3_000, 0)])
def test_zoom_levels_are_those_of_the_rows(tmp_path: Path, count: int, size: int, gap: int) -> None:
    """What browsers draw of a chromosome: means, coverage and extremes by zoom levels, read by two other programs,
    against the rows themselves.
    """
    rng = np.random.default_rng(count)
    sizes, gaps = rng.integers(1, size + 1, count), rng.integers(0, gap + 1, count)
    start = np.cumsum(gaps + np.append(0, sizes[:-1]))
    ends, values = start + sizes, rng.gamma(1, 20, count).astype(np.float32)
    lengths = {name: int(ends[-1]) + 10 for name in ("chr2", "chr1")}
    table = zip(start.tolist(), ends.tolist(), values.tolist(), strict=True)
    bigwig_writer.write(tmp_path / "a.bw", lengths, [(name, *row) for row in table for name in lengths])
    truth = np.zeros(lengths["chr1"])
    for low, high, value in zip(start, ends, values, strict=True):
        truth[low:high] = value
    covered = truth > 0
    with pyBigWig.open(str(tmp_path / "a.bw")) as file:
        zooms = file.header()["nLevels"]
        assert zooms >= 1
        for bins in (1, 7):
            whole = len(truth) // bins * bins
            by_bin, there = truth[:whole].reshape(bins, -1), covered[:whole].reshape(bins, -1)
            for name in lengths:
                coverage = file.stats(name, 0, whole, type="coverage", nBins=bins)
                mean = file.stats(name, 0, whole, type="mean", nBins=bins)
                assert coverage == pytest.approx(there.mean(axis=1), rel=0.02 if bins > 1 else 1e-6)
                assert mean == pytest.approx(by_bin.sum(axis=1) / there.sum(axis=1), rel=0.05 if bins > 1 else 1e-6)
        assert file.stats("chr1", type="max") == pytest.approx([values.max()])
        assert file.stats("chr1", type="min") == pytest.approx([values.min()])
    reader = pybigtools.open(str(tmp_path / "a.bw"))
    got = reader.values("chr1", 0, len(truth) // 4 * 4, bins=4, summary="max", exact=False, fillna=None)
    expected = truth[: len(truth) // 4 * 4].reshape(4, -1).max(axis=1)
    assert got.tolist() == pytest.approx(expected, rel=1e-5)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["1", "2", "10"]), st.integers(0, 900), st.integers(1, 90),
                          st.floats(-(2**99), 2**99, width=32)), min_size=1, max_size=40))  # fmt: skip
def test_any_rows_come_back(tmp_path_factory: pytest.TempPathFactory, drawn: list[bigwig_writer.Row]) -> None:
    path = tmp_path_factory.mktemp("drawn") / "a.bw"
    apart: list[bigwig_writer.Row] = []
    for chrom, start, size, value in sorted(drawn):
        if not apart or apart[-1][0] != chrom or apart[-1][2] <= start:
            apart.append((chrom, start, start + size, value))
    bigwig_writer.write(path, dict.fromkeys(("1", "2", "10"), 1_000), apart)
    assert read(path) == apart


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([("chr1", 50, 60, 1.0), ("chr1", 0, 5, 1.0)], "chr1:0-5 "),
        ([("chr1", 0, 60, 1.0), ("chr1", 50, 70, 1.0)], "chr1:50-70 "),
        ([("chr10", 50, 78, 1.0)], "chr10:50-78 .* behind base 77"),
        ([("chr1", 7, 7, 1.0)], "chr1:7-7 "),
        ([("chr1", 0, 5, float("nan"))], r"chr1:0-5 \(nan\)"),
        ([], "no rows"),
    ],
)
def test_rows_that_a_bigwig_cannot_hold_are_refused(tmp_path: Path, bad: list[bigwig_writer.Row], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        bigwig_writer.write(tmp_path / "a.bw", LENGTHS, bad)
    assert not list(tmp_path.iterdir())


def test_an_exception_of_the_rows_is_not_swallowed(tmp_path: Path) -> None:
    def failing():
        yield from rows(10)[:10]
        raise MemoryError

    with pytest.raises(MemoryError):
        bigwig_writer.write(tmp_path / "a.bw", LENGTHS, failing())
    assert not list(tmp_path.iterdir())


def test_a_file_that_lacks_a_part_is_not_given_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = bigwig_writer._write

    def cut(path: Path, *given: object) -> None:
        write(path, *given)  # type: ignore[arg-type]
        path.write_bytes(path.read_bytes()[:-3_000])

    monkeypatch.setattr(bigwig_writer, "_write", cut)
    with pytest.raises(OSError, match="was not written whole") as caught:
        bigwig_writer.write(tmp_path / "a.bw", LENGTHS, rows())
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(tmp_path / "a.bw"))
    assert not list(tmp_path.iterdir())
