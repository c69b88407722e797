"""What the arrays of each kind of artefact must be, in type and shape."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crexpress.core import explained

_LONGEST_GENOME = 10**12  # bp; the longest known has a sixth of that
_SHARES = 0x7C00  # finite float16 from 0 on


def check_tensors(kind: str, tensors: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Raise ValueError, in words, for arrays that are not those of their kind, in type and shape.

    Values are looked at where they are few; `data.store` and `apply.predict` look at those of whole genomes.
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
    elif kind in explained.ARRAYS:
        _check_explained(kind, tensors)


def _check_explained(kind: str, tensors: Mapping[str, np.ndarray]) -> None:
    """As many rows in each, and on both sides of a square; NaN stands in attention maps alone."""
    shapes = {
        name: _array(tensors, name, dtype, axes).shape
        for name, (dtype, axes) in ((name.rstrip("?"), form) for name, form in explained.ARRAYS[kind].items())
        if name in tensors or f"{name}?" not in explained.ARRAYS[kind]
    }
    unknown = set(tensors) - shapes.keys()
    if unknown or len({shape[0] for shape in shapes.values()}) != 1:
        raise ValueError(f"its arrays are not those of its kind: {_shown(sorted(unknown)) if unknown else shapes}")
    if kind == "attention_map":
        if any(shape != shape[:1] * len(shape) for shape in shapes.values()):
            raise ValueError(f"its maps are no squares of its elements: {shapes}")
    elif not all(np.isfinite(tensors[name]).all() for name in shapes):
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
    widths = [_array(tensors, "width", "f4", 1)] if "width" in tensors else []
    if not len(row) or len({len(row), *map(len, (col, count, q, *widths))}) > 1:
        raise ValueError("its columns differ in length, or are empty")
    keys = row.astype(np.int64) * total + col
    if row.min() < 0 or (row > col).any() or col.max() >= total or (np.diff(keys) <= 0).any():
        raise ValueError("its pairs of bins are not in order")
    for values in (count, q):
        if np.isinf(values).any() or (values < 0).any():
            raise ValueError("a strength is infinite or below 0")
    for width in widths:
        if np.isinf(width).any() or (width <= 0).any():
            raise ValueError("a width of anchors is infinite, 0 or below")


def _array(tensors: Mapping[str, np.ndarray], name: str, dtype: str, dimensions: int) -> np.ndarray:
    if name not in tensors:
        raise ValueError(f"it has no array {name}")
    array = tensors[name]
    if array.dtype.kind != dtype[0] or (dtype[1:] and array.dtype != np.dtype(dtype)) or array.ndim != dimensions:
        raise ValueError(f"its array {name} is {array.ndim}-dimensional of the type {array.dtype}")
    return array


def _shown(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(list(names)[:5]) or "none"
