"""Everything the report is made of: read, checked for alignment, and held by cell."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import polars as pl

from crexpress.core import artifacts, model_config
from crexpress.core.artifacts import Arrays, Header
from crexpress.core.errors import InputError
from crexpress.core.methods import ANCHORED, DIRECT, of_link_model, of_predictions
from crexpress.evaluate import labels

T = TypeVar("T")
EXPLAINED = ("contributions", "variants", "enriched_motifs", "mutations", "active", "categories", "pairs", "embedding")


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """One artefact: the file's name, its header and its contents (a table or opened arrays)."""

    name: str
    header: Header
    data: T


Tables = Mapping[str, Loaded[pl.DataFrame]]


@dataclass(frozen=True)
class ReportedModel:
    """A model directory: its name in tables, config.json and, where there is one, the course of training."""

    name: str
    config: Mapping[str, Any]
    history: pl.DataFrame | None


@dataclass(frozen=True)
class Inputs:
    """What there is to report; a cell without an artefact is simply not among the keys.

    Where several models speak of a cell, `predictions` and `links` hold the one that is pictured: a mean over models
    where there is one, else the first by preset and seed; in a cell never seen an anchored one, in others a direct one.
    The tables of metrics show all; `others` are their files. `scored` are links with a link model's probabilities,
    which `links` hold as their first score. `explained` is what --explain wrote that the page shows, by kind of
    artefact (EXPLAINED), then by cell; `logos` are the folders of contributions drawn, by cell.
    """

    genes: Loaded[pl.DataFrame]
    elements: Loaded[pl.DataFrame] | None = None
    metrics: Loaded[pl.DataFrame] | None = None
    curves: Loaded[pl.DataFrame] | None = None
    predictions: Tables = field(default_factory=dict)
    expression: Tables = field(default_factory=dict)
    links: Tables = field(default_factory=dict)
    scored: Tables = field(default_factory=dict)
    signals: Mapping[str, Loaded[Arrays]] = field(default_factory=dict)
    contacts: Mapping[str, Loaded[Arrays]] = field(default_factory=dict)
    models: Sequence[ReportedModel] = ()
    explained: Mapping[str, Tables] = field(default_factory=dict)
    logos: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    others: Sequence[Loaded[pl.DataFrame]] = ()
    known: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)  # what was worked out once

    @property
    def config(self) -> Mapping[str, Any]:
        """config.json of the first model."""
        return self.models[0].config if self.models else {}

    def files(self) -> list[Loaded[Any]]:
        """Every artefact read, in a fixed order."""
        single: list[Loaded[Any] | None] = [self.elements, self.genes, self.metrics, self.curves]
        groups: list[Mapping[str, Loaded[Any]]] = [
            self.signals,
            self.expression,
            self.contacts,
            self.predictions,
            {cell: table for cell, table in self.links.items() if not of_link_model(table.header)},
            self.scored,
            *self.explained.values(),
        ]
        return (
            [file for file in single if file] + [file for group in groups for file in group.values()] + [*self.others]
        )


def load(
    genes: Path,
    elements: Path | None = None,
    metrics: Path | None = None,
    curves: Path | None = None,
    predictions: Iterable[Path] = (),
    expression: Iterable[Path] = (),
    links: Iterable[Path] = (),
    signals: Iterable[Path] = (),
    contacts: Iterable[Path] = (),
    models: Iterable[Path] = (),
    explained: Mapping[str, Iterable[Path]] | None = None,
    logos: Iterable[Path] = (),
) -> Inputs:
    """Read the artefacts of a run; InputError when two were made for different elements or genes.

    `explained` are files by kind, of those in EXPLAINED.
    """
    shown_predictions, more_predictions = _pictured([_table(path, "predictions") for path in predictions])
    tables = [_table(path, "links") for path in links]
    shown_links, more_links = _pictured([table for table in tables if not of_link_model(table.header)])
    answers = {kind: _pictured([_table(path, kind) for path in paths]) for kind, paths in (explained or {}).items()}
    scored = _by_cell([table for table in tables if of_link_model(table.header)])
    inputs = Inputs(
        genes=_table(genes, "genes"),
        elements=_table(elements, "elements") if elements else None,
        metrics=_table(metrics, "metrics") if metrics else None,
        curves=_table(curves, "curves") if curves else None,
        predictions=shown_predictions,
        expression=_by_cell([_table(path, "expression") for path in expression]),
        links=shown_links | {cell: _with_probability(table, shown_links.get(cell)) for cell, table in scored.items()},
        signals=_by_cell([_arrays(artifacts.open_arrays(path, "signals"), path) for path in signals]),
        contacts=_by_cell([_arrays(artifacts.read_sparse(path, "contacts"), path) for path in contacts]),
        models=[_read_model(folder) for folder in models],
        scored=scored,
        explained={kind: shown for kind, (shown, _) in answers.items() if shown},
        logos=_folders(logos),
        others=[*more_predictions, *more_links, *(file for _, more in answers.values() for file in more)],
    )
    _check_alignment(inputs)
    return inputs


