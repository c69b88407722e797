"""What the fixture `tiny` is, for annotations: several conftest.py cannot be told apart in an import."""

from pathlib import Path
from typing import NamedTuple


class TinyCase(NamedTuple):
    """Paths of a tiny case: three chromosomes of genes and cCREs, three cells with two tracks."""

    folder: Path
    elements: Path
    genes: Path
    sequence: Path
    motifs: Path

    def signals(self, cell: str) -> Path:
        return self.folder / f"signals.{cell}.safetensors"

    def expression(self, cell: str) -> Path:
        return self.folder / f"expression.{cell}.parquet"
