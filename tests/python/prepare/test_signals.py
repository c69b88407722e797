"""extract-signals against pyBigWig, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyBigWig
import pytest

from bigwigs import write_bigwig
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.prepare import signals
from sketches import write_elements

LENGTHS = {"chr1": 60_000, "chr2": 5_000, "chr3": 1_000}
EXTRACT = Path(__file__).parents[3] / "bin" / "extract-signals"


def windows(places, width=200):
    """An element table of windows of one width: [(chrom, start), ...]."""
    chroms, starts = zip(*places, strict=True)
    return pl.DataFrame({"chrom": list(chroms), "start": list(starts)}).with_columns(end=pl.col("start") + width)


def extract(elements, tracks, lengths=LENGTHS, bin_size=40, transform="none", width=200, **options):
    out = {name: np.full((len(elements), width // bin_size), np.nan, np.float16) for name in tracks}
    signals.extract(elements, lengths, tracks, bin_size, transform, out, **options)
    return out


def random_bigwig(path, seed, lengths=LENGTHS):
    rng = np.random.default_rng(seed)
    entries = {}
    for chrom, length in lengths.items():
        edges = np.unique(rng.integers(0, length, 2 * (length // 400)))
        edges = edges[: len(edges) // 2 * 2].reshape(-1, 2)
        entries[chrom] = [(int(low), int(high), rng.gamma(1, 20)) for low, high in edges]
    return write_bigwig(path, lengths, entries)


@pytest.mark.parametrize("transform", ["log10p1", "log1p", "arcsinh", "none"])
def test_bins_agree_with_pybigwig(tmp_path, transform):
    files = [random_bigwig(tmp_path / f"{seed}.bw", seed) for seed in (1, 2)]
    rng = np.random.default_rng(3)
    places = [(chrom, int(place)) for chrom in LENGTHS for place in rng.integers(-150, LENGTHS[chrom] - 50, 40)]
    elements = windows([places[i] for i in rng.permutation(len(places))])  # rows in no order at all

    got = extract(elements, {"dnase": files}, transform=transform)["dnase"]

    expected = np.zeros((len(elements), 200))
    for file in files:
        with pyBigWig.open(str(file)) as track:
            for row, (chrom, start, end) in enumerate(elements.iter_rows()):
                low, high = max(start, 0), min(end, LENGTHS[chrom])
                bases = np.nan_to_num(track.values(chrom, low, high, numpy=True))
                expected[row, low - start : high - start] += bases / len(files)
    means = expected.reshape(len(elements), -1, 40).mean(axis=2)
    apply = {"log10p1": lambda x: np.log10(1 + x), "log1p": np.log1p, "arcsinh": np.arcsinh, "none": lambda x: x}
    np.testing.assert_allclose(got.astype(float), apply[transform](means), rtol=1e-3, atol=1e-3)
    assert got.max() > 0


@pytest.mark.parametrize(("replicates", "expected"), [("mean", [3, 1, 4]), ("max", [5, 2, 6]), ("sum", [6, 2, 8])])
def test_replicates_are_combined_base_by_base(tmp_path, replicates, expected):
    """Science.md row 2: ours is the mean; bigWigMerge -max, as the released code has it, and the sum are options."""
    one = write_bigwig(tmp_path / "1.bw", LENGTHS, {"chr1": [(0, 40, 1), (40, 80, 2), (80, 100, 8), (100, 120, 0)]})
    two = write_bigwig(tmp_path / "2.bw", LENGTHS, {"chr1": [(0, 40, 5), (80, 120, 4)]})
    got = extract(windows([("chr1", 0)]), {"dnase": [one, two]}, replicates=replicates)["dnase"]
    assert got[0].tolist() == [*expected, 0, 0]  # bin 3: (8, 4) on 20 bases, (0, 4) on 20


@pytest.mark.slow
def test_how_replicates_agree_is_said_in_the_header(tmp_path):
    """Pearson's correlation of the pair that agrees least, by numpy over the elements' own bases."""
    files = [random_bigwig(tmp_path / f"{seed}.bw", seed) for seed in (1, 2, 3)]
    places = [("chr1", start) for start in range(0, 59_000, 300)]
    elements = tmp_path / "elements.parquet"
    write_elements(elements, windows(places), 200, list(map(list, LENGTHS.items())))
    options = [part for file in files for part in ("--track", f"dnase={file}")]
    options += ["--track", f"ctcf={random_bigwig(tmp_path / '4.bw', 4)}"]
    subprocess.run(
        [EXTRACT, "--elements", elements, "--cell", "K", *options, "--output", tmp_path / "signals.K.safetensors"],
        check=True, capture_output=True,
    )  # fmt: skip
    means = []
    for file in files:
        with pyBigWig.open(str(file)) as track:
            bases = [np.nan_to_num(track.values(chrom, at, at + 200, numpy=True)) for chrom, at in places]
        means.append(np.log10(1 + np.mean(bases, axis=1)))
    found = artifacts.open_arrays(tmp_path / "signals.K.safetensors", "signals").header["parameters"]["agreement"]
    assert found == {"dnase": pytest.approx(np.corrcoef(means).min(), abs=1e-4)}  # one file agrees with nothing


def test_bases_without_a_value_count_as_zero(tmp_path):
    file = write_bigwig(tmp_path / "a.bw", LENGTHS, {"chr1": [(1000, 1010, 8)]})
    got = extract(windows([("chr1", 1000)]), {"a": [file]})["a"]
    assert got[0].tolist() == [2, 0, 0, 0, 0]


def test_chunks_and_runs_do_not_change_the_values(tmp_path, monkeypatch):
    file = random_bigwig(tmp_path / "a.bw", 5)
    elements = windows([("chr1", place) for place in range(-100, 59_000, 173)])
    whole = extract(elements, {"a": [file]})["a"]
    monkeypatch.setattr(signals, "_CHUNK", 700)
    monkeypatch.setattr(signals, "_RUN", 1_000)
    monkeypatch.setattr(signals, "_GAP", 10)
    assert np.array_equal(whole, extract(elements, {"a": [file]})["a"])


def test_absent_chromosome_is_said_and_read_as_zero(tmp_path, capsys):
    file = write_bigwig(tmp_path / "a.bw", {"chr1": 60_000}, {"chr1": [(0, 500, 3)]})
    got = extract(windows([("chr1", 100), ("chr2", 100)]), {"a": [file]})["a"]
    assert got.tolist() == [[3] * 5, [0] * 5]
    assert "a.bw holds nothing on chr2" in capsys.readouterr().err


def test_other_naming_is_reconciled_and_said(tmp_path, capsys):
    file = write_bigwig(tmp_path / "a.bw", {"1": 60_000}, {"1": [(0, 500, 3)]})
    got = extract(windows([("chr1", 100)]), {"a": [file]})["a"]
    assert got.tolist() == [[3] * 5]
    assert "chr1" in capsys.readouterr().err


def test_track_without_signal_is_pointed_out(tmp_path, capsys):
    file = write_bigwig(tmp_path / "a.bw", LENGTHS, {"chr1": [(40_000, 40_001, 1)]})
    extract(windows([("chr1", 0)]), {"a": [file]})
    assert "track a is 0 in every element" in capsys.readouterr().err


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5])
def test_impossible_signal_is_refused_with_its_place(tmp_path, value):
    entries = {"chr1": [(0, 10, 1), (120, 130, value)]}
    file = write_bigwig(tmp_path / "bad.bw", LENGTHS, entries)
    with pytest.raises(InputError, match=r"bad\.bw holds .* at chr1:120"):
        extract(windows([("chr1", 0)]), {"a": [file]})


def test_other_genome_build_is_refused(tmp_path):
    file = write_bigwig(tmp_path / "a.bw", {"chr1": 59_999}, {"chr1": [(0, 10, 1)]})
    with pytest.raises(InputError, match="another genome build"):
        extract(windows([("chr1", 0)]), {"a": [file]})
    with pytest.raises(InputError, match="same genome build"):  # lengths not known: the window gives it away
        extract(windows([("chr1", 59_999)]), {"a": [file]}, lengths={"chr1": None})


def test_no_common_chromosome_is_refused(tmp_path):
    file = write_bigwig(tmp_path / "a.bw", {"scaffold_7": 60_000}, {"scaffold_7": [(0, 10, 1)]})
    with pytest.raises(InputError, match="shares no chromosome"):
        extract(windows([("chr1", 0)]), {"a": [file]})


def test_truncated_file_is_refused(tmp_path):
    file = random_bigwig(tmp_path / "whole.bw", 1)
    cut = tmp_path / "cut.bw"
    data = file.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut\.bw"):
        extract(windows([("chr1", place) for place in range(0, 50_000, 500)]), {"a": [cut]})


def test_not_a_bigwig_is_refused(tmp_path):
    file = tmp_path / "a.bw"
    file.write_text("chr1\t0\t10\t1\n")
    with pytest.raises(InputError, match="not a readable bigWig"):
        extract(windows([("chr1", 0)]), {"a": [file]})


def test_values_beyond_float16_ask_for_a_transform(tmp_path):
    file = write_bigwig(tmp_path / "a.bw", LENGTHS, {"chr1": [(0, 200, 70_000)]})
    with pytest.raises(InputError, match=r"track dnase reaches 70000 .*log10p1"):
        extract(windows([("chr1", 0)]), {"dnase": [file]})
    assert extract(windows([("chr1", 0)]), {"dnase": [file]}, transform="log10p1")["dnase"][0, 0] > 4.8


def test_track_options(tmp_path):
    for name in ("a.bw", "b.bw"):
        (tmp_path / name).write_text(name)
    a, b = tmp_path / "a.bw", tmp_path / "b.bw"
    c = tmp_path / "c.bw"
    c.write_text("another")
    assert signals.parse_tracks([f"dnase={a}", f"ctcf={c}", f"dnase={b}"]) == {"dnase": [a, b], "ctcf": [c]}
    for wrong, message in (
        (["dnase"], "NAME=FILE"),
        (["dnase=nowhere.bw"], "no file"),
        ([f"d={a}", f"d={a}"], "twice"),
        ([f"dnase={a}", f"ctcf={a}"], "a copy"),
    ):
        with pytest.raises(InputError, match=message):
            signals.parse_tracks(wrong)
    with pytest.raises(InputError, match="does not divide"):
        signals.count_bins(600, 35)


@pytest.mark.slow
def test_executable_writes_the_artefact(tmp_path):
    elements = windows([("chr1", 0), ("chr2", 100)]).with_columns(
        element_id=pl.lit("e"), ccre_start=pl.col("start"), ccre_end=pl.col("end"), **{"class": pl.lit("dELS")}
    )
    digest = write_elements(tmp_path / "elements.parquet", elements, 200, list(LENGTHS.items()))
    random_bigwig(tmp_path / "a.bw", 1)
    command = [sys.executable, EXTRACT, "--elements", "elements.parquet", "--cell", "K562"]
    done = subprocess.run([*command, "--track", "dnase=a.bw"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    header, tensors = artifacts.open_arrays(tmp_path / "signals.K562.safetensors", "signals")
    assert (header["elements"], header["cell"]) == (digest, "K562")
    assert header["parameters"] == {
        "tracks": ["dnase"], "bin_size": 40, "transform": "log10p1", "replicates": {"dnase": 1}, "combination": "mean",
    }  # fmt: skip
    assert tensors["dnase"].shape == (2, 5)
    assert tensors["dnase"].dtype == np.float16

    bad = subprocess.run([*command, "--track", "x=a.bw", "--bin-size", "33"], cwd=tmp_path, capture_output=True)
    assert bad.returncode == 65
    assert b"Traceback" not in bad.stderr
