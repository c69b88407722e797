"""Profiles beside trees, quantiles, presets of the papers and shipped models; what is told."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.prepare.profile_bins import matched
from profile_case import QUICK, SPLIT, entries, extract, inputs, predict, seeds, train
from tools import run


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["scpge-small", "creator-small"])
def test_the_papers_presets_take_the_profile_by_a_switch(tiny: Any, folder: Path, tmp_path: Path, preset: str) -> None:
    done = train(tiny, folder, tmp_path / "model", "--profile-width", 16, "--steps", 2, preset=preset)
    assert done.exit_code == 0, done.output
    assert "the gene's own profile" in done.stderr
    assert "spread" not in predict(tiny, tmp_path / "model", folder, tmp_path, "A").columns


def test_a_profile_that_is_not_given_or_not_the_cells_is_told(tiny: Any, folder: Path, tmp_path: Path) -> None:
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", folder / "signals.A.safetensors",
             "--expression", tiny.expression("A"), *QUICK, *SPLIT, "--preset", "crexpress-small",
             "--outdir", tmp_path]  # fmt: skip
    for more, told in (
        ([], "give --profiles"),
        (["--profiles", folder / "profiles.B.safetensors"], "no signals of that cell"),
        (["--profiles", folder / "profiles.A.safetensors"] * 2, "give each cell once"),
        (["--profiles", folder / "signals.A.safetensors"], "a file of profiles is needed"),
    ):
        done = run("train", *given, *more)
        assert done.exit_code == 65, done.output
        assert told in done.stderr


def test_profiles_are_matched_to_the_quantiles_of_the_reference_cells(tiny: Any, folder: Path, tmp_path: Path) -> None:
    """Against sorting: the k-th value of a matched cell is the mean of the references' k-th values."""
    given = [part for cell in "ABC" for part in ("--signals", folder / f"signals.{cell}.safetensors",
                                                 "--profiles", folder / f"profiles.{cell}.safetensors")]  # fmt: skip
    both = [part for cell in "AB" for part in ("--reference", folder / f"signals.{cell}.safetensors")]
    done = run("match-quantiles", *given, *both, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    raw = [artifacts.open_arrays(folder / f"profiles.{cell}.safetensors", "profiles").tensors["dnase"]
           for cell in "ABC"]  # fmt: skip
    tensors = artifacts.open_arrays(tmp_path / "profiles.C.safetensors", "profiles").tensors
    assert np.array_equal(tensors["dnase"], raw[2], equal_nan=True)
    found = matched(raw[2], tensors["map:dnase"])
    assert np.array_equal(np.isnan(found), np.isnan(raw[2]))
    expected = np.mean([np.sort(values[np.isfinite(values)]) for values in raw[:2]], axis=0)
    there = np.sort(found[np.isfinite(found)])
    # values that float16 cannot tell apart share their ranks
    assert np.quantile(np.abs(there - expected), 0.99) < 0.03
    later = ["--signals", folder / "signals.C.safetensors", "--profiles", folder / "profiles.C.safetensors"]
    assert run("match-quantiles", *later, "--reference", tmp_path / "quantiles.npz", "--outdir",
               tmp_path / "on").exit_code == 0  # fmt: skip
    again = artifacts.open_arrays(tmp_path / "on" / "profiles.C.safetensors", "profiles").tensors
    assert np.array_equal(again["map:dnase"], tensors["map:dnase"])
    # a model trained on matched cells takes matched ones alone
    done = train(tiny, tmp_path, tmp_path / "model", "--steps", 2)
    assert done.exit_code == 0, done.output
    mixed = [*inputs(tiny, tmp_path, "A")[:6], "--profiles", folder / "profiles.A.safetensors"]
    refused = run("predict", "--model", tmp_path / "model", *mixed, "--outdir", tmp_path)
    assert refused.exit_code == 65
    assert "transform" in refused.stderr


def test_trees_see_the_profile(tiny: Any, folder: Path, tmp_path: Path) -> None:
    """Expression that is written in a bin 30 kb away, which no other baseline sees."""
    expression, header = artifacts.read_table(tiny.expression("A"), "expression")
    profile = artifacts.open_arrays(folder / "profiles.A.safetensors", "profiles").tensors["h3k27ac"]
    written = expression.with_columns(expression=pl.Series(3 * np.nan_to_num(profile[:, -3])))
    artifacts.write_table(tmp_path / "expression.A.parquet", written, header)
    given = [*inputs(tiny, folder, "A"), "--expression", tmp_path / "expression.A.parquet", *SPLIT]
    done = run("fit-baselines", *given, "--neighbours", 2, "--threads", 1, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    found = artifacts.read_table(tmp_path / "baselines.A.parquet", "baselines")[0]
    wide = found.pivot(on="method", index="gene_id", values="predicted").with_columns(target=written["expression"])
    test = wide.filter(artifacts.read_table(tiny.genes, "genes")[0]["chrom"] == "chr3").drop_nulls("target")

    def error(method: str) -> float:
        return float((test[method] - test["target"]).abs().mean())  # type: ignore[arg-type]

    assert error("boosted trees, profile") < 0.8 * error("boosted trees promoter + 2 elements")


@pytest.mark.slow
def test_a_network_is_averaged_with_the_trees_that_see_the_same(
    tiny: Any, folder: Path, model: Path, tmp_path: Path
) -> None:
    network = predict(tiny, model, folder, tmp_path, "A")
    trees = [*inputs(tiny, folder, "A", expression=True), "--neighbours", 2, "--threads", 1]
    for name, split in {"same": SPLIT, "other": ["--val", "chr2", "--test", "chr1"]}.items():
        assert run("fit-baselines", *trees, *split, "--outdir", tmp_path / name).exit_code == 0
    given = ["ensemble", "--predictions", tmp_path / "predictions.A.parquet", "--outdir", tmp_path / "both"]
    done = run(*given, "--baselines", tmp_path / "same" / "baselines.A.parquet")
    assert done.exit_code == 0, done.output
    found, header = artifacts.read_table(tmp_path / "both" / "predictions.A.parquet", "predictions")
    told = artifacts.read_table(tmp_path / "same" / "baselines.A.parquet", "baselines")[0]
    profile = told.filter(pl.col("method") == "boosted trees, profile")["predicted"]
    assert found["predicted"].to_numpy() == pytest.approx(((network["predicted"] + profile) / 2).to_numpy(), abs=1e-6)
    assert header["parameters"]["preset"] == "crexpress-small + boosted trees"
    assert "spread" not in found.columns  # the heads' is not the mean's
    refused = run(*given, "--baselines", tmp_path / "other" / "baselines.A.parquet")
    assert refused.exit_code == 65
    assert "trees that learned from other genes" in refused.stderr
    expression, of_cage = artifacts.read_table(tiny.expression("A"), "expression")
    cage = tmp_path / "expression.A.parquet"
    artifacts.write_table(cage, expression, of_cage | {"units": {"expression": "log10(1 + RPM)"}})
    fitted = [*inputs(tiny, folder, "A"), "--expression", cage, "--neighbours", 2, "--threads", 1, *SPLIT]
    assert run("fit-baselines", *fitted, "--outdir", tmp_path / "cage").exit_code == 0
    refused = run(*given, "--baselines", tmp_path / "cage" / "baselines.A.parquet")
    assert refused.exit_code == 65
    assert "is in log10(1 + TPM), " in refused.stderr
    assert "baselines.A.parquet in log10(1 + RPM); average one unit at a time" in refused.stderr
    assert run(*given).exit_code == 2  # one network has no mean


@pytest.mark.slow
def test_a_hidden_track_leaves_what_an_anchored_model_compares(tiny: Any, folder: Path, tmp_path: Path) -> None:
    done = train(tiny, folder, tmp_path / "model", "--anchored", "--track-dropout", 0.2, cells="AB")
    assert done.exit_code == 0, done.output
    hidden = predict(tiny, tmp_path / "model", folder, tmp_path, "C", "--hide-tracks", "dnase")
    extract(tiny, tmp_path / "other", "C", {"dnase": entries(99), "h3k27ac": seeds("C")["h3k27ac"]})
    other = predict(tiny, tmp_path / "model", tmp_path / "other", tmp_path / "other", "C", "--hide-tracks", "dnase")
    assert hidden["predicted"].equals(other["predicted"])
    seen = predict(tiny, tmp_path / "model", tmp_path / "other", tmp_path / "other", "C")
    assert not seen["predicted"].equals(hidden["predicted"])


@pytest.mark.slow
def test_the_full_preset_reads_bases_sequence_and_motifs_beside_the_profile(tiny: Any, tmp_path: Path) -> None:
    extract(tiny, tmp_path, "A", seeds("A"), "--bin-size", 1)
    genome = ["--sequence", tiny.sequence, "--motifs", tiny.motifs]
    done = train(tiny, tmp_path, tmp_path / "model", *genome, "--steps", 2, preset="crexpress")
    assert done.exit_code == 0, done.output
    assert predict(tiny, tmp_path / "model", tmp_path, tmp_path, "A", *genome)["spread"].min() > 0
    given = [*inputs(tiny, tmp_path, "A"), *genome, "--outdir", tmp_path]
    assert run("interpret", "--model", tmp_path / "model", *given).exit_code == 0


def test_a_classifier_has_no_shuffled_negatives_beside_a_profile(tiny: Any, folder: Path, tmp_path: Path) -> None:
    """They show a gene among other cCREs, which its own profile would belie."""
    classes = ["--loss", "classification", "--expressed-above", 5, "--silent-below", 5, "--steps", 2]
    done = train(tiny, folder, tmp_path / "model", *classes)
    assert done.exit_code == 0, done.output
    assert "no shuffled negatives" in done.stderr
    assert predict(tiny, tmp_path / "model", folder, tmp_path, "A")["predicted"].is_between(0, 1).all()
    refused = train(tiny, folder, tmp_path / "model", *classes, "--shuffled-negatives")
    assert refused.exit_code == 65
    assert "its own profile still shows" in refused.stderr


def test_the_shipped_models_predict_a_cell_without_any_training(tiny: Any, folder: Path, tmp_path: Path) -> None:
    table = predict(tiny, "pretrained", folder, tmp_path, "A")
    header = artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")[1]["parameters"]
    assert header["training_cells"] == ["K562", "HeLa-S3", "HUVEC", "NHEK"]
    assert header["missing_tracks"] == ["h3k4me3", "ctcf"]
    assert not header["same_genome"]
    assert table["predicted"].is_finite().all()
    assert table["predicted"].std() > 0.05
    # the anchored one compares with known cells, which come with the new one
    store = ["--elements", tiny.elements, "--genes", tiny.genes, "--threads", 1, "--outdir", tmp_path]
    known: list[Any] = []
    for cell, like in (("K562", "B"), ("NHEK", "C")):
        extract(tiny, tmp_path, cell, seeds(like))
        values, about = artifacts.read_table(tiny.expression(like), "expression")
        artifacts.write_table(tmp_path / f"expression.{cell}.parquet", values, {**about, "cell": cell})
        known += [*inputs(tiny, tmp_path, cell)[4:], "--expression", tmp_path / f"expression.{cell}.parquet"]
    new = inputs(tiny, folder, "A")[4:]
    done = run("predict", "--model", "pretrained-anchored", *store, *new)
    assert done.exit_code == 65
    assert "two or more of K562, HeLa-S3, HUVEC, NHEK" in done.output
    done = run("predict", "--model", "pretrained-anchored", *store, *new, *known)
    assert done.exit_code == 0, done.output
    header = artifacts.read_table(tmp_path / "predictions.A.parquet", "predictions")[1]["parameters"]
    assert header["anchor_cells"] == ["K562", "NHEK"]
