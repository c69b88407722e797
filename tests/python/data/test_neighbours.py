"""Which elements a gene sees, against looking at every element in turn."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crexpress.core.errors import InputError
from crexpress.data import neighbours

WIDTH = 600
place = st.tuples(st.sampled_from(["chr1", "chr2", "chr10"]), st.integers(0, 3000).map(lambda bp: bp // 5 * 5))
rules = st.sampled_from(["right", "dropped"])


def store(ccres: list[tuple[str, int]], tss: list[tuple[str, int]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Elements with these midpoints (sorted), then the genes' windows; and the genes."""
    order = ["chr1", "chr2", "chr10"]
    ccres = sorted(ccres, key=lambda place: (order.index(place[0]), place[1]))
    rows = [(*place, "dELS") for place in ccres]
    rows += [(*place, "TSS") for place in tss]
    schema = {"chrom": pl.String, "middle": pl.Int64, "class": pl.String}
    elements = pl.DataFrame(rows, schema=schema, orient="row")
    elements = elements.with_columns(start=pl.col("middle") - WIDTH // 2, end=pl.col("middle") + WIDTH // 2)
    genes = pl.DataFrame(tss, schema={"chrom": pl.String, "tss": pl.Int64}, orient="row")
    rows_of_genes = np.arange(len(ccres), len(ccres) + len(tss), dtype=np.int32)
    return elements, genes.with_columns(element=rows_of_genes)


def seen(
    elements: pl.DataFrame, chrom: str, tss: int, most: int, reach: int, at_tss: str
) -> tuple[list[int], list[int]]:
    """cCRE rows left of and from the TSS on, in genome order, the `most` nearest within `reach` bp."""
    left, right = [], []
    for row, (name, middle, kind) in enumerate(elements.select("chrom", "middle", "class").rows()):
        if name == chrom and kind != "TSS" and abs(middle - tss) <= reach and (middle != tss or at_tss == "right"):
            (left if middle < tss else right).append(row)
    return left[max(0, len(left) - most) :], right[:most]


@settings(max_examples=100, deadline=None)
@given(st.lists(place, max_size=25), st.lists(place, min_size=1, max_size=5), st.sampled_from([0, 2, 6, 40]), rules)
def test_nearest_against_looking_at_all(
    ccres: list[tuple[str, int]], tss: list[tuple[str, int]], m: int, at_tss: neighbours.AtTss
) -> None:
    elements, genes = store(ccres, tss)
    index = neighbours.nearest(genes, elements, m, at_tss)
    assert index.dtype == np.int32
    assert index.shape == (len(tss), m + 1)
    for row, (chrom, position, own) in zip(index.tolist(), genes.rows(), strict=True):
        left, right = seen(elements, chrom, position, m // 2, 10**9, at_tss)
        pads = [[-1] * (m // 2 - len(side)) for side in (left, right)]
        assert row == [*pads[0], *left, own, *right, *pads[1]]


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    st.lists(place, max_size=25),
    st.lists(place, min_size=1, max_size=5),
    st.sampled_from([0, 1, 400, 2000, 100_000]),
    st.sampled_from([None, 1, 3]),
    rules,
)
def test_within_against_looking_at_all(
    ccres: list[tuple[str, int]],
    tss: list[tuple[str, int]],
    window: int,
    most: int | None,
    at_tss: neighbours.AtTss,
) -> None:
    elements, genes = store(ccres, tss)
    index = neighbours.within(genes, elements, window, most, at_tss)
    expected = [
        seen(elements, chrom, position, 10**9 if most is None else most, window // 2, at_tss) for chrom, position in tss
    ]
    k = max(len(side) for sides in expected for side in sides)
    assert index.shape == (len(tss), 2 * k + 1)
    for row, (left, right), own in zip(index.tolist(), expected, genes["element"], strict=True):
        assert row == [-1] * (k - len(left)) + left + [own] + right + [-1] * (k - len(right))


def test_distances_are_signed_and_zero_at_pads_and_tss() -> None:
    elements, genes = store([("chr1", 400), ("chr1", 1000), ("chr1", 1600)], [("chr1", 1000)])
    index = neighbours.nearest(genes, elements, 4)
    assert index.tolist() == [[-1, 0, 3, 1, 2]]
    assert neighbours.distances(genes, elements, index).tolist() == [[0, -600, 0, 0, 600]]


def test_gene_on_a_chromosome_without_ccres_sees_itself_only() -> None:
    elements, genes = store([("chr1", 400)], [("chr2", 1000)])
    assert neighbours.nearest(genes, elements, 2).tolist() == [[-1, 1, -1]]
    assert neighbours.within(genes, elements, 1_000_000).tolist() == [[1]]


def test_genes_that_see_less_than_their_window_are_told(capsys: pytest.CaptureFixture) -> None:
    elements, genes = store([("chr1", place) for place in range(100, 1000, 100)], [("chr1", 450), ("chr1", 5000)])
    index = neighbours.seen(genes, elements, 4, 1000)
    assert index.tolist() == [[2, 3, 9, 4, 5], [-1, -1, 10, -1, -1]]
    assert "1 of 2 genes have more than 2 cCREs on a side within 500 bp" in capsys.readouterr().err
    assert neighbours.seen(genes, elements, 4).tolist() == [[2, 3, 9, 4, 5], [7, 8, 10, -1, -1]]
    assert neighbours.seen(genes, elements, 10, 1000).shape == (2, 11)  # 5 on one side, 4 on the other
    assert capsys.readouterr().err == ""


def test_impossible_numbers_are_refused() -> None:
    elements, genes = store([("chr1", 400)], [("chr1", 1000)])
    for m in (3, -2):
        for window in (0, 1000):
            with pytest.raises(InputError, match=f"{m} neighbours"):
                neighbours.seen(genes, elements, m, window)
    with pytest.raises(InputError, match="-1 bp wide"):
        neighbours.within(genes, elements, -1)
