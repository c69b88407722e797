"""CREaTor's presets: their parts, and one of them through every tool."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from crexpress.apply.predict import encode, tokens
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.opening import open_store
from crexpress.data.store import Store
from crexpress.interpret.perturbation import perturb
from crexpress.models import load_model
from crexpress.models.attention import Prior, TokenMixer
from crexpress.models.config import ModelConfig
from crexpress.models.forward import forward
from crexpress.models.inputs import Features, Tokens
from crexpress.models.positions.buckets import log_buckets
from crexpress.models.positions.multi_bp import RESOLUTIONS, MultiBpPosition
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training.presets import read_preset
from tools import run


def config(**changes: Any) -> ModelConfig:
    return read_preset("creator-small")[0].replace(**{"tracks": ("dnase", "h3k27ac"), "neighbours": 4} | changes)


def small(**changes: Any) -> RegulatoryModel:
    torch.manual_seed(0)
    return RegulatoryModel(config(**changes)).eval()


def features(elements: int, tracks: int = 2) -> Features:
    return Features(
        torch.rand(elements, tracks, 15),
        torch.ones(elements, tracks, dtype=torch.bool),
        torch.randint(0, 5, (elements, 600), dtype=torch.uint8),
        torch.rand(elements, 2),
    )


@pytest.fixture
def store(tiny: Any) -> Store:
    return open_store(tiny.elements, tiny.genes, [tiny.signals("A"), tiny.signals("B")], config=config())


def test_the_papers_size_is_found() -> None:
    """The released model has 5,068,545 weights; ours has one map for its embeddings and convolution, and one [CLS]."""
    model = RegulatoryModel(
        read_preset("creator-compat")[0].replace(tracks=tuple(map(str, range(16))), sequence=True, width=350)
    )
    theirs = 6 * 256 + (16 * 256 + 256) + (256 * 256 * 5 + 256)
    ours = (5 * (5 + 16) * 256 + 256) + 256
    assert sum(weight.numel() for weight in model.parameters()) == 5_068_545 - theirs + ours


def test_several_resolutions_are_the_sum_of_five_tables() -> None:
    torch.manual_seed(0)
    position = MultiBpPosition(config(position_decay=0.0))
    distance = torch.cat([torch.randint(-3_000_000, 3_000_000, (1, 300)), torch.arange(-320, 320)[None] * 150], 1)
    distance = torch.cat([distance, torch.tensor([[-15_000_000, 15_000_000]])], 1).float()
    rows = slice(5, 8)
    expected = torch.zeros(1, 4, 3, distance.shape[1])
    for resolution, table in zip(RESOLUTIONS, position.tables, strict=True):
        apart = distance[:, rows, None] - distance[:, None]
        units = torch.div(apart, resolution, rounding_mode="floor")
        expected += table(log_buckets(units, 64, 256.0, 16.0)).movedim(-1, 1)
    assert torch.allclose(position(distance, rows), expected, atol=1e-6)


def test_several_resolutions_can_start_as_the_power_law_of_contacts() -> None:
    position = MultiBpPosition(config(position_decay=1.0))
    distance = torch.tensor([[0.0, 1_000, 5_000, 20_000, 100_000, 500_000, 2_000_000]])
    contact = torch.exp(position(distance, slice(0, 1))[0, 0, 0]).detach()
    assert torch.allclose(contact, 1 / (1 + distance[0] / 1000), rtol=0.15)


def test_a_single_query_sees_what_it_sees_among_others() -> None:
    torch.manual_seed(0)
    attention = TokenMixer(16, 1, 2, 32, 0.0).layers[0].attention
    x, activity, prior = torch.randn(3, 5, 16), torch.randn(3, 5, 2), Prior(torch.randn(3, 2, 5, 5))
    for factor in (None, torch.rand(3, 1, 5, 5)):
        prior = prior._replace(factor=factor)
        own = Prior(prior.added[..., 2:3, :], None if factor is None else factor[..., 2:3, :])
        among, logits = attention(x, x, activity, prior, 2)
        alone, own_logits = attention(x[:, 2:3], x, activity, own, 0)
        assert torch.allclose(alone[:, 0], among[:, 2], atol=1e-6)
        assert torch.allclose(own_logits, logits, atol=1e-6)


def test_the_genes_own_window_is_not_looked_at_and_no_token_sees_the_gene() -> None:
    model = small()
    vectors, present = model.embed(features(5)).unsqueeze(0), torch.ones(1, 5, dtype=torch.bool)
    distance = torch.tensor([[-5e4, -2e3, 0, 1e3, 4e5]])
    whole = model.predict(Tokens(vectors, present, distance))
    changed = vectors.clone()
    changed[:, 2] = 7.0
    assert torch.equal(model.predict(Tokens(changed, present, distance)).expression, whole.expression)
    assert whole.attention[..., 2].max() == 0
    assert torch.allclose(whole.attention, whole.logits.softmax(-1))
    changed[:, 0] = 7.0
    assert not torch.equal(model.predict(Tokens(changed, present, distance)).expression, whole.expression)


def test_a_missing_track_is_told_from_a_silent_one_and_its_values_are_not_read() -> None:
    model, given = small(), features(3)
    present = given.present.clone()
    present[:, 1] = False
    missing = given._replace(present=present)
    silent = given.signals.clone()
    silent[:, 1] = 0
    assert torch.equal(model.embed(missing), model.embed(missing._replace(signals=silent)))
    assert not torch.allclose(model.embed(missing), model.embed(given._replace(signals=silent)))


def test_elements_encoded_in_parts_are_those_encoded_at_once() -> None:
    model, given = small(), features(5)
    whole = model.embed(given)
    model.encoder.at_once = 2  # type: ignore[assignment]
    assert torch.allclose(model.embed(given), whole, atol=1e-6)


@pytest.mark.parametrize("tracks", [1, 4, 17])
def test_any_number_of_tracks_with_and_without_sequence(tracks: int) -> None:
    names = tuple(f"track{number}" for number in range(tracks))
    for sequence in (False, True):
        model = small(tracks=names, sequence=sequence, motifs=("a", "b"))
        given = features(3, tracks)
        vectors = model.embed(given)
        assert torch.allclose(model.embed(Features(*(part[1:2] for part in given))), vectors[1:2], atol=1e-5)
        other = model.embed(given._replace(codes=4 - given.codes))
        assert torch.equal(other, vectors) != sequence
        assert not torch.equal(model.embed(given._replace(motifs=given.motifs + 1)), vectors)


def test_shapes_that_the_preset_cannot_read_are_refused() -> None:
    with pytest.raises(InputError, match=r"cannot read elements of 610 bp in bins of 40 bp: its tokens are 40 bp"):
        small(width=610)
    with pytest.raises(InputError, match="leaves out"):
        small(layers=0)
    with pytest.raises(InputError, match="needs the encoder transformer, not convolution"):
        RegulatoryModel(read_preset("scpge-small")[0].replace(tracks=("dnase",), gene_token="empty"))


@pytest.mark.parametrize("gene_token", ["learnt", "empty"])
def test_elements_encoded_once_give_what_a_batch_gives(store: Store, gene_token: str) -> None:
    model = small(gene_token=gene_token)
    given = next(iter(tokens(store, 1, encode(model, store, 1), 9)))
    with torch.no_grad():
        expected = forward(model, store.batch(np.ones(9, int), np.arange(9)))
        found = model.predict(given)
        silent = model.embed_silent()
        effect = perturb(model, given, silent, found.expression)
        for column in (0, 1, 3, 4):
            changed = given.vectors.clone()
            changed[:, column] = silent
            without = model.predict(given._replace(vectors=changed)).expression
            fall = torch.where(given.present[:, column], found.expression - without, 0.0)
            assert torch.allclose(effect[:, column], fall, atol=1e-6)
    assert torch.allclose(found.expression, expected.expression, atol=1e-6)
    assert torch.allclose(found.attention, expected.attention, atol=1e-6)
    assert effect.abs().max() > 1e-4


def check_scores(links: pl.DataFrame, names: set[str]) -> None:
    """CREaTor's forms of attention from the logits and the distance, gene by gene."""
    assert names >= {"attention", "attention_logit_minmax", "attention_log_distance", "attention_logit_log_distance"}
    logit, low, high = pl.col("attention_logit"), pl.min("attention_logit"), pl.max("attention_logit")
    bp = pl.col("distance").abs().clip(lower_bound=1000).log10()
    scaled = ((logit - low) / (high - low)).over("gene_id")
    expected = links.select(
        attention_logit_minmax=scaled,
        attention_log_distance=pl.col("attention") / bp,
        attention_logit_log_distance=scaled / bp,
    )
    for name in expected.columns:
        assert links[name].to_numpy() == pytest.approx(expected[name].to_numpy(), abs=1e-5), name
    assert links["attention_logit"].is_finite().all()
    assert links["attention_logit"].min() < 0  # no probabilities


