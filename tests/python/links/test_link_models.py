"""Link models: what a fit finds and holds out, which of several scores a cell, their cards, and what is refused."""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score

from crexpress.core import artifacts
from crexpress.evaluate import links as links_metrics
from crexpress.links import card, choose, fit, known, model
from crexpress.links.scene import Scene
from crexpress.report import inputs, link_model
from crexpress.report.study import Study
from link_case import CHROMS, TRACKS, Case, screen, without_links
from tools import run


def fit_case(case: Case, folder: Path, flip: str = "", *more: Any) -> tuple[Path, pl.DataFrame]:
    """A link model of the case's screen, and its pairs with held-out probabilities."""
    folder.mkdir(exist_ok=True)
    own = screen(case, folder / "s.tsv", flip)
    given = [*without_links(case, folder), "--crispr", f"S={own}", "--name", "own", *more]
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
def test_with_balanced_weights_probabilities_still_say_how_many_are_regulated(case: Case, tmp_path: Path) -> None:
    few = ("--evidence", "distance,abc", "--folds", 0)
    _, plain = fit_case(case, tmp_path / "plain", "", *few)
    path, balanced = fit_case(case, tmp_path / "balanced", "", *few, "--weights", "balanced")
    assert artifacts.open_arrays(path, "link_model").header["parameters"]["training"]["weights"] == "balanced"
    assert (balanced["probability"] - plain["probability"]).abs().max() > 0.01
    for pairs in (plain, balanced):
        assert pairs["probability"].mean() == pytest.approx(pairs["regulated"].mean(), abs=0.05)


@pytest.mark.slow
def test_scored_links_add_up_and_a_fitted_cell_is_scored_by_what_has_not_seen_it(
    case: Case, fitted: tuple[Path, pl.DataFrame], tmp_path: Path
) -> None:
    path, pairs = fitted
    given = [*without_links(case, tmp_path), "--link-model", path, "--window", 60_000]
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
    others = table.filter(~pl.col("linked")).with_columns(high=pl.col("probability") >= header["parameters"]["cutoff"])
    assert others.filter(~pl.col("high"))["sentence"].null_count() == (~others["high"]).sum()
    told = others.filter("high")["sentence"]
    assert len(told)
    assert told.str.contains("^not called: its (gene|element) ").all()
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
    [first, *_, curve, calibration] = link_model.blocks(Study(loaded, tmp_path / "figures"))
    assert b"</svg>" in curve.svg
    assert [cell.text for cell in first.rows[0][:2]] == ["K", "own"]
    assert len(calibration.rows) == len(header["parameters"]["card"]["reliability"])
    # the same tracks by another name are no other cell; other tracks are, to which the fit of all pairs speaks
    draw = np.random.default_rng(1)
    tracks = {name: values * draw.gamma(4, 0.25, len(values)) for name, values in world.tracks.items()}
    unlike = cast(Case, {**case, "world": world._replace(tracks=tracks)})
    for name, of, held_out in (("copy", case, ["chr1", "chr2", "chr3"]), ("new", unlike, [])):
        for kind in ("links", "signals"):
            (tmp_path / f"{kind}.K.{'parquet' if kind == 'links' else 'safetensors'}").unlink(missing_ok=True)
        own = without_links(of, tmp_path, cell=name)
        result = run("score-links", *own, "--link-model", path, "--window", 60_000, "--outdir", tmp_path / name)
        assert result.exit_code == 0, result.stderr
        other, header = artifacts.read_table(tmp_path / f"{name}/links.{name}.parquet", "links")
        assert header["parameters"]["held_out"] == held_out
        assert (np.abs(other["probability"] - table["probability"]).max() > 0.01) == (not held_out)


@pytest.mark.slow
def test_a_cell_that_lacks_evidence_is_scored_by_the_model_that_fits_it_best_and_told(
    case: Case, fitted: tuple[Path, pl.DataFrame], scene: Scene, tmp_path: Path
) -> None:
    full, _ = fitted
    small, _ = fit_case(case, tmp_path / "small", "", "--tracks", "dnase", "--name", "access")
    given = ["--link-model", full, "--link-model", small, "--window", 60_000, "--outdir", tmp_path / "out"]
    best = model.read(full).card["average_precision"][0]
    poor = ((("dnase",), "access", "CTCF, H3K27ac"), (("dnase", "ctcf"), "access", "H3K27ac"))
    for tracks, name, more in ((TRACKS, "own", ""), *poor):
        folder = tmp_path / "-".join(tracks)
        folder.mkdir()
        result = run("score-links", *without_links(case, folder, tracks=tracks), *given)
        assert result.exit_code == 0, result.stderr
        assert f"(link model {name})" in result.stderr
        assert result.stderr.count(" lacks ") == bool(more)
        assert (f", {best:.3f} with {more} (own))" in result.stderr) == bool(more)
    folder = tmp_path / "none"
    folder.mkdir()
    result = run("score-links", *without_links(case, folder, tracks=("ctcf",)), *given)
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
    given = without_links(case, tmp_path)
    given += ["--signals", without_links({**case, "world": deep}, tmp_path / "L", cell="L")[5]]
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
        ("fit-links", ["--tracks", "h3k9ac"], "K has no track h3k9ac; it has ctcf, dnase, h3k27ac"),
        ("fit-links", ["--tracks", "atac"], "K has no track atac; it has ctcf, dnase, h3k27ac"),
        ("fit-links", ["--crispr", "one"], "on 1 chromosome; a fit needs 10, on two or more"),
        ("fit-links", ["--crispr", "two"], "too few chromosomes have regulated pairs, and others, for some to be held"),
        ("fit-links", ["--crispr", "other"], "no pair to score in K; its cells are other"),
        ("fit-links", ["--crispr-cell", "L"], "the signals are of K; give the signals of L"),
        ("score-links", ["--held-out", "--expression"], "--held-out: "),
        ("score-links", ["--link-model", "signals"], "holds signals; a file of link_model is needed here"),
    ],
)
def test_what_cannot_be_fitted_or_read_is_refused(
    case: Case, tmp_path: Path, tool: str, more: list[str], message: str
) -> None:
    given = without_links(case, tmp_path)
    path = screen(case, tmp_path / "s.tsv")
    whole = pl.read_csv(path, separator="\t", infer_schema=False)
    whole.filter(pl.col("chrom") == "chr1").write_csv(tmp_path / "one.tsv", separator="\t")
    whole.filter(pl.col("chrom") != "chr1").write_csv(tmp_path / "two.tsv", separator="\t")
    whole.with_columns(CellType=pl.lit("other")).write_csv(tmp_path / "other.tsv", separator="\t")
    if tool == "score-links":
        given += [
            "--outdir",
            tmp_path / "out",
            *(word for word in more if word[0] == "-"),
            tmp_path / "signals.K.safetensors",
        ]
    else:
        file = tmp_path / f"{more[1]}.tsv" if more[0] == "--crispr" else path
        given += ["--crispr", file, "--output", tmp_path / "out/own.safetensors"]
        given += more if more[0] != "--crispr" else []
    result = run(tool, *given)
    assert (result.exit_code, message in result.stderr) == (65, True), result.stderr
    assert not (tmp_path / "out").exists()


def test_a_wrong_name_of_a_link_model_is_answered_with_the_right_ones(case: Case, tmp_path: Path) -> None:
    result = run("score-links", *without_links(case, tmp_path), "--link-model", "four_track")
    assert result.exit_code == 2
    assert "no file four_track" in result.stderr
    assert "access, activity, four_tracks, four_tracks_loops" in result.stderr


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
