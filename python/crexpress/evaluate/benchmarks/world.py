"""A run's artefacts and published tables as what benchmarks are given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.core import artifacts, builds
from crexpress.core.errors import InputError
from crexpress.evaluate.benchmarks.base import Entry, Taught, World
from crexpress.evaluate.links import Links
from crexpress.formats import text_tables
from crexpress.links import published
from crexpress.links.importers import IMPORTERS
from crexpress.links.importers.base import Format, Wish, read
from crexpress.links.published import Linkset, Score

_PARQUET = b"PAR1"


class Asked(NamedTuple):
    """What --benchmarks, --benchmark, --published and --contacts ask for."""

    entries: Sequence[Entry]
    published: Sequence[str] = ()
    contacts: Sequence[Path] = ()
    resamples: int = 10_000


class Reference(NamedTuple):
    """The tables of --elements and --genes, and the header of the former."""

    elements: pl.DataFrame
    genes: pl.DataFrame
    header: Mapping[str, Any]

    @property
    def build(self) -> str | None:
        return builds.of_header(self.header)

    @property
    def lengths(self) -> dict[str, int]:
        """Lengths of the chromosomes, bp, of those of which it is known."""
        return {name: length for name, length in self.header["parameters"].get("chromosomes", []) if length}


def is_artefact(path: Path) -> bool:
    """Whether a file is of ours (parquet), and no published table."""
    with path.open("rb") as file:
        return file.read(len(_PARQUET)) == _PARQUET


def published_links(specs: Sequence[str], reference: Reference | None) -> list[Linkset]:
    """Links of [IMPORTER:]FILE[,SETTING...] options: the fields of `Wish`, `lower` for lower_is_better."""
    found = []
    for spec in specs:
        text, *settings = spec.split(",") if not Path(spec).is_file() else [spec]
        name, _, file = text.partition(":") if text.partition(":")[0] in IMPORTERS else ("", "", text)
        if not Path(file).is_file():
            raise InputError(f"--published {spec}: there is no file {file}; importers are {', '.join(IMPORTERS)}")
        form = IMPORTERS[name] if name else recognised(Path(file))
        genes, build = (reference.genes, reference.build) if reference else (None, None)
        found += read(Path(file), form, _wish(spec, settings), genes, build)
    return found


def recognised(path: Path) -> Format:
    """The importer whose own columns a table has: those of the first that names one; else any table's."""
    header = text_tables.read(path, lambda first: True, least=4).names or []
    if "variant_id" in header:
        return IMPORTERS["alphagenome"]
    own = {"encode_re2g": "ENCODE-rE2G.Score", "abc": "ABC.Score"}
    return IMPORTERS[next((name for name, column in own.items() if column in header), "table")]


def _wish(spec: str, settings: Sequence[str]) -> Wish:
    given: dict[str, Any] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name == "lower" and not value:
            given["lower_is_better"] = True
        elif name in Wish.__dataclass_fields__ and name != "lower_is_better" and value:
            given[name] = value
        else:
            raise InputError(
                f"--published {spec}: '{setting}' is no setting; "
                "give label=, cell=, aggregate=, fill=, build=, lower, or a column: chrom=, start=, end=, gene=, score="
            )
    if "fill" in given:
        try:
            given["fill"] = float(given["fill"])
        except ValueError:
            raise InputError(f"--published {spec}: fill={given['fill']} is no number") from None
    return Wish(**given)


def own_links(tables: Sequence[Links], elements: pl.DataFrame, genes: pl.DataFrame) -> list[Linkset]:
    """Our links tables as intervals, without elements on TSS intervals; a pair takes the best of its elements."""
    found = []
    for one in tables:
        scores = {column: Score(label, method, higher) for column, (label, higher, method) in one.scores.items()}
        found.append(published.without_promoters(published.of_links(one.cell, one.table, elements, scores), genes))
    return found


def taught(paths: Sequence[Path]) -> list[Taught]:
    """What the models behind predictions and links were taught with, by the headers of the files."""
    found: list[Taught] = []
    for path in paths:
        header = artifacts.require_header(path)
        about = header["parameters"]
        if "link_model" in about:
            held = tuple(about.get("held_out", []))
            fitted = about.get("fitted_to", [header["cell"]] if held else None)
            one = Taught(
                about.get("link_model_name", "link model"), (), None if fitted is None else tuple(fitted), held
            )
        else:
            cells = tuple(about["training_cells"]) if "training_cells" in about else None
            cells = cells if about.get("same_genome", True) else ()
            one = Taught(str(about.get("preset", "model")), cells)
        if one not in found:
            found.append(one)
    return found


def world(
    asked: Asked,
    seed: int,
    reference: Reference | None = None,
    tables: Sequence[Links] = (),
    tracks: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    expression: Mapping[str, Any] | None = None,
    split: np.ndarray | None = None,
    files: Sequence[Path] = (),
) -> World:
    """All of it; `files` are the predictions and links whose headers say what was taught."""
    links = published_links(asked.published, reference)
    about: dict[str, Any] = {}
    if reference:
        links = [*own_links(tables, reference.elements, reference.genes), *links]
        about = {"genes": reference.genes, "elements": reference.elements}
        about |= {"build": reference.build, "lengths": reference.lengths}
    contacts = {str(artifacts.require_header(path)["cell"]): path for path in asked.contacts}
    return World(
        **about,
        links=links,
        tracks=tracks or {},
        contacts=contacts,
        expression=expression or {},
        split=np.empty(0, "<U5") if split is None else split,
        taught=taught(files),
        resamples=asked.resamples,
        seed=seed,
    )