@pytest.mark.slow
def test_creator_trains_predicts_and_interprets_cells_that_lack_tracks(tiny: Any, tmp_path: Path) -> None:
    opened = artifacts.open_arrays(tiny.signals("B"), "signals")
    header = opened.header | {"parameters": opened.header["parameters"] | {"tracks": ["dnase"]}}
    alone = tmp_path / "signals.B.safetensors"
    artifacts.write_arrays(alone, {"dnase": opened.tensors["dnase"]}, header)
    inputs = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("A"), "--signals", alone]
    known = [part for cell in "AB" for part in ("--expression", tiny.expression(cell))]
    quick = ["--preset", "creator-small", "--neighbours", 6, "--steps", 30, "--validate-every", 10, "--batch-size", 16]
    where = ["--val", "chr2", "--test", "chr3", "--threads", 1, "--outdir", tmp_path / "model"]
    result = run("train", *inputs, "--sequence", tiny.sequence, *known, *quick, *where)
    assert result.exit_code == 0, result.output
    about = json.loads((tmp_path / "model/config.json").read_text())
    assert about["training"]["loss"] == "poisson"
    assert about["model"]["tracks"] == ["dnase", "h3k27ac"]
    history, _ = artifacts.read_table(tmp_path / "model/history.parquet", "history")
    assert history["val_loss"].min() < history["val_loss"][0]
    given = ["--model", tmp_path / "model", *inputs, "--sequence", tiny.sequence, "--outdir", tmp_path]
    assert run("predict", *given).exit_code == 0
    table, header = artifacts.read_table(tmp_path / "predictions.B.parquet", "predictions")
    assert header["parameters"]["missing_tracks"] == ["h3k27ac"]
    assert table["predicted"].std() > 1e-3
    assert run("interpret", *given, "--more-scores").exit_code == 0
    links, header = artifacts.read_table(tmp_path / "links.B.parquet", "links")
    check_scores(links, {score["name"] for score in header["parameters"]["scores"]})
    sums = links.group_by("gene_id").agg(pl.col("attention").sum())["attention"]
    assert sums.to_numpy() == pytest.approx(1, abs=1e-4)  # no gene attends to itself
    assert load_model(tmp_path / "model").config.gene_token == "learnt"


