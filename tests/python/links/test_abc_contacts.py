"""ABC with measured contacts, worked out by hand, and beside the one by power law in a benchmark."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.evaluate.benchmarks import predictors
from crexpress.evaluate.benchmarks.base import World
from crexpress.links import abc, abc_contacts
from crexpress.prepare.contacts import Contacts

MIDDLE = np.array([3_000, 6_000, 22_000, 30_000])  # bins 0 (the gene's), 1, 4, and 6, which has no contact
GENES = pl.DataFrame({"gene_id": ["g"], "gene_name": ["G"], "chrom": ["chr1"], "start": [1_000], "end": [3_000],
                      "tss": [1_000], "element": [4]})  # fmt: skip
ELEMENTS = pl.DataFrame(
    {
        "chrom": "chr1",
        "class": ["dELS"] * 4 + ["TSS"],
        "ccre_start": [*MIDDLE - 100, 700],
        "ccre_end": [*MIDDLE + 100, 1_300],
    }
).with_columns(start="ccre_start", end="ccre_end")
TENSORS = {
    "chroms": np.array(["chr1"]), "offsets": np.array([0, 10]),
    "row": np.array([0, 0, 0, 1], np.int32), "col": np.array([0, 1, 4, 2], np.int32),
    "count": np.array([10, 4, 1, 2], np.float32), "neglog10q": np.full(4, np.nan, np.float32),
}  # fmt: skip
# rows of bins sum to 15, 6, 2 and 1, 6 in the mean; a bin with itself has the larger contact of its neighbours'
CONTACT = np.array([4, 4, 1, 0]) / 6


def written(path: Path) -> Path:
    header = artifacts.make_header("contacts", "test", cell="K", parameters={"bin_size": 5_000})
    artifacts.write_sparse(path, TENSORS, header)
    return path


def test_contacts_are_counts_over_the_mean_sum_of_a_bin(tmp_path: Path) -> None:
    found = abc_contacts.measured(Contacts.open(written(tmp_path / "contacts.K.npz")), ELEMENTS, GENES)
    assert found(np.zeros(4, np.int64), np.arange(4)) == pytest.approx(CONTACT)


def test_abc_with_contacts_by_hand_and_in_a_benchmark(tmp_path: Path) -> None:
    """Contact is scaled to the reference's power law, plus what a distance has: 5 kb and nearer are alike."""
    distance = np.maximum(MIDDLE - 1_000, 5_000) + 1.0
    law, reference = (np.exp(scale - gamma * np.log(distance)) for gamma, scale in
                      ((abc.GAMMA, abc.SCALE), (abc.REFERENCE_GAMMA, abc.REFERENCE_SCALE)))  # fmt: skip
    contact = CONTACT * reference / law + np.minimum(law, np.exp(abc.SCALE - abc.GAMMA * np.log(5_001)))
    active = np.array([1.0, 2, 3, 4, 9])  # the last of the TSS window, which is no element
    expected = active[:4] * contact / (active[:4] * contact).sum()
    path = written(tmp_path / "contacts.K.npz")
    measured = abc_contacts.measured(Contacts.open(path), ELEMENTS, GENES)
    assert abc.scores(ELEMENTS, GENES, active, measured).score == pytest.approx(expected)
    tracks = {"dnase": np.array([1.0, 2, 3, 4, 9]), "h3k27ac": np.array([4.0, 3, 2, 1, 9])}
    activity = abc.activity(tracks, ELEMENTS, GENES)[:4]
    world = World(genes=GENES, elements=ELEMENTS, tracks={"K": tracks}, contacts={"K": path}, resamples=0)
    pairs, _, _ = predictors.nearest_pairs(ELEMENTS, GENES, 8)
    marked, _ = predictors.labelled("b", "K", pairs, np.zeros(len(pairs), bool), world, GENES)
    share = activity * contact
    at = np.argsort(np.argsort(pairs["start"].to_numpy()))
    assert marked.scores[predictors.ABC_CONTACTS] == pytest.approx((share / share.sum())[at])
    share = activity * np.array([abc.power_law(np.array([bp - 1_000]))[0] for bp in MIDDLE])
    assert marked.scores[predictors.ABC_POWER_LAW] == pytest.approx((share / share.sum())[at])
