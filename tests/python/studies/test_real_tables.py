"""`make tables`: what is planned, that its options exist, and what the tables say of given figures."""

from collections.abc import Iterator
from pathlib import Path
from runpy import run_path

import click
import pytest
from click.testing import CliRunner

from crexpress.core import artifacts, methods
from crexpress.evaluate.metrics import Context, table

ROOT = Path(__file__).parents[3]
BENCHMARKS = ROOT / "tests" / "benchmarks"


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_every_setting_is_trained_once_with_every_seed(tables: None) -> None:
    from real_tables import LINKED, MAIN, SETTINGS, _plan

    plan = list(_plan("scpge-small, 20 elements", 1, [2, 3]))
    assert len(plan) == len(set(plan))
    assert len(SETTINGS) == len(set(SETTINGS)) == 16
    of_expression = {run for run in plan if run.model == "scpge-small, 20 elements"}
    assert {(run.setting, run.seed) for run in of_expression} == {(s, n) for s in SETTINGS for n in (1, 2, 3)}
    of_links = {(run.model, run.seed) for run in plan if run.setting == MAIN}
    assert of_links > {(model, seed) for model in LINKED for seed in (1, 2, 3)}


def test_options_of_every_model_are_options_of_train(tables: None) -> None:
    from real_tables import MODELS

    train = run_path(str(ROOT / "bin" / "train"))["main"]
    for options in MODELS.values():
        parsed, rest, _ = train.make_parser(click.Context(train)).parse_args(list(options))
        assert not rest
        assert len(parsed) == len(options) / 2


def test_forms_of_links_are_not_trained_for(tables: None, tmp_path: Path) -> None:
    import link_forms

    result = CliRunner().invoke(link_forms.main, ["--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "lacks 42 models (such as main.10tracks.CAGE/scpge-small/seed1, " in result.output
    assert not list(tmp_path.iterdir())


def test_the_documentation_holds_the_place_of_the_tables_once(tables: None) -> None:
    from real_tables import BEGIN, END

    text = (ROOT / "docs" / "results-tables.md").read_text()
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert text.index(BEGIN) < text.index(END)


def test_expression_rows_tell_seeds_their_mean_and_the_difference(tables: None, tmp_path: Path) -> None:
    import real_text
    from real_case import Setting

    own = methods.of_predictions({"preset": "net"})
    about = {f"net, seed {seed}": own._replace(seed=seed) for seed in (1, 2)}
    about |= {"net (mean of 2 seeds)": own._replace(mean_of=2, mean_over="seeds")}
    about |= {name: methods.Method(name, name, methods.BASELINE) for name in real_text.BASELINES.values()}
    context = Context("expression", "K562", True, "test", methods=about)
    figures = {name: value for value, name in enumerate(real_text.BASELINES.values(), 1)}
    models = {"net, seed 1": 5, "net, seed 2": 6, "net (mean of 2 seeds)": 7}
    rows = [
        context.metric(name, metric, value / 10, 1350)
        for name, value in (figures | models).items()
        for metric in ("pearson", "spearman", "mae")
    ]
    rows += [context.metric("net (mean of 2 seeds)", "pearson_difference", [0.4] * 30, 1350, "ridge")]
    rows += [context.metric("net (mean of 2 seeds)", "mae_difference", [-0.1] * 30, 1350, "ridge")]
    header = artifacts.make_header("metrics", "test")
    artifacts.write_table(tmp_path / "metrics.parquet", table(rows), header)
    text = real_text.expression([(Setting(), tmp_path / "metrics.parquet"), None], "net")
    start = "| main | 4 | Roadmap | 1,350 | 0.100 | 0.200 | 0.300 | 0.550 ± 0.071 | 0.700 |"
    lines = [line for line in text.splitlines() if line.startswith("| main")]
    assert lines == [f"{start} +0.400 [+0.400, +0.400] |", start, f"{start} -0.100 [-0.100, -0.100] |"]


def test_link_rows_have_the_groups_and_no_more_scores_than_asked_for(tables: None, tmp_path: Path) -> None:
    import real_text

    rows = []
    about = {name: methods.closed_form(name) for name in (*real_text.CLOSED, "ABC of the element")}
    for score, title, kind, form in (
        ("attention", "attention", "model", "plain"),
        ("attention_distance", "attention / distance", "model", "over distance"),
        ("attention_abc", "attention x ABC", "model", "plain"),
        ("fitted", "fitted to S", "fitted", "plain"),
    ):
        about[title] = methods.Method(score, title, kind, model=True, form=form)
    for subset in real_text.SUBSETS:
        context = Context("links", "K562", True, subset, "EPCrisprBenchmark", about)
        rows.append(context.metric("all", "positives", 47, 1000))
        scores = ("attention", "attention / distance", "attention x ABC", "ABC of the element")
        for number, name in enumerate((*real_text.CLOSED, *scores), 1):
            rows.append(context.metric(name, "average_precision", [number / 10] * 30, 1000))
            rows += [context.metric(name, "coverage", 1, 1000)] if name in scores else []
    path = tmp_path / "metrics.parquet"
    artifacts.write_table(path, table(rows), artifacts.make_header("metrics", "test"))
    text = real_text.links([("scpge-small", 3, path), None, ("scpge-lp", 1, path)], ["scpge-lp"])
    assert "| all pairs (47 of 1,000) | <10 kb (47 of 1,000) |" in text
    shown = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("| scpge")]
    assert shown == [
        ["| scpge-small, 3 seeds", "attention"],
        ["| scpge-small, 3 seeds", "attention x ABC"],
        ["| scpge-lp", "attention"],
    ]
    assert "|  | ABC | 0.400 [0.400, 0.400] | 0.400 |" in text
