"""Words, numbers and colours of the report, and what MultiQC is given."""

import json
from pathlib import Path
from types import SimpleNamespace

from crexpress.core import methods
from crexpress.report import (
    findings,
    metrics,
    multiqc,
    style,
)
from crexpress.report.metrics import Figure, View
from crexpress.report.study import Study
from report_case import ABOUT, Run


def test_names_are_no_markup_in_multiqc() -> None:
    row = {"<b>screen</b> | A & B": {"r": 0.5}}
    assert multiqc._escaped({"data": row}) == {"data": {"&lt;b&gt;screen&lt;/b&gt; | A &amp; B": {"r": 0.5}}}


def test_multiqc_content_has_a_table_and_a_plot_whose_names_survive(run: Run, tmp_path: Path) -> None:
    study = Study(run.inputs(), tmp_path)
    multiqc.write(study, tmp_path)
    table = json.loads((tmp_path / "crexpress_mqc.json").read_text())
    curves = json.loads((tmp_path / "crexpress_curves_mqc.json").read_text())
    assert table["plot_type"] == "table"
    assert curves["plot_type"] == "linegraph"
    assert table["id"] != curves["id"]
    assert table["parent_id"] == curves["parent_id"]
    assert table["data"]["B | scpge-small"] == {"pearson_r": 0.8123, "mae": 0.31, "r_of_change": 0.6}
    assert set(table["headers"]) >= {key for row in table["data"].values() for key in row}
    assert curves["data"]["distance"] == {"0.50000": 0.6, "1.00000": 0.2}
    assert not any("/" in name for name in [*table["data"], *curves["data"]])


def test_a_difference_is_level_when_its_interval_holds_zero() -> None:
    assert metrics.side(metrics.Figure(-0.01, -0.03, 0.01)) == "level with"
    assert metrics.side(metrics.Figure(-0.02, -0.03, -0.01)) == "below"
    assert metrics.compare(metrics.Figure(0.5, 0.4, 0.6), metrics.Figure(0.58, 0.57, 0.59)) == "level with"
    assert metrics.compare(metrics.Figure(0.5, 0.4, 0.55), metrics.Figure(0.58, 0.57, 0.59)) == "below"
    assert metrics.compare(metrics.Figure(0.6), metrics.Figure(0.5)) == "above"


def test_numbers_and_names_are_written_as_the_field_writes_them() -> None:
    assert style.number(-0.1364) == f"{style.MINUS}0.136"
    assert style.number(None) == style.DASH
    assert style.count(10356) == "10,356"
    assert style.percent(0.0455) == "4.5 %"
    assert style.base_pairs(-12_600) == f"{style.MINUS}12.6 kb"
    assert style.base_pairs(27) == "27 bp"
    assert [style.track(name) for name in ("dnase", "h3k27ac", "h3k4me3", "h2bk120ub", "ctcf", "other")] == [
        "DNase", "H3K27ac", "H3K4me3", "H2BK120ub", "CTCF", "other",
    ]  # fmt: skip
    assert style.join(["a", "b", "c"]) == "a, b and c"


def test_a_method_keeps_its_colour_whatever_else_is_shown() -> None:
    trees = methods.Method("boosted_trees_elements", "boosted trees promoter + 20 elements", methods.BASELINE)
    shown = {"distance": ABOUT["distance"], trees.title: trees}
    few = style.colours(shown)
    odd = {name: methods.Method(name, name, methods.PUBLISHED) for name in ("odd", "perturbation_distance")}
    many = style.colours(odd | {"boosted trees promoter": ABOUT["boosted trees promoter"]} | shown)
    assert all(many[name] == few[name] for name in few)
    assert len(set(many.values())) == len(many)


def test_one_sentence_says_what_the_profile_adds() -> None:
    def view(cell: str, told: float, plain: float) -> View:
        values = {"boosted_trees_elements": plain, "boosted_trees_profile": told}
        about = {f"name of {score}": methods.Method(score, "", methods.BASELINE) for score in values}
        figures = {(name, "test", "pearson"): Figure(values[of.score]) for name, of in about.items()}
        return View(cell, True, None, figures, about)

    study = SimpleNamespace(views=lambda _section: [view("A", 0.85, 0.8), view("B", 0.75, 0.7)])
    (said,) = findings._profile(study)  # type: ignore[arg-type]
    assert "boosted trees reach r 0.800 on test genes, without it 0.750, the mean of 2 cells." in said
    assert findings._profile(SimpleNamespace(views=lambda _section: [])) == []  # type: ignore[arg-type]
