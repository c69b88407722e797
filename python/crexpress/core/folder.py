"""A folder of artefacts, indexed by what their headers say and never by their names."""

import os
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import polars as pl

from crexpress.core import artifacts
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError

_OF_GENOME = ("elements", "genes")
_REMADE = ("signals", "links")  # match-quantiles makes signals of signals; combine-links, once, more scores of links


class Artefact(NamedTuple):
    """A file and its header."""

    path: Path
    header: Header

    @property
    def kind(self) -> str:
        return str(self.header["kind"])

    @property
    def cell(self) -> str | None:
        return None if self.header["cell"] is None else str(self.header["cell"])


class Folder:
    """The artefacts in a folder, all of one element set and one gene set, by kind and cell; headers alone are read."""

    def __init__(self, folder: Path, found: Sequence[Artefact], models: Sequence[Path]) -> None:
        self.folder, self.artefacts, self.models = folder, list(found), list(models)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.folder}: {len(self.artefacts)} artefacts of {len(self.cells)} cells>"

    @cached_property
    def cells(self) -> pl.DataFrame:
        """One row a cell: `cell`, `tracks`, whether it has `expression` and `contacts`, its files of `predictions` and
        `links`."""
        rows = []
        for name in sorted({file.cell for file in self.artefacts if file.cell}):
            own = [file for file in self._current if file.cell == name]
            kinds = [file.kind for file in own]
            tracks = [file.header["parameters"]["tracks"] for file in own if file.kind == "signals"]
            rows.append(
                {
                    "cell": name,
                    "tracks": tracks[0] if tracks else [],
                    "expression": "expression" in kinds,
                    "contacts": "contacts" in kinds,
                    "predictions": kinds.count("predictions"),
                    "links": kinds.count("links"),
                }
            )
        there, number = pl.Boolean(), pl.Int64()
        kept = {"expression": there, "contacts": there, "predictions": number, "links": number}
        return pl.DataFrame(rows, schema={"cell": pl.String(), "tracks": pl.List(pl.String), **kept})

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Find the artefacts in a folder, and those below it, by their headers.

        Raises InputError when there are none, when one is damaged, or when they belong to different elements or genes.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}; give the one that holds the artefacts, such as results")
        found, models = [], []
        for path in _files(folder.absolute()):  # the caller may change its folder later
            if path.name == "config.json" and (path.parent / "model.safetensors").is_file():
                models.append(path.parent)
            header = artifacts.read_header(path)
            if header is not None:
                found.append(Artefact(path, header))
        if not found:
            raise InputError(
                f"{folder} holds no crexpress artefact; give the folder that the tools or the pipeline wrote"
            )
        found = _once(found)
        for what in _OF_GENOME:
            # the table itself first: it is what the others are measured by
            aligned = sorted(
                (file for file in found if file.header[what] is not None), key=lambda file: file.kind != what
            )
            for file in aligned:
                artifacts.require_same(what, aligned[0].path, aligned[0].header, *file)
        return cls(folder, sorted(found, key=lambda file: (file.kind, file.cell or "", str(file.path))), models)

    @cached_property
    def _current(self) -> list[Artefact]:
        """Without files of which another one of the same kind was made: what stands behind matched signals, say."""
        behind: set[Path] = set()
        for file in self.artefacts:
            if file.kind in _REMADE:
                same = [other for other in self.artefacts if other[:1] != file[:1] and _about(other) == _about(file)]
                same = [other for other in same if _scores(other) <= _scores(file)]  # not: read to make other scores
                made_of = [other.path for other in same if _is_source(other.path, file.header)]
                behind |= set(made_of) if len(made_of) == 1 else set()  # of several: a mean, which replaces none
        return [file for file in self.artefacts if file.path not in behind]

    def paths(self, kind: str, cells: str | Collection[str] = ()) -> list[Path]:
        """Files of a kind, of all cells or of these, by cell; of kind "model" the folders.

        InputError for a cell of which the study knows nothing, and for inputs that a cell has twice.
        """
        if kind == "model":
            return list(self.models)
        wanted = [cells] if isinstance(cells, str) else list(cells)
        unknown = [name for name in wanted if name not in self.cells["cell"]]
        if unknown:
            known = ", ".join(self.cells["cell"]) or "no cell at all"
            raise InputError(f"{self.folder} holds nothing of the cell {', '.join(unknown)}; it holds {known}")
        found = [file for file in self._current if file.kind == kind]
        found = [file for file in found if not wanted or file.cell is None or file.cell in wanted]
        if kind in ("signals", "profiles", "expression", "contacts"):
            for first, second in pairwise(found):
                if first.cell == second.cell:
                    raise InputError(
                        f"{self.folder} holds two files of {kind} of {first.cell}, {first.path} and {second.path}; "
                        "remove one, or open a folder that holds one"
                    )
        return [file.path for file in found]

    def path(self, kind: str, cells: str | Collection[str] = (), columns: Collection[str] = ()) -> Path | None:
        """The one file of a kind, or None; InputError when there are several.

        Of several tables those that have all of `columns`, if any has: results also have links of closed forms.
        """
        found = self.paths(kind, cells)
        if columns and len(found) > 1:
            found = [path for path in found if set(columns) <= pl.read_parquet_schema(path).keys()] or found
        if len(found) > 1:
            names = ", ".join(map(str, found[:3])) + (", ..." if len(found) > 3 else "")
            raise InputError(f"{self.folder} holds {len(found)} files of {kind} ({names}); name the one that is meant")
        return found[0] if found else None

    def require(self, kind: str, cells: str | Collection[str] = ()) -> Path:
        """`path`; InputError when there is none."""
        found = self.path(kind, cells)
        if found is None:
            of = f" of {cells if isinstance(cells, str) else ', '.join(cells)}" if cells else ""
            raise InputError(f"{self.folder} holds no file of {kind}{of}; make it first, or open another folder")
        return found


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder, each once, links followed (Nextflow stages with them), hidden folders left out."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _once(found: Sequence[Artefact]) -> list[Artefact]:
    """One artefact of a file that is there by several names, as a link or as a copy of the elements or genes."""
    kept: dict[Any, Artefact] = {}
    for file in found:
        same = (file.kind, file.header[file.kind]) if file.kind in _OF_GENOME else os.path.realpath(file.path)
        kept.setdefault(same, file)
    return list(kept.values())


def _about(file: Artefact) -> tuple[str, str | None]:
    return file.kind, file.cell


def _scores(file: Artefact) -> set[str]:
    """Names of the scores of a table of links; none of other kinds."""
    return {str(score["name"]) for score in file.header["parameters"].get("scores", [])}


def _is_source(path: Path, header: Header) -> bool:
    """Whether the file of `path` is among the sources of a header; read only where one is as large."""
    size = path.stat().st_size
    digests = [part["sha256"] for part in header["sources"] if part["bytes"] == size]
    return bool(digests) and artifacts.source(path)["sha256"] in digests
