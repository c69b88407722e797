"""Artefacts of interpretation that lack something, or hold what none may, are refused where they are opened."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, explained
from crexpress.core.errors import InputError

OF_LINKS = {"preset": "scpge", "method": "integrated gradients", "background": "silent"}
ABOUT: dict[str, dict[str, Any]] = {
    "attributed": OF_LINKS,
    "contributions": OF_LINKS,
    "contribution_arrays": OF_LINKS,
    "modisco_input": OF_LINKS,
    "mutations": {"preset": "scpge"},
    "variants": {"preset": "scpge", "models": 1},
    "attention_map": {"preset": "scpge", "genes": 2},
    "pairs": {"preset": "scpge"},
    "embedding": {"preset": "scpge"},
    "active": {"k": 5, "absolute": False},
    "categories": {"split": "test", "high": 0.7, "low": 0.2},
    "enriched_motifs": {"p_value": 1e-4, "test": "fisher", "seed": 1},
}
VALUES = {"text": ["a", "b"], "whole": [1, 2], "number": [0.5, 1.0], "truth": [True, False]}


def header(kind: str, **changes: Any) -> artifacts.Header:
    return artifacts.make_header(kind, "test", elements="e", genes="g", cell="A", parameters=ABOUT[kind] | changes)


def table(kind: str) -> pl.DataFrame:
    return pl.DataFrame({name: VALUES[what.rstrip("?")] for name, what in explained.COLUMNS[kind].items()})


def arrays(kind: str) -> dict[str, np.ndarray]:
    """Three rows of each array, three long on every axis."""
    types = {"U": "U3", "i": "i8"}
    forms = explained.ARRAYS[kind].items()
    return {name.rstrip("?"): np.ones((3,) * axes).astype(types.get(form, form)) for name, (form, axes) in forms}


def write(path: Path, kind: str, values: dict[str, np.ndarray], **changes: Any) -> None:
    (artifacts.write_arrays if path.suffix == ".safetensors" else artifacts.write_sparse)(
        path, values, header(kind, **changes)
    )


def read(path: Path, kind: str) -> artifacts.Arrays:
    return (artifacts.open_arrays if path.suffix == ".safetensors" else artifacts.read_sparse)(path, kind)


@pytest.mark.parametrize("kind", explained.COLUMNS)
def test_a_table_is_held_against_its_columns(kind: str, tmp_path: Path) -> None:
    path, whole = tmp_path / "a.parquet", table(kind)
    artifacts.write_table(path, whole, header(kind))
    assert artifacts.read_table(path, kind)[0].equals(whole)
    for name, what in explained.COLUMNS[kind].items():
        artifacts.write_table(path, whole.drop(name), header(kind))
        with pytest.raises(InputError, match=f"it has no column {name}"):
            artifacts.read_table(path, kind)
        other = pl.Series(name, VALUES["number" if what.startswith("text") else "text"])
        artifacts.write_table(path, whole.with_columns(other), header(kind))
        with pytest.raises(InputError, match=f"its column {name} is of the type"):
            artifacts.read_table(path, kind)
        if what.startswith("number"):
            artifacts.write_table(path, whole.with_columns(pl.Series(name, [1.0, float("nan")])), header(kind))
            with pytest.raises(InputError, match=f"its column {name} holds NaN"):
                artifacts.read_table(path, kind)


@pytest.mark.parametrize("kind", explained.ARRAYS)
def test_arrays_are_held_against_their_shapes(kind: str, tmp_path: Path) -> None:
    path, whole = tmp_path / ("a.safetensors" if kind == "contribution_arrays" else "a.npz"), arrays(kind)
    write(path, kind, whole)
    assert read(path, kind).tensors.keys() == whole.keys()
    for name, array in whole.items():
        may_lack = f"{name}?" in explained.ARRAYS[kind]
        less = {key: value for key, value in whole.items() if key != name}
        if may_lack:
            write(path, kind, less)
            read(path, kind)
        for wrong in ([] if may_lack else [less | {"more": array}]) + [whole | {"more": array}]:
            write(path, kind, wrong)
            with pytest.raises(InputError):
                read(path, kind)
        write(path, kind, whole | {name: array[..., None]})
        with pytest.raises(InputError, match=f"its array {name} is {array.ndim + 1}-dimensional"):
            read(path, kind)
        if len(whole) > 1:
            write(path, kind, whole | {name: array[:2]})
            with pytest.raises(InputError):
                read(path, kind)
        if array.dtype.kind == "f" and kind != "attention_map":
            write(path, kind, whole | {name: array * np.float32("nan")})
            with pytest.raises(InputError, match="it holds NaN or infinity"):
                read(path, kind)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("attributed", {"method": "guesses"}),
        ("contributions", {"background": None}),
        ("contribution_arrays", {"shuffles": 0}),
        ("modisco_input", {"preset": 3}),
        ("mutations", {"preset": None}),
        ("variants", {"models": 0}),
        ("attention_map", {"genes": "many"}),
        ("active", {"k": 0}),
        ("categories", {"split": "some"}),
        ("enriched_motifs", {"p_value": 2}),
    ],
)
def test_a_header_says_how_it_was_made(kind: str, change: dict[str, Any], tmp_path: Path) -> None:
    name = next(iter(change))
    if kind in explained.COLUMNS:
        artifacts.write_table(tmp_path / "a.parquet", table(kind), header(kind, **change))
        with pytest.raises(InputError, match=name):
            artifacts.read_table(tmp_path / "a.parquet", kind)
    else:
        path = tmp_path / ("a.safetensors" if kind == "contribution_arrays" else "a.npz")
        write(path, kind, arrays(kind), **change)
        with pytest.raises(InputError, match=name):
            read(path, kind)


def test_every_kind_that_has_columns_or_arrays_has_a_header_and_the_reverse() -> None:
    assert explained.PARAMETERS.keys() == ABOUT.keys() == explained.COLUMNS.keys() | explained.ARRAYS.keys()
