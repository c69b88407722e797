"""The ScPGE model: its size, masking, positions, files and settings."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import crexpress
from crexpress.core.errors import InputError
from crexpress.models import load_model, save_model
from crexpress.models.attention import Prior, TokenMixer
from crexpress.models.config import ModelConfig
from crexpress.models.folder import build
from crexpress.models.heads import SharedHeads
from crexpress.models.inputs import Features, GeneProfile, Tokens, one_hot
from crexpress.models.positions.buckets import log_buckets
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training.presets import presets, read_preset

FOUR = ("dnase", "h3k4me3", "h3k27ac", "ctcf")


def random_features(config: ModelConfig, elements: int) -> Features:
    return Features(
        torch.rand(elements, len(config.tracks), config.width // config.bin_size),
        torch.ones(elements, len(config.tracks), dtype=torch.bool),
        torch.randint(0, 5, (elements, config.width), dtype=torch.uint8),
        torch.rand(elements, len(config.motifs)),
    )


def random_profile(config: ModelConfig, genes: int) -> GeneProfile:
    channels = config.profile_channels
    return GeneProfile(
        torch.rand(genes, channels, len(config.profile_edges)),
        torch.ones(genes, channels, dtype=torch.bool),
        torch.rand(genes, config.gene_facts),
    )


def small(**changes: object) -> RegulatoryModel:
    torch.manual_seed(0)
    config = read_preset("scpge-small")[0].replace(tracks=FOUR, neighbours=6, **changes)
    return RegulatoryModel(config).eval()


def test_scpge_without_motifs_has_the_papers_tower_and_transformer() -> None:
    """The released model has 4,079,617 weights with its motif convolution, which `scpge` replaces by a linear map."""
    config = read_preset("scpge")[0].replace(tracks=FOUR, sequence=True, motifs=tuple(f"M{i}" for i in range(600)))
    released_motif_stem = (30 * 128 + 128) + (2 * 128 + 128 * 128)
    ours = sum(weight.numel() for weight in RegulatoryModel(config).parameters())
    final_norm_and_rest = 4_079_617 - released_motif_stem + (600 * 128 + 128)
    assert ours == final_norm_and_rest


@pytest.mark.parametrize("preset", sorted(presets()))
@pytest.mark.parametrize(
    "inputs",
    [{"tracks": FOUR}, {"sequence": True}, {"motifs": ("a", "b")}, {"tracks": FOUR[:1], "sequence": True}],
)
def test_every_preset_takes_any_subset_of_inputs(preset: str, inputs: dict[str, object]) -> None:
    config = read_preset(preset)[0].replace(neighbours=4, **inputs)
    model = build(config).eval()
    vectors = model.embed(random_features(config, 10)).view(2, 5, -1)
    present, distance = torch.ones(2, 5, dtype=torch.bool), torch.zeros(2, 5)
    loops = None if config.loop_rows == "none" else torch.ones(2, 5, 5)
    prediction = model.predict(Tokens(vectors, present, distance, loops, random_profile(config, 2)))
    assert prediction.expression.shape == (2,)
    assert prediction.attention.shape == (2, config.layers, config.heads, 5)
    shares = prediction.attention.sum(-1)
    if config.family == "graphreg":  # its sigmoids leave a share for the gene's own node (models/graphreg.py)
        assert ((shares > 0) & (shares < 1)).all()
    else:
        assert torch.allclose(shares, torch.ones(()))


@pytest.mark.parametrize("preset", ["scpge", "scpge-small"])
@pytest.mark.parametrize("training", [True, False])
def test_statistics_shared_by_gpus_change_nothing_in_one_process(preset: str, training: bool) -> None:
    """In float64, for which layers are torch's own, as on a GPU."""
    torch.manual_seed(0)
    config = read_preset(preset)[0].replace(tracks=FOUR, sequence=True, motifs=("a", "b"), dropout_encoder=0.0)
    features = Features(*(part.double() if part.is_floating_point() else part for part in random_features(config, 4)))
    encoder = RegulatoryModel(config).double().train(training).encoder
    shared = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(encoder))
    assert any(isinstance(layer, nn.SyncBatchNorm) for layer in shared.modules())
    assert torch.equal(shared(features), encoder(features))


