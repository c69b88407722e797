"""The genes of tests/fieldcases, small inputs that users really have, and how their tables of expression are read."""

from pathlib import Path

import polars as pl

from crexpress.prepare import quantifications

CASES = Path(__file__).parent / "fieldcases"
IDS = ["ENSG00000279493.1", "ENSG00000277117.4", "ENSG00000280071.3", "ENSG00000276612.3", "ENSG00000275464.3",
       "ENSG00000280433.1", "ENSG00000155304.5", "ENSG00000154721.14", "ENSG00000099901.16"]  # fmt: skip


SYMBOLS = [*(f"CH507-9B2.{number}" for number in (2, 1, 3, 4, 5, 9)), "HSPA13", "JAM2", "RANBP1"]
GENES = pl.DataFrame({"gene_id": IDS, "gene_name": SYMBOLS})


def values(path: Path, column: str | None = None, table: pl.DataFrame = GENES, **options: object) -> dict[str, float]:
    """The measured values of a table by symbol."""
    found = quantifications.read_values(table, path, column, **options).values  # type: ignore[arg-type]
    return {name: value for name, value in zip(table["gene_name"], found, strict=True) if value is not None}


def text(folder: Path, content: str, name: str = "table.tsv") -> Path:
    """A file with this content, line ends as they are."""
    path = folder / name
    path.write_bytes(content.encode())
    return path
