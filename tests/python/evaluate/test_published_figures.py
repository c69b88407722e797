"""Figures that others have published, reproduced from their tables with our measures and closed forms."""

import importlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

import shared_data
from crexpress.core import ranking
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks import crispr
from crexpress.evaluate.benchmarks.base import Entry, World
from crexpress.links import abc, encode_re2g
from shared_data import DATA, missing

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "tests" / "reference" / "published"
MERGED = DATA / "baselines" / "K562-only.expt.pred.hg19.txt.gz"
SCREEN = ROOT / "assets" / "k562" / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"


def table(name: str) -> pl.DataFrame:
    return pl.read_csv(PUBLISHED / name, separator="\t", infer_schema_length=10_000)


def test_the_folder_of_tables_that_are_not_copied_can_be_named(monkeypatch, tmp_path):
    try:
        for named, folder in ((str(tmp_path), tmp_path), ("", ROOT.parent / "shared")):
            monkeypatch.setenv("CREXPRESS_SHARED", named)
            assert folder / "data" == importlib.reload(shared_data).DATA
    finally:
        monkeypatch.undo()
        importlib.reload(shared_data)
    assert "CREXPRESS_SHARED=FOLDER names the folder" in missing(tmp_path)


def figures(score: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    found = ranking.measures(score, positive, np.ones((1, len(score)), np.uint16))
    return float(found["auprc"][0]), float(found["precision_at_70_recall"][0])


@pytest.mark.skipif(not MERGED.is_file(), reason=missing(MERGED))
def test_the_merged_table_of_nasser_2021():
    pairs = pl.read_csv(MERGED, separator="\t", infer_schema_length=10_000, null_values="NA").filter("IncludeInModel")
    positive = pairs["Regulated"].to_numpy()
    assert (len(positive), positive.sum()) == (3_854, 103)
    middle = (pairs["startPerturbationTarget"] + pairs["endPerturbationTarget"]) / 2
    assert figures(pairs["ABC.ABC.Score"].to_numpy(), positive) == pytest.approx((0.589326, 0.5141), abs=1e-4)
    assert figures(-(middle - pairs["startTSS"]).abs().to_numpy(), positive) == pytest.approx(
        (0.399960, 0.2874), abs=1e-4
    )
    others = {"Roadmap.ConfidenceScore": 0.0248, "JEME.jeme_score": 0.0077, "EnhancerAtlas2.EAGLE_score": 0.0023}
    for name, expected in others.items():
        assert figures(pairs[name].to_numpy(), positive)[0] == pytest.approx(expected, abs=5e-5)
    called = pairs["closestEnhancer.EachEnhRegulatesClosestGene"].to_numpy() > 0
    hits = positive[called]
    assert (hits.mean(), hits.sum() / 103) == pytest.approx((0.432, 0.369), abs=5e-4)


@pytest.mark.skipif(not MERGED.is_file(), reason=missing(MERGED))
def test_the_merged_table_is_a_benchmark_whose_columns_are_scores_and_of_another_build():
    options = {"scores": "ABC.ABC.Score;-ABC.distance"}
    entry = Entry("nasser", "crispr", "K562", MERGED, options)
    found = crispr.score(entry, World(resamples=0))
    of = {(row.subset, row.method, row.metric): row.value for row in found.rows}
    assert of["all pairs", "ABC.ABC.Score", "auprc"] == pytest.approx(0.5905, abs=1e-4)  # two pairs are of 0 bp
    assert of["all pairs", "all", "positives"] == 101
    assert any("no interval" in note for note in found.notes)


def test_the_screen_of_crispr_comparison():
    """auPRC and precision at 70 % recall of design/peers.md, measured there with the field's own code."""
    pairs = pl.read_csv(SCREEN, separator="\t", infer_schema_length=20_000, null_values="NA")
    positive = pairs["Regulated"].to_numpy()
    near = np.maximum(pairs["distanceToTSS"].abs().to_numpy(), 1)
    dnase, h3k27ac = pairs["DHS.RPM"].to_numpy(), pairs["H3K27ac.RPM"].to_numpy()
    wide = pairs["H3K27ac.RPM.expandedRegion"].to_numpy()
    assert figures(-near, positive) == pytest.approx((0.4359, 0.3158), abs=5e-5)
    assert figures(h3k27ac / near, positive) == pytest.approx((0.4693, 0.3434), abs=5e-5)
    assert figures(dnase / near, positive) == pytest.approx((0.4999, 0.3611), abs=2e-4)
    assert figures(np.sqrt(dnase * wide) / near, positive) == pytest.approx((0.5263, 0.4204), abs=5e-5)
    power = np.sqrt(dnase * wide) * abc.power_law(near)
    assert figures(power, positive) == pytest.approx((0.5157, 0.4269), abs=5e-5)


def test_encode_re2g_by_its_coefficients():
    links = table("encode_re2g.chr22.tsv.gz")
    assert len(links) == 7_218
    found = encode_re2g.probability(links)
    assert np.abs(found - links["ENCODE-rE2G.Score"].to_numpy()).max() < 1e-6
    other = encode_re2g.probability(links, "dhs_megamap")  # of another scale of contacts
    assert np.abs(other - found).mean() > 0.01


def test_encode_re2g_of_a_screens_own_features(tmp_path):
    """`scores` of a benchmark: the published scores come back pair by pair, and models and features are asked for."""
    links = table("encode_re2g.chr22.tsv.gz").head(60)
    generator = np.random.default_rng(0)
    screen = links.drop("ENCODE-rE2G.Score").with_columns(
        chrom=pl.lit("chr22"), chromStart=pl.int_range(60) * 1_000 + 10, chromEnd=pl.int_range(60) * 1_000 + 500,
        measuredGeneSymbol=pl.lit("G"), startTSS=pl.lit(2_000_000), CellType=pl.lit("K562"),
        Regulated=pl.Series(generator.random(60) < 0.4),
    )  # fmt: skip
    path = tmp_path / "screen.tsv"
    screen.write_csv(path, separator="\t")
    entry = Entry("s", "crispr", "K562", path, {"scores": "re2g:dhs_intact_hic"})
    found = crispr.score(entry, World(resamples=0))
    of = {(row.subset, row.method, row.metric): row.value for row in found.rows}
    expected = figures(links["ENCODE-rE2G.Score"].to_numpy(), screen["Regulated"].to_numpy())[0]
    assert of["all pairs", "re2g:dhs_intact_hic", "auprc"] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(InputError, match="there is no re2g:mine; models are dhs_intact_hic, dhs_megamap"):
        crispr.score(Entry("s", "crispr", "K562", path, {"scores": "re2g:mine"}), World(resamples=0))
    screen.drop("numTSSEnhGene").write_csv(path, separator="\t")
    with pytest.raises(InputError, match="needs the columns numTSSEnhGene"):
        crispr.score(entry, World(resamples=0))


def test_contacts_of_abc():
    links = table("abc.chr22.tsv.gz")
    distance = links["distance"].to_numpy()
    law = abc.power_law(distance)
    assert np.abs(law - links["powerlaw_contact"].to_numpy()).max() < 1e-5
    reference = abc.power_law(distance, abc.REFERENCE_GAMMA, abc.REFERENCE_SCALE)
    assert np.abs(reference - links["powerlaw_contact_reference"].to_numpy()).max() < 1e-5
    adjusted = abc.adjusted(links["hic_contact"].to_numpy(), distance)
    assert np.abs(adjusted - links["hic_contact_pl_scaled_adj"].to_numpy()).max() < 1e-5


@pytest.mark.slow
def test_abc_from_the_tracks_ranks_as_the_published_scores():
    links, places = table("abc.chr22.tsv.gz"), table("candidates.chr22.tsv.gz")
    elements = places.select(
        pl.lit("chr22").alias("chrom"), pl.lit("dELS").alias("class"), ccre_start="start", ccre_end="end"
    )
    named = (
        links.select("TargetGene", tss="TargetGeneTSS").unique(maintain_order=True).with_columns(chrom=pl.lit("chr22"))
    )
    width = (places["end"] - places["start"]).to_numpy()
    tracks = {name: places[name].to_numpy() / width for name in ("dnase", "h3k27ac")}

    def scored(activity: np.ndarray) -> pl.DataFrame:
        found = abc.scores(elements, named, activity)
        frame = pl.concat(
            [named.select("TargetGene")[found.gene], places.select("start", "end")[found.element]], how="horizontal"
        )
        frame = frame.with_columns(pl.Series("ours", found.score))
        region = links["name"].str.extract_groups(r":(?<low>\d+)-(?<high>\d+)$").struct.unnest().cast(pl.Int64)
        theirs = links.with_columns(start=region["low"], end=region["high"])
        return frame.join(theirs, on=["TargetGene", "start", "end"])

    both = scored(abc.activity(tracks, elements, named))
    assert len(both) > 2_700
    assert spearmanr(both["ours"], both["powerlaw.Score"]).statistic > 0.99
    distal = both.filter(~pl.col("isSelfPromoter"))
    assert spearmanr(distal["ours"], distal["powerlaw.Score"]).statistic > 0.99
    assert ((both["ours"] == 1) == both["isSelfPromoter"]).all()
    plain = scored(np.sqrt(tracks["dnase"] * tracks["h3k27ac"])).filter(~pl.col("isSelfPromoter"))
    assert (
        spearmanr(plain["ours"], plain["powerlaw.Score"]).statistic < 0.75
    )  # their quantiles are what makes the ranks
