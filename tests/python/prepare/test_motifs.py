"""Motif scores against plain scans of numpy and scipy, MEME files, and what is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.signal import convolve2d

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats.meme import Motif
from crexpress.prepare import motif_scores, sequence
from motif_case import make_codes, make_set
from sketches import write_elements

SCORE = Path(__file__).parents[3] / "bin" / "score-motifs"
MEME = """MEME version 4

Background letter frequencies
A 0.3 C 0.2 G 0.2 T 0.3

MOTIF A.1
letter-probability matrix: alength= 4 w= 2 nsites= 17 E= 0
0.1 0.2 0.3 0.4
1.0 0 0 0
"""


def plain_best(codes, matrix):
    """Best sum of `matrix` over all places of both strands, an unknown base adding 0."""
    wide = np.hstack([matrix, np.zeros((len(matrix), 1))])
    best = []
    for row in codes:
        places = [
            sum(wide[column, strand[place + column]] for column in range(len(wide)))
            for strand in (row, sequence.reverse_complement(row))
            for place in range(len(row) - len(wide) + 1)
        ]
        best.append(max(places))
    return np.array(best)


def score(codes, motif_set, mode, reference=None, **options):
    out = {"scores": np.full((len(codes), len(motif_set.motifs)), np.nan, np.float16)}
    out |= {name: np.full(len(motif_set.motifs), np.nan, np.float32) for name in ("mean", "sd")}
    reference = np.ones(len(codes), bool) if reference is None else reference
    motif_scores.score(codes, motif_set, mode, reference, out, **options)
    return out


@pytest.mark.slow
def test_integer_scan_is_exact():
    motif_set, codes = make_set(), make_codes()
    scanner = motif_scores.Scanner([np.rint(motif.probabilities * 1000).astype(np.int16) for motif in motif_set.motifs])
    got = np.maximum(scanner.best(codes), scanner.best(sequence.reverse_complement(codes)))
    for column, motif in enumerate(motif_set.motifs):
        assert np.array_equal(got[:, column], np.rint(plain_best(codes, motif.probabilities * 1000)))


def test_more_motifs_than_lanes_keep_their_order():
    motif_set, codes = make_set(widths=np.random.default_rng(2).integers(2, 20, 150)), make_codes(5)
    scanner = motif_scores.Scanner([motif.probabilities for motif in motif_set.motifs])
    got = np.maximum(scanner.best(codes), scanner.best(sequence.reverse_complement(codes)))
    expected = np.array([plain_best(codes, motif.probabilities) for motif in motif_set.motifs]).T
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_log_odds_agree_with_a_plain_scan_and_are_standardised():
    motif_set, codes = make_set(), make_codes()
    reference = np.arange(40) % 3 > 0
    out = score(codes, motif_set, "log-odds", reference)
    known = (codes != sequence.UNKNOWN).any(axis=1)
    bits = np.array(
        [plain_best(codes, motif_scores.log_odds(motif, motif_set.background)) for motif in motif_set.motifs]
    ).T
    used = bits[reference & known]
    np.testing.assert_allclose(out["mean"], used.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(out["sd"], used.std(axis=0), atol=0.05)
    spread = np.where(used.std(axis=0) > 0, used.std(axis=0), 1)  # a motif may score the same everywhere
    expected = (bits - used.mean(axis=0)) / spread
    np.testing.assert_allclose(out["scores"][known], expected[known], atol=0.05)
    assert (out["scores"][3] == 0).all()  # no known base: neither like nor unlike any motif


def test_log_odds_are_bits_over_the_background():
    background = np.array([0.3, 0.2, 0.2, 0.3])
    motif = Motif("M", "M", np.array([[1.0, 0, 0, 0], [0.3, 0.2, 0.2, 0.3]]), 100)
    bits = motif_scores.log_odds(motif, background, pseudocount=1)
    assert bits[0, 0] == pytest.approx(np.log2((100 + 0.3) / 101 / 0.3))
    assert bits[0, 1] == pytest.approx(np.log2(0.2 / 101 / 0.2))
    np.testing.assert_allclose(bits[1], 0, atol=1e-12)


@pytest.mark.parametrize("decimals", [3, 6])
def test_pfm_minmax_is_scaled_within_each_element_after_the_strands(decimals):
    motif_set, codes = make_set(decimals=decimals), make_codes()
    sums = np.array([plain_best(codes, motif.probabilities) for motif in motif_set.motifs]).T
    low, high = sums.min(axis=1, keepdims=True), sums.max(axis=1, keepdims=True)
    expected = (sums - low) / np.where(high > low, high - low, 1)
    np.testing.assert_allclose(score(codes, motif_set, "pfm-minmax")["scores"], expected, atol=1e-3)


def test_scpge_compat_has_the_bits_of_the_released_operation():
    """Full convolution of the one-hot window on each strand, min-max and two decimals, then the maximum."""
    motif_set, codes = make_set(widths=[5, 8, 8, 11, 13, 20]), make_codes(60, 200)

    def strand_scores(row):
        one_hot = np.eye(5, dtype=int)[row][:, :4]
        best = np.array([convolve2d(one_hot, m.probabilities, mode="valid").max() for m in motif_set.motifs])
        spread = best.max() - best.min()
        return np.round((best - best.min()) / spread, decimals=2) if spread else best

    expected = [np.maximum(strand_scores(row), strand_scores(sequence.reverse_complement(row))) for row in codes]
    got = score(codes, motif_set, "scpge-compat")["scores"]
    assert np.array_equal(got, np.array(expected).astype(np.float16))
    assert not np.array_equal(got, score(codes, motif_set, "pfm-minmax")["scores"])


def test_threads_and_batches_do_not_change_the_bits(monkeypatch):
    motif_set, codes = make_set(), make_codes()
    one = score(codes, motif_set, "log-odds")
    monkeypatch.setattr(motif_scores, "_BATCH", 7)
    many = score(codes, motif_set, "log-odds", threads=3)
    assert np.array_equal(many["scores"], one["scores"])


def test_motif_wider_than_the_elements_is_refused():
    with pytest.raises(InputError, match="motif M7 is 25 bp wide"):
        score(make_codes(5, 20), make_set(), "log-odds")


@pytest.mark.slow
def test_executable_writes_both_artefacts_and_sequence_alone(tmp_path):
    (tmp_path / "genome.fa").write_text(">chr1\n" + "ACGGTTAC" * 50 + "\n")
    (tmp_path / "motifs.meme").write_text(MEME)
    elements = pl.DataFrame({"chrom": ["chr1"] * 3, "start": [0, 9, 395], "class": ["dELS", "PLS", "TSS"]})
    digest = write_elements(tmp_path / "elements.parquet", elements, 30, [["chr1", 400]])
    command = [sys.executable, SCORE, "--elements", "elements.parquet", "--fasta", "genome.fa", "--outdir"]
    done = subprocess.run([*command, "seq"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "seq").iterdir()] == ["sequence.safetensors"]

    (tmp_path / "genes.tsv").write_text("A.1\tALX1\n")
    command += ["all", "--factors", "genes.tsv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "--factors names the genes of --motifs" in done.stderr) == (65, True)
    command += ["--motifs", "motifs.meme"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "names the gene of 1 of 1 motifs" in done.stderr
    header, tensors = artifacts.open_arrays(tmp_path / "all" / "motifs.safetensors", "motifs")
    assert (header["parameters"]["motifs"], header["parameters"]["factors"]) == (["A.1"], ["ALX1"])
    assert header["parameters"]["mode"] == "log-odds"
    assert header["elements"] == digest
    assert np.isfinite(tensors["scores"]).all()
    codes = artifacts.open_arrays(tmp_path / "all" / "sequence.safetensors", "sequence").tensors["codes"]
    assert codes[0, :8].tolist() == [0, 1, 2, 2, 3, 3, 0, 1]
