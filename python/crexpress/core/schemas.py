"""What a header, a table or an array of each kind of artefact must hold, so that nothing behind a reader has to look.

An artefact comes from a disk, a download or a colleague: `crexpress.artifacts` checks every one by these schemas where
it opens it. What docs/artifacts.md lists besides is told to users, and read by no tool.
"""

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from crexpress.core import methods
from crexpress.core.tracks import TRANSFORMS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a cell, a track, a point: files are named after them
DIGESTED = {"elements": ("element_id", "chrom", "start", "end"), "genes": ("gene_id", "chrom", "tss")}
_MOST_NEIGHBOURS = 100_000  # of a gene; more are a damaged number, and would fill the memory
_LONGEST_GENOME = 10**12  # bp; the longest known has a sixth of that
_SHARES = 0x7C00  # finite float16 from 0 on


def _named(text: str) -> str:
    if not NAME.fullmatch(text) or len(text) > 200:
        raise ValueError("it cannot name a file; names have letters, digits, '.', '_', '-'")
    return text


def _transform(text: str) -> str:
    if text not in TRANSFORMS and not re.fullmatch("quantile:[0-9a-f]+", text):
        raise ValueError(f"there is no transform '{text[:40]}'")
    return text


def _one_of(*words: str) -> Any:
    return Field(pattern=f"^({'|'.join(words)})$")