def _table(path: Path, kind: str) -> Loaded[pl.DataFrame]:
    frame, header = artifacts.read_table(path, kind)
    return Loaded(Path(path).name, header, frame)


def _arrays(arrays: Arrays, path: Path) -> Loaded[Arrays]:
    return Loaded(Path(path).name, arrays.header, arrays)


def _by_cell(files: list[Loaded[T]]) -> dict[str, Loaded[T]]:
    """Artefacts by cell, in alphabetical order of the cells, whatever order they were given in."""
    cells: dict[str, Loaded[T]] = {}
    for file in sorted(files, key=lambda file: (str(file.header["cell"]), file.name)):
        cell = file.header["cell"]
        if cell in cells:
            raise InputError(f"{cells[cell].name} and {file.name} both hold cell {cell}; give one file a cell")
        cells[cell] = file
    return cells


def _pictured(
    files: list[Loaded[pl.DataFrame]],
) -> tuple[dict[str, Loaded[pl.DataFrame]], list[Loaded[pl.DataFrame]]]:
    """For each cell the file that is pictured, in alphabetical order of the cells; and the others."""

    def rank(file: Loaded[pl.DataFrame]) -> tuple[bool, bool, bool, str, int]:
        about = _about_model(file)
        own_mode = (about.get("mode") == ANCHORED) != bool(about.get("cell_seen"))
        return (
            bool(about.get("hidden_tracks")),
            not own_mode,
            not (about.get("mean_of") or about.get("models", 1) > 1),
            str(about.get("preset")),
            about.get("seed") or 0,
        )

    shown: dict[str, Loaded[pl.DataFrame]] = {}
    others = []
    for file in sorted(files, key=lambda file: (str(file.header["cell"]), *rank(file))):
        cell = file.header["cell"]
        if cell not in shown:
            shown[cell] = file
        elif rank(file) == rank(shown[cell]):
            raise InputError(
                f"{shown[cell].name} and {file.name} both hold cell {cell} by the same model; give it once"
            )
        else:
            others.append(file)
    return shown, others


def _folders(logos: Iterable[Path]) -> dict[str, list[Path]]:
    """Folders logos.CELL by their cell."""
    found: dict[str, list[Path]] = {}
    for folder in logos:
        if not folder.name.startswith("logos."):
            raise InputError(f"{folder} is no folder logos.CELL of attribute; give one, or leave out --logos")
        found.setdefault(folder.name.removeprefix("logos."), []).append(folder)
    return found


def _about_model(file: Loaded[pl.DataFrame]) -> Mapping[str, Any]:
    """What a header says of the model, also where it is of what was made from that model's links or predictions."""
    about: Mapping[str, Any] = file.header["parameters"]
    return about.get("links_of") or about.get("predictions_of") or about


def model_told(file: Loaded[pl.DataFrame]) -> str:
    """The model that says it, as in "crexpress-small, seed 1"; of several the preset."""
    about = _about_model(file)
    method = of_predictions(about)
    several = about.get("models", 1) > 1 or about.get("mean_of")
    words = [method.title, "anchored" if method.mode == ANCHORED else "", "" if several else f"seed {method.seed}"]
    return ", ".join(filter(None, words))


def unit_told(file: Loaded[pl.DataFrame]) -> str:
    """The unit of what a model predicts, and so of its effects."""
    return str(file.header["units"].get("predicted", "the unit of the target"))


def _with_probability(scored: Loaded[pl.DataFrame], links: Loaded[pl.DataFrame] | None) -> Loaded[pl.DataFrame]:
    """The pictured links with their probability as first score; without a network's links those of the link model."""
    if links is None:
        return scored
    own = scored.data.select("gene_id", "element", "probability", "sentence")
    both = links.data.join(own, on=["gene_id", "element"], how="left", maintain_order="left")
    parameters = dict(links.header["parameters"])
    parameters["scores"] = [*scored.header["parameters"]["scores"], *parameters["scores"]]
    return Loaded(links.name, links.header | {"parameters": parameters}, both)


def _read_model(folder: Path) -> ReportedModel:
    config, history = model_config.read_config(folder), Path(folder) / "history.parquet"
    mode = ANCHORED if config["model"].get("anchored") else DIRECT
    seed = config.get("training", {}).get("seed", 1)
    name = labels.trained_model(labels.point(config.get("preset", folder.name), mode), seed)
    return ReportedModel(name, config, artifacts.read_table(history, "history")[0] if history.is_file() else None)


def _check_alignment(inputs: Inputs) -> None:
    for what, reference in (("elements", inputs.elements), ("genes", inputs.genes)):
        if reference is None:
            continue
        for file in inputs.files():
            if file.header[what] is not None:
                artifacts.require_same(what, reference.name, reference.header, file.name, file.header)
