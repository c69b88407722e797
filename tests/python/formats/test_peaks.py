"""Called peaks as tracks: the same numbers as the bigWig that was made of them, and what is refused."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig
import pytest

from crexpress.core import artifacts
from crexpress.prepare import profiles
from tools import run

LENGTHS = {"chr1": 500_000, "chr2": 500_000, "chr3": 500_000}  # of the tiny case


def lines(columns: int = 10, seed: int = 1) -> list[str]:
    """Peaks of three significant digits, many of them overlapping, in no order."""
    rng = np.random.default_rng(seed)
    found = []
    for chrom, length in LENGTHS.items():
        for start, width in zip(rng.integers(0, length - 4_000, 600), rng.integers(50, 4_000, 600), strict=True):
            value = f"{rng.gamma(1, 20):.3g}"
            found.append([chrom, start, start + width, ".", 0, ".", value, "-1", "-1", width // 2])
    rng.shuffle(found)
    return ["\t".join(map(str, peak[:columns])) for peak in found]


def as_bigwig(path: Path, peaks: list[str]) -> Path:
    """The built-in way (assets/ORIGINS.md, B): per base the maximum over peaks, runs of one value as a stretch."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(LENGTHS.items()))
        for chrom, length in LENGTHS.items():
            bases = np.zeros(length)
            for peak in peaks:
                name, start, end, *_, value = peak.split("\t")[:7]
                if name == chrom:
                    bases[int(start) : int(end)] = np.maximum(bases[int(start) : int(end)], float(value))
            starts = np.flatnonzero(np.diff(bases, prepend=-1))
            ends = np.append(starts[1:], length)
            there = bases[starts] > 0
            file.addEntries(
                [chrom] * int(there.sum()),
                starts[there].tolist(),
                ends=ends[there].tolist(),
                values=bases[starts[there]].tolist(),
            )
    return path


def extract(tiny: Any, file: Path, outdir: Path) -> Any:
    outdir.mkdir(exist_ok=True)
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--cell", "A", "--track", f"dnase={file}"]
    return run("extract-signals", *given, "--output", outdir / "signals.A.safetensors")


@pytest.mark.parametrize("name", ["a.narrowPeak", "a.broadPeak.gz", "ENCFF070LLG.bed.gz"])
@pytest.mark.parametrize("large", [False, True])
def test_peaks_give_what_their_bigwig_gives(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, large: bool
) -> None:
    if large:  # then profiles are read base by base
        monkeypatch.setattr(profiles, "_SMALL", 0)
    peaks = lines(9 if "broad" in name else 10)
    with (gzip.open if name.endswith("gz") else open)(tmp_path / name, "wt") as file:
        file.write("track type=narrowPeak\n" + "\n".join(peaks) + "\n")
    bigwig = as_bigwig(tmp_path / "a.bw", peaks)
    for source, outdir in ((tmp_path / name, "peaks"), (bigwig, "bigwig")):
        done = extract(tiny, source, tmp_path / outdir)
        assert done.exit_code == 0, done.output
    for kind in ("signals", "profiles"):
        one, two = (
            artifacts.open_arrays(tmp_path / outdir / f"{kind}.A.safetensors", kind).tensors
            for outdir in ("peaks", "bigwig")
        )
        assert one.keys() == two.keys()
        for tensor in one:
            np.testing.assert_array_equal(one[tensor], two[tensor])
        assert np.nanmax(one["dnase"]) > 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("chr1\t5\t90\tx\t0\t.", "line 1: 9 tab-separated columns are needed"),
        ("chr1\t5\t90\tx\t0\t.\tmuch\t-1\t-1\t3", "line 1: column 7 (signalValue) is 'much'"),
        ("chr1\t5\t90\tx\t0\t.\t-2\t-1\t-1\t3", "line 1: column 7 (signalValue) is '-2'"),
        ("chr1\t5\t90\tx\t0\t.\tnan\t-1\t-1\t3", "line 1: column 7 (signalValue) is 'nan'"),
        ("chr1\t5\t90\tx\t0\t.\t5\t90\t255,0,0", "is a BED for display"),
        ("chr1\t5\t90\tx\t0\t.\t5\t90\t0", "is a BED for display"),
        ("chr1\t5\t90\tx\t0\t.\t5\t90\t0\t2\t10,10\t0,75", "has 12 columns"),
        ("chr1\t5\t500001\tx\t0\t.\t5.5\t-1\t-1\t3", "line 1: a peak ends at 500,001, but chr1 at 500,000"),
        ("chr1\t90\t5\tx\t0\t.\t5.5\t-1\t-1\t3", "line 1: 'chr1 90 5' is not an interval"),
    ],
)
def test_what_is_no_file_of_peaks_is_refused_in_one_sentence(tiny: Any, tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.bed").write_text(line + "\n")
    done = extract(tiny, tmp_path / "a.bed", tmp_path)
    assert done.exit_code == 65
    assert said in done.output
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_file_whose_name_tells_no_format_is_answered_with_those_that_are_read(tiny: Any, tmp_path: Path) -> None:
    """A gappedPeak by hand, where no samplesheet looks at its name."""
    blocks = "chr1\t5\t90\tx\t0\t.\t5\t90\t0\t2\t10,10\t0,75\t5.5\t3.1\t2.2\n"
    (tmp_path / "a.gappedPeak").write_text(blocks)
    done = extract(tiny, tmp_path / "a.gappedPeak", tmp_path)
    assert done.exit_code == 65
    assert "a.gappedPeak is not a readable bigWig, and its name tells no other format" in done.output
    assert ".bam" in done.output
    assert ".narrowpeak, .broadpeak" in done.output
