"""Active elements and categories of genes: rules worked out by hand, and files from the tools."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.interpret import active, categories
from crexpress.report import interpretation_plots
from tiny_case import TinyCase
from tools import inputs, run, train


def links(**columns: list) -> pl.DataFrame:
    rest = {"gene_name": pl.col("gene_id"), "element_id": pl.format("E{}", "element"), "distance": pl.lit(1)}
    return pl.DataFrame(columns).with_columns(value.alias(name) for name, value in rest.items())


def test_active_is_the_top_of_both_scores() -> None:
    table = links(
        gene_id=["A"] * 4 + ["B"] * 3,
        element=[0, 1, 2, 3, 0, 7, 9],
        attention=[0.4, 0.3, 0.2, 0.1, 0.5, 0.3, 0.5],
        perturbation=[-0.9, 0.2, 0.3, 0.1, 0.4, 0.0, 0.4],
    ).with_columns(pl.lit("dELS").alias("class"))

    def which(k: int, absolute: bool = False) -> list[tuple[str, int]]:
        return active.find(table, k, absolute).filter("active").select("gene_id", "element").rows()

    assert which(2) == [("A", 1), ("B", 0), ("B", 9)]
    assert which(2, absolute=True) == [("A", 0), ("B", 0), ("B", 9)]  # the paper's ratio has no sign
    assert which(1) == []  # which of B's two equal ones is the first, nobody knows
    rows = active.by_gene(active.find(table, 2))
    assert rows["elements"].to_list() == [4, 3]
    assert rows["active_elements"].to_list() == ["E1", "E0,E9"]


def test_an_element_without_effect_or_that_silences_is_not_active() -> None:
    """However few a gene has: each of these is in the top 5 of both scores."""
    table = links(gene_id=["A"] * 3, element=[0, 1, 2], attention=[0.5, 0.3, 0.2], perturbation=[0.4, 0.0, -0.3])
    assert active.find(table, 5).filter("active")["element"].to_list() == [0]
    assert active.find(table, 5, absolute=True).filter("active")["element"].to_list() == [0, 2]
    with pytest.raises(InputError, match="the top 0 of a gene holds no element"):
        active.find(table, 0)


def test_a_gene_that_attends_to_all_alike_has_no_top(capsys: pytest.CaptureFixture[str]) -> None:
    even = links(gene_id=["A"] * 4, element=[0, 1, 2, 3], attention=[0.25] * 4, perturbation=[0.4, 0.3, 0.2, 0.1])
    with pytest.raises(InputError, match="1 of 1 genes with more than 2 elements attend to all of them alike"):
        active.find(even, 2)
    assert active.find(even, 4)["active"].all()  # all that there are
    other = even.with_columns(gene_id=pl.lit("B"), attention=pl.Series([0.4, 0.3, 0.2, 0.1]))
    found = active.find(pl.concat([even, other]), 2)
    assert found.filter("active").select("gene_id", "element").rows() == [("B", 0), ("B", 1)]
    assert "1 of 2 genes with more than 2 elements attend to all of them alike" in capsys.readouterr().err


def test_odds_ratios_compare_active_elements_with_the_rest() -> None:
    """Per gene 1 of 2 active are pELS, of the 8 others 2: odds 1 against 1/3, up to half a link added to each count."""
    kinds = ["pELS", "dELS", *["pELS"] * 2, *["dELS"] * 6]
    table = pl.DataFrame(
        {
            "gene_id": np.repeat([f"G{i}" for i in range(40)], 10),
            "class": kinds * 40,
            "active": ([True] * 2 + [False] * 8) * 40,
        }
    )
    found = {row["class"]: row for row in active.classes(table, 50).iter_rows(named=True)}
    assert found["pELS"]["share_of_active"] == 0.5
    assert found["pELS"]["share_in_reach"] == pytest.approx(0.3)
    ratio = (40.5 / 40.5) * (240.5 / 80.5)
    assert found["pELS"]["odds_ratio"] == pytest.approx(ratio)
    assert found["pELS"]["low"] == pytest.approx(ratio)  # all genes are alike
    assert found["dELS"]["odds_ratio"] == pytest.approx(1 / ratio)
    bound = table.with_columns(
        pl.col("class") + pl.when(pl.col("active")).then(pl.lit(",CTCF-bound")).otherwise(pl.lit(""))
    )
    names = active.classes(bound, 20)["class"].to_list()
    assert names[-3:] == ["dELS, any", "pELS, any", "CTCF-bound, any"]


@pytest.mark.parametrize("every", [True, False])
def test_there_is_no_odds_ratio_where_all_links_are_active_or_none(every: bool) -> None:
    """With half a link added to counts of 0 it would be a number, and look like one."""
    table = pl.DataFrame({"gene_id": ["A", "A", "B"], "class": ["pELS", "dELS", "dELS"], "active": [every] * 3})
    found = active.classes(table, 20)
    assert found.select("odds_ratio", "low", "high").null_count().row(0) == (2, 2, 2)
    assert found["in_reach"].to_list() == [2, 1]
    assert found["share_of_active"].to_list() == pytest.approx([2 / 3, 1 / 3] if every else [0, 0])
    figure = interpretation_plots.class_shares(found)
    assert [text.get_text() for text in figure.axes[1].texts] == ["not defined"]


def test_intervals_hold_what_differs_between_genes() -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {"gene_id": np.repeat([f"G{i}" for i in range(100)], 20), "class": rng.choice(["a", "b"], 2000)}
    ).with_columns(active=pl.Series(rng.random(2000) < 0.2))
    row = active.classes(table).row(0, named=True)
    assert row["low"] < row["odds_ratio"] < row["high"]
    assert row["low"] < 1.1
    assert row["high"] > 0.9


def test_categories_are_scaled_and_cut() -> None:
    predicted = np.array([0.0, 4.0, 3.0, 3.0, 0.5, 0.4, 2.0, np.nan])
    observed = np.array([0.0, 10.0, 8.0, 1.0, 9.0, 2.0, 5.0, 10.0])
    found = categories.categorise(predicted, observed, categories.Thresholds())
    assert found.tolist() == ["TN", "TP", "TP", "FP", "FN", "TN", "", ""]
    assert categories.categorise(predicted, observed, categories.Thresholds(0.95, 0.05)).tolist()[:3] == [
        "TN",
        "TP",
        "",
    ]


def test_tracks_are_averaged_gene_by_gene_along_the_gene() -> None:
    genes = pl.DataFrame({"chrom": ["chr1"] * 2, "tss": [100_000, 500_000], "strand": ["+", "-"], "element": [4, 5]})
    middle = [110_000, 111_000, 490_000, 350_000, 100_000, 500_000]
    elements = pl.DataFrame(
        {
            "chrom": ["chr1"] * 6,
            "start": np.array(middle) - 300,
            "end": np.array(middle) + 300,
            "class": ["dELS"] * 4 + ["TSS"] * 2,
        }
    )
    near = categories.around(genes, elements)
    assert sorted(zip(near.gene.tolist(), near.element.tolist(), near.distance.tolist(), strict=True)) == [
        (0, 0, 10_000), (0, 1, 11_000), (0, 4, 0), (1, 2, 10_000), (1, 5, 0)
    ]  # fmt: skip
    signal = {"dnase": np.array([1.0, 3.0, 8.0, 99.0, 5.0, 7.0])}
    found = categories.profiles(np.array(["TP", "TP"]), near, signal, resamples=20)
    there = found.filter(pl.col("genes") > 0)
    assert there.select("from", "to", "mean", "genes").rows() == [(-2500, 2500, 6.0, 2), (7500, 12500, 5.0, 2)]
    assert found.filter(pl.col("genes") == 0)["mean"].is_null().all()


def test_mistaken_genes_are_placed_between_the_two_right_groups() -> None:
    category = np.repeat(["TP", "TN", "FP", "FN"], 30)
    near = categories.Around(np.arange(120), np.arange(120), np.zeros(120, int))
    signal = {"dnase": np.repeat([10.0, 2.0, 8.0, 2.0], 30), "ctcf": np.ones(120)}
    rows = {(row["track"], row["category"]): row for row in categories.explained(category, near, signal, 50).to_dicts()}
    assert rows["dnase", "FP"]["place"] == pytest.approx(0.75)
    assert rows["dnase", "FN"]["place"] == pytest.approx(0)
    assert rows["ctcf", "FP"]["place"] is None  # a track in which the groups do not differ explains nothing
    nobody = categories.explained(np.where(category == "FP", "", category), near, signal, 50)
    assert nobody.filter(pl.col("category") == "FP")["mean"].is_null().all()


def test_effects_are_averaged_by_distance() -> None:
    table = links(gene_id=["A", "A", "B", "B"], element=[0, 1, 2, 3], perturbation=[0.5, -0.1, 0.1, 0.3]).with_columns(
        distance=pl.Series([500, -30_000, 700, 40_000])
    )
    genes = pl.DataFrame({"gene_id": ["A", "B"], "category": ["TP", "TP"]})
    found = categories.decay(table, genes, 30)
    assert found.select("from", "to", "links").rows() == [(0, 1000, 2), (20_000, 50_000, 2)]
    assert found["mean_effect"].to_list() == pytest.approx([0.3, 0.2])
    assert (found["low"] <= found["mean_effect"]).all()


@pytest.fixture(scope="module")
def results(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    done = train(tiny, folder / "model", "--preset", "scpge-small", "--layers", 1, "--steps", 200)
    assert done.exit_code == 0, done.output
    for tool in ("predict", "interpret"):
        done = run(tool, "--model", folder / "model", *inputs(tiny, "A", expression=False), "--outdir", folder)
        assert done.exit_code == 0, done.output
    return folder


def classify(tiny: TinyCase, results: Path, outdir: Path, *more: object):
    files = ["--predictions", results / "predictions.A.parquet", "--links", results / "links.A.parquet"]
    return run("classify-genes", *inputs(tiny, "A"), *files, *more, "--outdir", outdir)


@pytest.mark.slow
def test_the_tools_work_one_behind_the_other(tiny: TinyCase, results: Path, tmp_path: Path) -> None:
    done = classify(tiny, results, tmp_path, "--split", "all", "--high", 0.4, "--low", 0.3, "--resamples", 50)
    assert done.exit_code == 0, done.output
    table, header = artifacts.read_table(tmp_path / "categories.A.parquet", "categories")
    model = header["parameters"].pop("predictions_of")
    assert not model.pop("hidden_tracks")
    assert model == {"preset": "scpge-small", "seed": 1, "mode": "direct", "cell_seen": True}
    assert header["parameters"] == {"split": "all", "high": 0.4, "low": 0.3}
    listed = (tmp_path / "genes.A.TP.txt").read_text().splitlines()[1:]
    assert [line.split("\t")[0] for line in listed] == table.filter(pl.col("category") == "TP")["gene_id"].to_list()
    assert len(table) == 119  # one is not measured
    assert {path.name for path in tmp_path.iterdir()} >= {
        f"category_{name}.A.{ending}" for name in ("tracks", "decay") for ending in ("tsv", "svg", "png")
    }
    ask = (
        "--elements",
        tiny.elements,
        "--links",
        results / "links.A.parquet",
        "--ask-genes",
        tmp_path / "genes.A.TP.txt",
    )
    done = run("find-active", *ask, "--k", 2, "--outdir", tmp_path / "active")
    assert done.exit_code == 0, done.output
    found, header = artifacts.read_table(tmp_path / "active" / "active.A.parquet", "active")
    assert header["parameters"]["links_of"] == model
    assert found["gene_id"].n_unique() == len(listed)
    assert (found.group_by("gene_id").agg(pl.col("active").sum())["active"] <= 2).all()
    classes = pl.read_csv(tmp_path / "active" / "active_classes.A.tsv", separator="\t")
    assert classes["active"].sum() == found["active"].sum()


@pytest.mark.slow
def test_a_split_without_genes_of_a_category_is_classified_and_its_empty_list_refused(
    tiny: TinyCase, results: Path, tmp_path: Path
) -> None:
    table, header = artifacts.read_table(results / "predictions.A.parquet", "predictions")
    observed = artifacts.read_table(tiny.expression("A"), "expression")[0]["expression"]
    away = (observed.rank("ordinal") + len(observed) // 4) % len(observed)  # neither end of one is an end of the other
    other = tmp_path / "predictions.A.parquet"
    artifacts.write_table(other, table.with_columns(predicted=away.cast(pl.Float32)), header)
    extremes = ["--split", "all", "--high", 1, "--low", 0, "--resamples", 50]
    done = run("classify-genes", *inputs(tiny, "A"), "--predictions", other, *extremes, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    table, _ = artifacts.read_table(tmp_path / "categories.A.parquet", "categories")
    assert table["category"].unique().to_list() == [""]
    around = pl.read_csv(tmp_path / "category_tracks.A.tsv", separator="\t")
    assert around.is_empty()
    assert {"track", "mean"} <= set(around.columns)
    assert not list(tmp_path.glob("*.png"))  # a figure without a line in it says nothing
    for name in categories.NAMES:
        done = run("find-active", "--elements", tiny.elements, "--links", results / "links.A.parquet",
                   "--ask-genes", tmp_path / f"genes.A.{name}.txt", "--outdir", tmp_path / "active")  # fmt: skip
        assert done.exit_code == 65, done.output
        assert f"genes.A.{name}.txt' names no gene" in done.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "options", "message"),
    [
        ("classify", ("--split", "test", "--expression", "B"), "expression.B.parquet is of B"),
        ("find-active", ("--ask-genes", "NOBODY"), "there is no gene NOBODY"),
        ("find-active", ("--ask-genes", ""), "'' names no gene"),  # and not all genes, as without the option
    ],
)
def test_what_does_not_belong_together_is_said(
    tiny: TinyCase, results: Path, tmp_path: Path, tool: str, options: tuple[str, ...], message: str
) -> None:
    if tool == "classify":
        done = classify(tiny, results, tmp_path / "out", *options[:2], options[2], tiny.expression(options[3]))
    else:
        done = run(tool, "--elements", tiny.elements, "--links", results / "links.A.parquet", *options,
                   "--outdir", tmp_path / "out")  # fmt: skip
    assert done.exit_code == 65, done.output
    assert message in done.output
    assert not (tmp_path / "out").exists()
