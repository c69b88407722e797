"""The trained models that come with crexpress, by the names that stand for their folders and files."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]  # in a checkout its folders of models are links to those in assets
PRETRAINED = _PACKAGE / "pretrained"
MODELS = {"pretrained": PRETRAINED / "direct", "pretrained-anchored": PRETRAINED / "anchored"}
NAMES = " or ".join(MODELS)
_LINKS = _PACKAGE / "link_models"
LINK_MODELS = {path.stem: path for path in sorted(_LINKS.glob("*.safetensors"))}
KNOWN_EXPRESSION = _LINKS / "known_expression.parquet"  # what other cells express, which the link models read


def located(model: str | Path) -> Path:
    """The folder of a model: as given, or of the shipped model of this name unless a model lies in that folder here."""
    folder = MODELS.get(str(model))
    return folder if folder and not (Path(model) / "config.json").exists() else Path(model)


def link_model(model: str | Path) -> Path:
    """The file of a link model: as given, or of the shipped one of this name unless a file here is named so."""
    file = LINK_MODELS.get(str(model))
    return file if file and not Path(model).is_file() else Path(model)