def test_an_element_is_encoded_the_same_whatever_stands_beside_it() -> None:
    model = small()
    features = random_features(model.config, 9)
    alone = model.embed(Features(*(part[:1] for part in features)))
    assert torch.allclose(model.embed(features)[:1], alone, atol=1e-6)


def test_pads_change_nothing() -> None:
    model = small()
    vectors, distance = torch.randn(1, 7, 64), torch.arange(-3, 4).view(1, 7) * 5000.0
    present = torch.tensor([[True] * 6 + [False]])
    other = vectors.clone()
    other[:, 6] = 100.0
    first, second = (model.predict(Tokens(v, present, distance)) for v in (vectors, other))
    assert torch.equal(first.expression, second.expression)
    assert first.attention[..., 6].abs().max() == 0


def test_a_gene_without_elements_still_gets_a_finite_prediction() -> None:
    model = small(mask="diagonal")
    present = torch.zeros(1, 7, dtype=torch.bool)
    present[:, 3] = True
    assert torch.isfinite(model.predict(Tokens(torch.randn(1, 7, 64), present, torch.zeros(1, 7))).expression).all()


def test_the_diagonal_mask_keeps_a_gene_from_attending_to_itself() -> None:
    present, distance = torch.ones(1, 7, dtype=torch.bool), torch.zeros(1, 7)
    tokens = Tokens(torch.randn(1, 7, 64), present, distance)
    assert small(mask="diagonal").predict(tokens).attention[..., 3].abs().max() == 0
    assert small(mask="none").predict(tokens).attention[..., 3].min() > 0


def test_the_last_layer_of_the_mixer_equals_a_full_one() -> None:
    torch.manual_seed(0)
    mixer = TokenMixer(width=16, layers=2, heads=2, hidden=32, dropout=0.0).eval()
    tokens, activity, bias = torch.randn(3, 5, 16), torch.randn(3, 5, 2), torch.randn(3, 2, 5, 5)
    full = tokens
    for layer in mixer.layers:
        full, _ = layer(full, activity, Prior(bias), slice(None))
    mixed = mixer(tokens, activity, Prior(bias), Prior(bias[..., 2:3, :]), 2)
    assert torch.allclose(mixed.gene, mixer.norm(full[:, 2]), atol=1e-6)


@pytest.mark.parametrize("signed", [False, True])
def test_heads_share_all_but_scaling_vectors(signed: bool) -> None:
    """Against BatchEnsemble's definition, head by head: its scales times the shared matrices are its own layers."""
    heads = SharedHeads(6, 3, 0.0, signed).eval()
    x = torch.randn(4, 6)
    found = heads(x)
    assert found.shape == (4, 3)
    for member in range(3):
        own = x
        for scale, layer in zip((heads.first, heads.second), heads.layers, strict=True):
            weight = layer.weight * scale[member]  # a matrix of this head alone
            own = own * scale[member] + nn.functional.silu(own @ weight.T + layer.bias)
        expected = own @ heads.weight[member] + heads.bias[member]
        expected = expected if signed else torch.log1p(expected.exp())
        assert torch.allclose(found[:, member], expected, atol=1e-5)
    assert found.std(1).min() > 0
    shared = sum(weight.numel() for layer in heads.layers for weight in layer.parameters())
    assert sum(weight.numel() for weight in heads.parameters()) == shared + 3 * (3 * 6 + 1)


def test_attention_can_start_as_the_activity_by_contact_model() -> None:
    """Without content (no query) it is each element's share of sqrt(DNase x H3K27ac) x contact."""
    model = small(activity_heads=4)
    torch.nn.init.zeros_(model.mixer.layers[0].attention.query.weight)
    features = random_features(model.config, 7)
    distance = torch.tensor([[-9e5, -5e4, -2e3, 0, 1e3, 2e4, 4e5]])
    tokens = Tokens(model.embed(features).unsqueeze(0), torch.ones(1, 7, dtype=torch.bool), distance)
    attention = model.predict(tokens).attention[0, 0].detach()
    dnase, h3k27ac = ((10 ** features.signals[:, FOUR.index(track)] - 1).mean(-1) for track in ("dnase", "h3k27ac"))
    activity = torch.sqrt((dnase + 0.1) * (h3k27ac + 0.1))
    contact = torch.exp(model.position(distance, slice(3, 4))[0, 0, 0]).detach()
    assert contact[1] == pytest.approx(1 / 51, rel=0.2)  # power law: 50 kb is 1 / (1 + 50) of contact at the TSS
    assert torch.allclose(attention, (activity * contact / (activity * contact).sum()).expand(4, 7), atol=1e-6)


