"""What was observed and what each method predicts, of every gene of every cell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crexpress.core import artifacts, log, methods, splits
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.core.methods import Method
from crexpress.evaluate import labels


@dataclass
class ScoredCell:
    """Observed and predicted expression of one cell, float64 [genes], NaN where there is none.

    `log2_value` is log2(1 + value) whatever the scale of `observed`; `seen` says whether the cell's expression
    was trained on; `models` are the methods that are no baselines, `methods` says what each is. Classifiers are
    apart: `probability` is theirs of a gene being expressed, by the thresholds `classes` (see predict's header).
    `taught` are the sets of cells that models learned from, `baselines_taught` that of the baselines where a model has
    another; `peeked` says that baselines learned from test genes of the models, and so are left out.
    """

    name: str
    seen: bool
    unit: str
    observed: np.ndarray
    log2_value: np.ndarray
    models: list[str] = field(default_factory=list)
    predicted: dict[str, np.ndarray] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    probability: dict[str, np.ndarray] = field(default_factory=dict)
    classes: dict[str, float] | None = None
    taught: set[frozenset[str]] = field(default_factory=set)
    baselines_taught: list[str] | None = None
    peeked: bool = False

    def add(self, path: Path, name: str, method: Method, values: np.ndarray, classes: dict[str, float] | None) -> None:
        """One model's prediction of every gene; InputError when it does not go with those that are there."""
        if name in self.methods:
            raise InputError(f"{path} holds a second prediction of {self.name} by {name}; give one of each")
        self.methods[name] = method
        if classes is None:
            self.models.append(name)
            self.predicted[name] = values
            return
        if self.classes not in (None, classes):
            raise InputError(f"{path} calls other genes expressed or silent than another model; evaluate it on its own")
        self.classes = classes
        self.probability[name] = values

    def knows_cells(self, method: str) -> bool:
        """Whether a method was told what other cells express."""
        return method in self.methods and self.methods[method].told


def read(
    predictions: Sequence[Path],
    expression: Sequence[Path],
    baselines: Sequence[Path],
    genes: Path,
    table: pl.DataFrame,
    like: Header,
) -> tuple[dict[str, ScoredCell], np.ndarray]:
    """Cells that have predictions and expression, in the order of `predictions`, and the split of every gene.

    `table` and `like` are the rows and the header of `genes`. Raises InputError when a file belongs to other
    genes, two files hold the same method of a cell, or the models were not trained on the same split.
    """
    observed = {header["cell"]: (values, header) for _, values, header in _read(expression, "expression", genes, like)}
    cells: dict[str, ScoredCell] = {}
    split = np.full(len(table), "", dtype="<U5")
    files = list(_read(predictions, "predictions", genes, like))
    of_files = [(header["cell"], methods.of_predictions(header["parameters"])) for _, _, header in files]
    for (path, frame, header), (name, method), label in zip(files, of_files, labels.names(of_files), strict=True):
        if name not in observed:
            continue
        values, target = observed[name]
        seen = bool(header["parameters"]["cell_seen"])
        cell = cells.setdefault(
            name,
            ScoredCell(
                name,
                seen,
                target["units"]["expression"],
                _aligned(values, "expression", table),
                np.log2(1 + _aligned(values, "value", table)),
            ),
        )
        if cell.seen != seen:
            raise InputError(f"{path} says that {name} was {'' if seen else 'not '}trained on, another file does not")
        cell.add(path, label, method, _aligned(frame, "predicted", table), header["parameters"].get("classes"))
        cell.taught |= _taught(header["parameters"])
        of_genes = table.join(frame, on="gene_id", how="left", maintain_order="left")["split"].fill_null("").to_numpy()
        if (split != "").any() and (split != of_genes).any():
            raise InputError(f"{path} comes from a model with another split of the genes; evaluate it on its own")
        split = of_genes
    for _, frame, header in _read(baselines, "baselines", genes, like):
        if header["cell"] in cells:
            cell = cells[header["cell"]]
            cell.peeked = _peeks(header["parameters"], table, split)
            if cell.peeked:
                log.say(f"{path} is left out: its baselines learned from genes that the model is tested on")
                continue
            learned = header["parameters"].get("training_cells", [])
            if learned and cell.taught - {frozenset(learned)}:
                cell.baselines_taught = learned
            about = methods.of_baselines(header["parameters"])
            for (text,), rows in frame.group_by("method", maintain_order=True):
                baseline = about[str(text)]
                if cell.baselines_taught and baseline.score != methods.COPY:
                    baseline = baseline._replace(cells=tuple(learned))
                name = labels.name(baseline, cell.name)
                labels.require_told_apart(
                    [*((cell.name, *known) for known in cell.methods.items()), (cell.name, name, baseline)]
                )
                cell.methods[name] = baseline
                cell.predicted[name] = _aligned(rows, "predicted", table)
    return cells, split


def _taught(parameters: Mapping[str, Any]) -> set[frozenset[str]]:
    """The cells that a model learned from, where its header says so; cells of another genome are others by any name."""
    if "training_cells" not in parameters:
        return set()
    return {frozenset(parameters["training_cells"] if parameters.get("same_genome", True) else [])}


def _peeks(baselines: Mapping[str, Any], genes: pl.DataFrame, split: np.ndarray) -> bool:
    """Whether baselines learned from test genes of the models: those of a saved model are split as it was trained."""
    if "test" not in baselines:
        return False
    own = splits.assign(genes, baselines["val"], baselines["test"], partial=True)
    return bool(((own == splits.TRAIN) & (split == splits.TEST)).any())


def baseline_cells(cells: Mapping[str, ScoredCell]) -> dict[str, list[str]]:
    """Cells that the baselines of a cell learned from, where a model learned from others: {cell: cells}."""
    return {cell.name: cell.baselines_taught for cell in cells.values() if cell.baselines_taught}


def _read(paths: Sequence[Path], kind: str, genes: Path, like: Header) -> Iterator[tuple[Path, pl.DataFrame, Header]]:
    for path in paths:
        frame, header = artifacts.read_table(path, kind)
        artifacts.require_same("genes", path, header, genes, like)
        if frame.select([name for name in ("gene_id", "method") if name in frame.columns]).is_duplicated().any():
            raise InputError(f"{path} lists a gene twice; make it again")
        yield path, frame, header


def _aligned(frame: pl.DataFrame, column: str, genes: pl.DataFrame) -> np.ndarray:
    """One value a gene in the order of the gene table, NaN where the frame has none."""
    values = genes.select("gene_id").join(frame, on="gene_id", how="left", maintain_order="left")[column]
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy()
