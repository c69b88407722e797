"""Matches and their p-values against every sequence there is, and every place of a plain scan."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.formats.meme import MotifSet
from crexpress.prepare import motif_hits, motif_scores, sequence
from motif_case import make_codes, make_set
from sketches import write_elements

SCORE = Path(__file__).parents[3] / "bin" / "score-motifs"
BACKGROUND = np.array([0.3, 0.15, 0.25, 0.3])
P_VALUE = 0.01


def short_set(seed=3, widths=(1, 3, 4, 6, 6)):
    made = make_set(seed, widths)
    return MotifSet(made.motifs, BACKGROUND)


def every_word(width):
    return np.array(list(itertools.product(range(4), repeat=width)))


@pytest.mark.parametrize("seed", range(5))
def test_tail_is_the_probability_of_all_words_that_score_as_high(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-40, 40, (rng.integers(1, 7), 4)).astype(np.int16)
    words = every_word(len(matrix))
    score = sum(matrix[column, words[:, column]].astype(int) for column in range(len(matrix)))
    probability = BACKGROUND[words].prod(axis=1)
    lowest, tail = motif_hits.tail(matrix, BACKGROUND)
    assert lowest == score.min()
    assert len(tail) == score.max() - score.min() + 1
    expected = [probability[score >= lowest + step].sum() for step in range(len(tail))]
    np.testing.assert_allclose(tail, expected, rtol=1e-12)


def plain_hits(codes, motif_set, p_value):
    """Every place of every motif on both strands, scored by the integer matrices and judged by all words there are."""
    hits = []
    for number, motif in enumerate(motif_set.motifs):
        bits = motif_scores.log_odds(motif, motif_set.background)
        scale = (np.iinfo(np.int16).max - 100) / max(bits.max(axis=1).sum(), -bits.min(axis=1).sum())
        matrix = np.rint(bits * scale).astype(int)
        width = len(matrix)
        words = every_word(width)
        all_scores = sum(matrix[column, words[:, column]] for column in range(width))
        probability = BACKGROUND[words].prod(axis=1)
        for element, row in enumerate(codes):
            for reverse, strand in enumerate((row, sequence.reverse_complement(row))):
                for place in range(len(row) - width + 1):
                    word = strand[place : place + width]
                    if (word == sequence.UNKNOWN).any():
                        continue
                    score = matrix[np.arange(width), word].sum()
                    p = probability[all_scores >= score].sum()
                    if p <= p_value:
                        at = len(row) - width - place if reverse else place
                        hits.append((element, number, reverse, at, score / scale, p))
    return sorted(hits)


def found_hits(codes, motif_set, p_value, **options):
    out = {"scores": np.empty((len(codes), len(motif_set.motifs)), np.float16)}
    out |= {name: np.empty(len(motif_set.motifs), np.float32) for name in ("mean", "sd")}
    parts = []
    finder = motif_scores.hit_finder(motif_set, p_value)
    options |= {"finder": finder, "report": parts.append}
    motif_scores.score(codes, motif_set, "log-odds", np.ones(len(codes), bool), out, **options)
    return finder, motif_hits.Hits(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def test_hits_are_those_of_a_plain_scan():
    motif_set, codes = short_set(), make_codes(30, 60)
    finder, hits = found_hits(codes, motif_set, P_VALUE)
    expected = plain_hits(codes, motif_set, P_VALUE)
    rows = list(zip(hits.element, hits.motif, hits.reverse, hits.place, strict=True))
    assert len(rows) > 50
    assert rows == [row[:4] for row in expected]  # the order too
    np.testing.assert_allclose(hits.score, [row[4] for row in expected], rtol=1e-6)
    np.testing.assert_allclose(hits.p_value, [row[5] for row in expected], rtol=1e-6)
    assert not (hits.element == 3).any()  # an element without a known base
    # the best word of so few columns has a probability above 0.01
    assert finder.unreachable.tolist() == [True, True, False, False, False]


def test_batches_threads_and_room_do_not_change_the_hits(monkeypatch):
    motif_set, codes = short_set(), make_codes(30, 60)
    _, one = found_hits(codes, motif_set, 0.2)
    monkeypatch.setattr(motif_scores, "_BATCH", 7)
    monkeypatch.setattr(motif_hits, "_ROOM", 3)
    _, many = found_hits(codes, motif_set, 0.2, threads=3)
    for first, second in zip(one, many, strict=True):
        assert np.array_equal(first, second)


def test_random_sequence_has_as_many_hits_as_the_p_value_says():
    rng = np.random.default_rng(0)
    codes = rng.choice(4, (300, 600), p=BACKGROUND).astype(np.uint8)
    motif_set = MotifSet(make_set(4, (8, 10, 12, 15)).motifs, BACKGROUND)
    _, hits = found_hits(codes, motif_set, 1e-3)
    places = sum(600 - len(motif.probabilities) + 1 for motif in motif_set.motifs) * len(codes)
    forward = (~hits.reverse).sum() / places  # the background is not the same on the other strand
    assert 0.7e-3 < forward < 1.1e-3


@pytest.mark.slow
def test_executable_lists_hits_in_the_genome(tmp_path):
    (tmp_path / "genome.fa").write_text(">chr1\n" + "A" * 100 + "GGATTACC" + "A" * 100 + "GGTAATCC" + "A" * 100 + "\n")
    site = "\n".join(" ".join("0.97" if base == letter else "0.01" for letter in "ACGT") for base in "GGATTACC")
    matrix = "letter-probability matrix:"
    text = f"MEME version 4\n\nMOTIF S\n{matrix}\n{site}\n\nMOTIF X\n{matrix}\n0.97 0.01 0.01 0.01\n"
    (tmp_path / "motifs.meme").write_text(text)
    elements = pl.DataFrame({"chrom": ["chr1"] * 3, "start": [90, 0, 190], "class": ["dELS"] * 3})
    digest = write_elements(tmp_path / "elements.parquet", elements, 60, [["chr1", 316]])
    command = [sys.executable, SCORE, "--elements", "elements.parquet", "--fasta", "genome.fa", "--p-value", "1e-4"]

    def run(*more):
        return subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True)

    for more in ([], ["--motifs", "motifs.meme", "--mode", "pfm-minmax"]):
        done = run(*more)
        assert (done.returncode, "--p-value needs --motifs and --mode log-odds" in done.stderr) == (65, True)
    done = run("--motifs", "motifs.meme", "--outdir", "one")
    assert done.returncode == 0, done.stderr
    assert "1 motifs are too short to have one" in done.stderr
    table, header = artifacts.read_table(tmp_path / "one" / "motif_hits.parquet", "motif_hits")
    assert (header["elements"], header["parameters"]["p_value"]) == (digest, 1e-4)
    assert table.drop("score", "p_value").rows() == [
        (0, "chr1", 100, 108, "S", "+"),
        (2, "chr1", 208, 216, "S", "-"),
    ]
    assert table["p_value"].to_list() == pytest.approx([4**-8] * 2)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        *("motif_hits.parquet", "motifs.safetensors", "sequence.safetensors")
    ]
    run("--motifs", "motifs.meme", "--outdir", "two")
    for name in ("motif_hits.parquet", "motifs.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
