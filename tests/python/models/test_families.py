"""Which settings a family of models reads: what it says it does not read changes nothing, and is refused or told."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from crexpress.models.config import ModelConfig
from crexpress.models.folder import FAMILIES, build_one
from crexpress.models.inputs import Features, Tokens
from tools import train

OTHER = {
    "activation": "relu", "activity_heads": 2, "gene_token": "learnt", "graph": "distance", "graph_norm": "inert",
    "hidden_mixer": 32, "mask": "gene-key", "members": 3, "nearest": 9_000, "pads": "encoded", "position": "bp",
    "position_buckets": 8, "position_decay": 1.0, "scalar_scale": "raw", "scalars": "distance",
}  # fmt: skip
SMALL = {"width": 40, "bin_size": 4, "channels": 4, "signal_kernel": 3, "signal_pool": 0, "tower_kernels": (),
         "width_model": 16, "layers": 2, "heads": 2, "hidden_mixer": 16, "tracks": ("dnase", "h3k27ac")}  # fmt: skip


def predicted(config: ModelConfig, like: dict[str, torch.Tensor] | None = None) -> tuple[torch.Tensor, dict[str, Any]]:
    """What a model makes of three elements and a pad, with the weights `like` those of another where they fit."""
    torch.manual_seed(0)
    net = build_one(config).eval()
    if like:
        own = net.state_dict()
        fit = {name: value for name, value in like.items() if name in own and own[name].shape == value.shape}
        net.load_state_dict(fit, strict=False)
    generator = torch.Generator().manual_seed(1)
    signals = torch.rand(5, 2, config.width // config.bin_size, generator=generator) * 3
    codes, motifs = torch.full((5, config.width), 4, dtype=torch.uint8), torch.zeros(5, 0)
    vectors = net.embed(Features(signals, torch.ones(5, 2, dtype=torch.bool), codes, motifs)).unsqueeze(0)
    present = torch.tensor([[False, True, True, True, True]])
    distance = torch.tensor([[-90_000.0, -8_000.0, 0.0, 3_000.0, 40_000.0]])
    loops = torch.rand(1, 5, 5, generator=generator)
    return net.predict(Tokens(vectors, present, distance, loops)).expression.detach(), net.state_dict()


def test_what_is_unread_changes_nothing_and_all_else_does() -> None:
    for family, kind in FAMILIES.items():
        config = ModelConfig(**SMALL, family=family, graph="loops")
        usual, weights = predicted(config)
        others = {name: config.replace(**{name: value}) for name, value in OTHER.items()}
        same = {name for name, other in others.items() if predicted(other, weights)[0] == usual}
        by_itself = {"position_buckets", "position_decay"}  # weights alone, which are `like` the others; or no effect
        assert same - by_itself <= set(kind.UNREAD), family
        assert set(kind.UNREAD) <= same, family


def test_a_preset_that_changes_them_is_refused_and_an_option_is_told(tiny: Any, tmp_path: Path) -> None:
    preset = tmp_path / "mine.json"
    content = {"mixer": {"family": "epinformer", "mask": "gene", "graph": "distance"}, "head": {"members": 4}}
    preset.write_text(json.dumps({"description": "mine", **content}))
    result = train(tiny, tmp_path / "model", "--preset", preset, "--steps", 1)
    assert result.exit_code == 65
    said = "the preset changes mixer.graph, mixer.mask, head.members, which a model of the family epinformer does not"
    assert said in result.output
    result = train(tiny, tmp_path / "told", "--preset", "epinformer-small", "--position", "bp", "--steps", 1)
    assert result.exit_code == 0, result.output
    assert "--position has no effect: the family epinformer does not read it" in result.output


def test_every_family_names_settings_that_there_are() -> None:
    for family, kind in FAMILIES.items():
        assert set(kind.UNREAD) <= set(ModelConfig.declared()) & set(OTHER), family


@pytest.mark.parametrize("name", OTHER)
def test_the_other_value_is_another(name: str) -> None:
    assert ModelConfig.declared()[name].default != OTHER[name]
