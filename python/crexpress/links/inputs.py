"""What the tools of link models are given: the store, cells, screens, and the model that suits a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import polars as pl

from crexpress.core import artifacts, builds, methods, names
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.links import choose, known, loop_kind, model
from crexpress.links.model import LinkModel
from crexpress.links.read import measure, on_scale, read_scene, read_sites
from crexpress.links.scene import ACCESS, Scene
from crexpress.links.screen import read_pairs

PROBABILITY = {
    "name": methods.PROBABILITY,
    "label": "probability (link model)",
    "higher_is_better": True,
    "kind": methods.FITTED,
    "model": False,
}
Screens = list[tuple[str, str, pl.DataFrame]]


class Store(NamedTuple):
    """Elements and genes with their headers."""

    elements: pl.DataFrame
    elements_header: Header
    genes: pl.DataFrame
    genes_header: Header
    genes_file: Path

    @classmethod
    def open(cls, elements: Path, genes: Path) -> Self:
        """Both tables; InputError when they were not made together."""
        first, second = artifacts.read_elements_and_genes(elements, genes)
        return cls(*first, *second, genes)

    def scenes(
        self,
        signals: Sequence[Path],
        expression: Sequence[Path],
        contacts: Sequence[Path],
        links: Sequence[Path],
        others: Sequence[Path],
        hits: Path | None = None,
    ) -> dict[str, Scene]:
        """{cell: what is known of it}, the cells of `signals`; InputError for a file of none of them, or two of one."""
        cells = {path: str(artifacts.open_arrays(path, "signals").header["cell"]) for path in signals}
        if len(set(cells.values())) < len(cells):
            raise InputError(f"two --signals are of one cell ({', '.join(cells.values())}); give one a cell")
        own = {
            "expression": _by_cell(expression, "expression", cells.values()),
            "links": _by_cell(links, "links", cells.values()),
        }
        for kind, of_cells in own.items():
            twice = [cell for cell, paths in of_cells.items() if len(paths) > 1]
            if twice:
                raise InputError(f"two --{kind} are of {twice[0]}; give one a cell")
        maps = _by_cell(contacts, "contacts", cells.values())
        elements, genes = (self.elements, self.elements_header), (self.genes, self.genes_header)
        sites = read_sites(hits, elements, self.genes_file, self.genes_header) if hits else None
        of_others = known.read(others, self.genes, self.genes_file, self.genes_header)
        return {
            cell: read_scene(
                elements,
                genes,
                self.genes_file,
                path,
                next(iter(own["expression"].get(cell, [])), None),
                of_others,
                maps.get(cell, []),
                next(iter(own["links"].get(cell, [])), None),
                sites,
            )
            for path, cell in cells.items()
        }

    def links_header(self, cell: str, chosen: "Chosen", window: int, sources: Sequence[Path]) -> Header:
        """Header of a table of links scored by a model."""
        parameters = {
            "scores": [PROBABILITY],
            "window": window,
            "neighbours": 0,
            "link_model": artifacts.source(chosen.path),
            "link_model_name": chosen.model.name,
            "card": dict(chosen.model.card),
            "cutoff": chosen.cutoff,
            "fitted_to": sorted(chosen.model.folds),
            "held_out": sorted(chosen.model.folds.get(chosen.model.seen(cell, chosen.scene.copies) or "", {})),
            "notes": chosen.notes,
        }
        return artifacts.make_header(
            "links",
            "score-links",
            elements=self.elements_header["elements"],
            genes=self.genes_header["genes"],
            cell=cell,
            parameters=parameters,
            units={"distance": "bp"},
            sources=sources,
        )


class Chosen(NamedTuple):
    """The model that suits a cell, the cell on its scale, the cutoff, and sentences for the reader."""

    path: Path
    model: LinkModel
    scene: Scene
    cutoff: float
    notes: list[str]


def choose_model(paths: Sequence[Path], scene: Scene, cutoff: str) -> Chosen:
    """The model that should do best in the cell (`choose.choose`). Raises InputError for a cutoff that is none."""
    models = {path: model.read(path) for path in paths}
    path = choose.choose(models, scene)
    best = models[path]
    copied = [cell for cell in best.copied(measure(scene)) if not names.akin(cell, scene.cell)]
    scene = replace(scene, copies=[*dict.fromkeys([*scene.copies, *copied])])
    placed = on_scale(loop_kind.of_kind(scene, best.loops), best.scales)
    return Chosen(path, best, placed, _cutoff(cutoff, best), choose.notes(best, scene, models.values()))


def choose_tracks(scene: Scene, names: Sequence[str]) -> Scene:
    """The cell with some of its tracks (none: all). Raises InputError for one that it lacks."""
    measured = {assay: ACCESS for assay in scene.assays[:1]}
    wanted = {measured.get(name, name) for name in names}
    for name in sorted(wanted - scene.tracks.keys()):
        if name in scene.assays:
            raise InputError(f"{scene.cell} has {' and '.join(scene.assays)}, and links read the first; leave one out")
        there = sorted({*scene.tracks, *measured} - {*measured.values()})
        raise InputError(f"{scene.cell} has no track {name}; it has {', '.join(there)}")
    kept = {name: values for name, values in scene.tracks.items() if not wanted or name in wanted}
    return replace(scene, tracks=kept)


def screens(files: Mapping[str, Path], scenes: Mapping[str, Scene], store: Store, only: str | None) -> Screens:
    """The pairs of every screen in each of the cells that it has, or in `only` one. Raises InputError for a screen in
    none of them, one that names no cells where there are several, and for `only` a cell that is not there.
    """
    if only and only not in scenes:
        raise InputError(f"--crispr-cell {only}: the signals are of {', '.join(scenes)}; give the signals of {only}")
    cells, chromosomes = [only] if only else list(scenes), store.elements["chrom"].unique()
    build = builds.of_header(store.elements_header)
    found: Screens = []
    for name, path in files.items():
        here = read_pairs(name, path, cells, store.genes, chromosomes, build)
        found += [(name, cell, pairs) for cell, pairs in here.items()]
    return found


def summary(fitted: LinkModel) -> list[str]:
    """What a model's card says, in lines for the terminal."""
    card: Mapping[str, Any] = fitted.card
    value, low, high = card["average_precision"]
    at = card["precision_at_70_recall"][0]
    lines = [
        f"{fitted.name}: average precision {value:.3f} [{low:.3f}, {high:.3f}] on held-out chromosomes (trapezoid "
        f"{card['auprc'][0]:.3f}); precision {at:.2f} at 70 % recall, calibration error {card['calibration_error']:.3f}"
    ]
    for where, forms in card["beside"].items():
        lines.append(
            f"beside it on {where}: " + ", ".join(f"{name} {of['all pairs']:.3f}" for name, of in forms.items())
        )
    return lines


def _cutoff(text: str, best: LinkModel) -> float:
    if text in best.cutoffs:
        return best.cutoffs[text]
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"--cutoff {text}: give {' or '.join(best.cutoffs)}, or a probability between 0 and 1")
    return value


def _by_cell(paths: Sequence[Path], kind: str, cells: Any) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        header = artifacts.read_sparse(path, kind).header if kind == "contacts" else artifacts.read_table(path, kind)[1]
        if header["cell"] not in cells:
            raise InputError(
                f"{path} is of {header['cell']}, the signals are of {', '.join(cells)}; give files of one cell"
            )
        found.setdefault(str(header["cell"]), []).append(path)
    return found
