"""What a method is stands in columns: names that look like something else change nothing, and none is taken apart."""

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, methods
from crexpress.core.errors import InputError
from crexpress.evaluate import labels
from crexpress.report import facts, findings, linkage, locus, style
from crexpress.report.inputs import load
from crexpress.report.metrics import views
from crexpress.report.study import Study
from sketches import write_store
from tools import run

ROOT = Path(__file__).parents[3]
N = 60
HOSTILE = (
    "odd, min-max per gene",
    "odd, seed 7",
    "odd (mean of 5 folds)",
    "x (trained on this cell)",
    "copy of A, fitted",
)


def links_header(score: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"scores": [score], "preset": "net", "seed": 1, **more}


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cell called "mean", models of presets called "abc-net" and "copy of-min-max", published scores of odd names."""
    monkeypatch.chdir(tmp_path)
    genes = pl.DataFrame({"gene_id": [f"G{i}" for i in range(N)], "gene_name": [f"N{i}" for i in range(N)]})
    genes = genes.with_columns(chrom=pl.lit("chr1"), tss=100_000 + 10_000 * np.arange(N))
    elements = pl.DataFrame(
        {"chrom": "chr1", "ccre_start": genes["tss"] + 4_000, "ccre_end": genes["tss"] + 4_300, "class": "dELS"}
    )
    digests = write_store(tmp_path, elements, genes)

    def write(name: str, kind: str, frame: pl.DataFrame, **header: Any) -> str:
        artifacts.write_table(tmp_path / name, frame, artifacts.make_header(kind, "test", **digests, **header))
        return name

    rng = np.random.default_rng(0)
    observed = rng.gamma(2, 0.5, N)
    frame = genes.select("gene_id").with_columns(value=10**observed - 1, expression=observed)
    options = ["--elements", "elements.parquet", "--genes", "genes.parquet", "--resamples", "20"]
    about = {"units": {"expression": "log10(1 + TPM)"}, "cell": "mean"}
    options += ["--expression", write("expression.parquet", "expression", frame, **about)]
    for preset, seed, mean in (
        ("abc-net", 1, None),
        ("copy of-min-max", 1, None),
        ("copy of-min-max", 2, None),
        ("copy of-min-max", None, 2),
    ):
        frame = genes.with_columns(split=pl.lit("test"), predicted=observed + rng.normal(0, 0.3, N))
        said = {"cell_seen": True, "preset": preset, "seed": seed, "mean_of": mean, "mean_over": mean and "seeds"}
        name = f"predictions.{preset.replace(' ', '')}.{seed}.parquet"
        options += ["--predictions", write(name, "predictions", frame, cell="mean", parameters=said)]
    frame = genes.select("gene_id").with_columns(method=pl.lit("mean of nothing, seed 3"), predicted=observed[::-1])
    odd = {"method": "mean of nothing, seed 3", "score": "odd", "saw": methods.TRACKS}
    header = {"cell": "mean", "parameters": {"methods": [odd]}}
    options += ["--baselines", write("baselines.parquet", "baselines", frame, **header)]
    published = {"higher_is_better": True, "kind": "published", "model": False}
    scores = [published | {"name": f"published_{i}_distance", "label": label} for i, label in enumerate(HOSTILE)]
    minmax = {"name": "scaled", "label": "scaled", "higher_is_better": True, "kind": "model", "form": "per gene"}
    frame = genes.select(
        *("gene_id", "chrom", "tss"),
        *(pl.Series(score["name"], rng.random(N).astype(np.float32)) for score in (*scores, minmax)),
        start=pl.col("tss") + 4_000,
        end=pl.col("tss") + 4_300,
        element=pl.int_range(N, dtype=pl.Int32),
        distance=pl.lit(4_150),
    )
    said = {"scores": [*scores, minmax], "preset": "abc-net", "seed": 7}
    options += ["--links", write("links.parquet", "links", frame, cell="mean", parameters=said)]
    lines = (f"chr1\t{t + 4000}\t{t + 4500}\tN{i}\t{t}\tmean\t{i % 3 == 0}" for i, t in enumerate(genes["tss"]))
    Path("screen.tsv").write_text(
        "\n".join(["chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tstartTSS\tCellType\tRegulated", *lines, ""])
    )
    return [*options, "--crispr", "S=screen.tsv"]


def test_names_that_look_like_something_else_lose_nothing(case: list[str], tmp_path: Path) -> None:
    done = run("evaluate", *case)
    assert done.exit_code == 0, done.output
    table, header = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")
    curves, _ = artifacts.read_table(tmp_path / "curves.parquet", "curves")
    (view,) = views(table, "links")
    published = {name for name, method in view.about.items() if method.kind == methods.PUBLISHED}
    assert published == set(HOSTILE)
    assert not {"runs", "models"} & header["parameters"].keys()
    # a curve and a bar for each of them, and none for what is scaled within genes, whatever it is called
    drawn = linkage.drawn(view, linkage.table_scores(view))
    assert set(drawn) == published
    assert set(curves.filter(kind="published")["method"]) == published
    assert "scaled" in set(curves["method"])
    # none is the model's, none a closed form to beat; a model called after a baseline is a model
    assert linkage.model_scores(view) == ["scaled"]
    assert set(linkage.closed_forms(view)) == {"distance"}
    (view,) = views(table, "expression")
    kinds = {name: method.kind for name, method in view.about.items()}
    assert kinds == {
        "abc-net": "model", "copy of-min-max, seed 1": "model", "copy of-min-max, seed 2": "model",
        "copy of-min-max (mean of 2 seeds)": "model", "mean of nothing, seed 3": "baseline",
    }  # fmt: skip
    names = [word for word in case if word.startswith("predictions.")]
    inputs = load(
        Path("genes.parquet"), Path("elements.parquet"), Path("metrics.parquet"), Path("curves.parquet"),
        map(Path, names), [Path("expression.parquet")], [Path("links.parquet")],
    )  # fmt: skip
    assert facts.spoken(inputs) == ["abc-net", "copy of-min-max (mean of 2 seeds)"]
    assert inputs.predictions["mean"].header["parameters"]["mean_of"] == 2
    assert set(locus.scores(inputs.links["mean"]).values()) == {style.sentence(label) for label in HOSTILE}
    said = " ".join(findings.findings(Study(inputs, tmp_path)))
    assert all(label in said for label in HOSTILE)
    assert "best baseline, mean of nothing, seed 3" in said
    assert "Over 2 seeds copy of-min-max reaches" in said


def test_two_methods_of_one_name_are_refused(case: list[str], tmp_path: Path) -> None:
    table, header = artifacts.read_table(tmp_path / "links.parquet", "links")
    for label in ("distance", "all"):
        header["parameters"]["scores"][0]["label"] = label
        artifacts.write_table(tmp_path / "links.parquet", table, header)
        done = run("evaluate", *case, "--outdir", "none")
        assert done.exit_code == 65
        assert f"two methods of mean would both be called '{label}' in the tables" in done.output
        assert not Path("none").exists()


def test_a_column_says_everything_and_comes_back(tmp_path: Path) -> None:
    method = methods.Method(
        "s", "S, seed 1", methods.FITTED, True, "net", 3, 2, "models", "anchored", ("dnase", "ctcf")
    )
    method = method._replace(hidden_tracks=("dnase", "ctcf"), form=methods.PLAIN, cells=("A", "B"))
    frame = pl.DataFrame([method.row()], schema=methods.SCHEMA)
    assert methods.from_row(frame.row(0, named=True)) == method
    frame.write_csv(tmp_path / "row.csv")  # sweep.csv holds the same columns
    assert methods.from_row(pl.read_csv(tmp_path / "row.csv").row(0, named=True)) == method


def test_links_written_before_scores_had_kinds_are_read() -> None:
    scores = [
        {"name": "attention_minmax", "label": "attention, min-max per gene"},
        {"name": "attention", "label": "attention"},
        {"name": "abc", "label": "ABC of the element", "source": "closed form"},
        {"name": "fitted", "label": "fitted to S", "source": "fitted"},
        {"name": "fitted_tracks", "label": "fitted to S without the model", "source": "fitted without the model"},
    ]
    found = methods.of_links({"scores": scores, "preset": "net", "seed": 1})
    assert [(one.kind, one.model, one.form) for one in found] == [
        ("model", True, "per gene"),
        ("model", True, "plain"),
        ("closed form", False, "plain"),
        ("fitted", True, "plain"),
        ("fitted", False, "plain"),
    ]
    assert {one.preset for one in found} == {"net"}


def test_what_an_earlier_version_wrote_says_what_to_run_again(case: list[str], tmp_path: Path) -> None:
    assert run("evaluate", *case).exit_code == 0
    for kind in ("metrics", "curves"):
        table, header = artifacts.read_table(tmp_path / f"{kind}.parquet", kind)
        artifacts.write_table(tmp_path / "old.parquet", table.drop(methods.SCHEMA.keys()), header)
        with pytest.raises(InputError, match=r"old.parquet was written by an earlier version: .*; run evaluate again"):
            artifacts.read_table(tmp_path / "old.parquet", kind)
    for name, kind, change, again in (
        ("baselines", "baselines", lambda about: about.pop("methods"), "run fit-baselines again"),
        ("links", "links", lambda about: about.update(mode="anchored, mean of 3 seeds"), "run ensemble again"),
    ):
        path = tmp_path / f"{name}.parquet"
        whole = path.read_bytes()
        table, header = artifacts.read_table(path, kind)
        change(header["parameters"])
        artifacts.write_table(tmp_path / f"{name}.parquet", table, header)
        done = run("evaluate", *case, "--outdir", "none")
        assert done.exit_code == 65
        assert f"{name}.parquet was written by an earlier version" in done.output
        assert again in done.output
        assert not Path("none").exists()
        path.write_bytes(whole)


def test_names_are_as_short_as_the_others_allow() -> None:
    own = methods.of_predictions({"preset": "net", "seed": 1, "mode": "anchored", "hidden_tracks": ["dnase", "ctcf"]})
    assert labels.names([("A", own)]) == ["net (anchored, without dnase and ctcf)"]
    assert labels.names([("A", own), ("B", own._replace(seed=2))]) == ["net (anchored, without dnase and ctcf)"] * 2
    trees = methods.Method("trees", "trees", methods.BASELINE, saw=methods.TRACKS, cells=("A",))
    mean = trees._replace(title="mean", saw=methods.CELLS, cells=("A", "B", "C"))
    copy = methods.Method(methods.COPY, "copy of A", methods.BASELINE, saw=methods.CELLS, cells=("A",))
    names = [labels.name(method, "A") for method in (trees, mean, copy)]
    assert names == ["trees (trained on this cell)", "mean (3 cells of this run)", "copy of A"]
    assert labels.name(trees, "B") == "trees (trained on A)"


TOOLS = (path for path in (ROOT / "bin").iterdir() if path.is_file())  # what Python compiled is a folder beside them
SOURCES = [*sorted((ROOT / "python/crexpress").rglob("*.py")), *sorted(TOOLS)]
OLD_WORDS = re.compile(
    r"min-max|seed \\d|, seed|mean of|copy of|trained on this|without |per gene|anchored|/ distance|fitted|ABC of"
)


METHODS = ("startswith", "endswith", "removeprefix", "removesuffix", "replace", "split", "sub", "search", "match")
METHODS += ("fullmatch", "findall", "contains", "starts_with", "ends_with")


def _tests_of_text(tree: ast.AST) -> list[tuple[int, str]]:
    """Where a text constant is looked for in, or at an end of, another text, or a pattern is matched: (line, text)."""
    found: list[tuple[int, Any]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            found += [(node.lineno, node.left.value)] if isinstance(node.left, ast.Constant) else []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            texts = [part for arg in node.args for part in ast.walk(arg) if isinstance(part, ast.Constant)]
            found += [(node.lineno, part.value) for part in texts]
    return [(line, text) for line, text in found if isinstance(text, str)]


def test_no_name_of_a_method_is_taken_apart() -> None:
    sinners = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in SOURCES
        for line, text in _tests_of_text(ast.parse(path.read_text()))
        if OLD_WORDS.search(text)
    ]
    assert sinners == []


def test_the_search_for_such_tests_finds_them() -> None:
    old = [
        'return "min-max" not in method',
        're.search(r", seed \\d+$", method)',
        'name.startswith("copy of ")',
        're.sub(r" \\(mean of [^)]*\\)", "", method)',
        'mode.startswith("anchored")',
    ]
    for line in old:
        assert any(OLD_WORDS.search(text) for _, text in _tests_of_text(ast.parse(line.removeprefix("return ")))), line


def test_the_number_below_which_no_curve_is_drawn_stands_once() -> None:
    named = [path for path in SOURCES if re.search(r"^FEW_POSITIVES = |^_FEW = ", path.read_text(), re.M)]
    assert [path.name for path in named] == ["links.py"]


def test_scores_without_a_model_in_the_tables_of_several_seeds_keep_apart() -> None:
    abc = {"name": "abc", "label": "ABC of the element", "kind": "closed form", "model": False}
    several = [methods.of_links({"scores": [abc], "preset": "net", "seed": seed})[0] for seed in (1, 2)]
    names = labels.names([("A", method) for method in several])
    assert names == ["ABC of the element, seed 1", "ABC of the element, seed 2"]
    assert not any(method.model for method in several)
    (published,) = methods.of_links({"scores": [abc | {"kind": "published"}]})  # a table of no model
    assert (published.preset, published.mode, labels.names([("A", published)])) == (None, None, ["ABC of the element"])
