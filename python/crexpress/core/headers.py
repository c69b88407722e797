"""What the header of each kind of artefact must say: what its readers look at."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, create_model

from crexpress.core import explained, methods
from crexpress.core.columns import require_current
from crexpress.core.schemas import Count, Finite, Name, Part, Positive, Transform, check, one_of


class _Source(Part):
    name: str
    bytes: Count
    sha256: str


class _Header(Part):
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


class _GenomeParameters(Part):
    width: Positive
    chromosomes: list[tuple[str, Count | None]]


class _Elements(_Header):
    elements: str
    parameters: _GenomeParameters  # type: ignore[assignment]


class _GeneParameters(Part):
    chromosomes: list[tuple[str, Count | None]] = []


class _Genes(_Header):
    elements: str
    genes: str
    parameters: _GeneParameters  # type: ignore[assignment]


class _SignalParameters(Part):
    tracks: list[Name]
    bin_size: Positive
    transform: Transform


class _Signals(_OfCell):
    elements: str
    parameters: _SignalParameters  # type: ignore[assignment]


class _ProfileParameters(Part):
    tracks: list[Name]
    transform: Transform
    edges: Annotated[list[int], Field(min_length=2)]


class _Profiles(_OfCell):
    elements: str
    genes: str
    parameters: _ProfileParameters  # type: ignore[assignment]


class _MotifParameters(Part):
    motifs: list[str]
    factors: list[str] = []
    mode: str = "log-odds"


class _Motifs(_Header):
    parameters: _MotifParameters  # type: ignore[assignment]


class _ContactParameters(Part):
    bin_size: Positive


class _Contacts(_OfCell):
    parameters: _ContactParameters  # type: ignore[assignment]


class _QuantileParameters(Part):
    tracks: list[Name]
    bin_size: Positive
    cells: list[Name]


class _Quantiles(_Header):
    parameters: _QuantileParameters  # type: ignore[assignment]


class _AnchorParameters(Part):
    cells: list[Name]
    tracks: list[Name]


class _Anchor(_Header):
    parameters: _AnchorParameters  # type: ignore[assignment]


class _ExpressionParameters(Part):
    scale: Literal["log10", "ln", "log2"] | None = None
    unit: str = ""
    quantity: str = ""
    column: str | list[str | None] | None = None


class _ExpressionUnits(Part):
    expression: str


class _Expression(_OfCell):
    parameters: _ExpressionParameters  # type: ignore[assignment]
    units: _ExpressionUnits  # type: ignore[assignment]


class _Classes(Part):
    expressed_above: Finite
    silent_below: Finite


class _ModelParameters(Part):
    """What predict, interpret and ensemble say of the model."""

    preset: str
    seed: Count | None = None
    seeds: list[Count | None] = []
    mean_of: Positive | None = None
    mean_over: Annotated[str, one_of(*methods.MEANS)] | None = None
    cell_seen: bool
    mode: Annotated[str, one_of(*methods.MODES)] = methods.DIRECT
    training_cells: list[Name] = []
    tracks: list[Name] = []
    missing_tracks: list[Name] = []
    hidden_tracks: list[Name] = []
    anchor_cells: list[Name] = []
    classes: _Classes | None = None
    shuffled_negatives: bool | None = None


class _Predictions(_OfCell):
    parameters: _ModelParameters  # type: ignore[assignment]


class _Score(Part):
    """Of a links table; one written before scores had a `kind` is read as `core.methods` says."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: Annotated[str, Field(min_length=1)]
    higher_is_better: bool
    kind: Annotated[str, one_of(*methods.KINDS)] = methods.MODEL
    model: bool = True
    form: Annotated[str, one_of(*methods.FORMS)] = methods.PLAIN


_Measured = tuple[Finite, Finite, Finite]  # value, low, high


class _Card(Part):
    """What a link model's held-out probabilities are worth."""

    average_precision: _Measured
    precision_at_70_recall: _Measured
    calibration_error: Finite
    reliability: list[tuple[Finite, Finite, Finite]]
    without: dict[str, Finite] = {}
    otherwise: dict[str, dict[str, Finite]] = {}
    assays: list[str] = []


class _LinkParameters(Part):
    scores: list[_Score]
    preset: str = "model"
    seed: Count | None = None
    seeds: list[Count | None] = []
    mean_of: Positive | None = None
    mean_over: Annotated[str, one_of(*methods.MEANS)] | None = None
    cell_seen: bool = False
    mode: Annotated[str, one_of(*methods.MODES)] = methods.DIRECT
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
    fitted_to: list[str] | None = None
    held_out: list[str]
    notes: list[str]


def _says_link_model(parameters: Any) -> str:
    return "scored" if isinstance(parameters, dict) and "link_model" in parameters else "ranked"


class _Links(_OfCell):
    parameters: Annotated[  # type: ignore[assignment]
        Annotated[_LinkParameters, Tag("ranked")] | Annotated[_ScoredParameters, Tag("scored")],
        Discriminator(_says_link_model),
    ]


class _LinkFit(Part):
    form: list[str]
    scale: list[Finite]
    start: Finite
    starts: list[Finite]


class _LinkModelParameters(Part):
    name: str
    evidence: list[str]
    fits: Annotated[list[_LinkFit], Field(min_length=1)]
    folds: dict[Name, dict[str, Count]]
    cutoffs: dict[str, Finite]
    card: _Card
    loops: list[Finite]


class _LinkModel(_Header):
    parameters: _LinkModelParameters  # type: ignore[assignment]


class _Method(Part):
    """A baseline by its name in the column `method`, and what it saw."""

    method: str
    score: str
    saw: Annotated[str, one_of(*methods.SAW)]
    cells: list[Name] = []


class _BaselineParameters(Part):
    methods: list[_Method]
    cell_seen: bool = False
    training_cells: list[Name] = []


class _Baselines(_OfCell):
    parameters: _BaselineParameters  # type: ignore[assignment]


class _MetricParameters(Part):
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
for _kind, _about in explained.PARAMETERS.items():
    _base: type[_Header] = _Header if _kind in explained.OF_ANY_CELL else _OfCell
    _HEADERS[_kind] = create_model(_kind, __base__=_base, parameters=(_about, ...))


def check_header(header: Mapping[str, Any]) -> None:
    """Raise ValueError, in words, for a header of a kind that lacks something or has it of another type."""
    require_current(header["kind"], header)
    check(_HEADERS.get(header["kind"], _Header), header)
