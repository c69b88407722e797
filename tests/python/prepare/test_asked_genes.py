"""Genes that a user asks for by name."""

from pathlib import Path

import polars as pl
import pytest

from crexpress.core.errors import InputError
from crexpress.formats import text_files
from crexpress.prepare import asked_genes

GENES = pl.DataFrame(
    {
        "gene_id": ["ENSG00000102145.14", "ENSG00000136997.22", "G8", "ENSG00000182378.14", "ENSG00000182378.14_PAR_Y"],
        "gene_name": ["GATA1", "MYC", None, "PLCXD1", "PLCXD1"],
    }
)


@pytest.mark.parametrize(
    ("name", "row"),
    [("MYC", 1), ("myc", 1), ("ENSG00000136997", 1), ("ENSG00000136997.3", 1), ("G8", 2), ("ENSG00000182378_PAR_Y", 4)],
)
def test_a_gene_goes_by_symbol_or_id(name: str, row: int) -> None:
    assert asked_genes.rows(GENES, [name]).tolist() == [row]


def test_all_that_cannot_be_taken_is_told_at_once() -> None:
    told = r"(?s)^2 of the genes .*1\. 2 genes are called PLCXD1 .*2\. there is no gene X"
    with pytest.raises(InputError, match=told):
        asked_genes.rows(GENES, ["PLCXD1", "GATA1", "X"])
    with pytest.raises(InputError, match=r"^there is no gene None; give its symbol"):
        asked_genes.rows(GENES, ["None"])


def test_names_are_a_list_or_a_file(tmp_path: Path) -> None:
    listed = tmp_path / "genes.txt"
    listed.write_text("# mine\nMYC\tfirst\n\nGATA1\nMYC\n")
    assert text_files.names(str(listed)) == text_files.names("MYC, GATA1,MYC") == ["MYC", "GATA1"]
