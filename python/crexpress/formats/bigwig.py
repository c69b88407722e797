"""bigWigs: what they say of any stretch of a chromosome."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from crexpress.core.errors import InputError
from crexpress.core.native import refusing
from crexpress.formats.bigwig_index import open_bigwig


class BigWig:
    """A bigWig: the lengths of its chromosomes, and the values of any stretch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with refusing(f"{path} is not a readable bigWig (.bw or .bigWig)", "fetch it again"):
            self.reader: Any = open_bigwig(path)
            self.lengths: Mapping[str, int | None] = dict(self.reader.chroms())
            total = self.reader.info()["summary"]["sum"]
        if np.isnan(total):
            self._refuse_nan()

    def read(self, name: str, start: int, end: int, bases: np.ndarray) -> None:
        """Fill `bases` (float64 [end - start]); 0 where the file has no value. Called often, under `quiet`."""
        try:
            self.reader.values(name, start, end, fillna=0, arr=bases)
        except BaseException:
            with self._reading(f"{name}:{start}-{end}"):
                raise

    def records(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Start, end and value of all stretches of a chromosome that have one, ascending."""
        with self._reading(name):
            found = list(self.reader.records(name))
        start, end, value = np.array(found, np.float64).reshape(-1, 3).T
        return start.astype(np.int64), end.astype(np.int64), value

    def _refuse_nan(self) -> None:
        # `values` cannot tell a stored NaN from a base without a value, so the records are walked
        for name in self.lengths:
            with self._reading(name):
                for start, _, value in self.reader.records(name):
                    if np.isnan(value):
                        refuse(self.path, name, start, value)

    def _reading(self, place: str) -> AbstractContextManager[None]:
        return refusing(f"{self.path} cannot be read at {place}", "the file is cut short or damaged, fetch it again")


def refuse(path: Path, name: str, place: int, value: float) -> None:
    raise InputError(
        f"{path} holds {value:g} at {name}:{place} (0-based), but a signal must be finite and not negative: give "
        "coverage, fold change or -log10 p, not a log ratio"
    )
