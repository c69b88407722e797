"""Pairs of CTCF sites and the direction between two elements, on maps whose answer is planted; and the tool."""

from pathlib import Path

import cooler
import numpy as np
import polars as pl
import pytest

from crexpress.core.errors import InputError
from crexpress.interpret import attention
from crexpress.interpret.attention import AttentionMap
from crexpress.interpret.element_pairs import ACROSS, INSIDE, ONE, STRETCH, compared, ctcf_pairs, direction
from tiny_case import TinyCase
from tools import inputs, run, train

STEP = 20_000  # bp between elements
ELEMENTS = pl.DataFrame(
    {"element_id": [f"e{i}" for i in range(120)], "chrom": "chr1",
     "ccre_start": np.arange(120) * STEP - 100, "ccre_end": np.arange(120) * STEP + 100}
)  # fmt: skip
DOMAINS = pl.DataFrame({"chrom": "chr1", "start": [10 * STEP, 60 * STEP], "end": [40 * STEP, 80 * STEP + 4_000]})


def planted(*boosted: tuple[int, int]) -> AttentionMap:
    """Attention falls as 1 / distance; that of some pairs is fourfold, from the first to the second alone."""
    at = np.arange(120)
    attention = 0.1 / np.maximum(np.abs(at[:, None] - at[None]), 1).astype(np.float64)
    for first, second in boosted:
        attention[first, second] *= 4
    attention[0, 119] = np.nan  # no gene sees both
    return AttentionMap(at, attention.astype(np.float32), attention, np.ones((120, 120), np.int32))


def test_pairs_of_ctcf_sites_by_hand() -> None:
    bound = np.isin(np.arange(120), [10, 25, 40, 60, 80, 100])  # 25 is inside the first domain, 100 in none
    pairs = (10, 40), (40, 10), (60, 80), (80, 60)
    table = ctcf_pairs(planted(*pairs), ELEMENTS, bound, DOMAINS)
    of = {row["class"]: row for row in table.iter_rows(named=True)}
    # of the anchors 10, 40, 60 and 80 the pairs 10-40 and 60-80 flank a domain, the other four none
    assert {name: row["pairs"] for name, row in of.items()} == {ONE: 2, INSIDE: 2, ACROSS: 4}
    assert of[ONE]["attention_50"] == pytest.approx(2 * 0.1 * 4 * (1 / 30 + 1 / 20) / 2)
    assert of[ONE]["above_50"] == pytest.approx(2, abs=0.25)  # fourfold, of pairs about as far apart
    assert of[ACROSS]["above_50"] == pytest.approx(0, abs=0.25)
    assert of[INSIDE]["attention_50"] == pytest.approx(2 * 0.1 / 15)
    assert of[ONE]["p"] is None
    assert of[ACROSS]["p"] == pytest.approx(2 / 15)  # both of two above all of four, either way: of 15 orders
    assert of[ACROSS]["less"] == pytest.approx(-2, abs=0.25)  # fourfold less
    assert of[ONE]["less"] is None
    with pytest.raises(InputError, match="no two CTCF sites of the map flank one domain"):
        ctcf_pairs(planted(), ELEMENTS, np.arange(120) == 10, DOMAINS)


def test_a_difference_is_of_stretches_that_are_drawn_together() -> None:
    """Forty stretches, ten pairs a class each: by turns 1 and 2 less across, so 1.5 less, +- 1.96 * 0.5 / sqrt(40)."""
    rows = [(name, "chr1", at * STRETCH + own, 0.1, (1 + at % 2) * (name == ONE))
            for name in (ONE, ACROSS) for at in range(40) for own in range(10)]  # fmt: skip
    pairs = pl.DataFrame(rows, ["class", "chrom", "place", "attention", "above"], orient="row")
    of = {row["class"]: row for row in compared(pairs).iter_rows(named=True)}
    assert of[ACROSS]["less"] == -1.5
    assert [of[ACROSS][f"less_{end}"] for end in ("low", "high")] == pytest.approx([-1.655, -1.345], abs=0.03)
    assert (of[INSIDE]["pairs"], of[INSIDE]["less"]) == (0, None)
    few = pairs.filter(pl.col("place") < 9 * STRETCH)
    (row,) = compared(few).filter(pl.col("class") == ACROSS).iter_rows(named=True)
    assert (row["less_low"], row["less_high"]) == (None, None)


