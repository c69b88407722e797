"""A setting is declared once: its option, its place in presets and its parameter follow."""

import json
from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner

from crexpress import load_model
from crexpress.cli.setting_options import setting_options, take_given
from crexpress.core.errors import InputError
from crexpress.core.registry import Registry
from crexpress.core.settings import EVEN, Settings, setting
from crexpress.models.config import ModelConfig
from crexpress.training.config import LOSSES, TrainingConfig
from tiny_case import TinyCase
from tools import run, train


class Toy(Settings):
    PART = "toy"

    wings: int = setting(4, "Wings.", key="number", least=2, most=8, rule=EVEN, option=True)
    speed: float = setting(1.0, "Speed.", most=9.5, option=True)
    colour: Literal["red", "blue"] = setting("red", "Colour.", option=True)
    tame: bool = setting(True, "Tame.", option=True)
    found: int = setting(1, "Found.", option=True, source="--found")
    lengths: tuple[int, ...] = setting((3, 5), least=1)
    plain: int = 7


@click.command()
@setting_options(Toy)
def toy(**options: Any) -> None:
    click.echo(json.dumps(take_given(options, Toy)))


def test_options_follow_from_the_declarations() -> None:
    assert [option.name for option in toy.params] == ["wings", "speed", "colour", "tame", "found"]
    asked = ["--wings", "6", "--colour", "blue", "--no-tame", "--found", "3"]
    for arguments, given in (
        ([], {"found": 1}),
        (asked, {"wings": 6, "colour": "blue", "tame": False, "found": 3}),
        (["--speed", "2"], {"speed": 2.0, "found": 1}),
    ):
        assert json.loads(CliRunner().invoke(toy, arguments).output) == given
    for arguments in (["--wings", "10"], ["--wings", "0"], ["--speed", "9.6"], ["--colour", "green"], ["--plain", "1"]):
        assert CliRunner().invoke(toy, arguments).exit_code == 2, arguments


def test_values_are_held_against_the_declarations_wherever_they_come_from() -> None:
    assert Toy().take({"wings": "6", "tame": "False", "speed": "2"}) == Toy(wings=6, tame=False, speed=2.0)
    assert Toy.from_json({"lengths": [7], "plain": 2}).to_json()["lengths"] == (7,)
    wrong = {"wings": 5, "speed": 10, "colour": "green", "tame": 1, "lengths": [0], "plain": "x", "legs": 2}
    with pytest.raises(InputError) as caught:
        Toy.from_json(wrong)
    for said in (
        "the setting wings is '5', but must be a whole number from 2 to 8 and even, half for each side",
        "the setting speed is '10', but must be a number from 0 to 9.5",
        "the setting colour is 'green', but must be one of red, blue",
        "the setting tame is '1', but must be true or false",
        "the setting lengths is '[0]', but must be a list, each a whole number from 1",
        "the setting plain is 'x', but must be a whole number from 0",
        "does not know the setting legs",
    ):
        assert said in str(caught.value)
    with pytest.raises(InputError, match="the setting wings is '3', but must be"):
        Toy().replace(wings=3)
    with pytest.raises(InputError, match="whole number from 0, none above 4294967295"):
        Toy().replace(plain=2**40)
    for huge in (10**400, -(10**400)):
        with pytest.raises(InputError, match="the setting plain is"):
            Toy.from_json({"plain": huge})
    for number in (float("inf"), float("nan")):
        with pytest.raises(InputError, match="the setting learning_rate is"):
            TrainingConfig.from_json({"learning_rate": number})
    assert TrainingConfig(learning_rate=1e30).learning_rate == 1e30  # what comes of it, training says
    assert Toy.declared()["wings"].place == "toy.number"


@pytest.mark.parametrize("kind", [ModelConfig, TrainingConfig])
def test_every_default_is_one_that_its_setting_takes_and_every_option_has_help(kind: type[Settings]) -> None:
    assert kind.from_json(json.loads(json.dumps(kind().to_json()))) == kind()
    assert [name for name, declared in kind.declared().items() if declared.option and not declared.help] == []


PLUGIN = """
import torch
from torch import nn
from torch.nn import functional

class Mean(nn.Module):
    "Mean signal of each track, mapped."
    def __init__(self, config):
        super().__init__()
        self.map = nn.Linear(config.signal_channels, config.width_model)
    def forward(self, features, cls_at=None):
        return self.map(features.signals.mean(2))

class Nowhere(nn.Module):
    "No bias."
    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
    def forward(self, distance, rows):
        n = distance.shape[1]
        return torch.zeros(1, self.heads, len(range(n)[rows]), n)

def huber(prediction, batch, target):
    return functional.huber_loss(prediction.expression.float(), target)
"""
POINTS = """[crexpress.encoders]
mean = toy_parts:Mean
[crexpress.positions]
nowhere = toy_parts:Nowhere
[crexpress.losses]
huber = toy_parts:huber
gone = toy_parts:gone
"""


@pytest.mark.slow
def test_another_packages_encoder_position_and_loss_are_settings_like_ours(
    tiny: TinyCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mean.json"
    small = {"width": 8, "hidden": 8, "layers": 1}
    preset = {"encoder": {"kind": "mean"}, "mixer": small, "position": {"kind": "nowhere"}, "inputs": {"bin_size": 40}}
    own.write_text(json.dumps(preset))
    result = train(tiny, tmp_path / "refused", "--preset", own)
    assert result.exit_code == 65
    assert 'encoder.kind: must be one of convolution, transformer, found "mean"' in result.output
    assert 'position.kind: must be one of rank, bp, multi-bp, found "nowhere"' in result.output

    site = tmp_path / "site"
    (site / "toy_parts-1.0.dist-info").mkdir(parents=True)
    (site / "toy_parts-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: toy-parts\nVersion: 1.0\n")
    (site / "toy_parts-1.0.dist-info/entry_points.txt").write_text(POINTS)
    (site / "toy_parts.py").write_text(PLUGIN)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(site)
        assert "huber" in run("train", "--help").output
        result = train(tiny, tmp_path / "model", "--preset", own, "--loss", "huber")
        assert result.exit_code == 0, result.output
        about = json.loads((tmp_path / "model/config.json").read_text())
        assert (about["model"]["encoder"], about["model"]["position"]) == ("mean", "nowhere")
        assert about["training"]["loss"] == "huber"
        assert type(load_model(tmp_path / "model").encoder).__name__ == "Mean"
        with pytest.raises(InputError, match=r"'gone' of crexpress.losses cannot be imported from toy_parts:gone"):
            LOSSES["gone"]
    with pytest.raises(InputError, match="the setting encoder is 'mean', but must be one of convolution, transformer"):
        load_model(tmp_path / "model")


def test_a_script_registers_what_it_has_and_takes_no_name_away() -> None:
    registry: Registry[Any] = Registry("crexpress.toys", {"dumps": "json:dumps"})
    registry.register("mine", len)
    assert list(registry) == ["dumps", "mine"]
    assert registry["dumps"] is json.dumps
    assert registry["mine"] is len
    with pytest.raises(InputError, match=r"crexpress\.toys has 'dumps' already"):
        registry.register("dumps", len)


def test_a_list_may_hold_numbers_below_0_where_it_is_declared_so() -> None:
    config = ModelConfig.from_json({"profile_edges": [-200, 0, 200]})
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(InputError, match=r"profile_edges .* each a whole number from -4294967295"):
        ModelConfig.from_json({"profile_edges": [-(2**40)]})
