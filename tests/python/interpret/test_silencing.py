"""Silencing every element at once gives what silencing each alone and running the model gives, under every preset."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from crexpress.models import build
from crexpress.models.base import Model
from crexpress.models.epinformer import EPInformer
from crexpress.models.inputs import GeneProfile, ProfileChanges, Tokens
from crexpress.models.near_far import NearFar
from crexpress.training.presets import presets, read_preset

TRACKS = ("dnase", "h3k27ac")
GENES, TOKENS = 3, 9
GENE = TOKENS // 2


def make(preset: str, **changes: object) -> Model:
    torch.manual_seed(0)
    config = read_preset(preset)[0].replace(tracks=TRACKS, neighbours=TOKENS - 1, **changes)
    model = build(config)
    for weight in model.parameters():  # what starts at zero or one must have a part in it
        weight.data += 0.05 * torch.randn_like(weight)
    return model.eval()


def random_genes(model: Model) -> Tokens:
    vectors = torch.randn(GENES, TOKENS, model.token_width)
    present = torch.ones(GENES, TOKENS, dtype=torch.bool)
    present[1, :2] = False
    distance = torch.tensor([-3e5, -9e4, -6e3, -900.0, 0.0, 700.0, 5e3, 9e4, 6e5]).repeat(GENES, 1)
    loops = None if model.config.loop_rows == "none" else torch.rand(GENES, TOKENS, TOKENS).round(decimals=1)
    return Tokens(vectors, present, distance, loops)


def random_profile(model: Model) -> tuple[GeneProfile, ProfileChanges, Callable[[int, int], GeneProfile]]:
    """Profiles, what some elements take from them, and the profile of one gene without one element."""
    tracks, channels, columns = len(TRACKS), model.config.profile_channels, len(model.config.profile_edges)
    values = torch.rand(GENES, channels, columns)
    values[2, 1::tracks, 5] = torch.nan
    profile = GeneProfile(
        values, torch.ones(GENES, channels, dtype=torch.bool), torch.rand(GENES, model.config.gene_facts)
    )
    profile.present[1, 0] = False
    pairs = [(0, 1, (3, 4)), (0, 3, (7,)), (0, 7, (3,)), (1, 5, (0, columns - 1)), (2, 2, (5, 6))]
    pair, column = zip(*((k, c) for k, (_, _, touched) in enumerate(pairs) for c in touched), strict=True)
    left = torch.tensor([values[pairs[k][0], :tracks, c].tolist() for k, c in zip(pair, column, strict=True)]) * 0.3
    gene, token = (torch.tensor([pair[i] for pair in pairs]) for i in (0, 1))
    changes = ProfileChanges(gene, token, torch.tensor(pair), torch.tensor(column), left)

    def without(one: int, place: int) -> GeneProfile:
        changed = values[one].clone()
        for k, c, new in zip(pair, column, left, strict=True):
            if pairs[k][:2] == (one, place):
                changed[:, c] = (
                    new if channels == tracks else torch.cat([new, new + changed[tracks:, c] - changed[:tracks, c]])
                )
        return GeneProfile(changed.unsqueeze(0), profile.present[one, None], profile.about[one, None])

    return profile, changes, without


def fall(model: NearFar, own: Tokens, changed: Tokens) -> torch.Tensor:
    """Of the expression of a gene in the model to which the element that was changed belongs."""
    column = int((own.vectors != changed.vectors).any(-1)[0].nonzero())
    width = model.near.token_width
    if own.distance[0, column].abs() <= model.config.loop_boundary:
        near = (part._replace(vectors=part.vectors[..., :width], loops=None) for part in (own, changed))
        before, after = map(model.near.predict, near)
    else:
        far = (part._replace(vectors=part.vectors[..., width:]) for part in (own, changed))
        before, after = map(model.far.predict, far)
    return (before.expression - after.expression)[0]


EVERY = [(name, width) for name in sorted(presets()) for width in (0, 16) if not (name == "scpge-loop" and width)]


@pytest.mark.parametrize(("preset", "width"), EVERY)
def test_silencing_all_at_once_is_silencing_each(preset: str, width: int) -> None:
    model = make(preset, **({"profile_width": width} if width else {}))
    tokens = random_genes(model)
    profile, changes, without = random_profile(model) if model.config.profile_width else (None, None, None)
    tokens = tokens._replace(profile=profile)
    with torch.no_grad():
        silent = model.embed_silent()
        whole = model.predict(tokens).expression
        found = model.silence_each(tokens, silent, whole, changes)
        for gene, column in np.ndindex(GENES, TOKENS):
            if column == GENE or not tokens.present[gene, column]:
                continue
            own = tokens.of(torch.tensor([gene]))
            changed = tokens.of(torch.tensor([gene]))  # a copy
            if isinstance(model, EPInformer):  # its element of zeros is a masked one
                changed.present[0, column] = False
            else:
                changed.vectors[0, column] = silent
            changed = changed._replace(profile=without(gene, column) if without else None)
            alone = model.predict(changed).expression[0]
            if isinstance(model, NearFar):  # the effect is that in the model of the element's distance
                alone = whole[gene] - fall(model, own, changed)
            assert found[gene, column].item() == pytest.approx(alone.item(), abs=1e-5)
        assert torch.equal(found[:, GENE], whole)
        maps = model.attention_maps(tokens)[0]
        assert maps.shape[-2:] == (TOKENS, TOKENS)
        its_row = model.predict(tokens).attention
        assert torch.allclose(maps[:, :, :, GENE], its_row, atol=1e-6)
    assert (found - whole.unsqueeze(1)).abs().max() > 1e-3


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize(("mask", "anchored"), [("none", False), ("diagonal", True), ("gene-key", False)])
def test_a_gene_whose_profile_changes_is_mixed_anew(layers: int, mask: str, anchored: bool) -> None:
    """The gene's own token then differs between the copies, as query and as key of others."""
    model = make("crexpress-small", layers=layers, mask=mask, anchored=anchored)
    tokens = random_genes(model)
    profile, changes, without = random_profile(model)
    tokens = tokens._replace(profile=profile)
    with torch.no_grad():
        silent = model.embed_silent()
        whole = model.predict(tokens).expression
        found = model.silence_each(tokens, silent, whole, changes)
        for gene, column in ((0, 1), (0, 3), (1, 5), (2, 2), (2, 8)):
            changed = tokens.of(torch.tensor([gene]))._replace(profile=without(gene, column))
            changed.vectors[0, column] = silent
            alone = model.predict(changed).expression[0]
            assert found[gene, column].item() == pytest.approx(alone.item(), abs=1e-5)