def test_anchors_of_one_place_are_no_pair_across() -> None:
    near = ELEMENTS.with_columns(
        ccre_start=pl.when(pl.col("element_id") == "e11").then(10 * STEP + 2_900).otherwise("ccre_start"),
        ccre_end=pl.when(pl.col("element_id") == "e11").then(10 * STEP + 3_100).otherwise("ccre_end"),
    )
    table = ctcf_pairs(planted(), near, np.isin(np.arange(120), [10, 11, 40]), DOMAINS[:1])
    assert table.select("class", "pairs").rows() == [(ONE, 2), (INSIDE, 0), (ACROSS, 0)]
    assert table["above_50"].to_list()[1:] == [None, None]


def test_direction_of_a_pair_beside_others_of_its_distance() -> None:
    (row,) = direction(planted((30, 37)), ELEMENTS, "e30", "e37").iter_rows(named=True)
    assert (row["distance"], row["others"]) == (7 * STEP, 120 - 7 - 1)
    assert row["forward"] == pytest.approx(4 * row["backward"])
    assert row["log2_ratio"] == pytest.approx(2)
    assert row["others_median"] == pytest.approx(0)
    assert row["p"] == pytest.approx(1 / 113)
    (back,) = direction(planted((30, 37)), ELEMENTS, "e37", "e30").iter_rows(named=True)
    assert back["log2_ratio"] == pytest.approx(-2)
    whole = planted()
    few = AttentionMap(*(part[:20, :20] if part.ndim == 2 else part[:20] for part in whole))
    for found, first, second, message in (
        (whole, "e30", "nobody", "the map has no element nobody"),
        (whole, "e0", "e119", "no gene of the map sees both e0 and e119"),
        (few, "e0", "e18", "the map has 5 other pairs about as far apart as e0 and e18, and 20 are needed"),
    ):
        with pytest.raises(InputError, match=message):
            direction(found, ELEMENTS, first, second)


@pytest.mark.slow
def test_the_tool_answers_both_beside_its_map(tiny: TinyCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert train(tiny, tmp_path / "model", "--preset", "scpge-small", "--steps", 1).exit_code == 0
    given = ["--model", tmp_path / "model", *inputs(tiny, "A", expression=False), "--region", "chr2"]
    (tmp_path / "d.bed").write_text("chr2\t5000\t90000\n")
    result = run("map-attention", *given, "--domains", tmp_path / "d.bed", "--outdir", tmp_path)
    assert result.exit_code == 65
    assert "pairs of CTCF sites need the track ctcf of A, which this model or cell lacks" in result.output
    gene = pl.read_parquet(tiny.genes).filter(pl.col("chrom") == "chr2")["tss"].sort()[20]
    own = pl.read_parquet(tiny.elements).filter(pl.col("chrom") == "chr2", pl.col("class") != "TSS")
    place = (own["ccre_start"] + own["ccre_end"]) // 2
    left, right = own.filter(place < gene).sort("start").tail(1), own.filter(place >= gene).sort("start").head(1)
    two = [left["element_id"].item(), right["element_id"].item()]
    result = run("map-attention", *given, "--direction", ",".join(two), "--cool", "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    assert cooler.Cooler(str(tmp_path / "attention.A.chr2.cool")).chromnames == ["chr1", "chr2", "chr3"]
    (row,) = pl.read_csv(tmp_path / "attention.A.chr2.direction.tsv", separator="\t").iter_rows(named=True)
    assert [row["first"], row["second"]] == two
    found = np.load(tmp_path / "attention.A.chr2.npz")
    at = [found["element_id"].tolist().index(name) for name in two]
    assert row["forward"] == pytest.approx(float(found["probability"][at[0], at[1]]))
    assert run("map-attention", *given, "--direction", two[0], "--outdir", tmp_path).exit_code == 2
    monkeypatch.setattr(attention, "free_memory", lambda device: 999)
    result = run("map-attention", *given, "--outdir", tmp_path / "full")
    assert result.exit_code == 65, result.output
    assert "and 0.0 GB are free; map fewer genes, or a smaller region of about 5 elements at most" in result.output
    assert not (tmp_path / "full").exists()
