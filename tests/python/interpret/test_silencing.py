"""Silencing every element of 100 genes at once gives what masking each and running the model gives: every preset."""

from collections.abc import Callable

import pytest
import torch

from crexpress.models import build
from crexpress.models.base import Model
from crexpress.models.epinformer import EPInformer
from crexpress.models.inputs import GeneProfile, ProfileChanges, Tokens
from crexpress.models.near_far import NearFar
from crexpress.training.presets import presets, read_preset

TRACKS = ("dnase", "h3k27ac")
TOKENS = 9
GENE = TOKENS // 2
TOUCHED = [(0, 1, (3, 4)), (0, 3, (7,)), (0, 7, (3,)), (1, 5, (0, -1)), (2, 2, (5, 6))]  # of every three genes


def make(preset: str, **changes: object) -> Model:
    torch.manual_seed(0)
    config = read_preset(preset)[0].replace(tracks=TRACKS, neighbours=TOKENS - 1, **changes)
    model = build(config)
    for weight in model.parameters():  # what starts at zero or one must have a part in it
        weight.data += 0.05 * torch.randn_like(weight)
    return model.eval()


def random_genes(model: Model, genes: int) -> Tokens:
    vectors = torch.randn(genes, TOKENS, model.token_width)
    present = torch.ones(genes, TOKENS, dtype=torch.bool)
    present[1::3, :2] = False
    distance = torch.tensor([-3e5, -9e4, -6e3, -900.0, 0.0, 700.0, 5e3, 9e4, 6e5]) * (0.5 + torch.rand(genes, 1))
    loops = None if model.config.loop_rows == "none" else torch.rand(genes, TOKENS, TOKENS).round(decimals=1)
    return Tokens(vectors, present, distance, loops)


def random_profile(model: Model, genes: int) -> tuple[GeneProfile, ProfileChanges, Callable[[int], GeneProfile]]:
    """Profiles, what some elements take from them, and the profiles of all genes without the element of a column."""
    tracks, channels, columns = len(TRACKS), model.config.profile_channels, len(model.config.profile_edges)
    values = torch.rand(genes, channels, columns)
    values[2::3, 1::tracks, 5] = torch.nan
    profile = GeneProfile(
        values, torch.ones(genes, channels, dtype=torch.bool), torch.rand(genes, model.config.gene_facts)
    )
    profile.present[1::3, 0] = False
    pairs = [(first + g, t, touched) for first in range(0, genes, 3) for g, t, touched in TOUCHED if first + g < genes]
    gene, token = (torch.tensor([pair[i] for pair in pairs]) for i in (0, 1))
    pair, column = (
        torch.tensor(part)
        for part in zip(*((k, c % columns) for k, (_, _, touched) in enumerate(pairs) for c in touched), strict=True)
    )
    left = 0.3 * values[gene[pair], :tracks, column]
    changes = ProfileChanges(gene, token, pair, column, left)

    def without(place: int) -> GeneProfile:
        changed = values.clone()
        own = token[pair] == place
        where, new = (gene[pair][own], slice(None), column[own]), left[own]
        old = changed[where]
        changed[where] = new if channels == tracks else torch.cat([new, new + old[:, tracks:] - old[:, :tracks]], 1)
        return profile._replace(values=changed)

    return profile, changes, without


def falls(model: NearFar, own: Tokens, changed: Tokens, column: int) -> torch.Tensor:
    """Of the expression of genes, each in the model to which its element in this column belongs."""
    width = model.near.token_width
    near = [model.near.predict(t._replace(vectors=t.vectors[..., :width], loops=None)) for t in (own, changed)]
    far = [model.far.predict(t._replace(vectors=t.vectors[..., width:])) for t in (own, changed)]
    by_near, by_far = (before.expression - after.expression for before, after in (near, far))
    return torch.where(own.distance[:, column].abs() <= model.config.loop_boundary, by_near, by_far)


def masked(tokens: Tokens, silent: torch.Tensor, column: int) -> Tokens:
    """A copy whose element of a column is silent in all genes."""
    vectors = tokens.vectors.clone()
    vectors[:, column] = silent
    return tokens._replace(vectors=vectors)


EVERY = [(name, width) for name in sorted(presets()) for width in (0, 16) if not (name == "scpge-loop" and width)]


@pytest.mark.parametrize(
    ("preset", "width", "genes"),
    [(*case, 3) for case in EVERY] + [pytest.param(*case, 100, marks=pytest.mark.slow) for case in EVERY],
)
def test_silencing_all_at_once_is_silencing_each(preset: str, width: int, genes: int) -> None:
    """Prints the largest difference (`pytest -rP` shows it), for docs/results-interpretation.md."""
    largest = 0.0
    model = make(preset, **({"profile_width": width} if width else {}))
    tokens = random_genes(model, genes)
    profile, changes, without = random_profile(model, genes) if model.config.profile_width else (None, None, None)
    tokens = tokens._replace(profile=profile)
    with torch.no_grad():
        silent = model.embed_silent()
        whole = model.predict(tokens).expression
        found = model.silence_each(tokens, silent, whole, changes)
        for column in set(range(TOKENS)) - {GENE}:
            changed = masked(tokens, silent, column)
            if isinstance(model, EPInformer):  # its element of zeros is a masked one
                present = tokens.present.clone()
                present[:, column] = False
                changed = tokens._replace(present=present)
            changed = changed._replace(profile=without(column) if without else None)
            alone = model.predict(changed).expression
            if isinstance(model, NearFar):  # the effect is that in the model of the element's distance
                alone = whole - falls(model, tokens, changed, column)
            there = tokens.present[:, column]
            torch.testing.assert_close(found[there, column], alone[there], atol=1e-5, rtol=0)
            largest = max(largest, float((found[there, column] - alone[there]).abs().max()))
        assert torch.equal(found[:, GENE], whole)
        maps = model.attention_maps(tokens)[0]
        assert maps.shape[-2:] == (TOKENS, TOKENS)
        its_row = model.predict(tokens).attention
        assert torch.allclose(maps[:, :, :, GENE], its_row, atol=1e-6)
    effect = float((found - whole.unsqueeze(1)).abs().max())
    print(
        f"{preset}, profile of {model.config.profile_width}, {genes} genes: {largest:.1e}, effects up to {effect:.2f}"
    )
    assert effect > 1e-3


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize(("mask", "anchored"), [("none", False), ("diagonal", True), ("gene-key", False)])
def test_a_gene_whose_profile_changes_is_mixed_anew(layers: int, mask: str, anchored: bool) -> None:
    """The gene's own token then differs between the copies, as query and as key of others."""
    model = make("crexpress-small", layers=layers, mask=mask, anchored=anchored)
    tokens = random_genes(model, 3)
    profile, changes, without = random_profile(model, 3)
    tokens = tokens._replace(profile=profile)
    with torch.no_grad():
        silent = model.embed_silent()
        whole = model.predict(tokens).expression
        found = model.silence_each(tokens, silent, whole, changes)
        for column in (1, 2, 3, 5, 8):
            alone = model.predict(masked(tokens, silent, column)._replace(profile=without(column))).expression
            there = tokens.present[:, column]
            torch.testing.assert_close(found[there, column], alone[there], atol=1e-5, rtol=0)
