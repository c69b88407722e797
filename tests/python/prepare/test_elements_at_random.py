"""The element store against its rules, on intervals drawn at random."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_elements import bed, ccres, midpoints

from crexpress.formats import text_files
from crexpress.prepare import elements

pytestmark = pytest.mark.slow

places = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr2", "chr10"]), st.integers(0, 4000), st.integers(1, 700)).map(
        lambda drawn: (drawn[0], drawn[1], drawn[1] + drawn[2])
    ),
    min_size=1,
    max_size=40,
    unique=True,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places, places)
def test_blacklist_against_looking_at_all(
    tmp_path: Path, drawn: list[tuple[str, int, int]], black: list[tuple[str, int, int]]
) -> None:
    black = [*black, ("chr1", 9000, 9001)]  # a list that shares no chromosome is another genome's
    drawn = [*drawn, ("chr1", 9100, 9200)]
    path = bed(tmp_path, *(f"{chrom} {start} {end}" for chrom, start, end in black))
    frame = ccres(drawn)
    expected = [
        name
        for name, (chrom, start, end) in zip(frame["element_id"], drawn, strict=True)
        if not any(chrom == other and start < last and first < end for other, first, last in black)
    ]
    assert elements.drop_blacklisted(frame, path)["element_id"].to_list() == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places, st.lists(st.integers(0, 4699), min_size=1, max_size=5), st.sampled_from([1, 350, 601]))
def test_windows_at_chromosome_ends(
    tmp_path: Path, drawn: list[tuple[str, int, int]], tss: list[int], width: int
) -> None:
    """Every window keeps its width in the store, and is cut at the ends in the browser file."""
    lengths = {"chr1": 4700, "chr2": 4700, "chr10": 4700}
    listed = pl.DataFrame({"gene_id": [f"G{at}" for at in range(len(tss))], "chrom": "chr2", "tss": tss, "strand": "+"})
    ccre_part = elements.merge(ccres(drawn), "none", width)
    store, found = elements.with_tss_windows(ccre_part, listed, width)
    assert (store["end"] - store["start"] == width).all()
    assert (store["start"] + width // 2 == (store["start"] + store["end"]) // 2).all()
    assert store[found["element"]]["element_id"].to_list() == [f"TSS:G{at}" for at in range(len(tss))]
    elements.write_bed(tmp_path / "e.bed.gz", store, lengths)
    rows = text_files.read_intervals(tmp_path / "e.bed.gz")
    assert len(rows) == len(store)
    assert rows["end"].max() <= 4700
    clipped = dict(rows.select("column_4", pl.concat_list("start", "end")).rows())
    for name, start, end in store.select("element_id", "start", "end").iter_rows():
        assert clipped[name] == [max(0, start), min(4700, end)]


@settings(max_examples=150, deadline=None)
@given(places, st.sampled_from([1, 350, 600]))
def test_greedy_against_the_rule_step_by_step(drawn: list[tuple[str, int, int]], width: int) -> None:
    expected = []
    for chrom in ("chr1", "chr2", "chr10"):
        left = sorted((start + end) // 2 for name, start, end in drawn if name == chrom)
        while left:
            cluster = [middle for middle in left if middle <= left[0] + width]
            left = left[len(cluster) :]
            expected.append((chrom, cluster[len(cluster) // 2]))
    assert midpoints(elements.merge(ccres(drawn), "greedy", width)) == expected


@settings(max_examples=150, deadline=None)
@given(places)
def test_interval_merge_against_painting_bases(drawn: list[tuple[str, int, int]]) -> None:
    merged = elements.merge(ccres(drawn), "interval")
    for chrom in {name for name, _, _ in drawn}:
        painted = np.zeros(5002, dtype=bool)
        for name, start, end in drawn:
            painted[start:end] |= name == chrom
        edges = np.flatnonzero(np.diff(painted, prepend=False, append=False)).reshape(-1, 2)
        found = merged.filter(pl.col("chrom") == chrom).select("ccre_start", "ccre_end").sort("ccre_start")
        assert found.rows() == [tuple(edge) for edge in edges.tolist()]


@settings(max_examples=100, deadline=None)
@given(places, st.sampled_from(elements.METHODS), st.sampled_from([1, 350, 601]), st.randoms())
def test_merge_loses_no_ccre_and_ignores_the_order_of_lines(
    drawn: list[tuple[str, int, int]], method: elements.Method, width: int, random: object
) -> None:
    frame = ccres(drawn)
    merged = elements.merge(frame, method, width)
    assert sorted(",".join(merged["members"]).split(",")) == sorted(frame["element_id"])
    assert merged["element_id"].is_unique().all()
    assert (merged["end"] - merged["start"] == width).all()
    assert all(row["element_id"] in row["members"].split(",") for row in merged.iter_rows(named=True))
    shuffled = frame.sample(fraction=1, shuffle=True, seed=random.randrange(1000))  # type: ignore[attr-defined]
    assert elements.merge(shuffled, method, width).equals(merged)