def test_buckets_grow_with_distance_and_tell_the_sides_apart() -> None:
    distance = torch.tensor([0.0, 10, 100, 500, 1e3, 1e4, 1e5, 1e6, 1e9])
    buckets = log_buckets(distance, 48, 1e6, 500.0)
    assert (buckets.diff() >= 0).all()
    assert buckets[-1] == 23
    assert torch.equal(log_buckets(-distance[1:], 48, 1e6, 500.0), buckets[1:] + 24)


def test_one_hot_codes_bases_and_leaves_unknown_ones_empty() -> None:
    expected = np.eye(4)[:, [0, 1, 2, 3]]
    hot = one_hot(torch.tensor([[0, 1, 2, 3, 4]], dtype=torch.uint8))[0].numpy()
    assert np.array_equal(hot, np.hstack([expected, np.zeros((4, 1))]))


def test_a_saved_model_reloads_in_one_call(tmp_path: Path) -> None:
    model = small()
    save_model(tmp_path, model, {"preset": "scpge-small"})
    tokens = Tokens(torch.randn(2, 7, 64), torch.ones(2, 7, dtype=torch.bool), torch.zeros(2, 7))
    assert torch.equal(crexpress.load_model(tmp_path).predict(tokens).expression, model.predict(tokens).expression)


def test_a_model_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json is not a crexpress model's"):
        load_model(tmp_path)
    save_model(tmp_path, small(), {})
    config = json.loads((tmp_path / "config.json").read_text())
    config["model"]["width_model"] = 32
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="does not hold the weights"):
        load_model(tmp_path)


def test_bins_that_do_not_suit_the_preset_are_refused() -> None:
    config = read_preset("scpge-small")[0].replace(tracks=FOUR, bin_size=100)
    with pytest.raises(InputError, match="cannot read elements of 600 bp in bins of 100 bp"):
        RegulatoryModel(config)


def test_unknown_presets_and_settings_are_named() -> None:
    with pytest.raises(InputError, match="no preset 'scpgee'; choose one of"):
        read_preset("scpgee")
    with pytest.raises(InputError, match="does not know the setting wings"):
        ModelConfig.from_json({"wings": 2})
    with pytest.raises(InputError, match="the setting at_tss is 'drop', but must be one of right, dropped"):
        ModelConfig.from_json({"at_tss": "drop"})


@pytest.mark.parametrize("preset", ["scpge", "scpge-small", "scpge-compat"])
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_elements_of_1000_bp_any_layers_any_number_of_tracks(preset: str, layers: int) -> None:
    tracks = tuple(f"track{i}" for i in range(13))
    shape = {"width": 1000, "layers": layers, "tracks": tracks, "motifs": ("a", "b"), "sequence": True}
    config = read_preset(preset)[0].replace(**shape)
    model = RegulatoryModel(config).eval()
    vectors = model.embed(random_features(config, 7)).unsqueeze(0)
    prediction = model.predict(Tokens(vectors, torch.ones(1, 7, dtype=torch.bool), torch.zeros(1, 7)))
    assert prediction.attention.shape == (1, layers, config.heads if layers else 1, 7)
    assert torch.isfinite(prediction.expression).all()


def test_a_tower_with_too_few_positions_is_refused() -> None:
    with pytest.raises(InputError, match="halves them 4 times"):
        RegulatoryModel(read_preset("scpge")[0].replace(sequence=True, sequence_pool=60))


def test_an_empty_gene_that_tokens_do_not_divide_is_refused() -> None:
    with pytest.raises(InputError, match="divides 700 bp"):
        RegulatoryModel(read_preset("creator-small")[0].replace(sequence=True, gene_token="empty"))


def test_a_motif_list_longer_than_the_element_is_refused_where_it_is_laid_along_it() -> None:
    config = read_preset("scpge-compat")[0].replace(motifs=tuple(f"m{i}" for i in range(601)))
    with pytest.raises(InputError, match="takes at most 600 motifs, not 601"):
        RegulatoryModel(config)
