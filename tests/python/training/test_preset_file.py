"""Presets of the user's own: read as those that ship are, and every fault of one at once."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from crexpress import load_model
from crexpress.core import methods
from crexpress.core.errors import InputError, InputErrors
from crexpress.evaluate import labels
from crexpress.models.config import ModelConfig
from crexpress.training import preset_file
from crexpress.training.config import TrainingConfig
from crexpress.training.presets import presets, read_preset
from tools import run

SMALL = {"width_model": 8, "hidden_mixer": 8, "channels": 8}


def written(path: Path, *, base: str = "scpge-small", **changes: Any) -> str:
    """A shipped preset with these settings of model and training changed, as a file."""
    shipped = presets()[base]
    content = {part: shipped[part] | changes.get(part, {}) for part in ("model", "training")}
    path.write_text(json.dumps({"description": "own"} | content))
    return str(path)


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_copy_of_a_preset_is_that_preset(name: str, tmp_path: Path) -> None:
    assert preset_file.read(written(tmp_path / "own.json", base=name)) == read_preset(name)


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_copy_of_the_file_that_ships_is_that_preset_too(name: str, tmp_path: Path) -> None:
    content = json.loads((resources.files("crexpress.models") / f"presets/{name}.json").read_text())
    (tmp_path / "own.json").write_text(json.dumps(content))
    assert preset_file.read(str(tmp_path / "own.json")) == read_preset(name)


def test_settings_by_part_are_those_by_name(tmp_path: Path) -> None:
    own = {
        "encoder": {"kind": "transformer", "layers": 3, "dropout": 0},
        "mixer": {"layers": 1, "width": 64, "mask": "gene"},
        "position": {"kind": "bp", "buckets": 8},
        "loops": {"prior": "added", "alpha": 0.5, "decay": "bp"},
        "training": {"steps": 5, "loss": "poisson"},
    }
    (tmp_path / "own.json").write_text(json.dumps(own))
    model = ModelConfig(encoder="transformer", layers_encoder=3, dropout_encoder=0.0, layers=1, width_model=64,
                        mask="gene", position="bp", position_buckets=8, loop_prior="added")  # fmt: skip
    training = TrainingConfig(loop_alpha=0.5, loop_decay="bp", steps=5, loss="poisson")
    assert preset_file.read(str(tmp_path / "own.json")) == (model, training)


def test_every_fault_of_a_preset_by_part_is_told_at_once_by_its_place(tmp_path: Path) -> None:
    own = {
        "encoder": {"kind": "tree", "wings": 2, "layers": 0},
        "mixer": {"layers": "two", "width": 64},
        "inputs": {"width": 600},
        "head": 3,
        "tail": {},
        "model": {"width_model": 32},
        "training": {"loss": "mae", "steps": 2**40},
    }
    (tmp_path / "own.json").write_text(json.dumps(own))
    with pytest.raises(InputErrors) as caught:
        preset_file.read(str(tmp_path / "own.json"))
    assert sorted(caught.value.faults) == [
        "'tail' is no part of a preset; it has description, inputs, "
        "model, encoder, mixer, position, loops, profile, head, training",
        'encoder.kind: must be one of convolution, transformer, found "tree"',
        "encoder.layers: must be a whole number from 1 to 1000, found 0",
        "encoder.wings: this version of crexpress does not know the setting",
        "head: must be an object of settings",
        "inputs.width: is no setting of a preset, but comes from the inputs",
        'mixer.layers: must be a whole number from 0 to 1000, found "two"',
        "model.width_model: is given twice, also as mixer.width",
        'training.loss: must be one of mse, poisson, classification, found "mae"',
        "training.steps: must be a whole number from 0, none above 4294967295, found 1099511627776",
    ]


def test_the_other_forms_can_be_set(tmp_path: Path) -> None:
    model = {"pads": "encoded", "mask": "gene-key", "position_decay": 0.5, "sums": "released", "stranded": False}
    training = {"loop_divergence": "compat", "averaging": 0, "trial_learning_rate": 1e-5}
    own = preset_file.read(written(tmp_path / "own.json", model=model, training=training))
    assert own == tuple(
        part.replace(**changes) for part, changes in zip(read_preset("scpge-small"), (model, training), strict=True)
    )


def test_every_fault_of_a_preset_is_told_at_once(tmp_path: Path) -> None:
    model = {
        **{"wings": 2, "layers": "two", "stranded": 1, "mask": "all", "encoder": "tree", "position_decay": -1},
        **{"tower_kernels": [3, 4], "width": 600, "anchored": True, "position_buckets": 7, "neighbours": 2.5},
    }
    training = {"steps": True, "averaging": 1, "loss": "mae", "seed": 3, "learning_rate": 0, "warmup": float("nan")}
    path = written(tmp_path / "own.json", model=model, training=training)
    with pytest.raises(InputErrors) as caught:
        preset_file.read(path)
    named = [fault.split(":")[0] for fault in caught.value.faults]
    assert sorted(named) == sorted([f"model.{key}" for key in model] + [f"training.{key}" for key in training])
    assert path in str(caught.value)
    for fault in (
        'model.layers: must be a whole number from 0 to 1000, found "two"',
        'model.mask: must be one of none, diagonal, gene, gene-key, found "all"',
        "model.encoder: must be one of convolution, transformer",
        "model.width: is no setting of a preset, but comes from the inputs",
        "training.averaging: must be a number from 0 to 0.999999, found 1",
    ):
        assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is no readable JSON"),
        ("[]", "must be an object"),
        ('{"model": {"layers": 1, "layers": 2}}', "'layers' is given twice"),
        ('{"modell": {}}', "'modell' is no part of a preset"),
        ('{"model": [1]}', "model: must be an object"),
        ('{"model": {"heads": 3}}', "model.heads: 3 heads do not divide a width_model of 256"),
    ],
)
def test_what_is_no_preset_is_told(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(text)
    with pytest.raises(InputError, match=fault):
        preset_file.read(str(tmp_path / "own.json"))


def test_a_file_that_is_not_there_or_has_the_name_of_a_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file nowhere; presets that ship are creator"):
        preset_file.read("./nowhere")
    with pytest.raises(InputError, match="'scpge' cannot name a preset of your own"):
        preset_file.read(written(tmp_path / "scpge.json"))


def test_a_file_named_as_tables_name_all_methods_together_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="would both be called 'all'"):  # as evaluate would, after training
        labels.names([("A", methods.of_predictions({"preset": "all"}))])
    with pytest.raises(InputError, match=r"'all' cannot name a preset of your own.*other than 'all'"):
        preset_file.read(written(tmp_path / "all.json"))
    assert labels.names([("A", methods.of_predictions({"preset": "everything"}))]) == ["everything"]
    preset_file.read(written(tmp_path / "everything.json"))


@pytest.mark.slow
def test_train_takes_a_file_and_the_model_needs_it_no_more(tiny: Any, tmp_path: Path) -> None:
    own = written(tmp_path / "own.json", model=SMALL | {"mask": "gene"}, training={"steps": 2, "batch_size": 16})
    given = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("A")]
    given += ["--expression", tiny.expression("A"), "--neighbours", 4, "--val", "chr2", "--test", "chr3"]
    result = run("train", *given, "--preset", own, "--outdir", tmp_path / "model")
    assert result.exit_code == 0, result.output
    (tmp_path / "own.json").unlink()
    about = json.loads((tmp_path / "model/config.json").read_text())
    assert (about["preset"], about["model"]["mask"], about["training"]["steps"]) == ("own", "gene", 2)
    assert str(tmp_path) not in (tmp_path / "model/config.json").read_text()
    assert load_model(tmp_path / "model").config.width_model == 8

    result = run("train", *given, "--preset", own, "--outdir", tmp_path / "other")
    assert result.exit_code == 65
    assert f"there is no file {own}" in result.output
