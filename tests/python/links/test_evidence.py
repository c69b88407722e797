"""Evidence on links, worked out by hand; trees against scikit-learn, Shapley values by enumeration."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

from crexpress.core.errors import InputError
from crexpress.links import evidence, scale, trees
from crexpress.links import inputs as link_inputs
from crexpress.links import screen as screens
from crexpress.links.closed_forms import closed_forms
from crexpress.links.scene import Links, Scene
from crexpress.prepare import screening
from crexpress.prepare.elements import TSS
from link_case import CHROMS, Case, contacts, motif_hits, screen, without_links


def all_links(scene: Scene, chrom: str = "chr1", reach: int = 60_000) -> Links:
    """Every link within `reach` on a chromosome."""
    inside = (scene.elements["chrom"] == chrom) & (scene.elements["class"] != TSS)
    elements = np.flatnonzero(inside.to_numpy())
    genes = np.flatnonzero((scene.genes["chrom"] == chrom).to_numpy())
    gene, element = (part.ravel() for part in np.meshgrid(genes, elements, indexing="ij"))
    near = np.abs(scene.middle[element] - scene.tss[gene]) <= reach
    return Links(scene, chrom, gene[near], element[near])


def test_what_lies_between_and_around_is_counted_by_hand(scene: Scene) -> None:
    links = all_links(scene)
    names = ("tss_between", "elements_between", "ctcf_between", "activity_near", "around_h3k27ac", "other_body")
    table = {piece.name: piece.of(links) for piece in evidence.find(names)}
    here = scene.genes.filter(pl.col("chrom") == "chr1")
    ccre = ((scene.elements["chrom"] == "chr1") & (scene.elements["class"] != TSS)).to_list()
    rows = [row for row, is_one in enumerate(ccre) if is_one]
    for at in range(0, len(links.gene), 7):
        tss, middle = scene.tss[links.gene[at]], scene.middle[links.element[at]]
        low, high = sorted((tss, middle))
        between = [row for row in rows if low < scene.middle[row] < high]
        assert table["tss_between"][at] == pytest.approx(np.log1p(sum(low < other < high for other in here["tss"])))
        assert table["elements_between"][at] == pytest.approx(np.log1p(len(between)))
        assert table["ctcf_between"][at] == pytest.approx(np.log1p(scene.tracks["ctcf"][between].sum()))
        near = [row for row in rows if abs(scene.middle[row] - middle) <= 5000]
        assert table["activity_near"][at] == pytest.approx(np.log(scene.activity[near].sum() + 0.1))
        own = scene.tracks["h3k27ac"][links.element[at]]  # the next element is 7 kb away
        assert table["around_h3k27ac"][at] == pytest.approx(np.log(own + 0.1))
        bodies = [g for g in range(len(scene.genes)) if scene.genes["chrom"][g] == "chr1" and g != links.gene[at]]
        inside = any(scene.genes["start"][g] <= middle < scene.genes["end"][g] for g in bodies)
        assert table["other_body"][at] == inside
    assert len({*table["tss_between"]}) > 2
    assert 0 < table["other_body"].mean() < 1


def test_abc_is_the_closed_form_of_evaluate(case: Case, scene: Scene, tmp_path: Path) -> None:
    world = case["world"]
    pairs = screens.read_pairs("s", screen(case, tmp_path / "s.tsv"), ["K"], world.genes, CHROMS)["K"]
    tested = screens.tested(scene, "s", pairs, evidence.find(["abc"]))
    overlap = screening.overlaps(pairs, world.elements, world.genes)
    closed = closed_forms(pairs, overlap, world.elements, world.genes, world.tracks)["ABC"]
    ours = tested.of_pairs(tested.table[:, 0])
    has = np.isfinite(ours)  # elements on a TSS are not tested
    assert has.sum() > 250
    np.testing.assert_allclose(ours[has], np.log(closed + 1e-6)[has], rtol=1e-4)


def test_evidence_that_a_cell_lacks_is_missing_and_never_0(scene: Scene) -> None:
    links = all_links(replace(scene, tracks={"access": scene.tracks["access"]}))
    needy = {"ctcf_between", "element_h3k27ac", "expression", "expression_least", "loop", "loops_of_gene", "attention"}
    for piece in evidence.find([*needy, "distance", "abc", "element_access"]):
        values = piece.of(links)
        assert np.isnan(values).all() if piece.name in needy else np.isfinite(values).all()
    assert not needy & set(evidence.available(links.scene.has))
    with pytest.raises(InputError, match="there is no evidence 'magic'"):
        evidence.find(["distance", "magic"])


def test_expression_of_other_cells_is_their_mean_least_and_difference(scene: Scene) -> None:
    cells = np.stack([np.full(len(scene.genes), 1.0), np.full(len(scene.genes), 3.0)])
    cells[1, 0] = np.nan
    links = all_links(replace(scene, expression=np.full(len(scene.genes), 4.0), known=cells))
    first = links.gene == 0
    found = {p.name: p.of(links) for p in evidence.find(["expression_mean", "expression_least", "expression_specific"])}
    assert {*found["expression_mean"][first]} == {1.0}
    assert {*found["expression_mean"][~first]} == {2.0}
    assert {*found["expression_least"]} == {1.0}
    assert {*found["expression_specific"][~first]} == {2.0}


def test_genes_of_one_tpm_are_expressed_and_where_it_is_not_measured_those_with_an_active_promoter(
    scene: Scene,
) -> None:
    tpm = np.full(len(scene.genes), 0.9)
    tpm[:3] = 1, np.nan, 50
    found = replace(scene, expression=np.log10(1 + tpm)).expressed
    promoter = scene.activity[scene.own]
    assert found.tolist() == [True, promoter[1] > np.quantile(promoter, 0.3), True] + [False] * (len(tpm) - 3)
    assert replace(scene, tracks={}).expressed.all()


def test_loops_count_in_their_bins_and_the_next_and_by_rank_in_their_map(scene: Scene) -> None:
    gene = int(np.argmax(scene.tss[:12]))
    element = 20  # of chr1, its midpoint 147 kb
    bins = sorted((int(scene.middle[element]) // 5000, int(scene.tss[gene]) // 5000))
    far = [(0, 900, 1.0), (1, 901, 9.0)]
    pieces = evidence.find(["loop", "loop_maps", "loops_of_gene"])
    links = Links(scene, "chr1", np.array([gene]), np.array([element]))
    for shift, expected in ((0, 0.5), (1, 0.5), (2, 0.0)):
        maps = [contacts(*sorted([*far, (bins[0] - shift, bins[1], 4.0)])), contacts(*far)]
        own = replace(links, scene=replace(scene, contacts=maps), kept={})
        strongest, share, _ = (piece.of(own)[0] for piece in pieces)
        assert (strongest, share) == (expected, 0.5 if expected else 0.0)


def test_ctcf_sites_count_where_they_face_each_other_about_the_link(
    case: Case, scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = without_links(case, tmp_path)
    hits = motif_hits(case, tmp_path)
    element, strand, motif = (hits[name] for name in ("element", "strand", "motif"))
    store = link_inputs.Store.open(tmp_path / "elements.parquet", tmp_path / "genes.parquet")
    [with_sites] = store.scenes([given[5]], [], [], [], [], tmp_path / "motif_hits.parquet").values()
    links = all_links(with_sites)
    [piece] = evidence.find(["ctcf_convergent"])
    found = piece.of(links)
    ctcf, middle = with_sites.tracks["ctcf"], with_sites.middle
    own = [
        {int(e) for e, s, m in zip(element, strand, motif, strict=True) if (s, m) == (way, "CTCF.H11")} for way in "+-"
    ]
    here = np.flatnonzero(((scene.elements["chrom"] == "chr1") & (scene.elements["class"] != TSS)).to_numpy())
    for at in range(len(links.gene)):
        ends = sorted((int(scene.tss[links.gene[at]]), int(middle[links.element[at]])))
        sums = [
            sum(ctcf[e] for e in here if e in sites and abs(middle[e] - end) <= 10_000)
            for sites, end in zip(own, ends, strict=True)
        ]
        assert found[at] == pytest.approx(np.log1p(min(sums)), rel=1e-6)
    assert 0 < (found > 0).mean() < 1
    assert np.isnan(piece.of(all_links(scene))).all()
    motif_hits(case, tmp_path, factors=("CTCFX", "CTCFL"))
    caplog.set_level("INFO", "crexpress")
    [without] = store.scenes([given[5]], [], [], [], [], tmp_path / "motif_hits.parquet").values()
    assert without.sites is None
    assert "has no motif of CTCF" in caplog.text


def brute(found: trees.Trees, row: np.ndarray, present: set[int]) -> float:
    """Sum of the trees for a row of which only some features are known: branches by their cover elsewhere."""

    def walk(at: int) -> float:
        if found.feature[at] < 0:
            return float(found.value[at])
        left, right = at + 1, at + int(found.right[at])
        if found.feature[at] in present:
            return walk(left if row[found.feature[at]] <= found.value[at] else right)
        parts = [float(found.cover[side]) / float(found.cover[at]) * walk(side) for side in (left, right)]
        return sum(parts)

    return sum(walk(int(first)) for first in found.first[:-1])


@pytest.mark.slow
def test_trees_are_scikit_learns_and_their_parts_are_shapley_values() -> None:
    generator = np.random.default_rng(0)
    table = generator.normal(size=(500, 4)).astype(np.float32)
    verdict = table[:, 0] + table[:, 1] * table[:, 2] > 0.3
    boosted = HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=8).fit(table, verdict)
    forest = ExtraTreesClassifier(4, max_leaf_nodes=16, random_state=0).fit(table, verdict)
    of_boosted = trees.of_boosted(boosted)
    np.testing.assert_allclose(
        of_boosted.sums(table) + boosted._baseline_prediction.ravel()[0], boosted.decision_function(table), atol=1e-4
    )
    of_forest = trees.of_forest(forest, lambda share, rows: share)
    np.testing.assert_allclose(of_forest.sums(table), forest.predict_proba(table)[:, 1], atol=1e-5)
    for found in (of_boosted, of_forest, trees.join_all([of_boosted, of_forest])):
        parts, mean = found.parts(table[:5])
        np.testing.assert_allclose(parts.sum(axis=1) + mean, found.sums(table[:5]), atol=1e-6)
        for row, own in zip(table[:2], parts, strict=False):
            for player in range(4):
                others = [other for other in range(4) if other != player]
                value = sum(
                    math.factorial(size)
                    * math.factorial(3 - size)
                    / 24
                    * (brute(found, row, {*some, player}) - brute(found, row, {*some}))
                    for size in range(4)
                    for some in itertools.combinations(others, size)
                )
                assert own[player] == pytest.approx(value, abs=1e-6)


def test_parts_of_deep_trees_that_split_on_a_feature_again_and_again_are_shapley_values() -> None:
    generator = np.random.default_rng(3)
    table = generator.normal(size=(1500, 7)).astype(np.float32)
    verdict = np.sin(3 * table).sum(axis=1) + generator.normal(size=1500) > 0
    forest = ExtraTreesClassifier(2, max_leaf_nodes=64, min_samples_leaf=2, random_state=0).fit(table, verdict)
    found = trees.of_forest(forest, lambda share, rows: share)
    parts, mean = found.parts(table[:150])  # more rows than are in hand at once
    np.testing.assert_allclose(parts.sum(axis=1) + mean, found.sums(table[:150]), atol=1e-9)
    worth = [brute(found, table[140], {i for i in range(7) if some >> i & 1}) for some in range(2**7)]
    for player in range(7):
        without = [some for some in range(2**7) if not some >> player & 1]
        weights = [
            math.factorial(n := some.bit_count()) * math.factorial(6 - n) / math.factorial(7) for some in without
        ]
        gained = [worth[some | 1 << player] - worth[some] for some in without]
        assert parts[140, player] == pytest.approx(np.dot(weights, gained), abs=1e-9)


def test_a_track_is_brought_to_the_scale_of_training_by_its_ranks() -> None:
    generator = np.random.default_rng(1)
    peaks = np.where(generator.random(5000) < 0.3, generator.gamma(2, 5, 5000), 0)
    everything = np.ones(5000, bool)
    known_scale = scale.measure(peaks)
    np.testing.assert_allclose(scale.match(peaks, everything, known_scale), peaks, atol=0.05 * peaks.max())
    np.testing.assert_allclose(
        scale.match(7 * peaks**2, everything, known_scale), scale.match(peaks, everything, known_scale)
    )
    coverage = scale.match(peaks + generator.random(5000), everything, known_scale)
    assert (coverage == 0).mean() == pytest.approx(0.7, abs=0.03)
    known = {"dnase": known_scale}
    told = scale.outside({"dnase": scale.measure(peaks + 1)}, known)
    assert len(told) == 1
    assert ("in training in 30%" in told[0].text, told[0].like) == (True, scale.NOISE)
    [few] = scale.outside({"dnase": scale.measure(np.where(peaks > np.quantile(peaks, 0.9), peaks, 0))}, known)
    assert few.like == scale.HALF
    assert not scale.outside({"dnase": scale.measure(3 * peaks)}, {"dnase": known_scale})
    for coarse in (1.0 * (peaks > 0), np.minimum(np.ceil(peaks), 5)):  # with signal in as many elements as training
        [found] = scale.outside({"dnase": scale.measure(coarse)}, known)
        share = np.unique(coarse[coarse > 0], return_counts=True)[1].max() / (coarse > 0).sum()
        assert f"dnase has the same value in {share:.0%} of the elements with signal (in training in 0%)" in found.text
        assert found.like == scale.LEVEL
        assert not scale.outside(
            {"dnase": scale.measure(coarse)}, {"dnase": scale.measure(2 * coarse)}
        )  # as in training
