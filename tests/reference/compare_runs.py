#!/usr/bin/env python3
"""Compare two results folders file by file: equal to the bit, else value by value, with every difference named.

    python tests/reference/compare_runs.py before after [--same "old name=new name" ...]

Artefacts of any version are read, for only their tables and arrays are looked at: rows are matched by their texts, and
by their whole numbers where those do not tell them apart. `--same` says that a text has another wording now. Ends with
1 where a value differs, or a row or array is in one folder alone; a column, a file or a word of a header is named only.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crexpress.core import containers

ENDINGS = (".parquet", ".safetensors", ".npz")
UNTOLD = ("version", "sources", "tool")  # of a header: they differ by intention
_SHOWN = 3


def files(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.suffix in ENDINGS}


def header(path: Path) -> dict[str, Any]:
    if path.suffix == ".parquet":
        stored = pl.read_parquet_metadata(path).get("crexpress")
    elif path.suffix == ".safetensors":
        stored = containers.metadata(path).get("crexpress")
    else:
        stored = str(containers.unpacked(path)["crexpress"])
    return dict(json.loads(stored or "{}"))


def arrays(path: Path) -> dict[str, np.ndarray]:
    found = containers.opened(path)[0] if path.suffix == ".safetensors" else containers.unpacked(path)
    return {name: array for name, array in found.items() if name != "crexpress"}


def said(first: dict[str, Any], second: dict[str, Any]) -> Iterator[str]:
    """What headers say differently, as "header: ..."."""
    for name in sorted(first.keys() | second.keys()):
        own, other = first.get(name), second.get(name)
        if name in UNTOLD or own == other:
            continue
        if isinstance(own, dict) and isinstance(other, dict):
            for key in sorted(own.keys() | other.keys()):
                if own.get(key) != other.get(key):
                    how = "is new" if key not in own else "is gone" if key not in other else "differs"
                    yield f"header: {name}.{key} {how}"
        else:
            yield f"header: {name} is {own} and {other}"


def keys(frame: pl.DataFrame, other: pl.DataFrame) -> list[str]:
    """Columns that tell the rows apart: texts, then whole numbers; none where even those do not."""
    shared = [name for name in frame.columns if name in other.columns]
    texts = [name for name in shared if frame[name].dtype == pl.String]
    whole = [name for name in shared if frame[name].dtype.is_integer()]
    for chosen in (texts, *(texts + whole[: n + 1] for n in range(len(whole)))):
        if chosen and not frame.select(chosen).is_duplicated().any() and not other.select(chosen).is_duplicated().any():
            return chosen
    return []


def tables(first: pl.DataFrame, second: pl.DataFrame, same: dict[str, str]) -> Iterator[tuple[bool, str]]:
    """(is it a difference of values, what) of two tables."""
    first = first.with_columns(pl.col(pl.String).replace(same))
    for one, other, what in ((first, second, "gone"), (second, first, "new")):
        lost = [name for name in one.columns if name not in other.columns]
        if lost:
            yield False, f"columns {what}: {', '.join(lost)}"
    identity = keys(first, second)
    if not identity:
        if len(first) != len(second):
            yield True, f"{len(first):,} and {len(second):,} rows"
            return
        number = pl.Series("row", range(len(first)))
        first, second, identity = first.with_columns(number), second.with_columns(number), ["row"]
    for one, other, what in ((first, second, "gone"), (second, first, "new")):
        alone = one.join(other, on=identity, how="anti", nulls_equal=True)
        if len(alone):
            yield True, f"{len(alone):,} of {len(one):,} rows {what}, as {alone.select(identity).row(0)}"
    both = first.join(second, on=identity, how="inner", nulls_equal=True, suffix=" after")
    for name in first.columns:
        if name in identity or name not in second.columns:
            continue
        own, other = both[name], both[f"{name} after"]
        differ = own.ne_missing(other) & ~(own.is_null() & other.is_null())
        if differ.any():
            most = (own.cast(pl.Float64) - other.cast(pl.Float64)).abs().max() if own.dtype.is_numeric() else "text"
            yield True, f"{name}: {differ.sum():,} of {len(both):,} rows differ, by at most {most}"


def tensors(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> Iterator[tuple[bool, str]]:
    for one, other, what in ((first, second, "gone"), (second, first, "new")):
        lost = [name for name in one if name not in other]
        if lost:
            yield True, f"arrays {what}: {', '.join(lost[:_SHOWN])}"
    for name in first.keys() & second.keys():
        own, other = first[name], second[name]
        if own.shape != other.shape or own.dtype != other.dtype:
            yield True, f"{name}: {own.dtype} {own.shape} and {other.dtype} {other.shape}"
        elif own.tobytes() != other.tobytes():
            apart = np.abs(own.astype(np.float64) - other.astype(np.float64))
            yield (
                True,
                f"{name}: {(apart > 0).sum():,} of {own.size:,} values differ, by at most {np.nanmax(apart):.3g}",
            )


def compare(first: Path, second: Path, same: dict[str, str]) -> list[tuple[bool, str]]:
    """What differs between two files; nothing where they are equal to the bit."""
    if first.read_bytes() == second.read_bytes():
        return []
    found = [(False, text) for text in said(header(first), header(second))]
    if first.suffix == ".parquet":
        found += tables(pl.read_parquet(first), pl.read_parquet(second), same)
    else:
        found += tensors(arrays(first), arrays(second))
    return found or [(False, "other bytes of equal contents")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--same", action="append", default=[], metavar="OLD=NEW")
    given = parser.parse_args()
    before, after = files(given.before), files(given.after)
    same = dict(text.split("=", 1) for text in given.same)
    wrong = 0
    for name in sorted(before.keys() | after.keys()):
        if name not in after or name not in before:
            print(f"{name}: {'new' if name in after else 'gone'}")
            continue
        found = compare(before[name], after[name], same)
        wrong += any(bad for bad, _ in found)
        verdict = "VALUES DIFFER" if any(bad for bad, _ in found) else "equal values" if found else "equal to the bit"
        print("\n    ".join([f"{name}: {verdict}", *(text for _, text in found)]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
