"""Sequence and motif scores beside the released ScPGE code's on chr20 (docs/science.md), ours and as it does.

The numbers were made by the released program itself: tests/reference/make_scpge_motifs.py.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.signal import convolve2d

from crexpress.formats import meme
from crexpress.prepare import motif_scores, sequence

ROOT = Path(__file__).parents[3]
RELEASED = np.load(ROOT / "tests/reference/scpge_motifs.npz")
MIDDLES = RELEASED["middles"].ravel()  # 0: the released program fills up with elements of unknown bases
FACTORS = RELEASED["factors K562"].tolist()
WIDTH = 600


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    found = np.full((len(MIDDLES), WIDTH), sequence.UNKNOWN, np.uint8)
    starts = MIDDLES[MIDDLES > 0] - WIDTH // 2
    windows = pl.DataFrame({"chrom": ["chr20"] * len(starts), "start": starts})
    read = np.empty((len(starts), WIDTH), np.uint8)
    sequence.extract(windows, {"chr20": None}, ROOT / "assets/chr20/GRCh38.chr20.partial.fa.gz", read)
    found[MIDDLES > 0] = read
    return found


@pytest.fixture(scope="module")
def motif_set() -> meme.MotifSet:
    """The motifs in the order in which the released program read them."""
    read = meme.read_meme(ROOT / "assets/chr20/K562.H11FULL_meme_format.meme")
    by_factor = {motif.factor: motif for motif in read.motifs}
    return read._replace(motifs=[by_factor[factor] for factor in FACTORS])


@pytest.fixture(scope="module")
def scores(codes: np.ndarray, motif_set: meme.MotifSet) -> dict[str, np.ndarray]:
    """Scores [elements, motifs] by mode, and the mean of each motif in "bits"."""
    found, count = {}, len(motif_set.motifs)
    for mode in motif_scores.MODES:
        out = {"scores": np.empty((len(codes), count), np.float16)}
        out |= {name: np.empty(count, np.float32) for name in ("mean", "sd")}
        motif_scores.score(codes, motif_set, mode, MIDDLES > 0, out)
        found[mode] = out["scores"]
        if mode == "log-odds":
            found["bits"] = out["mean"]
    return found


def test_one_hot_sequence_is_the_same_bit_for_bit(codes: np.ndarray) -> None:
    one_hot = codes[..., None] == np.arange(4)
    np.testing.assert_array_equal(np.packbits(one_hot), RELEASED["one_hot"])
    assert one_hot.any(axis=2).mean() > 0.8  # the rest are the elements of unknown bases


def test_compat_scores_are_the_same_bit_for_bit(scores: dict[str, np.ndarray]) -> None:
    released = RELEASED["scores"].reshape(len(MIDDLES), -1) / 100
    np.testing.assert_array_equal(scores["scpge-compat"], released.astype(np.float16))
    assert len(np.unique(released[MIDDLES > 0])) == 101  # all of 0.00 to 1.00
    assert not scores["scpge-compat"][MIDDLES == 0].any()


def test_row_7_the_flip_of_convolve2d_swaps_the_strands_only(codes: np.ndarray, motif_set: meme.MotifSet) -> None:
    some, few = codes[MIDDLES > 0][:5], motif_set.motifs[:20]
    forward = motif_scores.Scanner([motif.probabilities for motif in few])
    ours = np.array([forward.best(some), forward.best(sequence.reverse_complement(some))])
    one_hot = np.eye(5)[some][..., :4]
    flipped = np.array([[convolve2d(row, motif.probabilities, "valid").max() for motif in few] for row in one_hot])
    np.testing.assert_allclose(flipped, ours[1], atol=1e-12)
    assert not np.allclose(flipped, ours[0])


def test_row_8_probabilities_measure_the_width_and_log_odds_do_not(
    scores: dict[str, np.ndarray], motif_set: meme.MotifSet
) -> None:
    widths = np.array([len(motif.probabilities) for motif in motif_set.motifs])
    real = scores["log-odds"][MIDDLES > 0].astype(float)
    means = {mode: scores[mode][MIDDLES > 0].astype(float).mean(axis=0) for mode in ("pfm-minmax", "scpge-compat")}
    assert [np.corrcoef(widths, mean)[0, 1] > 0.93 for mean in means.values()] == [True, True]
    assert abs(np.corrcoef(widths, scores["bits"])[0, 1]) < 0.25
    # and standardised for each motif, they know nothing of it
    np.testing.assert_allclose(real.mean(axis=0), 0, atol=2e-3)
    np.testing.assert_allclose(real.std(axis=0), 1, atol=2e-3)


def test_row_9_scaling_each_strand_and_rounding_changes_scores(scores: dict[str, np.ndarray]) -> None:
    real = MIDDLES > 0
    paper, code = (scores[mode][real].astype(float) for mode in ("pfm-minmax", "scpge-compat"))
    # after the maximum over strands every element runs from 0 to 1, and no value is rounded
    assert (paper.min(axis=1) == 0).all()
    assert (paper.max(axis=1) == 1).all()
    assert len(np.unique(paper)) > 1000
    # on each strand, before it: the maximum over strands then lifts the least above 0
    assert (code.min(axis=1) > 0).any()
    np.testing.assert_allclose(code, np.round(code, 2), atol=5e-4)
    difference = np.abs(paper - code)
    assert difference.max() > 0.1  # rounding to 0.01 alone gives 0.005


def test_row_10_a_channel_of_the_released_code_is_another_factor_in_another_cell() -> None:
    k562, hela = FACTORS, RELEASED["factors HeLa-S3"].tolist()
    assert len(set(k562) & set(hela)) < len(k562) == len(hela) == 600
    assert sum(ours == theirs for ours, theirs in zip(k562, hela, strict=True)) < 100
    # ours: one list for all cells (test_factors.py: each cell has its own open channels of it)
