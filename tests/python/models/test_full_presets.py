"""Every preset of the ScPGE family as it ships: two steps of training, prediction and links through the tools."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.training.presets import presets
from tools import run


@pytest.fixture(scope="module")
def signals(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Cell A's tracks by the size of their bins, bp: those of the tiny case, and the same at base resolution."""
    opened = artifacts.open_arrays(tiny.signals("A"), "signals")
    header, coarse = dict(opened.header), opened.header["parameters"]["bin_size"]
    header["parameters"] = header["parameters"] | {"bin_size": 1}
    path = tmp_path_factory.mktemp("bases") / "signals.A.safetensors"
    tracks = {name: np.repeat(values, coarse, axis=1) for name, values in opened.tensors.items()}
    artifacts.write_arrays(path, tracks, header)
    return {coarse: tiny.signals("A"), 1: path}


@pytest.mark.slow
@pytest.mark.parametrize("preset", [name for name in sorted(presets()) if name.startswith("scpge")])
def test_a_preset_trains_predicts_and_ranks_links(
    preset: str, tiny: Any, signals: dict[int, Path], loops: Path, tmp_path: Path
) -> None:
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--contacts", loops]
    given += ["--signals", signals[presets()[preset]["model"]["bin_size"]]]
    given += ["--sequence", tiny.sequence, "--motifs", tiny.motifs]
    brief = ["--neighbours", 4, "--steps", 2, "--validate-every", 2, "--batch-size", 4, "--threads", 1]
    tried = ["--trials", 2] if preset == "scpge-paper" else []
    where = ["--val", "chr2", "--test", "chr3", "--expression", tiny.expression("A"), "--outdir", tmp_path]
    for command in (
        ["train", *given, *where, *brief, *tried, "--preset", preset],
        ["predict", "--model", tmp_path, *given, "--outdir", tmp_path],
        ["interpret", "--model", tmp_path, *given, "--outdir", tmp_path],
    ):
        result = run(*command)
        assert result.exit_code == 0, result.output
    history, _ = artifacts.read_table(tmp_path / "history.parquet", "history")
    assert history["step"].to_list() == ([2, 4] if preset == "scpge-loop" else [2])  # a near and a far model
    assert np.isfinite(history["val_loss"].to_numpy()).all()
    predicted, _ = artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")
    assert predicted["predicted"].is_finite().all()
    assert predicted["predicted"].n_unique() > 1
    links, _ = artifacts.read_table(tmp_path / "links.A.parquet", "links")
    assert links.select(pl.col("attention", "perturbation").is_finite().all()).row(0) == (True, True)
    assert (links["perturbation"] != 0).any()
