"""A model that reads each gene's own profile, from bigWigs to links: it sees what it should, and nothing hidden."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bigwigs import Entries
from crexpress.apply import cell_model
from crexpress.core import artifacts
from crexpress.interpret.links import link_table
from crexpress.interpret.together import Together
from crexpress.training.presets import read_preset
from profile_case import TRACKS, entries, extract, inputs, predict, seeds, train
from tools import run


def without(tracks: Entries, chrom: str, start: int, end: int) -> Entries:
    """The same without signal in a stretch."""
    cut = [
        (low, high, value)
        for a, b, value in tracks[chrom]
        for low, high in ((a, min(b, start)), (max(a, end), b))
        if low < high
    ]
    return {**tracks, chrom: cut}


@pytest.mark.slow
def test_predictions_have_the_spread_of_the_heads(tiny: Any, folder: Path, model: Path, tmp_path: Path) -> None:
    table = predict(tiny, model, folder, tmp_path, "A")
    assert table["spread"].min() > 0
    truth = artifacts.read_table(tiny.expression("A"), "expression")[0]["expression"]
    val = table.with_columns(truth=truth).filter(pl.col("split") == "val").drop_nulls()
    error = (val["predicted"] - val["truth"]).pow(2).mean() ** 0.5
    assert val["expected_error"].pow(2).mean() ** 0.5 == pytest.approx(error, rel=1e-3)  # fitted to these genes


@pytest.mark.slow
def test_silencing_an_element_takes_its_bases_out_of_the_profile(
    tiny: Any, folder: Path, model: Path, tmp_path: Path
) -> None:
    """Against a naive recomputation: the bigWigs written again without the element."""
    done = run("interpret", "--model", model, *inputs(tiny, folder, "A"), "--threads", 1, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    links = artifacts.read_table(tmp_path / "links.A.parquet", "links")[0]
    whole = predict(tiny, model, folder, tmp_path, "A")
    elements = artifacts.read_table(tiny.elements, "elements")[0]
    genes = artifacts.read_table(tiny.genes, "genes")[0]
    by_effect = links.sort(pl.col("perturbation").abs(), descending=True)
    # an element that does not touch the gene's TSS window, which silencing leaves as it is
    row = by_effect.filter(pl.col("distance").abs().is_between(700, 90_000)).row(0, named=True)
    start, end = elements["start"][row["element"]], elements["end"][row["element"]]
    changed = {track: without(found, row["chrom"], start, end) for track, found in seeds("A").items()}
    extract(tiny, tmp_path / "silent", "A", changed)
    again = predict(tiny, model, tmp_path / "silent", tmp_path / "silent", "A")
    place = genes["gene_id"].to_list().index(row["gene_id"])
    effect = whole["predicted"][place] - again["predicted"][place]
    # neighbours that overlap the element lose those bases, too, in the recomputation
    assert effect == pytest.approx(row["perturbation"], rel=0.05, abs=1e-4)
    assert abs(effect) > 1e-3
    # all of it but the profile: what a model that still sees the element there would say
    signals = run("predict", "--model", model, *inputs(tiny, tmp_path / "silent", "A")[:4], "--signals",
                  tmp_path / "silent" / "signals.A.safetensors", "--profiles", folder / "profiles.A.safetensors",
                  "--outdir", tmp_path / "half")  # fmt: skip
    assert signals.exit_code == 0, signals.output
    half = artifacts.read_table(tmp_path / "half" / "predictions.A.parquet", "predictions")[0]["predicted"][place]
    assert abs(half - again["predicted"][place]) > 1e-5


@pytest.mark.slow
def test_silencing_together_takes_each_element_out_of_the_profile(tiny: Any, folder: Path, model: Path) -> None:
    loaded = cell_model.load(
        model, elements=tiny.elements, genes=tiny.genes, signals=[folder / "signals.A.safetensors"], expression=[],
        sequence=None, motifs=None, contacts=[], profiles=[folder / "profiles.A.safetensors"], device="cpu",
        precision="float32",
    )  # fmt: skip
    store, together = loaded.store, Together(loaded.model, loaded.store, 0, 100)
    links = link_table(loaded.model, store, 0, 1000, also=["tracks"])
    assert links["perturbation_of_dnase"].abs().max() > 1e-3
    for row in (3, 40, 80):
        own = links.filter(pl.col("gene_id") == store.genes["gene_id"][row])
        groups = store.index[row].numpy() == own["element"].to_numpy()[:, None]
        assert together.falls(row, groups) == pytest.approx(own["perturbation"].to_numpy(), abs=1e-5)
        profile = store.profiles.silenced_together(0, row, store.index[row].numpy(), groups.any(0, keepdims=True))
        one_by_one = store.profiles.silenced_together(0, row, store.index[row].numpy(), groups)
        assert (profile.values.nan_to_num() <= one_by_one.values.amin(0).nan_to_num() + 1e-6).all()


@pytest.mark.slow
def test_a_hidden_track_leaves_the_profile(tiny: Any, folder: Path, model: Path, tmp_path: Path) -> None:
    hidden = predict(tiny, model, folder, tmp_path, "A", "--hide-tracks", "dnase")
    changed = {"dnase": entries(99), "h3k27ac": seeds("A")["h3k27ac"]}
    extract(tiny, tmp_path / "other", "A", changed)
    other = predict(tiny, model, tmp_path / "other", tmp_path / "other", "A", "--hide-tracks", "dnase")
    assert hidden["predicted"].equals(other["predicted"])
    extract(tiny, tmp_path / "lacking", "A", {"h3k27ac": seeds("A")["h3k27ac"]})
    lacking = predict(tiny, model, tmp_path / "lacking", tmp_path / "lacking", "A")
    assert hidden["predicted"].to_numpy() == pytest.approx(lacking["predicted"].to_numpy(), abs=1e-5)
    seen = predict(tiny, model, folder, tmp_path, "A")
    assert not seen["predicted"].equals(hidden["predicted"])


@pytest.mark.slow
def test_an_anchored_model_compares_profiles_with_the_other_cells(tiny: Any, folder: Path, tmp_path: Path) -> None:
    done = train(tiny, folder, tmp_path / "model", "--anchored", cells="AB")
    assert done.exit_code == 0, done.output
    found = {cell: predict(tiny, tmp_path / "model", folder, tmp_path, cell)["predicted"] for cell in "AC"}
    assert found["C"].null_count() == 1  # the gene that no cell measures
    stored = artifacts.open_arrays(tmp_path / "model" / "anchor.safetensors", "anchor").tensors["profile"]
    each = [
        np.stack([artifacts.open_arrays(folder / f"profiles.{cell}.safetensors", "profiles").tensors[track]
                  for track in TRACKS], 1)
        for cell in "AB"
    ]  # fmt: skip
    assert np.allclose(stored, sum(each), atol=1e-5, equal_nan=True)


def test_what_models_see_of_a_gene_in_an_anchored_store(tiny: Any, folder: Path) -> None:
    from crexpress.data.opening import open_store

    config = read_preset("crexpress-small")[0].replace(tracks=TRACKS, neighbours=4, anchored=True)
    store = open_store(
        tiny.elements, tiny.genes, [folder / f"signals.{cell}.safetensors" for cell in "ABC"],
        [tiny.expression(cell) for cell in "AB"],
        profiles=[folder / f"profiles.{cell}.safetensors" for cell in "ABC"], config=config,
    )  # fmt: skip
    store.anchor_on("AB")
    own = {
        cell: artifacts.open_arrays(folder / f"profiles.{cell}.safetensors", "profiles").tensors["dnase"]
        for cell in "ABC"
    }
    gene = np.array([5, 1, 5])
    found = store.batch(np.array([0, 2, 1]), gene).profile
    assert found is not None
    assert found.values.shape == (3, 4, len(config.profile_edges))
    known = (own["A"] + own["B"]) / 2
    for row, (cell, others) in enumerate((("A", own["B"]), ("C", known), ("B", own["A"]))):
        assert found.values[row, 0].numpy() == pytest.approx(own[cell][gene[row]], nan_ok=True)
        expected = own[cell][gene[row]] - others[gene[row]]
        assert found.values[row, 2].numpy() == pytest.approx(expected, abs=1e-6, nan_ok=True)
    a, b = (artifacts.read_table(tiny.expression(cell), "expression")[0]["expression"].to_numpy() for cell in "AB")
    assert found.about[1, 1].item() == pytest.approx((a[1] + b[1]) / 2)
    assert found.about[1, 2].item() == pytest.approx(abs(a[1] - b[1]) / 2)
    assert found.about[0, 1].item() == pytest.approx(b[5])
    assert np.isnan(found.about[0, 2].item())  # one other cell has no spread
