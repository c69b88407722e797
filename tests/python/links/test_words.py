"""What is said of links, by hand-made values: whose signal is the strongest, and what a cell lacks."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from crexpress.links import choose, sentence


def test_the_strongest_element_is_above_all_others_of_its_gene_within_100_kb() -> None:
    gene = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3])
    far = np.array([500, -90_000, 100_001, 10, 20, -30, 5, 6, 7])
    signal = np.array([2.0, 3.0, 9.0, 4.0, 4.0, 1.0, 0.0, 0.0, 1.0])  # of gene 1 two are equal, gene 2 has none
    assert np.flatnonzero(sentence.strongest(gene, far, signal)).tolist() == [1, 8]


def test_elements_of_equal_signal_are_not_called_the_strongest() -> None:
    equal = sentence.strongest(np.zeros(2, int), np.array([10, 20]), np.array([4.0, 4.0]))
    told = sentence.sentences(["1 kb upstream"] * 2, {"H3K27ac": equal}, np.zeros(2, int), ["", ""])
    assert told == ["1 kb upstream, no TSS between"] * 2


@pytest.mark.parametrize(
    ("needs", "has", "lacks"),
    [
        ({"access", "activity", "loops"}, {"loops"}, ["DNase or ATAC", "H3K27ac"]),
        ({"activity"}, set(), ["DNase or ATAC", "H3K27ac"]),
        ({"access", "activity"}, {"activity"}, ["DNase or ATAC"]),  # activity is of H3K27ac here
        ({"access", "h3k27ac"}, {"access"}, ["H3K27ac"]),
        ({"access", "loops"}, {"access", "loops"}, []),
    ],
)
def test_each_thing_that_a_cell_lacks_is_said_once(needs: set[str], has: set[str], lacks: list[str]) -> None:
    model = cast(Any, SimpleNamespace(needs=frozenset(needs)))
    assert choose.lacking(model, frozenset(has)) == lacks
