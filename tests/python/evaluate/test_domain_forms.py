"""Closed forms beside link scores in benchmarks of domains, which have no pairs of their own to score."""

import numpy as np
import polars as pl
import pytest

from crexpress.core import methods
from crexpress.evaluate.benchmarks import domains
from crexpress.evaluate.benchmarks.base import Entry, World
from crexpress.evaluate.benchmarks.predictors import ABC_POWER_LAW, closed_links
from crexpress.links.published import Linkset, Score
from linkset_case import GENES, write


def elements_at(start: np.ndarray, chrom: str = "chr1") -> pl.DataFrame:
    return pl.DataFrame(
        {"chrom": chrom, "class": "dELS", "ccre_start": start, "ccre_end": start + 200}
    ).with_columns(start="ccre_start", end="ccre_end")  # fmt: skip


def test_closed_forms_as_links_by_hand():
    """800 lies on a TSS; each gene sees the nearest two on either side."""
    elements = elements_at(np.array([800, 5_000, 20_000, 50_000, 80_000, 99_900]))
    tracks = {"K": {"h3k27ac": np.array([9.0, 2, 4, 6, 8, 1])}}
    one = Score("nearest gene", methods.Method("a", "nearest gene", methods.PUBLISHED))
    named = Linkset(
        "K", pl.DataFrame({"chrom": ["chr1"], "start": [0], "end": [9], "key": ["g"], "a": [1]}), {"a": one}
    )
    world = World(genes=GENES, elements=elements, tracks=tracks, links=[named], resamples=0)
    found = closed_links("b", "K", world, 4)
    column = {score.label: name for name, score in found.scores.items()}
    assert set(column) == {"distance", "H3K27ac/distance", "within 100 kb of the TSS", "nearest TSS"}
    assert {score.method.kind for score in found.scores.values()} == {methods.CLOSED_FORM}
    assert found.elements_on_tss == 1
    rows = found.table.sort("key", "start")
    assert rows.select("key", "start").rows() == [
        ("ENSG01.3", 5_000), ("ENSG01.3", 20_000),
        ("ENSG02.1", 50_000), ("ENSG02.1", 80_000), ("ENSG02.1", 99_900),
    ]  # fmt: skip
    apart = [4_100, 19_100, 39_900, 9_900, 10_000]
    assert rows[column["distance"]].to_list() == [-float(bp) for bp in apart]
    share = [value / bp for value, bp in zip((2, 4, 6, 8, 1), apart, strict=True)]
    assert rows[column["H3K27ac/distance"]].to_list() == pytest.approx(share)
    assert rows[column["nearest TSS"]].to_list() == [1, 1, 1, 1, 1]
    none = elements_at(np.array([500, 900]), "chr9")
    assert not closed_links("b", "K", World(genes=GENES, elements=none), 4).scores


def test_closed_forms_stand_beside_models_as_their_own_links_would(tmp_path):
    generator = np.random.default_rng(3)
    tss = np.sort(generator.integers(3_000_000, 12_000_000, 400))
    genes = pl.DataFrame({"gene_id": [f"g{i}" for i in range(400)], "gene_name": "n", "chrom": "chr1", "tss": tss,
                          "start": tss, "end": tss + 2_000, "element": np.arange(400)})  # fmt: skip
    elements = elements_at(np.sort(generator.integers(3_000_000, 12_000_000, 1_500)))
    tracks = {"K": {name: generator.uniform(0, 1, 1_500) for name in ("dnase", "h3k27ac")}}
    world = World(genes=genes, elements=elements, tracks=tracks, resamples=100)
    path = write(tmp_path / "d.bed", *(f"chr1 {i}000000 {i + 1}000000" for i in range(3, 12)))
    entry = Entry("d", "domains", "K", path)
    found = domains.score(entry, world)
    asked = {(row.method, row.metric): row.value for row in found.rows}
    kinds = {row.method for row in found.rows} - {methods.EVERYTHING}
    assert {"distance", "nearest gene", "ABC", ABC_POWER_LAW, "activity/distance"} <= kinds
    assert set(found.tables["d.insulation"]["method"]) == kinds
    links = closed_links("d", "K", world, domains.NEAREST)
    alone = domains.score(entry, World(genes=genes, links=[links], resamples=100))
    assert {(row.method, row.metric): row.value for row in alone.rows} == pytest.approx(asked, nan_ok=True)
    of_links = {value for (_, metric), value in asked.items() if metric == "insulation_dip_of_links"}
    assert len(of_links) == 1  # all forms are of the same links
