"""What the tools of commit a071f05, before there were rooms, wrote of the tiny case: opened, or refused in a sentence.

tests/reference/before_rooms holds it: train with a preset of width 8 on cells A and B, then predict, interpret,
fit-baselines and evaluate of cell A.
"""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.study import open_study
from tiny_case import TinyCase
from tools import inputs, run

OLD = Path(__file__).parents[2] / "reference/before_rooms"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "old"))


@pytest.mark.slow
def test_a_model_predicts_and_ranks_what_it_did(old: Path, tiny: TinyCase, tmp_path: Path) -> None:
    for tool in ("predict", "interpret"):
        result = run(tool, "--model", old / "model", *inputs(tiny, "A", expression=False), "--threads", 1,
                     "--outdir", tmp_path)  # fmt: skip
        assert result.exit_code == 0, result.output
    for kind in ("predictions", "links"):
        before, now = (artifacts.read_table(folder / f"{kind}.A.parquet", kind)[0] for folder in (old, tmp_path))
        assert before.drop(pl.col(pl.Float32)).equals(now.select(before.columns).drop(pl.col(pl.Float32)))
        for name in before.select(pl.col(pl.Float32)).columns:
            np.testing.assert_allclose(before[name], now[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_old_predictions_and_links_are_evaluated(old: Path, tiny: TinyCase, tmp_path: Path) -> None:
    given = ("--predictions", old / "predictions.A.parquet", "--links", old / "links.A.parquet", "--resamples", 20)
    result = run("evaluate", *inputs(tiny, "A"), *given, "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    before = pl.read_parquet(old / "metrics.parquet").filter(pl.col("metric") == "pearson")
    now = artifacts.read_table(tmp_path / "metrics.parquet", "metrics")[0].filter(pl.col("metric") == "pearson")
    own = before.filter(pl.col("method") == "small").select("subset", "value", "low", "high")
    assert len(own) > 2
    assert own.equals(now.filter(pl.col("method") == "small").select("subset", "value", "low", "high"))


@pytest.mark.parametrize(
    ("kind", "again"),
    [("baselines", "it does not say what its baselines saw; run fit-baselines again"),
     ("metrics", "it names its methods by text alone; run evaluate again")],
)  # fmt: skip
def test_what_cannot_be_read_says_what_to_run_again(old: Path, tiny: TinyCase, kind: str, again: str) -> None:
    file = next(old.glob(f"{kind}*.parquet"))
    if kind == "baselines":
        result = run(
            "evaluate", *inputs(tiny, "A"), "--predictions", old / "predictions.A.parquet", "--baselines", file
        )
    else:
        result = run("report", "--genes", tiny.genes, "--predictions", old / "predictions.A.parquet", "--metrics", file)
    assert result.exit_code == 65
    assert result.output.endswith(f"Error: {file} was written by an earlier version: {again}\n")


def test_a_folder_is_a_study_when_what_it_names_is_made_again(old: Path, tiny: TinyCase) -> None:
    for path in tiny.folder.iterdir():
        shutil.copy(path, old)
    with pytest.raises(InputError, match=r"baselines.* earlier version: .*; run fit-baselines again$"):
        open_study(old)
    (old / "baselines.A.parquet").unlink()
    study = open_study(old)
    assert study.cells["cell"].to_list() == ["A", "B", "C"]
    assert [path.name for path in study.paths("links")] == ["links.A.parquet"]