Name = Annotated[str, AfterValidator(_named)]
Positive = Annotated[int, Field(gt=0, lt=2**31)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Transform = Annotated[str, AfterValidator(_transform)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Source(_Part):
    name: str
    bytes: Count
    sha256: str


class _Header(_Part):
    """Of every kind; a subclass says what `parameters` its readers look at."""

    kind: str
    format: int
    tool: str
    version: str
    elements: str | None
    genes: str | None
    cell: Name | None
    parameters: dict[str, Any]
    units: dict[str, str]
    sources: list[_Source]


class _OfCell(_Header):
    cell: Name


class _GenomeParameters(_Part):
    width: Positive
    chromosomes: list[tuple[str, Count | None]]


class _Elements(_Header):
    elements: str
    parameters: _GenomeParameters  # type: ignore[assignment]


class _GeneParameters(_Part):
    chromosomes: list[tuple[str, Count | None]] = []


class _Genes(_Header):
    elements: str
    genes: str
    parameters: _GeneParameters  # type: ignore[assignment]


class _SignalParameters(_Part):
    tracks: list[Name]
    bin_size: Positive
    transform: Transform


class _Signals(_OfCell):
    elements: str
    parameters: _SignalParameters  # type: ignore[assignment]


class _ProfileParameters(_Part):
    tracks: list[Name]
    transform: Transform
    edges: Annotated[list[int], Field(min_length=2)]


class _Profiles(_OfCell):
    elements: str
    genes: str
    parameters: _ProfileParameters  # type: ignore[assignment]


class _MotifParameters(_Part):
    motifs: list[str]
    factors: list[str] = []
    mode: str = "log-odds"


class _Motifs(_Header):
    parameters: _MotifParameters  # type: ignore[assignment]


class _ContactParameters(_Part):
    bin_size: Positive


class _Contacts(_OfCell):
    parameters: _ContactParameters  # type: ignore[assignment]


class _QuantileParameters(_Part):
    tracks: list[Name]
    bin_size: Positive
    cells: list[Name]


class _Quantiles(_Header):
    parameters: _QuantileParameters  # type: ignore[assignment]


class _AnchorParameters(_Part):
    cells: list[Name]
    tracks: list[Name]


class _Anchor(_Header):
    parameters: _AnchorParameters  # type: ignore[assignment]


class _ExpressionParameters(_Part):
    scale: Literal["log10", "ln", "log2"] | None = None
    unit: str = ""
    quantity: str = ""
    column: str | list[str | None] | None = None


class _ExpressionUnits(_Part):
    expression: str


class _Expression(_OfCell):
    parameters: _ExpressionParameters  # type: ignore[assignment]
    units: _ExpressionUnits  # type: ignore[assignment]


class _Classes(_Part):
    expressed_above: Finite
    silent_below: Finite


class _ModelParameters(_Part):
    """What predict, interpret and ensemble say of the model."""

    preset: str
    seed: Count | None = None
    seeds: list[Count | None] = []
    mean_of: Positive | None = None
    mean_over: Annotated[str, _one_of(*methods.MEANS)] | None = None
    cell_seen: bool
    mode: Annotated[str, _one_of(*methods.MODES)] = methods.DIRECT
    training_cells: list[Name] = []
    tracks: list[Name] = []
    missing_tracks: list[Name] = []
    hidden_tracks: list[Name] = []
    anchor_cells: list[Name] = []
    classes: _Classes | None = None


class _Predictions(_OfCell):
    parameters: _ModelParameters  # type: ignore[assignment]


class _Score(_Part):
    """Of a links table; one written before scores had a `kind` is read as `core.methods` says."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: Annotated[str, Field(min_length=1)]
    higher_is_better: bool
    kind: Annotated[str, _one_of(*methods.KINDS)] = methods.MODEL
    model: bool = True
    form: Annotated[str, _one_of(*methods.FORMS)] = methods.PLAIN


_Measured = tuple[Finite, Finite, Finite]  # value, low, high


class _Card(_Part):
    """What a link model's held-out probabilities are worth."""

    average_precision: _Measured
    precision_at_70_recall: _Measured
    calibration_error: Finite
    reliability: list[tuple[Finite, Finite, Finite]]


class _LinkParameters(_Part):
    scores: list[_Score]
    preset: str = "model"
    seed: Count | None = None
    seeds: list[Count | None] = []
    mean_of: Positive | None = None
    mean_over: Annotated[str, _one_of(*methods.MEANS)] | None = None
    cell_seen: bool = False
    mode: Annotated[str, _one_of(*methods.MODES)] = methods.DIRECT
    training_cells: list[Name] = []
    hidden_tracks: list[Name] = []
    window: Count = 0
    neighbours: Count = 0


class _ScoredParameters(_LinkParameters):
    """Of links scored by a link model."""

    link_model: _Source
    link_model_name: str
    card: _Card
    cutoff: Finite
    held_out: list[str]
    notes: list[str]


def _says_link_model(parameters: Any) -> str:
    return "scored" if isinstance(parameters, dict) and "link_model" in parameters else "ranked"


class _Links(_OfCell):
    parameters: Annotated[  # type: ignore[assignment]
        Annotated[_LinkParameters, Tag("ranked")] | Annotated[_ScoredParameters, Tag("scored")],
        Discriminator(_says_link_model),
    ]


class _LinkFit(_Part):
    form: list[str]
    scale: list[Finite]
    start: Finite
    starts: list[Finite]


class _LinkModelParameters(_Part):
    name: str
    evidence: list[str]
    fits: Annotated[list[_LinkFit], Field(min_length=1)]
    folds: dict[Name, dict[str, Count]]
    cutoffs: dict[str, Finite]
    card: _Card


class _LinkModel(_Header):
    parameters: _LinkModelParameters  # type: ignore[assignment]


class _Method(_Part):
    """A baseline by its name in the column `method`, and what it saw."""

    method: str
    score: str
    saw: Annotated[str, _one_of(*methods.SAW)]
    cells: list[Name] = []


class _BaselineParameters(_Part):
    methods: list[_Method]
    cell_seen: bool = False
    training_cells: list[Name] = []


class _Baselines(_OfCell):
    parameters: _BaselineParameters  # type: ignore[assignment]


class _MetricParameters(_Part):
    units: dict[Name, str] = {}


class _Metrics(_Header):
    parameters: _MetricParameters  # type: ignore[assignment]


_HEADERS: dict[str, type[_Header]] = {
    "elements": _Elements,
    "genes": _Genes,
    "signals": _Signals,
    "profiles": _Profiles,
    "motifs": _Motifs,
    "motif_hits": _Motifs,
    "contacts": _Contacts,
    "quantiles": _Quantiles,
    "anchor": _Anchor,
    "expression": _Expression,
    "predictions": _Predictions,
    "links": _Links,
    "link_model": _LinkModel,
    "baselines": _Baselines,
    "metrics": _Metrics,
}

# columns that readers use: text, whole numbers, numbers or truth values; "?" may be null
_PLACE = {"chrom": "text", "start": "whole", "end": "whole"}
_METHOD = {
    name: {pl.String: "text?", pl.Int64: "whole?", pl.Boolean: "truth?"}[kind] for name, kind in methods.SCHEMA.items()
}
_NEEDED = ("score", "title", "kind", "model")  # of every method
_COLUMNS: dict[str, dict[str, str]] = {
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


def read_json(text: str | bytes) -> Any:
    """JSON without NaN, infinity and keys given twice, which Python's own reader takes; raises ValueError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key is given twice")
        return dict(pairs)

    def finite(number: str) -> float:
        if not math.isfinite(float(number)):
            raise ValueError(f"{number[:40]} is no finite number")
        return float(number)

    try:
        if isinstance(text, bytes):
            text = text.decode()
        text.encode()  # half a surrogate pair could not be printed
        return json.loads(text, object_pairs_hook=once, parse_float=finite, parse_constant=finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class Outdated(ValueError):
    """A file that an earlier version wrote without what its readers need now; the text says which tool to run again."""


def require_current(kind: str, header: Mapping[str, Any], columns: Collection[str] | None = None) -> None:
    """Raise Outdated for a file that names its methods by text alone, where nothing else tells what they are."""
    about = header["parameters"] if isinstance(header.get("parameters"), dict) else {}
    if kind in ("predictions", "links") and about.get("mode", methods.DIRECT) not in methods.MODES:
        raise Outdated("its mode is neither direct nor anchored; if it is a mean over models, run ensemble again")
    if kind == "baselines" and "methods" not in about:
        raise Outdated("it does not say what its baselines saw; run fit-baselines again")
    if kind in ("metrics", "curves") and columns is not None and not _METHOD.keys() <= set(columns):
        raise Outdated("it names its methods by text alone; run evaluate again")


def check_header(header: Mapping[str, Any]) -> None:
    """Raise ValueError, in words, for a header of a kind that lacks something or has it of another type."""
    require_current(header["kind"], header)
    check(_HEADERS.get(header["kind"], _Header), header)


def check(schema: type[BaseModel], values: Any) -> None:
    """Raise ValueError, in words, unless `values`, read from JSON, are what `schema` asks for."""
    try:
        schema.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise ValueError(faults(error)) from None


def faults(error: ValidationError) -> str:
    """The first three faults that pydantic found, each with its place."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))[:80]}: {fault['msg'].removeprefix('Value error, ')[:160]}"
        for fault in error.errors()[:3]
    )


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
            _named(cell)


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


def check_tensors(kind: str, tensors: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Raise ValueError, in words, for arrays that are not those of their kind, in type and shape.

    Values are looked at where they are few; `crexpress.store` and `crexpress.predict` look at those of whole genomes.
    """
    about = header["parameters"]
    if kind == "signals":
        if list(tensors) != about["tracks"]:
            raise ValueError(f"it holds the tracks {_shown(tensors)}, its header lists {_shown(about['tracks'])}")
        shapes = {_array(tensors, name, "f2", 2).shape for name in tensors}
        if len(shapes) > 1:
            raise ValueError("its tracks differ in shape")
    elif kind == "profiles":
        _check_profiles(tensors, about)
    elif kind == "sequence":
        _array(tensors, "codes", "u1", 2)
    elif kind == "motifs":
        count = len(about["motifs"])
        if _array(tensors, "scores", "f2", 2).shape[1] != count or len(about.get("factors", [])) not in (0, count):
            raise ValueError(f"it lists {count} motifs, but not as many scores and factors")
    elif kind == "contacts":
        _check_contacts(tensors, about["bin_size"])
    elif kind == "quantiles":
        shares = _array(tensors, "shares", "f8", 2)
        if shares.shape != (len(about["tracks"]), _SHARES):
            raise ValueError(f"its shares are of the shape {shares.shape}")
        if not ((shares >= 0).all() and np.allclose(shares.sum(1), 1)):
            raise ValueError("the shares of a track do not sum to 1")
    elif kind == "anchor":
        level, has, expression = (_array(tensors, name, "f4", 2) for name in ("level", "has", "expression"))
        cells, tracks = len(about["cells"]), len(about["tracks"])
        if level.shape[1] != tracks or has.shape != (cells, tracks) or len(expression) != cells:
            raise ValueError("its arrays do not fit its cells and tracks")
        if not np.isfinite(level).all() or not np.isin(has, (0, 1)).all() or np.isinf(expression).any():
            raise ValueError("it holds NaN or infinity")


def _check_profiles(tensors: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """One column a bin between the edges and one for the body; what elements have of them; maps of match-quantiles."""
    columns = len(about["edges"])
    shapes = {_array(tensors, name, "f4", 2).shape for name in about["tracks"]}
    shared = {_array(tensors, f"elements:{name}", "f4", 1).shape for name in about["tracks"]}
    if len(shapes) > 1 or len(shared) > 1 or any(shape[1] != columns for shape in shapes):
        raise ValueError(f"its tracks differ in shape, or have not {columns} columns")
    for name in about["tracks"]:
        if f"map:{name}" in tensors and _array(tensors, f"map:{name}", "f2", 1).shape != (_SHARES,):
            raise ValueError(f"the map of its track {name} is of another length")


def _check_contacts(tensors: Mapping[str, np.ndarray], bin_size: int) -> None:
    chroms, offsets = _array(tensors, "chroms", "U", 1), _array(tensors, "offsets", "i8", 1)
    row, col = _array(tensors, "row", "i4", 1), _array(tensors, "col", "i4", 1)
    count, q = _array(tensors, "count", "f4", 1), _array(tensors, "neglog10q", "f4", 1)
    if len(offsets) != len(chroms) + 1 or offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise ValueError("the first bins of its chromosomes are not in order")
    total = int(offsets[-1])
    if total * bin_size > _LONGEST_GENOME or total >= 2**31:
        raise ValueError(f"{total} bins of {bin_size} bp are more than a genome has")
    if not len(row) or len({len(row), len(col), len(count), len(q)}) > 1:
        raise ValueError("its columns differ in length, or are empty")
    keys = row.astype(np.int64) * total + col
    if row.min() < 0 or (row > col).any() or col.max() >= total or (np.diff(keys) <= 0).any():
        raise ValueError("its pairs of bins are not in order")
    for values in (count, q):
        if np.isinf(values).any() or (values < 0).any():
            raise ValueError("a strength is infinite or below 0")


def _array(tensors: Mapping[str, np.ndarray], name: str, dtype: str, dimensions: int) -> np.ndarray:
    if name not in tensors:
        raise ValueError(f"it has no array {name}")
    array = tensors[name]
    if array.dtype.kind != dtype[0] or (dtype[1:] and array.dtype != np.dtype(dtype)) or array.ndim != dimensions:
        raise ValueError(f"its array {name} is {array.ndim}-dimensional of the type {array.dtype}")
    return array


def _shown(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(list(names)[:5]) or "none"


class Model(_Part):
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
