"""Points of a sweep side by side, and the mean over seeds as a method of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import Result

import chromium
from crexpress.core import artifacts, methods
from crexpress.evaluate import labels
from crexpress.evaluate.metrics import Context, table
from sweep_case import laid_out
from tiny_case import TinyCase
from tools import run


def predictions(
    tiny: TinyCase, path: Path, values: np.ndarray, seed: int = 1, unit: str = "log10(1 + TPM)", **more: object
) -> Path:
    genes, like = artifacts.read_table(tiny.genes, "genes")
    frame = genes.select("gene_id", "gene_name", "chrom", "tss").with_columns(
        split=pl.lit("test"), predicted=pl.Series(values.astype(np.float32))
    )
    about = {"preset": "net", "seed": seed, "mode": "direct", "cell_seen": True, "training_cells": ["A"], **more}
    header = artifacts.make_header("predictions", "test", elements=like["elements"], genes=like["genes"], cell="A",
                                   parameters=about, units={"predicted": unit})  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    artifacts.write_table(path, frame, header)
    return path


def test_the_mean_over_seeds_is_a_method_of_its_own(tiny: TinyCase, tmp_path: Path) -> None:
    expression = artifacts.read_table(tiny.expression("A"), "expression")[0]["expression"].fill_null(0).to_numpy()
    rng = np.random.default_rng(0)
    values = [expression + rng.normal(0, 0.5, len(expression)) for _ in range(3)]
    files = [predictions(tiny, tmp_path / f"{seed}/predictions.A.parquet", v, seed) for seed, v in enumerate(values)]
    given = [part for file in files for part in ("--predictions", file)]
    result = run("ensemble", *given, "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    table, header = artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")
    np.testing.assert_allclose(table["predicted"], np.mean(np.float32(values), axis=0), rtol=1e-6)
    assert header["parameters"]["seeds"] == [0, 1, 2]

    more = ("--predictions", tmp_path / "predictions.A.parquet", "--expression", tiny.expression("A"))
    reference = ("--elements", tiny.elements, "--genes", tiny.genes, "--resamples", 20, "--outdir", tmp_path)
    result = run("evaluate", *reference, *given, *more)
    assert result.exit_code == 0, result.output
    metrics, header = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")
    r = dict(
        metrics.filter(metric="pearson", subset="test", section="expression").select("method", "value").iter_rows()
    )
    assert set(r) == {"net, seed 0", "net, seed 1", "net, seed 2", "net (mean of 3 seeds)"}
    assert r["net (mean of 3 seeds)"] > max(r[f"net, seed {seed}"] for seed in range(3))
    rows = {row["method"]: methods.from_row(row) for row in metrics.filter(kind="model").iter_rows(named=True)}
    own = methods.of_predictions({"preset": "net"})
    assert rows == {f"net, seed {seed}": own._replace(seed=seed) for seed in range(3)} | {
        "net (mean of 3 seeds)": own._replace(mean_of=3, mean_over="seeds")
    }


def test_what_cannot_be_averaged_is_refused(tiny: TinyCase, tmp_path: Path) -> None:
    zeros = np.zeros(120)
    one = predictions(tiny, tmp_path / "1/p.parquet", zeros)
    other = predictions(tiny, tmp_path / "2/p.parquet", zeros, 2, training_cells=["B"])
    result = run("ensemble", "--predictions", one, "--predictions", other, "--outdir", tmp_path)
    assert result.exit_code == 65
    assert "trained on other cells" in result.output
    other = predictions(tiny, tmp_path / "3/p.parquet", zeros, 2, unit="log10(1 + CPM)")
    result = run("ensemble", "--predictions", one, "--predictions", other, "--outdir", tmp_path)
    assert result.exit_code == 65
    assert f"{one} is in log10(1 + TPM), {other} in log10(1 + CPM); average one unit at a time" in result.output
    assert run("ensemble", "--predictions", one).exit_code == 2


def test_links_are_named_by_what_tells_their_models_apart() -> None:
    attention = {"name": "attention", "label": "attention", "higher_is_better": True, "kind": "model"}

    def link_score(preset: str, seed: int | None, **mean: object) -> tuple[str, methods.Method]:
        (method,) = methods.of_links({"scores": [attention], "preset": preset, "seed": seed, **mean})
        return "A", method

    assert labels.names([link_score("net", 1)]) == ["attention"]
    assert labels.names(
        [link_score("net", 1), link_score("net", 2), link_score("net", None, mean_of=2, mean_over="seeds")]
    ) == [
        *("attention, seed 1", "attention, seed 2", "attention (mean of 2 seeds)"),
    ]
    assert labels.names([link_score("net", 1), link_score("tree", 1)]) == ["attention, net", "attention, tree"]


def metrics_of(folder: Path, models: Sequence[tuple[dict[str, Any], float]]) -> Path:
    """metrics.parquet with r on test genes of cell A of models (what their headers say, r), and a baseline at 0.5."""
    own = [methods.of_predictions({"preset": "net", **about}) for about, _ in models]
    named = labels.names([("A", method) for method in own])
    context = Context("expression", "A", True, "test", methods=dict(zip(named, own, strict=True)))
    rows = [context.metric(name, "pearson", r, 40) for name, (_, r) in zip(named, models, strict=True)]
    ridge = methods.Method("ridge_promoter", "ridge promoter", methods.BASELINE, saw=methods.TRACKS)
    rows.append(replace(context, methods={"ridge promoter": ridge}).metric("ridge promoter", "pearson", 0.5, 40))
    scores = [
        methods.of_links({"scores": [{"name": "attention", "label": "attention", "kind": "model"}]})[0],
        methods.closed_form("distance"),
        methods.Method("abc", "ABC of the element", methods.CLOSED_FORM),
    ]
    context = Context("links", "A", True, "all pairs", "screen", {method.title: method for method in scores})
    rows += [
        context.metric(method.title, "average_precision", value, 40)
        for method, value in zip(scores, (0.3, 0.4, 0.5), strict=True)
    ]
    header = artifacts.make_header("metrics", "test", parameters={"units": {"A": "log10(1 + TPM)"}})
    folder.mkdir()
    artifacts.write_table(folder / "metrics.parquet", table(rows), header)
    return folder / "metrics.parquet"


def compare_two(tmp_path: Path) -> tuple[list[str], Result]:
    """Metrics of two points with two seeds each, as options, and what compare says of them."""
    laid_out(tmp_path, grid="seeds: [1, 2]\npoints: {small: {layers: 0}, large: {}}")
    mean = {"seed": None, "mean_of": 2, "mean_over": "seeds"}
    small = [({"seed": 1}, 0.6), ({"seed": 2}, 0.62), (mean, 0.65)]
    large = [({"seed": 1}, 0.7), ({"seed": 2}, 0.74), (mean, 0.75)]
    files = {"small": metrics_of(tmp_path / "s", small), "large": metrics_of(tmp_path / "l", large)}
    given = [part for point, path in files.items() for part in ("--metrics", f"{point}={path}")]
    return given, run("compare", "--runs", tmp_path / "runs.json", *given, "--outdir", tmp_path / "out")


@pytest.mark.slow
def test_points_stand_side_by_side(tmp_path: Path) -> None:
    given, result = compare_two(tmp_path)
    assert result.exit_code == 0, result.output
    assert "r on test genes from 0.610 (small) to 0.720 (large)" in result.output
    joined = pl.read_parquet(tmp_path / "out/sweep.parquet")
    assert len(joined) == 14
    assert joined.filter(point="large", seed=2)["value"].to_list() == [0.74]
    assert joined.filter(point="small", mean_of=2)["method"].to_list() == ["net (mean of 2 seeds)"]
    without = joined.filter(~pl.col("model"))["method"].unique().sort().to_list()
    assert without == ["ABC of the element", "distance", "ridge promoter"]
    assert pl.read_csv(tmp_path / "out/sweep.csv").shape == joined.shape
    page = (tmp_path / "out/sweep.html").read_text()
    for text in (
        "layers 0",
        "0.610",
        "sd 0.014; together 0.650",
        "Best baseline (ridge promoter)",
        "Element-gene links",
    ):
        assert text in page, text
    assert (tmp_path / "out/figures/sweep-pearson.png").stat().st_size > 0

    result = run("compare", "--runs", tmp_path / "runs.json", *given[:2], "--outdir", tmp_path / "out")
    assert result.exit_code == 65
    assert "point large of" in result.output


@pytest.mark.slow
@pytest.mark.skipif(not chromium.BROWSER, reason="no chromium on this machine")
@pytest.mark.skipif(not chromium.AXE.is_file(), reason="no axe-core here: .ci/install-axe")
def test_the_page_of_a_sweep_in_a_browser(tmp_path: Path) -> None:
    """Nothing fails, is asked of the network, or lies outside the screen; axe-core agrees."""
    compare_two(tmp_path)
    page = tmp_path / "out/sweep.html"
    with chromium.browsing(tmp_path / "profile") as browser:
        for width, dark in ((1400, False), (420, True)):
            browser.open(page, width, dark=dark)
            browser.until("document.querySelector('footer')")
            assert browser.ask("document.documentElement.scrollWidth") <= width
            wide = (
                "[...document.querySelectorAll('.table')].filter((one) => one.scrollWidth > one.clientWidth + 1).length"
            )
            assert browser.ask(wide) == 0
            assert [one for one in browser.violations() if one[1] in ("serious", "critical")] == []
        assert browser.faults == []
        assert [one for one in browser.requests if not one.startswith(("data:", "file:"))] == []


def test_an_anchored_model_is_no_seed_of_the_direct_one_and_hidden_tracks_stay_out(tmp_path: Path) -> None:
    laid_out(tmp_path, grid="points: {small: {layers: 0}, large: {}}")
    both = [({}, 0.6), ({"mode": "anchored"}, 0.8)]
    both += [({"mode": mode, "hidden_tracks": ["ctcf"]}, 0.1) for mode in methods.MODES]
    files = {"small": metrics_of(tmp_path / "s", both), "large": metrics_of(tmp_path / "l", [({}, 0.7)])}
    given = [part for point, path in files.items() for part in ("--metrics", f"{point}={path}")]
    result = run("compare", "--runs", tmp_path / "runs.json", *given, "--outdir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "r on test genes from 0.600 (small) to 0.800 (small (anchored))" in result.output
    page = (tmp_path / "out/sweep.html").read_text()
    assert "small (anchored)" in page
    assert "0.100" not in page
