"""`creator-compat` computes what the released CREaTor model computes (docs/science.md, CREaTor's rows).

The numbers were made by the released program itself: tests/reference/make_creator.py.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from crexpress.core.errors import InputError
from crexpress.data.store import Batch
from crexpress.models.config import ModelConfig
from crexpress.models.forward import forward
from crexpress.models.inputs import Features
from crexpress.models.regulatory import RegulatoryModel
from crexpress.models.released import read_model
from crexpress.training.presets import read_preset

REFERENCE = Path(__file__).parents[2] / "reference"
sys.path.insert(0, str(REFERENCE))
from released_creator import TRACKS, WIDTH, Inputs, released_inputs  # noqa: E402
from released_scpge import released_weights  # noqa: E402

EXPECTED = np.load(REFERENCE / "creator.npz")
SHAPES: dict[str, tuple[int, ...]] = {n: tuple(shape) for n, shape in json.loads(str(EXPECTED["shapes"])).items()}


def config() -> ModelConfig:
    names = tuple(f"track{number}" for number in range(TRACKS))
    return read_preset("creator-compat")[0].replace(tracks=names, sequence=True, width=WIDTH)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("released") / "chk.pth"
    weights = released_weights(SHAPES)
    torch.save({"state_dict": {f"module.{name}": weight for name, weight in weights.items()}}, path)
    return path


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> RegulatoryModel:
    return read_model(checkpoint, config()).eval()


def batch_of(inputs: Inputs) -> tuple[Batch, Tensor]:
    """The genes as a store gives them, and where in a gene's row each element is: [genes, elements]."""
    count, genes = len(inputs.elements), len(inputs.genes)
    middle = count  # as if all elements were on one side
    token = torch.full((genes, 2 * count + 1), count + 1)  # a pad
    token[:, middle] = count  # the TSS window, which the model does not look at
    distance = torch.zeros(token.shape)
    column = np.arange(count) - np.searchsorted(inputs.elements, inputs.genes)[:, None]
    column = torch.from_numpy(middle + column + (column >= 0))
    for gene, columns in enumerate(column):
        token[gene, columns] = torch.arange(count)
        distance[gene, columns] = torch.from_numpy(inputs.elements - inputs.genes[gene]).float()
    window = torch.rand(1, TRACKS, WIDTH)
    features = Features(
        torch.cat([torch.from_numpy(inputs.signals).transpose(1, 2), window]),
        torch.ones(count + 1, TRACKS, dtype=torch.bool),
        torch.cat([torch.from_numpy(inputs.codes), torch.ones(1, WIDTH, dtype=torch.uint8)]),
        torch.zeros(count + 1, 0),
    )
    return Batch(features, token, token <= count, distance), column


def test_predictions_and_attention_logits_are_the_released_models(model: RegulatoryModel) -> None:
    batch, column = batch_of(released_inputs())
    with torch.no_grad():
        found = forward(model, batch)
    assert np.abs(found.expression.numpy() - EXPECTED["expression"]).max() < 1e-5
    assert np.abs(found.expression.numpy() - EXPECTED["together"]).max() < 1e-5
    at = column[:, None, None].expand(-1, *found.logits.shape[1:3], -1)
    assert np.abs(found.logits.gather(3, at).numpy() - EXPECTED["logits"]).max() < 1e-5
    assert found.attention[..., len(released_inputs().elements)].max() == 0  # no gene is a key
    assert found.attention[:, :, :, ~batch.present[0]][0].max() == 0
    assert np.ptp(EXPECTED["expression"]) > 1e-3
    assert np.ptp(EXPECTED["logits"], axis=-1).min() > 0.1


def test_every_distance_has_the_released_bias(model: RegulatoryModel) -> None:
    apart = torch.arange(-12_000_000, 12_000_001, 49_999).float()
    with torch.no_grad():  # as that of one query on several keys, which lie the other way
        bias = model.position(torch.cat([torch.zeros(1), -apart]).unsqueeze(0), slice(0, 1))[0, :, 0, 1:]
    assert np.abs(bias.T.numpy() - EXPECTED["bias"]).max() < 1e-5


def test_weights_of_another_shape_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"encoder\.tokens\.weight is \[256, 105\] there and \[256, 45\] here .* 4 tracks"
    ):
        read_model(checkpoint, config().replace(tracks=("a", "b", "c", "d")))
    with pytest.raises(InputError, match="those of CREaTor creator-compat with sequence and 16 tracks"):
        read_model(checkpoint, read_preset("scpge-compat")[0].replace(tracks=("a",), sequence=True, motifs=("m",)))
