"""The trained models that come with crexpress, by the names that stand for their folders."""

from pathlib import Path

PRETRAINED = Path(__file__).parents[1] / "pretrained"  # in a checkout a link to assets/pretrained
MODELS = {"pretrained": PRETRAINED / "direct", "pretrained-anchored": PRETRAINED / "anchored"}


def located(model: str | Path) -> Path:
    """The folder of a model: as given, or of the shipped model of this name unless a model lies in that folder here."""
    folder = MODELS.get(str(model))
    return folder if folder and not (Path(model) / "config.json").exists() else Path(model)
