"""Sums of groups: those of numpy, and the same bytes however often they are asked for."""

import numpy as np
import polars as pl

from crexpress.core import groups


def frame() -> pl.DataFrame:
    """Pairs of bins as of a map of attention, of which Polars' own sum had other last digits within one process."""
    draw = np.random.default_rng(0)
    bins = np.sort(draw.integers(9000, 9030, 101))
    first, second = np.meshgrid(bins, bins, indexing="ij")
    pairs = np.minimum(first, second).ravel(), np.maximum(first, second).ravel()
    return pl.DataFrame({"row": pairs[0], "col": pairs[1], "value": draw.random(101 * 101)})


def test_sums_of_groups_repeat() -> None:
    value = pl.col("value")
    asked = {"total": groups.total(value), "average": groups.average(value), "spread": groups.spread(value)}
    found = {
        name: {
            frame().group_by("row", "col").agg(one).sort("row", "col")["value"].to_numpy().tobytes() for _ in range(20)
        }
        for name, one in asked.items()
    }
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(asked, 1)


def test_sums_of_groups_are_those_of_numpy() -> None:
    table = pl.DataFrame({"group": [1, 1, 1, 2, 3, 3], "value": [0.5, 2.0, 4.5, 1.0, None, None]})
    value = pl.col("value")
    found = table.group_by("group", maintain_order=True).agg(
        total=groups.total(value), average=groups.average(value), spread=groups.spread(value)
    )
    assert found["total"].to_list() == [7.0, 1.0, 0.0]
    assert found["average"].to_list() == [7 / 3, 1.0, None]
    assert found["spread"].to_list() == [np.std([0.5, 2.0, 4.5], ddof=1), None, None]
