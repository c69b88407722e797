"""config.json beside a model's weights: what stands in it, and its one reader."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from crexpress.core import schemas, shipped
from crexpress.core.errors import InputError
from crexpress.core.schemas import Count, Name, Part


class Model(Part):
    """config.json beside weights; `model` and `training` are then read as ModelConfig and TrainingConfig."""

    model: dict[str, Any]
    training: dict[str, Any] = {}
    preset: str = ""
    cells: list[Name] = []
    holdout_cells: list[Name] = []
    chromosomes: list[tuple[str, Count | None]] = []
    best_step: Count = 0


class TrainedModel(Model):
    """With what is told of a prediction, and the split of the genes."""

    training: dict[str, Any]
    preset: str
    cells: list[Name]
    units: str
    val: str
    test: str


GIVEN = "given"  # `anchor` of a model that keeps no known cells of its own


def given_cells(config: Mapping[str, Any]) -> list[str]:
    """The known cells that an anchored model is given beside the cells that it is applied to; none of one that keeps
    its own.
    """
    return list(config["cells"]) if config.get("anchor") == GIVEN else []


def read_config(directory: str | Path, schema: type[Model] = Model) -> dict[str, Any]:
    """A model directory's config.json; InputError when there is none, or it is of something else."""
    path = Path(directory) / "config.json"
    try:
        config = schemas.read_json(path.read_bytes())
        if not isinstance(config, dict) or "model" not in config:
            raise ValueError("it describes no model")
        schemas.check(schema, config)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} is not a crexpress model's config.json ({what}); give the folder train wrote, or the name of a "
            f"shipped model ({shipped.NAMES})"
        ) from None
    return cast(dict[str, Any], config)
