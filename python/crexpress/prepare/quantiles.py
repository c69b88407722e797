"""Quantile normalisation across cells: every cell's track is given the distribution that reference cells share.

Signals are float16, of which 31,744 are finite and not negative, so the exact distribution of a track of any
length is a table of that many counts, and the normalisation another table of that many values: memory does
not grow with the genome.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.prepare.profile_bins import MAP

TRANSFORM = "log10p1"  # of the signals that are matched

LEVELS = np.arange(0x7C00, dtype=np.uint16).view(np.float16)  # every finite float16 from 0 on, ascending
_CHUNK = 2**20  # values looked at together


class Reference(NamedTuple):
    """The distribution that all cells take on: `shares` (see there) of each track, and the cells it is the mean of;
    `profiles`, likewise, are of the genes' own profiles, where the cells have them.
    """

    shares: dict[str, np.ndarray]
    bin_size: int
    cells: list[str]
    profiles: dict[str, np.ndarray]

    @property
    def transform(self) -> str:
        """What signals matched to this reference carry as their transform: "quantile:" and its digest."""
        state = hashlib.sha256()
        for name, found in self.shares.items():
            state.update(name.encode() + found.tobytes())
        return f"quantile:{state.hexdigest()[:12]}"


def read_reference(paths: Sequence[Path], profiles: Sequence[Path] = ()) -> Reference:
    """The mean distribution of some cells' signals, or the one that an earlier run left as quantiles.npz.

    `profiles` are of cells among which all of the signals' are, or none.

    Raises InputError when the signals have another transform than log10(1 + x), or differ in elements or bins.
    """
    if len(paths) == 1 and paths[0].suffix == ".npz":
        header, tensors = artifacts.read_sparse(paths[0], "quantiles")
        about = header["parameters"]
        return Reference(
            dict(zip(about["tracks"], tensors["shares"], strict=True)),
            int(about["bin_size"]),
            about["cells"],
            dict(zip(about["tracks"], tensors["profiles"], strict=True)) if "profiles" in tensors else {},
        )
    found: dict[str, list[np.ndarray]] = {}
    cells: list[str] = []
    first = open_signals(paths[0]).header
    for path in paths:
        header, tracks = open_signals(path)
        artifacts.require_same("elements", paths[0], first, path, header)
        if header["cell"] in cells:
            raise InputError(f"{path} is a second file of {header['cell']}'s signals; give each cell once")
        require_bins(path, header, first["parameters"]["bin_size"])
        cells.append(header["cell"])
        for name, track in tracks.items():
            found.setdefault(name, []).append(shares(track))
    mean = {name: average(distributions) for name, distributions in found.items()}
    return Reference(mean, first["parameters"]["bin_size"], cells, _profile_reference(profiles, cells))


def write_reference(path: Path, reference: Reference) -> None:
    """Write quantiles.npz (docs/artifacts.md)."""
    about = {"tracks": list(reference.shares), "bin_size": reference.bin_size, "cells": reference.cells}
    header = artifacts.make_header("quantiles", "match-quantiles", parameters=about)
    arrays = {"shares": np.array(list(reference.shares.values()))}
    if reference.profiles:
        arrays["profiles"] = np.array([reference.profiles[name] for name in reference.shares])
    artifacts.write_sparse(path, arrays, header)


def open_signals(path: Path) -> artifacts.Arrays:
    """Signals of one cell; InputError unless they are log10(1 + x)."""
    opened = artifacts.open_arrays(path, "signals")
    transform = opened.header["parameters"]["transform"]
    if transform != TRANSFORM:
        raise InputError(f"{path} has transform {transform}; run extract-signals --transform {TRANSFORM} first")
    for name, track in opened.tensors.items():
        if any(np.ascontiguousarray(part).view(np.uint16).max() >= len(LEVELS) for part in _parts(track)):
            raise InputError(f"{path} holds NaN, infinity or a value below 0 in the track {name}; make it again")
    return opened


def require_bins(path: Path, header: artifacts.Header, bin_size: int) -> None:
    """Raise InputError unless signals have bins of the reference's size: its distribution hangs on it."""
    if header["parameters"]["bin_size"] != bin_size:
        raise InputError(
            f"{path} has bins of {header['parameters']['bin_size']} bp, the reference of {bin_size}; run "
            "extract-signals with one --bin-size"
        )


def match_cell(path: Path, reference: Reference, target: Path, sources: Sequence[Path]) -> None:
    """Write the signals of `path`, matched to the reference, to `target`; InputError when they cannot be."""
    header, tracks = open_signals(path)
    require_bins(path, header, reference.bin_size)
    new = _matched_header(path, header, "the track", reference, reference.shares, target, sources)
    with artifacts.create_arrays(target, {name: (t.dtype, t.shape) for name, t in tracks.items()}, new) as out:
        for name, track in tracks.items():
            match(track, reference.shares[name], out[name])


