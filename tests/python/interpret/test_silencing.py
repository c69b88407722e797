"""Silencing every element at once gives what silencing each alone and running the model gives, under every preset."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from crexpress.models import build
from crexpress.models.base import Model
from crexpress.models.epinformer import EPInformer
from crexpress.models.inputs import GeneProfile, ProfileChanges
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


def random_genes(model: Model) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
    tokens = torch.randn(GENES, TOKENS, model.token_width)
    present = torch.ones(GENES, TOKENS, dtype=torch.bool)
    present[1, :2] = False
    distance = torch.tensor([-3e5, -9e4, -6e3, -900.0, 0.0, 700.0, 5e3, 9e4, 6e5]).repeat(GENES, 1)
    loops = None if model.config.loop_rows == "none" else torch.rand(GENES, TOKENS, TOKENS).round(decimals=1)
    return tokens, present, distance, loops


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


def fall(model: NearFar, tokens: torch.Tensor, changed: torch.Tensor, one: tuple) -> torch.Tensor:
    """Of the expression of a gene in the model to which the element that was changed belongs."""
    column = int((tokens != changed).any(-1)[0].nonzero())
    width = model.near.token_width
    if one[1][0, column].abs() <= model.config.loop_boundary:
        before, after = (model.near.predict(part[..., :width], *one[:2]) for part in (tokens, changed))
    else:
        before, after = (model.far.predict(part[..., width:], *one) for part in (tokens, changed))
    return (before.expression - after.expression)[0]


EVERY = [(name, width) for name in sorted(presets()) for width in (0, 16) if not (name == "scpge-loop" and width)]


@pytest.mark.parametrize(("preset", "width"), EVERY)
def test_silencing_all_at_once_is_silencing_each(preset: str, width: int) -> None:
    model = make(preset, **({"profile_width": width} if width else {}))
    tokens, present, distance, loops = random_genes(model)
    profile, changes, without = random_profile(model) if model.config.profile_width else (None, None, None)
    with torch.no_grad():
        silent = model.embed_silent()
        whole = model.predict(tokens, present, distance, loops, profile).expression
        found = model.silence_each(tokens, present, distance, loops, profile, silent, whole, changes)
        for gene, column in np.ndindex(GENES, TOKENS):
            if column == GENE or not present[gene, column]:
                continue
            changed = tokens[gene, None].clone()
            there = present[gene, None].clone()
            if isinstance(model, EPInformer):  # its element of zeros is a masked one
                there[0, column] = False
            else:
                changed[0, column] = silent
            one = there, distance[gene, None], None if loops is None else loops[gene, None]
            alone = model.predict(changed, *one, without(gene, column) if without else None).expression[0]
            if isinstance(model, NearFar):  # the effect is that in the model of the element's distance
                alone = whole[gene] - fall(model, tokens[gene, None], changed, one)
            assert found[gene, column].item() == pytest.approx(alone.item(), abs=1e-5)
        assert torch.equal(found[:, GENE], whole)
        maps = model.attention_maps(tokens, present, distance, loops, profile)[0]
        assert maps.shape[-2:] == (TOKENS, TOKENS)
        its_row = model.predict(tokens, present, distance, loops, profile).attention
        assert torch.allclose(maps[:, :, :, GENE], its_row, atol=1e-6)
    assert (found - whole.unsqueeze(1)).abs().max() > 1e-3


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize(("mask", "anchored"), [("none", False), ("diagonal", True), ("gene-key", False)])
def test_a_gene_whose_profile_changes_is_mixed_anew(layers: int, mask: str, anchored: bool) -> None:
    """The gene's own token then differs between the copies, as query and as key of others."""
    model = make("crexpress-small", layers=layers, mask=mask, anchored=anchored)
    tokens, present, distance, loops = random_genes(model)
    profile, changes, without = random_profile(model)
    with torch.no_grad():
        silent = model.embed_silent()
        whole = model.predict(tokens, present, distance, loops, profile).expression
        found = model.silence_each(tokens, present, distance, loops, profile, silent, whole, changes)
        for gene, column in ((0, 1), (0, 3), (1, 5), (2, 2), (2, 8)):
            changed = tokens[gene, None].clone()
            changed[0, column] = silent
            one = present[gene, None], distance[gene, None], None
            alone = model.predict(changed, *one, without(gene, column)).expression[0]
            assert found[gene, column].item() == pytest.approx(alone.item(), abs=1e-5)