def test_an_anchored_creator_reads_the_known_expression_in_the_genes_window(tiny: Any, tmp_path: Path) -> None:
    inputs = ["--elements", tiny.elements, "--genes", tiny.genes]
    inputs += [
        part for cell in "AB" for part in ("--signals", tiny.signals(cell), "--expression", tiny.expression(cell))
    ]
    quick = ["--preset", "creator-small", "--anchored", "--neighbours", 4, "--steps", 2, "--batch-size", 8]
    where = ["--val", "chr2", "--test", "chr3", "--threads", 1, "--outdir", tmp_path]
    result = run("train", *inputs, *quick, *where)
    assert result.exit_code == 0, result.output
    about = json.loads((tmp_path / "config.json").read_text())
    assert (about["model"]["gene_token"], about["training"]["loss"]) == ("window", "mse")
    model = load_model(tmp_path)
    given = features(5, 2 * 2 + 1)
    other = given.signals.clone()
    other[2, -1] += 1.0  # the known expression of the gene
    present, distance = torch.ones(1, 5, dtype=torch.bool), torch.zeros(1, 5)
    first, second = (
        model.predict(Tokens(model.embed(given._replace(signals=signals)).unsqueeze(0), present, distance)).expression
        for signals in (given.signals, other)
    )
    assert not torch.equal(first, second)