def _profile_reference(paths: Sequence[Path], cells: Sequence[str]) -> dict[str, np.ndarray]:
    """Mean distribution of the profiles of some cells, over all genes and columns of a track."""
    found: dict[str, list[np.ndarray]] = {}
    opened = {part.header["cell"]: part for part in (artifacts.open_arrays(path, "profiles") for path in paths)}
    lacking = [cell for cell in cells if opened and cell not in opened]
    if lacking:
        raise InputError(
            f"the profiles of {', '.join(lacking)} are not given, but their signals are a reference; add --profiles"
        )
    for cell in cells if opened else ():
        for name in opened[cell].header["parameters"]["tracks"]:
            found.setdefault(name, []).append(_profile_shares(opened[cell].tensors[name]))
    return {name: average(distributions) for name, distributions in found.items()}


def _profile_shares(values: np.ndarray) -> np.ndarray:
    return shares(values[np.isfinite(values)].astype(np.float16)[:, None])


def match_profiles(path: Path, reference: Reference, target: Path, sources: Sequence[Path]) -> None:
    """Write the profiles of `path` with, for each track, the value that each level of it takes on.

    The values stay as they are, so that elements can still be taken out of them exactly; who reads them applies the
    table. Levels between those that the cell has are interpolated.
    """
    header, tensors = artifacts.open_arrays(path, "profiles")
    tracks = header["parameters"]["tracks"]
    if header["parameters"]["transform"] != TRANSFORM:
        raise InputError(f"{path} has transform {header['parameters']['transform']}; make it with {TRANSFORM} first")
    new = _matched_header(path, header, "a profile of the track", reference, reference.profiles, target, sources)
    tables = {}
    for name in tracks:
        found = _profile_shares(tensors[name])
        there = np.flatnonzero(found)
        table = matching(found, reference.profiles[name])
        tables[MAP + name] = np.interp(LEVELS, LEVELS[there], table[there]).astype(np.float16)
    artifacts.write_arrays(target, {**tensors, **tables}, new)


def _matched_header(
    path: Path,
    header: artifacts.Header,
    what: str,
    reference: Reference,
    known: Collection[str],
    target: Path,
    sources: Sequence[Path],
) -> artifacts.Header:
    """Header of what is matched from `path`; InputError where a track is not `known`, or `target` is `path`."""
    unknown = [name for name in header["parameters"]["tracks"] if name not in known]
    if unknown:
        raise InputError(f"{path}: no reference cell has {what} {', '.join(unknown)}; add one that has it")
    if target.exists() and target.samefile(path):
        raise InputError(f"{target} would replace its own input; give another --outdir")
    parameters = {**header["parameters"], "transform": reference.transform, "reference": reference.cells}
    same = {name: header[name] for name in ("elements", "genes", "cell")}
    return artifacts.make_header(
        header["kind"], "match-quantiles", **same, parameters=parameters, sources=[path, *sources]
    )


def shares(track: np.ndarray) -> np.ndarray:
    """Share of the bins of a track (float16 [elements, bins]) at each level: float64, sums to 1."""
    counts = np.zeros(len(LEVELS), np.int64)
    for part in _parts(track):
        counts += np.bincount(np.ascontiguousarray(part).view(np.uint16).ravel(), minlength=len(LEVELS))
    return counts / counts.sum()


def average(distributions: Iterable[np.ndarray]) -> np.ndarray:
    """Shares of the distribution whose every quantile is the mean of that quantile over the given ones.

    This is the reference of Bolstad et al. 2003 (sorted values are averaged rank by rank), its values
    rounded to float16.
    """
    ends = [_ends(found) for found in distributions]
    steps = np.unique(np.concatenate(ends))  # shares of bins at which any of the quantile functions steps up
    mean = np.mean([LEVELS[np.searchsorted(end, steps)].astype(np.float64) for end in ends], axis=0)
    levels = mean.astype(np.float16).view(np.uint16)
    return np.bincount(levels, np.diff(steps, prepend=0), len(LEVELS))


def matching(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Table of the new value (float16) of each level of a track, so that it takes on the reference.

    A level held by many bins takes the mean of the reference over all their ranks. Bins without signal keep 0.
    """
    # the reference summed from the lowest bin up to any rank: straight lines between its steps
    rank, total = _ends(reference), np.cumsum(reference * LEVELS)
    above = np.interp(_ends(found), np.append(0, rank), np.append(0, total))
    mean = np.divide(np.diff(above, prepend=0), found, out=np.zeros(len(LEVELS)), where=found > 0)
    mean[0] = 0
    return np.maximum(mean, 0).astype(np.float16)  # rounding may leave a trace below 0


def match(track: np.ndarray, reference: np.ndarray, out: np.ndarray) -> None:
    """Write `track` (float16 [elements, bins]) with the distribution `reference` (shares) to `out`."""
    table = matching(shares(track), reference)
    for new, old in zip(_parts(out), _parts(track), strict=True):
        new[...] = table[np.ascontiguousarray(old).view(np.uint16)]


def _parts(track: np.ndarray) -> Iterable[np.ndarray]:
    """A track in runs of rows that fit in memory."""
    rows = max(1, _CHUNK // track.shape[1])
    return (track[start : start + rows] for start in range(0, len(track), rows))


def _ends(found: np.ndarray) -> np.ndarray:
    ends = np.cumsum(found)
    return np.minimum(ends / ends[-1], 1)
