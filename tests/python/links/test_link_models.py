"""Link models: evidence by hand, trees against scikit-learn, Shapley values by enumeration, what is held out."""

import gzip
import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score

from crexpress.core import artifacts, shipped
from crexpress.core.errors import InputError
from crexpress.evaluate import links as links_metrics
from crexpress.links import card, choose, evidence, fit, known, model, scale, trees
from crexpress.links import inputs as link_inputs
from crexpress.links import screen as screens
from crexpress.links.closed_forms import closed_forms
from crexpress.links.scene import Links, Scene
from crexpress.prepare import screening
from crexpress.prepare.contacts import Contacts
from crexpress.prepare.elements import TSS
from crexpress.report import inputs, link_model
from link_case import CHROMS, Case, make, screen, write
from tools import run

TRACKS = ("ctcf", "dnase", "h3k27ac")


@pytest.fixture(scope="module")
def case() -> Case:
    return make()


@pytest.fixture(scope="module")
def scene(case: Case) -> Scene:
    world = case["world"]
    tracks = {("access" if name == "dnase" else name): values for name, values in world.tracks.items()}
    return Scene("K", world.elements, world.genes, tracks)


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
    def contacts(pairs: list[tuple[int, int, float]]) -> Contacts:
        row, col, count = zip(*pairs, strict=True)
        tensors = {
            "row": np.array(row, np.int32),
            "col": np.array(col, np.int32),
            "count": np.array(count, np.float32),
            "neglog10q": np.full(len(row), np.nan, np.float32),
            "chroms": np.array(["chr1"]),
            "offsets": np.array([0, 1000]),
        }
        return Contacts({"parameters": {"bin_size": 5000}, "cell": "K"}, tensors)

    gene = int(np.argmax(scene.tss[:12]))
    element = 20  # of chr1, its midpoint 147 kb
    bins = sorted((int(scene.middle[element]) // 5000, int(scene.tss[gene]) // 5000))
    far = [(0, 900, 1.0), (1, 901, 9.0)]
    pieces = evidence.find(["loop", "loop_maps", "loops_of_gene"])
    links = Links(scene, "chr1", np.array([gene]), np.array([element]))
    for shift, expected in ((0, 0.5), (1, 0.5), (2, 0.0)):
        maps = [contacts(sorted([*far, (bins[0] - shift, bins[1], 4.0)])), contacts(far)]
        own = replace(links, scene=replace(scene, contacts=maps), kept={})
        strongest, share, _ = (piece.of(own)[0] for piece in pieces)
        assert (strongest, share) == (expected, 0.5 if expected else 0.0)


def test_ctcf_sites_count_where_they_face_each_other_about_the_link(
    case: Case, scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = options(case, tmp_path)
    generator = np.random.default_rng(4)
    element = np.sort(generator.choice(len(scene.elements), 150, replace=False)).astype(np.int32)
    strand = np.where(generator.random(150) < 0.5, "+", "-")
    motif = np.where(generator.random(150) < 0.8, "CTCF.H11", "CTCFL.H11")  # of another factor
    start = scene.elements["start"].gather(element)
    hits = pl.DataFrame({"element": element, "chrom": scene.elements["chrom"].gather(element), "start": start})
    hits = hits.with_columns(end=pl.col("start") + 15, motif=pl.Series(motif), strand=pl.Series(strand))
    hits = hits.with_columns(score=pl.lit(12, pl.Float32), p_value=pl.lit(1e-5, pl.Float32))
    _, like = artifacts.read_table(tmp_path / "elements.parquet", "elements")
    about = {"motifs": ["CTCF.H11", "CTCFL.H11"], "factors": ["CTCF", "CTCFL"]}
    header = artifacts.make_header("motif_hits", "test", elements=like["elements"], parameters=about)
    artifacts.write_table(tmp_path / "motif_hits.parquet", hits, header)
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
    about["factors"] = ["CTCFX", "CTCFL"]
    header = artifacts.make_header("motif_hits", "test", elements=like["elements"], parameters=about)
    artifacts.write_table(tmp_path / "none.parquet", hits, header)
    caplog.set_level("INFO", "crexpress")
    [without] = store.scenes([given[5]], [], [], [], [], tmp_path / "none.parquet").values()
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
    told = scale.outside({"dnase": scale.measure(peaks + 1)}, {"dnase": known_scale})
    assert len(told) == 1
    assert "in training in 30%" in told[0]
    assert not scale.outside({"dnase": scale.measure(3 * peaks)}, {"dnase": known_scale})


def options(case: Case, folder: Path, **change: Any) -> list[Any]:
    """Options of the tools for the case's files, without its links."""
    given = write(case, folder, **({"tracks": TRACKS} | change))
    return given[:6]


def fit_case(case: Case, folder: Path, flip: str = "", *more: Any) -> tuple[Path, pl.DataFrame]:
    """A link model of the case's screen, and its pairs with held-out probabilities."""
    folder.mkdir(exist_ok=True)
    given = [*options(case, folder), "--crispr", f"S={screen(case, folder / 's.tsv', flip)}", "--name", "own", *more]
    result = run("fit-links", *given, "--output", folder / "own.safetensors", "--pairs", folder / "pairs.parquet")
    assert result.exit_code == 0, result.stderr
    return folder / "own.safetensors", artifacts.read_table(folder / "pairs.parquet", "held_out_pairs")[0]


@pytest.fixture(scope="module")
def fitted(case: Case, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    return fit_case(case, tmp_path_factory.mktemp("fitted"))


@pytest.mark.slow
def test_a_fit_finds_what_regulates_and_never_sees_the_chromosome_that_it_scores(
    case: Case, fitted: tuple[Path, pl.DataFrame], tmp_path: Path
) -> None:
    path, pairs = fitted
    told = artifacts.open_arrays(path, "link_model").header["parameters"]
    assert told["training"]["screens"][0]["regulated"] == pairs["regulated"].sum()
    held_out = average_precision_score(pairs["regulated"], pairs["probability"])
    assert held_out == pytest.approx(told["card"]["average_precision"][0], abs=1e-3)
    assert held_out > 0.8  # pairs whose element lies on a TSS are missed
    assert average_precision_score(pairs["regulated"], -pairs["distance"]) < 0.7
    assert told["card"]["calibration_error"] < 0.1
    assert told["card"]["without"].keys() == {"access", "h3k27ac", "ctcf"}
    assert told["card"]["without"]["h3k27ac"] < held_out - 0.05  # half of what regulates; ctcf is noise
    assert told["card"]["without"]["ctcf"] == pytest.approx(held_out, abs=0.05)
    _, flipped = fit_case(case, tmp_path / "flipped", "chr2")
    there = (pairs["chrom"] == "chr2").to_numpy()
    change = (flipped["probability"] - pairs["probability"]).abs().to_numpy()
    assert change[there].max() == 0
    assert change[~there].max() > 0.1
    again, _ = fit_case(case, tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_scored_links_add_up_and_a_fitted_cell_is_scored_by_what_has_not_seen_it(
    case: Case, fitted: tuple[Path, pl.DataFrame], tmp_path: Path
) -> None:
    path, pairs = fitted
    given = [*options(case, tmp_path), "--link-model", path, "--window", 60_000]
    result = run("score-links", *given, "--outdir", tmp_path / "K", "--cutoff", 0.3)
    assert result.exit_code == 0, result.stderr
    assert "scored by the fit that has not seen it" in result.stderr
    table, header = artifacts.read_table(tmp_path / "K/links.K.parquet", "links")
    assert header["parameters"]["held_out"] == ["chr1", "chr2", "chr3"]
    of_pairs = pairs.select("gene_id", pl.col("chromStart").cast(pl.Int64).alias("start"), held_out="probability")
    joined = table.join(of_pairs.filter(pl.col("held_out") > 0), on=["gene_id", "start"])
    assert len(joined) > 250
    np.testing.assert_allclose(joined["probability"], joined["held_out"], atol=2e-6)
    called = pl.read_csv(gzip.decompress((tmp_path / "K/links.K.tsv.gz").read_bytes()), separator="\t")
    tss = case["world"].genes.select("chrom", "tss").rows()
    on_promoter = [
        any(chrom == row["chrom"] and row["start"] < at + 250 and row["end"] > at - 250 for chrom, at in tss)
        for row in table.iter_rows(named=True)
    ]
    likely = (table["probability"] >= 0.3).to_numpy()
    world = case["world"]
    promoter = world.activity[world.genes["element"].to_numpy()]  # expression is not given: activity speaks for it
    on = dict(zip(world.genes["gene_id"], promoter > np.quantile(promoter, 0.3), strict=True))
    expressed = np.array([on[gene] for gene in table["gene_id"]])
    np.testing.assert_array_equal(table["linked"], likely & expressed & ~np.array(on_promoter))
    assert (likely & ~expressed).any()
    assert len(called) == table["linked"].sum() > 20
    assert (likely & on_promoter).any()
    names = [f"by_{name}" for name in model.read(path).pieces]
    total = called["base"] + called.select(pl.sum_horizontal(names)).to_series()
    np.testing.assert_allclose(1 / (1 + np.exp(-total.to_numpy())), called["probability"], atol=2e-3)
    assert table.filter("linked")["sentence"].null_count() == 0
    assert table.filter(~pl.col("linked"))["sentence"].null_count() == (~table["linked"]).sum()
    assert called["sentence"].str.contains(r"^\d+ (kb|bp) (up|down)stream, .*TSSs? between; raised by").any()
    # evaluate and the report read them beside a network's links, whose names they leave alone
    both = [tmp_path / "links.K.parquet", tmp_path / "K/links.K.parquet"]
    _, gene_header = artifacts.read_table(tmp_path / "genes.parquet", "genes")
    labels = [
        name
        for of_cell in links_metrics.read_links(both, tmp_path / "genes.parquet", gene_header)
        for name, _, _ in of_cell.scores.values()
    ]
    assert labels == ["attention", "probability (link model)"]
    loaded = inputs.load(tmp_path / "genes.parquet", links=both)
    shown = loaded.links["K"]
    assert [score["name"] for score in shown.header["parameters"]["scores"]] == ["probability", "attention"]
    assert len(shown.data) == len(case["links"])
    seen = shown.data.drop_nulls("probability").join(table, on=["gene_id", "element"])
    assert (seen["probability"] == seen["probability_right"]).all()
    [first, *_] = link_model.blocks(loaded.scored)
    assert [cell.text for cell in first.rows[0][:2]] == ["K", "own"]
    # the same cell by another name is new to the model: all of its fits' data speak
    for name in ("links", "signals"):
        (tmp_path / f"{name}.K.{'parquet' if name == 'links' else 'safetensors'}").unlink(missing_ok=True)
    new = options(case, tmp_path, cell="new")
    result = run("score-links", *new, "--link-model", path, "--window", 60_000, "--outdir", tmp_path / "new")
    assert result.exit_code == 0, result.stderr
    other, header = artifacts.read_table(tmp_path / "new/links.new.parquet", "links")
    assert header["parameters"]["held_out"] == []
    assert np.abs(other["probability"] - table["probability"]).max() > 0.01


@pytest.mark.slow
def test_a_cell_that_lacks_evidence_is_scored_by_the_model_that_fits_it_best_and_told(
    case: Case, fitted: tuple[Path, pl.DataFrame], scene: Scene, tmp_path: Path
) -> None:
    full, _ = fitted
    small, _ = fit_case(case, tmp_path / "small", "", "--tracks", "dnase", "--name", "access")
    given = ["--link-model", full, "--link-model", small, "--window", 60_000, "--outdir", tmp_path / "out"]
    for tracks, name in ((TRACKS, "own"), (("dnase",), "access"), (("dnase", "ctcf"), "access")):
        folder = tmp_path / "-".join(tracks)
        folder.mkdir()
        result = run("score-links", *options(case, folder, tracks=tracks), *given)
        assert result.exit_code == 0, result.stderr
        assert f"(link model {name})" in result.stderr
        assert " lacks " not in result.stderr
    folder = tmp_path / "none"
    folder.mkdir()
    result = run("score-links", *options(case, folder, tracks=("ctcf",)), *given)
    assert result.exit_code == 0, result.stderr
    assert "K lacks DNase or ATAC" in result.stderr
    worth = model.read(small).card
    lost = f"held out: {worth['average_precision'][0]:.3f}, {worth['without']['access']:.3f} without DNase or ATAC)"
    assert lost in result.stderr
    assert "taken as average" in result.stderr
    read_back = {path: model.read(path) for path in (full, small)}
    assert choose.choose(read_back, replace(scene, tracks={"access": scene.tracks["access"]})) == small


@pytest.mark.slow
def test_two_screens_of_two_cells_make_one_model_that_has_seen_neither_where_it_scores_them(
    case: Case, tmp_path: Path
) -> None:
    world = case["world"]
    deep = world._replace(tracks={name: 3 * values + 1 for name, values in world.tracks.items()})  # fold change, say
    (tmp_path / "L").mkdir()
    given = options(case, tmp_path)
    given += ["--signals", options({**case, "world": deep}, tmp_path / "L", cell="L")[5]]
    first = screen(case, tmp_path / "first.tsv")
    second = pl.read_csv(first, separator="\t", infer_schema=False).with_columns(CellType=pl.lit("L"))
    second.filter(pl.int_range(pl.len()) % 3 > 0).write_csv(tmp_path / "second.tsv", separator="\t")
    given += ["--crispr", f"first={first}", "--crispr", f"second={tmp_path / 'second.tsv'}"]
    output = tmp_path / "both.safetensors"
    result = run("fit-links", *given, "--output", output, "--pairs", tmp_path / "pairs.parquet")
    assert result.exit_code == 0, result.stderr
    read = model.read(output)
    assert read.folds["K"] == read.folds["L"]  # so that no gene is on both sides
    assert {*read.folds["K"]} == {*CHROMS}
    told = artifacts.open_arrays(output, "link_model").header["parameters"]["training"]["screens"]
    assert [(one["screen"], one["cell"]) for one in told] == [("first", "K"), ("second", "L")]
    pairs, _ = artifacts.read_table(tmp_path / "pairs.parquet", "held_out_pairs")
    for cell in "KL":
        own = pairs.filter(pl.col("cell") == cell)
        assert average_precision_score(own["regulated"], own["probability"]) > 0.7
    assert set(read.card["beside"]) == {"first, K", "second, L"}


@pytest.mark.parametrize(
    ("tool", "more", "message"),
    [
        ("fit-links", ["--evidence", "magic"], "there is no evidence 'magic'"),
        ("fit-links", ["--tracks", "h3k9ac"], "K has no track h3k9ac; it has access, ctcf, h3k27ac"),
        ("fit-links", ["--crispr", "one"], "on 1 chromosomes; a fit needs 10, on two or more"),
        ("fit-links", ["--crispr", "two"], "too few chromosomes have regulated pairs, and others, for some to be held"),
        ("fit-links", ["--crispr", "other"], "no pair to score in K; its cells are other"),
        ("fit-links", ["--crispr-cell", "L"], "the signals are of K; give the signals of L"),
        ("score-links", ["--link-model", "signals"], "holds signals; a file of link_model is needed here"),
    ],
)
def test_what_cannot_be_fitted_or_read_is_refused(
    case: Case, tmp_path: Path, tool: str, more: list[str], message: str
) -> None:
    given = options(case, tmp_path)
    path = screen(case, tmp_path / "s.tsv")
    whole = pl.read_csv(path, separator="\t", infer_schema=False)
    whole.filter(pl.col("chrom") == "chr1").write_csv(tmp_path / "one.tsv", separator="\t")
    whole.filter(pl.col("chrom") != "chr1").write_csv(tmp_path / "two.tsv", separator="\t")
    whole.with_columns(CellType=pl.lit("other")).write_csv(tmp_path / "other.tsv", separator="\t")
    if tool == "score-links":
        given += ["--link-model", tmp_path / "signals.K.safetensors", "--outdir", tmp_path / "out"]
    else:
        file = tmp_path / f"{more[1]}.tsv" if more[0] == "--crispr" else path
        given += ["--crispr", file, "--output", tmp_path / "out/own.safetensors"]
        given += more if more[0] != "--crispr" else []
    result = run(tool, *given)
    assert (result.exit_code, message in result.stderr) == (65, True), result.stderr
    assert not (tmp_path / "out").exists()


def test_chromosomes_are_shared_out_whole_and_evenly() -> None:
    chrom = np.repeat([f"chr{i}" for i in range(1, 9)], 40)
    regulated = np.arange(len(chrom)) % 40 < np.repeat([8, 7, 6, 5, 4, 3, 2, 1], 40)
    group = fit.groups(chrom, regulated, 3)
    assert group.keys() == {*chrom}
    totals = [sum(9 - int(name[3:]) for name, own in group.items() if own == number) for number in range(3)]
    assert max(totals) - min(totals) <= 2
    assert len({*fit.groups(chrom, regulated, 0).values()}) == 8


def test_the_cards_figures_are_those_of_their_definition() -> None:
    generator = np.random.default_rng(2)
    probability = generator.random(4000)
    regulated = generator.random(4000) < probability
    curve = card.reliability(probability, regulated)
    assert curve[:, 2].sum() == 4000
    assert card.calibration_error(curve) < 0.03
    assert card.calibration_error(card.reliability(probability, regulated & (probability > 0.5))) > 0.1
    at = card.cutoffs(probability, regulated)
    recall = regulated[probability >= at["recall_70"]].sum() / regulated.sum()
    assert 0.7 <= recall < 0.701

    def f1(cutoff: float) -> float:
        called = probability >= cutoff
        return float(2 * (regulated & called).sum() / (regulated.sum() + called.sum()))

    scores = [f1(cutoff) for cutoff in np.linspace(0, 1, 400)]
    best = f1(at["best_f1"])
    assert best >= max(scores) - 1e-12


def test_what_other_cells_express_is_read_by_gene_id_without_version(tmp_path: Path) -> None:
    genes = pl.DataFrame({"gene_id": ["ENSG1.4", "ENSG2.1", "ENSG3.1"]})
    known.write(tmp_path / "known.parquet", {"A": np.array([1.0, 2.0, np.nan])}, genes, [])
    newer = pl.DataFrame({"gene_id": ["ENSG2.9", "ENSG1.1", "ENSG7.1"]})
    found = known.read([tmp_path / "known.parquet"], newer, tmp_path / "genes.parquet", {})
    np.testing.assert_array_equal(found["A"], [2.0, 1.0, np.nan])
    mouse = pl.DataFrame({"gene_id": ["ENSMUSG1"]})
    assert known.read([tmp_path / "known.parquet"], mouse, tmp_path / "genes.parquet", {}) == {}


SHIPPED = list(shipped.LINK_MODELS.values())


def test_shipped_models_are_whole_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert len(SHIPPED) == 4
    for path in SHIPPED:
        assert len(model.read(path).fits) == 13
    header, arrays = artifacts.open_arrays(SHIPPED[0], "link_model")
    name = next(name for name in arrays if name.endswith(".right"))
    circle = np.array(arrays[name])
    circle[circle > 0] = 0
    last = next(name for name in arrays if name.endswith(".feature"))
    damages: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({name: circle}, {}, "a tree has a branch that leads nowhere"),
        ({last: np.full_like(arrays[last], 900)}, {}, "a tree has a branch that leads nowhere"),
        ({"0.median": np.full_like(arrays["0.median"], np.nan)}, {}, "0.median holds NaN"),
        ({}, {"evidence": ["distance"]}, "fit|array"),
        ({}, {"folds": {"K562": {"chr1": 99}}}, "a fit that is not there"),
        ({}, {"card": {}}, "card"),
        ({}, {"loops": [2.0]}, "does not say which loops"),
    ]
    for changed, told, message in damages:
        damaged = header | {"parameters": header["parameters"] | told}
        artifacts.write_arrays(tmp_path / "m.safetensors", dict(arrays) | changed, damaged)
        with pytest.raises(InputError, match=message):
            model.read(tmp_path / "m.safetensors")
