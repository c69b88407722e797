"""A link model as one file: fits, scales of tracks, cutoffs, and a card that says what it is worth. No pickle."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crexpress.core import artifacts, names
from crexpress.core.errors import InputError
from crexpress.links import evidence
from crexpress.links.fit import Fit
from crexpress.links.members import BOOSTED, EXTRA, LOGISTIC, Grown, Linear, Member
from crexpress.links.scale import Scale, same
from crexpress.links.scene import LOOPS
from crexpress.links.trees import Trees

KIND = "link_model"
_SHORT = {LOGISTIC: "logistic", BOOSTED: "boosted", EXTRA: "extra"}


class LinkModel(NamedTuple):
    """`fits`: the first of all pairs, the others each of all but the chromosomes of one group.

    `folds` {cell: {chromosome: number of the fit that has not seen it}}; `pieces` names of evidence; `scales` of
    tracks; `card` the figures that its held-out scores reach; `cutoffs` {name: probability}; `loops` the kind of each
    map of loops in training (`loop_kind.partners`), empty for a model that reads none.
    """

    name: str
    pieces: list[str]
    fits: list[Fit]
    folds: Mapping[str, Mapping[str, int]]
    scales: Mapping[str, Scale]
    cutoffs: Mapping[str, float]
    card: Mapping[str, Any]
    loops: Sequence[float] = ()

    @property
    def needs(self) -> frozenset[str]:
        """What a cell must have so that no evidence is missing (`Scene.has`)."""
        return frozenset(need for piece in evidence.find(self.pieces) for need in piece.needs)

    def fit_of(self, cell: str, chrom: str, copies: Sequence[str] = ()) -> Fit:
        """The fit for links of a cell's chromosome: of a training cell, the one that has not seen it."""
        return self.fits[self.folds.get(self.seen(cell, copies) or "", {}).get(chrom, 0)]

    def seen(self, cell: str, copies: Sequence[str] = ()) -> str | None:
        """The training cell that a cell is, may be by its name (`names.akin`), or is by its values (`copies`): it is
        then scored as held out.
        """
        akin = (one for one in self.folds if names.akin(one, cell) or one in copies)
        return cell if cell in self.folds else next(akin, None)

    def copied(self, tracks: Mapping[str, Scale]) -> list[str]:
        """The training cell whose tracks a cell has, by their distributions on their own scale; none where the scales
        are means of several cells.
        """
        both = tracks.keys() & self.scales.keys()
        [*cells] = self.folds
        return cells if len(cells) == 1 and any(same(tracks[name], self.scales[name]) for name in both) else []


def write(path: Path, model: LinkModel, training: Mapping[str, Any], sources: list[Path]) -> None:
    """Write `model` with what it was trained on (`training`, as docs/artifacts.md has it)."""
    arrays: dict[str, np.ndarray] = {f"scale.{name}": scale.grid for name, scale in model.scales.items()}
    fits = []
    for number, fit in enumerate(model.fits):
        for name in ("median", "low", "high"):
            arrays[f"{number}.{name}"] = getattr(fit, name)
        starts = []
        for kind, part in zip(fit.form, fit.parts, strict=True):
            place = f"{number}.{_SHORT[kind]}"
            starts.append(part.start)
            if isinstance(part, Linear):
                arrays |= {f"{place}.weight": part.weight, f"{place}.mean": part.mean}
            else:
                arrays |= {f"{place}.{name}": array for name, array in part.trees._asdict().items()}
        fits.append({"form": list(fit.form), "scale": list(fit.scale), "start": fit.start, "starts": starts})
    parameters = {
        "name": model.name,
        "evidence": model.pieces,
        "fits": fits,
        "folds": model.folds,
        "cutoffs": dict(model.cutoffs),
        "card": dict(model.card),
        "loops": [round(value, 2) for value in model.loops],
        "training": dict(training),
    }
    header = artifacts.make_header(KIND, "fit-links", parameters=parameters, sources=sources)
    artifacts.write_arrays(path, arrays, header)


def read(path: Path) -> LinkModel:
    """A model that `write` wrote; InputError when the file is none, or asks for evidence that is not known."""
    header, arrays = artifacts.open_arrays(path, KIND)
    told = header["parameters"]
    try:
        pieces = len(evidence.find(told["evidence"]))
    except InputError as error:
        raise InputError(
            f"{path}: {error}. The model is of another version, or of a package of evidence that is not here"
        ) from None
    try:
        fits = [_fit(number, one, arrays, pieces) for number, one in enumerate(told["fits"])]
        if any(number >= len(fits) for of_cell in told["folds"].values() for number in of_cell.values()):
            raise ValueError("a chromosome is scored by a fit that is not there")
        scales = {name[6:]: Scale(_array(arrays, name)) for name in arrays if name.startswith("scale.")}
    except ValueError as error:
        raise InputError(f"{path} is damaged, or no link model ({error}); make it again by fit-links") from None
    folds, cutoffs, card, loops = (told[name] for name in ("folds", "cutoffs", "card", "loops"))
    found = LinkModel(told["name"], told["evidence"], fits, folds, scales, cutoffs, card, loops)
    if (LOOPS in found.needs) != bool(loops):
        raise InputError(f"{path} does not say which loops it was fitted with; make it again by fit-links")
    return found


def _fit(number: int, told: Mapping[str, Any], arrays: Mapping[str, np.ndarray], pieces: int) -> Fit:
    form = told["form"]
    if not form or not set(form) <= _SHORT.keys() or not len(form) == len(told["starts"]) == len(told["scale"]):
        raise ValueError(f"fit {number} has the form {' + '.join(form) or 'nothing'}")
    parts: list[Member] = []
    for kind, start in zip(form, told["starts"], strict=True):
        place = f"{number}.{_SHORT[kind]}"
        if kind == LOGISTIC:
            parts.append(
                Linear(_array(arrays, f"{place}.weight", pieces), _array(arrays, f"{place}.mean", pieces), start)
            )
        else:
            trees = Trees(*(np.array(_named(arrays, f"{place}.{name}")) for name in Trees._fields))
            trees.require(pieces)
            parts.append(Grown(trees, start))
    median, low, high = (_array(arrays, f"{number}.{name}", pieces) for name in ("median", "low", "high"))
    return Fit(median, low, high, tuple(form), tuple(parts), tuple(told["scale"]), told["start"])


def _named(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        raise ValueError(f"it has no array {name}")
    return arrays[name]


def _array(arrays: Mapping[str, np.ndarray], name: str, length: int | None = None) -> np.ndarray:
    """A copy in memory; ValueError unless it is a row of finite numbers, of this length where one is given."""
    array = np.array(_named(arrays, name))
    if array.dtype.kind != "f" or array.ndim != 1 or len(array) != (length or len(array) or 1):
        raise ValueError(f"its array {name} is of the type {array.dtype} and the shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"its array {name} holds NaN or infinity")
    return array
