"""A study: a folder of artefacts as what models read; tables and tensors are opened when they are asked for."""

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from crexpress.core import artifacts
from crexpress.core.artifacts import Table
from crexpress.core.errors import InputError
from crexpress.core.folder import Folder

if TYPE_CHECKING:
    from crexpress.data.dataset import GeneDataset
    from crexpress.data.opening import Inputs
    from crexpress.data.store import Store
    from crexpress.models.base import Model
    from crexpress.models.inputs import Batch


class Study(Folder):
    """The artefacts in a folder: `cells`, `genes` and `elements` are tables, `paths` and `path` name files, and
    `store`, `batch` and `dataset` are what models read.
    """

    @property
    def genes(self) -> pl.DataFrame:
        """genes.parquet: one row a gene."""
        return self.gene_table.frame

    @property
    def elements(self) -> pl.DataFrame:
        """elements.parquet: one row an element, TSS windows last."""
        return self.element_table.frame

    @property
    def element_table(self) -> Table:
        return self._genome[0]

    @property
    def gene_table(self) -> Table:
        return self._genome[1]

    @cached_property
    def _genome(self) -> tuple[Table, Table]:
        return artifacts.read_elements_and_genes(self.require("elements"), self.require("genes"))

    def inputs(self, cells: str | Collection[str] = ()) -> "Inputs":
        """The files of which models read cells (none: all that have signals), as `open_store` takes them."""
        signals = self.paths("signals", cells)
        if not signals:
            self.require("signals", cells)
        names = [str(artifacts.require_header(path)["cell"]) for path in signals]
        return {
            "elements": self.require("elements"),
            "genes": self.require("genes"),
            "signals": signals,
            "expression": self.paths("expression", names),
            "sequence": self.path("sequence"),
            "motifs": self.path("motifs"),
            "contacts": self.paths("contacts", names),
            "profiles": self.paths("profiles", names),
        }

    def gene(self, name: str) -> int:
        """Row of a gene, by its id, with or without version, or its symbol; InputError where that is not one gene."""
        table = self.genes.with_row_index("row")
        bare = pl.col("gene_id").str.split(".").list.first() == name.partition(".")[0]
        for found in (pl.col("gene_id") == name, bare, pl.col("gene_name") == name):
            rows = table.filter(found)["row"].to_list()
            if len(rows) == 1:
                return int(rows[0])
            if rows:
                raise InputError(f"{len(rows)} genes of {self.folder} go by {name}; give the id of one")
        raise InputError(f"{self.folder} has no gene {name}; give its symbol, or its id as in the annotation")

    def element(self, name: str | int) -> int:
        """Row of an element, by its id or by that row itself; InputError where there is none."""
        if isinstance(name, int | np.integer):
            if 0 <= name < len(self.elements):
                return int(name)
        else:
            rows = self.elements.with_row_index("row").filter(pl.col("element_id") == name)["row"].to_list()
            if len(rows) == 1:
                return int(rows[0])
        raise InputError(f"{self.folder} has no single element {name}; give an element_id, or the row of elements")

    def store(self, model: "Model", cells: str | Collection[str] = ()) -> "Store":
        """The inputs that a model reads of cells, on the model's device."""
        from crexpress.data.opening import store_for

        return store_for(model, **self.inputs(cells))

    def batch(self, model: "Model", cell: str, genes: str | Collection[str]) -> "Batch":
        """The model's inputs of genes, by symbol or id, in one cell: `model(batch)` predicts them."""
        rows = np.array([self.gene(name) for name in ([genes] if isinstance(genes, str) else genes)])
        return self.store(model, cell).batch(np.zeros(len(rows), np.int64), rows)

    def dataset(self, cells: str | Collection[str] = (), **choices: Any) -> "GeneDataset":
        """A torch Dataset of the measured genes of cells, for models of your own; see `data.dataset.GeneDataset`."""
        from crexpress.data.dataset import make_dataset

        return make_dataset(self, cells, **choices)


def open_study(folder: str | Path) -> Study:
    """Find the artefacts in a folder, and those below it, by their headers.

    Raises InputError when there are none, when one is damaged, or when they belong to different elements or genes.

    Example:
        study = cx.open("results")
        print(study.cells, study.genes.head(3), study.paths("signals"))
    """
    return Study.open(folder)
