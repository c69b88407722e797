"""What the table of each kind of artefact must hold: its columns, their types, and the rows of its digest."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import polars as pl

from crexpress.core import explained, methods
from crexpress.core.schemas import Outdated, named

DIGESTED = {"elements": ("element_id", "chrom", "start", "end"), "genes": ("gene_id", "chrom", "tss")}
# columns that readers use: text, whole numbers, numbers or truth values; "?" may be null
_PLACE = {"chrom": "text", "start": "whole", "end": "whole"}
_METHOD = {
    name: {pl.String: "text?", pl.Int64: "whole?", pl.Boolean: "truth?"}[kind] for name, kind in methods.SCHEMA.items()
}
_NEEDED = ("score", "title", "kind", "model")  # of every method
_COLUMNS: dict[str, dict[str, str]] = explained.COLUMNS | {
    "elements": {"element_id": "text", **_PLACE, "ccre_start": "whole", "ccre_end": "whole", "class": "text"},
    "genes": {"gene_id": "text", "gene_name": "text", **_PLACE, "strand": "text", "tss": "whole", "element": "whole"},
    "expression": {"gene_id": "text", "value": "number?", "expression": "number?"},
    "predictions": {"gene_id": "text", "split": "text", "predicted": "number?"},
    "baselines": {"gene_id": "text", "method": "text", "predicted": "number?"},
    "links": {"gene_id": "text", "element": "whole", **_PLACE, "tss": "whole", "distance": "whole"},
    "known_expression": {"gene_id": "text"},
    "metrics": {
        **_METHOD,
        **{name: "text" for name in ("section", "cell", "method", "subset", "metric")},
        **{name: "text?" for name in ("reference", "baseline")},
        **{"cell_seen": "truth?", "value": "number", "low": "number?", "high": "number?", "n": "whole"},
    },
    "curves": {
        **_METHOD,
        **{name: "text" for name in ("cell", "benchmark", "method", "subset")},
        **{"recall": "number", "precision": "number"},
    },
    "history": {"step": "whole", "learning_rate": "number", "train_loss": "number?", "val_loss": "number"},
}
_UNDEFINED = {"history": ("val_pearson", "val_auroc")}  # NaN where there is no such value
_TYPES: dict[str, Callable[[pl.DataType], bool]] = {
    "text": lambda dtype: dtype == pl.String,
    "whole": lambda dtype: dtype.is_integer(),
    "number": lambda dtype: dtype.is_float(),
    "truth": lambda dtype: dtype == pl.Boolean,
}


def require_current(kind: str, header: Mapping[str, Any], columns: Collection[str] | None = None) -> None:
    """Raise Outdated for a file that names its methods by text alone, where nothing else tells what they are."""
    about = header["parameters"] if isinstance(header.get("parameters"), dict) else {}
    if kind in ("predictions", "links") and about.get("mode", methods.DIRECT) not in methods.MODES:
        raise Outdated("its mode is neither direct nor anchored; if it is a mean over models, run ensemble again")
    if kind == "baselines" and "methods" not in about:
        raise Outdated("it does not say what its baselines saw; run fit-baselines again")
    if kind in ("metrics", "curves") and columns is not None and not _METHOD.keys() <= set(columns):
        raise Outdated("it names its methods by text alone; run evaluate again")


def check_table(kind: str, frame: pl.DataFrame, header: Mapping[str, Any]) -> None:
    """Raise ValueError, in words, for a table that lacks a column of its kind, or holds what none may."""
    require_current(kind, header, frame.columns)
    wanted = dict(_COLUMNS.get(kind, {}))
    if kind == "links":
        wanted |= {score["name"]: "number" for score in header["parameters"]["scores"]}
        wanted |= {"linked": "truth", "sentence": "text?"} if "link_model" in header["parameters"] else {}
    for name, what in wanted.items():
        if name not in frame.columns:
            raise ValueError(f"it has no column {name}")
        if not _TYPES[what.rstrip("?")](frame[name].dtype) and not (what.endswith("?") and frame[name].is_null().all()):
            raise ValueError(f"its column {name} is of the type {frame[name].dtype}")
        if not what.endswith("?") and frame[name].has_nulls():
            raise ValueError(f"its column {name} has an empty value")
    for column in frame:
        if column.dtype.is_float() and column.name not in _UNDEFINED.get(kind, ()) and not column.is_finite().all():
            raise ValueError(f"its column {column.name} holds NaN or infinity")
    if kind in DIGESTED:
        _check_identity(kind, frame, header)
    if kind == "baselines":
        unknown = set(frame["method"].unique()) - {one["method"] for one in header["parameters"]["methods"]}
        if unknown:
            raise ValueError(f"its header does not say what the baseline {min(unknown)} saw")
    if kind in ("metrics", "curves"):
        unsaid = frame.filter(pl.col("method") != methods.EVERYTHING, pl.any_horizontal(pl.col(*_NEEDED).is_null()))
        if len(unsaid):
            raise ValueError(f"it does not say what the method {unsaid['method'][0][:40]} is")
        for cell in frame["cell"].unique():
            named(cell)


def _check_identity(kind: str, frame: pl.DataFrame, header: Mapping[str, Any]) -> None:
    """The rows are those that the digest in the header names, and make sense together."""
    from crexpress.core.artifacts import digest

    if digest(frame, DIGESTED[kind]) != header[kind]:
        raise ValueError(f"its rows are not those of its digest {header[kind][:40]}: some were changed or moved")
    places = (frame["tss"], frame["element"]) if kind == "genes" else (frame["ccre_start"], frame["ccre_end"])
    for column in (frame["start"], frame["end"], *places):
        if len(column) and (column.min() < -(2**31) or column.max() >= 2**31):  # type: ignore[operator]
            raise ValueError(f"its column {column.name} holds a position on no chromosome")
    if kind == "elements":
        widths = (frame["end"] - frame["start"]).unique().to_list()
        if widths not in ([], [header["parameters"]["width"]]):
            raise ValueError(f"its elements are not all {header['parameters']['width']} bp wide")
        unknown = set(frame["chrom"].unique()) - {name for name, _ in header["parameters"]["chromosomes"]}
        if unknown:
            raise ValueError(f"its header does not list the chromosome {min(unknown)}")
    elif not frame["strand"].is_in(["+", "-"]).all() or frame["gene_id"].is_duplicated().any():
        raise ValueError("a gene is listed twice, or on no strand")
