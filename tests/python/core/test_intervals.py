"""Which intervals overlap, against every pair looked at by itself."""

import numpy as np
import polars as pl
import pytest

from crexpress.core.intervals import any_overlap, end_to_end, overlapping
from crexpress.core.tracks import element_means


def table(seed: int, rows: int) -> pl.DataFrame:
    """Short intervals on three chromosomes, many of which nest, touch or are alike."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 60, rows)
    chrom = rng.choice(["chr1", "chr2", "chr10"], rows)
    return pl.DataFrame({"chrom": chrom, "start": start, "end": start + rng.integers(1, 25, rows)})


@pytest.mark.parametrize("touching", [False, True])
def test_overlaps_are_those_of_every_pair_by_itself(touching: bool) -> None:
    first, second = table(1, 80), table(2, 70)
    wanted = {
        (i, j)
        for i, one in enumerate(first.iter_rows())
        for j, other in enumerate(second.iter_rows())
        if one[0] == other[0]
        and (one[1] <= other[2] and other[1] <= one[2] if touching else one[1] < other[2] and other[1] < one[2])
    }
    rows = overlapping(first, second, touching=touching)
    found = list(zip(*(part.tolist() for part in rows), strict=True))
    assert len(found) == len(wanted)
    assert set(found) == wanted
    covered = any_overlap(first, second, touching=touching)
    assert set(np.flatnonzero(covered)) == {pair[0] for pair in wanted}


def test_nothing_overlaps_an_empty_table() -> None:
    empty = table(1, 5).clear()
    assert not any_overlap(table(1, 5), empty).any()
    assert [len(part) for part in overlapping(empty, table(1, 5))] == [0, 0]


def test_chromosomes_end_to_end_do_not_meet() -> None:
    places = end_to_end(pl.Series(["chr1", "chr2"]), {"chr1": 0, "chr2": 1})
    assert places[1] - places[0] > 10**10


def test_means_are_of_the_values_or_of_what_they_stand_for() -> None:
    signal = np.log10(1 + np.array([[0.0, 9.0, 99.0], [0.0, 0.0, 0.0]])).astype(np.float16)
    np.testing.assert_allclose(element_means(signal), [1.0, 0.0])
    np.testing.assert_allclose(element_means(signal, "log10p1"), [36.0, 0.0], rtol=1e-3)
    assert element_means(signal[:0], dtype=np.float32).dtype == np.float32
